// RUN: hlo opt %s | FileCheck %s
// Reductions in both forms, over one operand and over two at once.
func.func @main(%x: tensor<2x3xf32>, %i: tensor<2x3xi32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xi32>) {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %lowest = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %none = stablehlo.constant dense<0> : tensor<i32>
  %0 = stablehlo.reduce(%x init: %zero) applies stablehlo.add across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  %1:2 = stablehlo.reduce(%x init: %lowest), (%i init: %none) across dimensions = [1] : (tensor<2x3xf32>, tensor<2x3xi32>, tensor<f32>, tensor<i32>) -> (tensor<2xf32>, tensor<2xi32>)
    reducer(%a: tensor<f32>, %c: tensor<f32>) (%b: tensor<i32>, %d: tensor<i32>) {
      %gt = stablehlo.compare GT, %a, %c, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %value = stablehlo.select %gt, %a, %c : tensor<i1>, tensor<f32>
      %index = stablehlo.select %gt, %b, %d : tensor<i1>, tensor<i32>
      stablehlo.return %value, %index : tensor<f32>, tensor<i32>
    }
  return %0, %1#0, %1#1 : tensor<2xf32>, tensor<2xf32>, tensor<2xi32>
}
// CHECK: reduce(%x, %zero), dimensions={1}, to_apply=%region_0
// CHECK: (f32[2]{0}, s32[2]{0}) reduce(%x, %i, %lowest, %none), dimensions={1}, to_apply=%region_1
// run: main({{1, 5, 2}, {4, 3, 6}}, {{0, 1, 2}, {0, 1, 2}}) == ({8, 13}, {5, 6}, {1, 2})
// -----
// A region may use constants from around it: it gets copies.
func.func @main(%x: tensor<3xi32>) -> (tensor<3xi32>, tensor<3xi32>) {
  %c = stablehlo.constant dense<-1> : tensor<i32>
  %iota = stablehlo.iota dim = 0 : tensor<3xi32>
  %0:2 = "stablehlo.sort"(%x, %iota) <{is_stable = true}> ({
  ^bb0(%a: tensor<i32>, %b: tensor<i32>, %ia: tensor<i32>, %ib: tensor<i32>):
    %na = stablehlo.multiply %a, %c : tensor<i32>
    %nb = stablehlo.multiply %b, %c : tensor<i32>
    %lt = stablehlo.compare LT, %na, %nb, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %lt : tensor<i1>
  }) : (tensor<3xi32>, tensor<3xi32>) -> (tensor<3xi32>, tensor<3xi32>)
  return %0#0, %0#1 : tensor<3xi32>, tensor<3xi32>
}
// CHECK: sort(%x, %iota{{.*}}), dimensions={0}, is_stable=true, to_apply=%region_0
// run: main({2, 9, 4}) == ({9, 4, 2}, {1, 2, 0})
// -----
func.func @main(%x: tensor<4xf32>, %i: tensor<2x1xi32>, %u: tensor<2xf32>) -> (tensor<4xf32>, tensor<2xf32>, tensor<4xf32>) {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %0 = "stablehlo.scatter"(%x, %i, %u) <{scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = true}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }) : (tensor<4xf32>, tensor<2x1xi32>, tensor<2xf32>) -> tensor<4xf32>
  %1 = "stablehlo.reduce_window"(%x, %zero) <{window_dimensions = array<i64: 2>, window_strides = array<i64: 2>, padding = dense<0> : tensor<1x2xi64>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %m = stablehlo.maximum %a, %b : tensor<f32>
    stablehlo.return %m : tensor<f32>
  }) : (tensor<4xf32>, tensor<f32>) -> tensor<2xf32>
  %2 = "stablehlo.select_and_scatter"(%x, %u, %zero) <{window_dimensions = array<i64: 2>, window_strides = array<i64: 2>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %ge = stablehlo.compare GE, %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %ge : tensor<i1>
  }, {
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }) : (tensor<4xf32>, tensor<2xf32>, tensor<f32>) -> tensor<4xf32>
  return %0, %1, %2 : tensor<4xf32>, tensor<2xf32>, tensor<4xf32>
}
// CHECK: scatter({{.*}}), update_window_dims={}, inserted_window_dims={0}, scatter_dims_to_operand_dims={0}, index_vector_dim=1, unique_indices=true, to_apply=%region_0
// CHECK: reduce-window({{.*}}), window={size=2 stride=2}, to_apply=%region_1
// CHECK: select-and-scatter({{.*}}), window={size=2 stride=2}, select=%region_2, scatter=%region_3
// run: main({1, 2, 3, 4}, {{3}, {0}}, {10, 20}) == ({21, 2, 3, 14}, {2, 4}, {0, 10, 0, 20})
// -----
// With locations everywhere.
#l = loc("sum")
func.func @main(%x: tensor<3xi32> loc("x")) -> tensor<i32> {
  %c = stablehlo.constant dense<0> : tensor<i32> loc(#l)
  %0 = stablehlo.reduce(%x init: %c) applies stablehlo.add across dimensions = [0] : (tensor<3xi32>, tensor<i32>) -> tensor<i32> loc(#l)
  %1 = stablehlo.reduce(%x init: %0) across dimensions = [0] : (tensor<3xi32>, tensor<i32>) -> tensor<i32>
    reducer(%a: tensor<i32> loc("a"), %b: tensor<i32> loc("b")) {
      %m = stablehlo.maximum %a, %b : tensor<i32> loc(#l)
      stablehlo.return %m : tensor<i32> loc(#l)
    } loc(#l)
  return %1 : tensor<i32> loc(#l)
} loc(#l)
// CHECK: parameter(0), metadata={op_name="x"}
// CHECK: reduce(%x, %{{.*}}), dimensions={0}, to_apply=%region_0, metadata={op_name="sum"}
// run: main({1, 2, 4}) == 7
