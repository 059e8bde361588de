// RUN: hlo opt %s | FileCheck %s
func.func @main(%x: tensor<2x3xf32>, %y: tensor<3x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %0 = stablehlo.dot_general %x, %y, contracting_dims = [1] x [0], precision = [HIGHEST, DEFAULT] : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %1 = stablehlo.dot %x, %y : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<2x2xf32>
}
// CHECK: dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={0}, operand_precision={highest,default}
// CHECK: dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
// run: main({{1, 2, 3}, {4, 5, 6}}, {{1, 0}, {0, 1}, {1, 1}}) == ({{4, 5}, {10, 11}}, {{4, 5}, {10, 11}})
// -----
func.func @main(%x: tensor<2x2x3xf32>, %y: tensor<2x3x1xf32>) -> tensor<2x2x1xf32> {
  %0 = "stablehlo.dot_general"(%x, %y) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0], rhs_batching_dimensions = [0], lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [1]>, algorithm = #stablehlo.dot_algorithm<lhs_precision_type = bf16, rhs_precision_type = bf16, accumulation_type = f32, lhs_component_count = 1, rhs_component_count = 1, num_primitive_operations = 3, allow_imprecise_accumulation = false>}> : (tensor<2x2x3xf32>, tensor<2x3x1xf32>) -> tensor<2x2x1xf32>
  return %0 : tensor<2x2x1xf32>
}
// CHECK: dot(%x, %y), lhs_batch_dims={0}, lhs_contracting_dims={2}, rhs_batch_dims={0}, rhs_contracting_dims={1}, algorithm=dot_bf16_bf16_f32_x3
// -----
func.func @main(%x: tensor<1x4x1xf32>, %k: tensor<2x1x1xf32>) -> tensor<1x4x1xf32> {
  %0 = stablehlo.convolution(%x, %k) dim_numbers = [b, 0, f]x[0, i, o]->[b, 0, f], window = {stride = [1], pad = [[1, 0]], lhs_dilate = [1], rhs_dilate = [1], reverse = [true]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]} : (tensor<1x4x1xf32>, tensor<2x1x1xf32>) -> tensor<1x4x1xf32>
  %1 = "stablehlo.convolution"(%x, %k) <{dimension_numbers = #stablehlo.conv<[b, 0, f]x[0, i, o]->[b, 0, f]>, padding = dense<[[1, 0]]> : tensor<1x2xi64>, batch_group_count = 1 : i64, feature_group_count = 1 : i64}> : (tensor<1x4x1xf32>, tensor<2x1x1xf32>) -> tensor<1x4x1xf32>
  %2 = stablehlo.subtract %0, %1 : tensor<1x4x1xf32>
  return %2 : tensor<1x4x1xf32>
}
// CHECK: convolution(%x, %k), window={size=2 pad=1_0 rhs_reversal=1}, dim_labels=b0f_0io->b0f
// CHECK: convolution(%x, %k), window={size=2 pad=1_0}, dim_labels=b0f_0io->b0f
// run: main({{{1}, {2}, {3}, {4}}}, {{{10}}, {{1}}}) == {{{9}, {9}, {9}, {9}}}
// -----
func.func @main(%a: tensor<2x2xf32>, %b: tensor<2x1xf32>, %r: tensor<4xf32>) -> (tensor<2x2xf32>, tensor<2x1xf32>, tensor<3xcomplex<f32>>) {
  %0 = stablehlo.cholesky %a, lower = true : tensor<2x2xf32>
  %1 = "stablehlo.triangular_solve"(%0, %b) <{left_side = true, lower = true, transpose_a = #stablehlo<transpose NO_TRANSPOSE>, unit_diagonal = false}> : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  %2 = stablehlo.fft %r, type = RFFT, length = [4] : (tensor<4xf32>) -> tensor<3xcomplex<f32>>
  return %0, %1, %2 : tensor<2x2xf32>, tensor<2x1xf32>, tensor<3xcomplex<f32>>
}
// CHECK: cholesky(%a), lower=true
// CHECK: triangular-solve({{.*}}), left_side=true, lower=true, transpose_a=NO_TRANSPOSE
// CHECK: fft(%r), fft_type=RFFT, fft_length={4}
// run: main({{4, 0}, {2, 2}}, {{2}, {3}}, {1, 2, 3, 4}) ~= ({{2, 0}, {1, 1}}, {{1}, {2}}, {(10, 0), (-2, 2), (-2, 0)})
