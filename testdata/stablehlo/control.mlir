// RUN: hlo opt %s | FileCheck %s
// A loop: its state is a tuple, a captured value joins it, a captured constant is copied into the region.
func.func @main(%n: tensor<i32>, %step: tensor<f32>) -> (tensor<i32>, tensor<f32>) {
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<i32>
  %start = stablehlo.constant dense<0.0> : tensor<f32>
  %0:2 = stablehlo.while(%i = %zero, %x = %start) : tensor<i32>, tensor<f32>
    cond {
      %more = stablehlo.compare LT, %i, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %more : tensor<i1>
    } do {
      %next = stablehlo.add %i, %one : tensor<i32>
      %sum = stablehlo.add %x, %step : tensor<f32>
      stablehlo.return %next, %sum : tensor<i32>, tensor<f32>
    }
  return %0#0, %0#1 : tensor<i32>, tensor<f32>
}
// CHECK: parameter(0)
// CHECK: while(%{{.*}}), condition=%region_0, body=%region_1
// run: main(5, 1.5) == (5, 7.5)
// -----
// A loop over one value has no tuple.
func.func @main(%x: tensor<i32>) -> tensor<i32> {
  %0 = stablehlo.while(%i = %x) : tensor<i32> cond {
    %limit = stablehlo.constant dense<100> : tensor<i32>
    %more = stablehlo.compare LT, %i, %limit : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %more : tensor<i1>
  } do {
    %next = stablehlo.add %i, %i : tensor<i32>
    stablehlo.return %next : tensor<i32>
  }
  return %0 : tensor<i32>
}
// CHECK-NOT: tuple
// run: main(3) == 192
// -----
// Branches: each gets what it captures as its operand, a tuple unless that is one value.
func.func @main(%p: tensor<i1>, %k: tensor<i32>, %x: tensor<f32>, %y: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %0:2 = "stablehlo.if"(%p) ({
    stablehlo.return %x, %y : tensor<f32>, tensor<f32>
  }, {
    %sum = stablehlo.add %x, %x : tensor<f32>
    stablehlo.return %sum, %sum : tensor<f32>, tensor<f32>
  }) : (tensor<i1>) -> (tensor<f32>, tensor<f32>)
  %1 = "stablehlo.case"(%k) ({
    stablehlo.return %x : tensor<f32>
  }, {
    %c = stablehlo.constant dense<7.0> : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) : (tensor<i32>) -> tensor<f32>
  return %0#0, %0#1, %1 : tensor<f32>, tensor<f32>, tensor<f32>
}
// CHECK: conditional(%p, %{{.*}}, %x), true_computation=%region_0, false_computation=%region_1
// CHECK: conditional(%k, %x, %{{.*}}), branch_computations={%region_2, %region_3}
// run: main(true, 0, 2, 5) == (2, 5, 2)
// run: main(false, 1, 2, 5) == (4, 4, 7)
// -----
// Calls: of a function with several results, of one that stands below, of a composite.
module {
  func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
    %0:2 = func.call @both(%x) : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
    %1 = stablehlo.composite "my.op" %0#1 {composite_attributes = {n = 2 : i64}, decomposition = @twice, version = 1 : i32} : (tensor<2xf32>) -> tensor<2xf32>
    return %0#0, %1 : tensor<2xf32>, tensor<2xf32>
  }
  func.func private @both(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
    %0 = call @twice(%x) : (tensor<2xf32>) -> tensor<2xf32>
    return %x, %0 : tensor<2xf32>, tensor<2xf32>
  }
  func.func private @twice(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = stablehlo.add %x, %x : tensor<2xf32>
    return %0 : tensor<2xf32>
  }
  func.func private @unused(%x: tensor<2xf32>) -> tensor<2xf32> {
    return %x : tensor<2xf32>
  }
}
// CHECK-NOT: unused
// CHECK: call({{.*}}), to_apply=%twice, is_composite=true, frontend_attributes={composite.attributes={n = 2 : i64},composite.name="my.op",composite.version="1"}
// run: main({1, 2}) == ({1, 2}, {4, 8})
// -----
// Tuples as values.
func.func @main(%x: tensor<f32>, %t: tuple<tensor<i32>, tuple<tensor<f32>>>) -> tensor<f32> {
  %0 = stablehlo.get_tuple_element %t[1] : (tuple<tensor<i32>, tuple<tensor<f32>>>) -> tuple<tensor<f32>>
  %1 = stablehlo.get_tuple_element %0[0] : (tuple<tensor<f32>>) -> tensor<f32>
  %2 = stablehlo.add %x, %1 : tensor<f32>
  return %2 : tensor<f32>
}
// CHECK: parameter(1)
// run: main(1, 5, 2) == 3
