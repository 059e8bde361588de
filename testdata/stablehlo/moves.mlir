// RUN: hlo opt %s | FileCheck %s
// A dimension of size 1 that grows is reshaped away and broadcast again, as XLA does it.
func.func @main(%x: tensor<2x1xf32>) -> tensor<2x3xf32> {
  %0 = stablehlo.broadcast_in_dim %x, dims = [0, 1] : (tensor<2x1xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
// CHECK: broadcast(%x), dimensions={0,1}
// CHECK: f32[2]{0} reshape
// CHECK: f32[2,3]{1,0} broadcast({{.*}}), dimensions={0}
// run: main({{1}, {2}}) == {{1, 1, 1}, {2, 2, 2}}
// -----
func.func @main(%x: tensor<4xi32>, %i: tensor<i32>) -> (tensor<2xi32>, tensor<7xi32>, tensor<2xi32>, tensor<4xi32>, tensor<6xi32>, tensor<2x3xi32>, tensor<4xi32>) {
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %0 = stablehlo.slice %x [0:4:2] : (tensor<4xi32>) -> tensor<2xi32>
  %1 = stablehlo.pad %x, %zero, low = [1], high = [-1], interior = [1] : (tensor<4xi32>, tensor<i32>) -> tensor<7xi32>
  %2 = stablehlo.dynamic_slice %x, %i, sizes = [2] : (tensor<4xi32>, tensor<i32>) -> tensor<2xi32>
  %3 = stablehlo.reverse %x, dims = [0] : tensor<4xi32>
  %4 = stablehlo.concatenate %2, %x, dim = 0 : (tensor<2xi32>, tensor<4xi32>) -> tensor<6xi32>
  %5 = stablehlo.iota dim = 1 : tensor<2x3xi32>
  %6 = stablehlo.dynamic_update_slice %x, %0, %i : (tensor<4xi32>, tensor<2xi32>, tensor<i32>) -> tensor<4xi32>
  return %0, %1, %2, %3, %4, %5, %6
    : tensor<2xi32>, tensor<7xi32>, tensor<2xi32>, tensor<4xi32>, tensor<6xi32>, tensor<2x3xi32>, tensor<4xi32>
}
// CHECK: slice={[0:4:2]}
// CHECK: padding=1_-1_1
// run: main({1, 2, 3, 4}, 1) == ({1, 3}, {0, 1, 0, 2, 0, 3, 0}, {2, 3}, {4, 3, 2, 1}, {2, 3, 1, 2, 3, 4}, {{0, 1, 2}, {0, 1, 2}}, {1, 1, 3, 4})
// -----
// Layouts that XLA's exporter notes come back, and those of the entry from mhlo.layout_mode.
func.func @main(%x: tensor<2x3xf32> {mhlo.layout_mode = "{0,1}"}) -> (tensor<3x2xf32> {mhlo.layout_mode = "default"}) {
  %0 = stablehlo.transpose %x, dims = [1, 0] {result_layout = dense<[0, 1]> : tensor<2xindex>, xla_shape = "f32[3,2]{0,1}"} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}
// CHECK: entry_computation_layout={(f32[2,3]{0,1})->f32[3,2]{0,1}}
// CHECK: f32[3,2]{0,1} transpose(%x), dimensions={1,0}
// -----
func.func @main(%x: tensor<3x2xf32>, %i: tensor<2x1xi32>) -> tensor<2x2xf32> {
  %0 = "stablehlo.gather"(%x, %i) <{dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 1, 2>}> : (tensor<3x2xf32>, tensor<2x1xi32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}
// CHECK: gather(%x, %i), offset_dims={1}, collapsed_slice_dims={0}, start_index_map={0}, index_vector_dim=1, slice_sizes={1,2}
// run: main({{1, 2}, {3, 4}, {5, 6}}, {{2}, {0}}) == {{5, 6}, {1, 2}}
