// RUN: hlo opt %s | FileCheck %s
// The generic form, the short forms, and attributes in either pair of braces say the same.
func.func @main(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %0 = "stablehlo.transpose"(%x) <{permutation = array<i64: 1, 0>}> : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = "stablehlo.transpose"(%x) {permutation = dense<[1, 0]> : tensor<2xi64>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %2 = stablehlo.transpose %x, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %3 = stablehlo.add %0, %1 : tensor<3x2xf32>
  %4 = "stablehlo.add"(%3, %2) : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return %4 : tensor<3x2xf32>
}
// CHECK-COUNT-3: transpose(%x), dimensions={1,0}
// run: main({{1, 2, 3}, {4, 5, 6}}) == {{3, 12}, {6, 15}, {9, 18}}
// -----
// A module and its functions in generic form; aliases of types and attributes, those of locations used before their
// definition; locations become metadata.
!t = tensor<2xi32>
#add = loc("layer/add"(#place))
"builtin.module"() <{sym_name = "generic"}> ({
  "func.func"() <{function_type = (tensor<2xi32>) -> tensor<2xi32>, sym_name = "main"}> ({
  ^bb0(%a: !t):
    %0 = "stablehlo.add"(%a, %a) : (!t, !t) -> !t loc(#add)
    %1 = "stablehlo.negate"(%0) : (!t) -> !t loc(callsite("f"("m.py":7:3) at "g"("m.py":9:1)))
    "func.return"(%1) : (!t) -> ()
  }) : () -> ()
}) : () -> ()
#place = loc("net.py":12:4 to :9)
// CHECK: HloModule generic
// CHECK: add({{.*}}, metadata={op_name="layer/add" source_file="net.py" source_line=12
// CHECK: negate({{.*}}, metadata={op_name="f" source_file="m.py" source_line=7
// run: main({1, -2}) == {-2, 4}
// -----
// Names: of several results, of one pack, of the first result as `%0#0`; comments and line breaks anywhere.
module @names {
  func.func public @main(%arg0: tensor<4xf32>) -> (tensor<2xf32>, tensor<2xi32>) {
    %values, %indices = chlo.top_k(%arg0, k = 2) : tensor<4xf32> -> (tensor<2xf32>,
      tensor<2xi32>)  // over two lines
    %0:2 = stablehlo.optimization_barrier %values, %indices : tensor<2xf32>, tensor<2xi32>
    %1 = stablehlo.negate %0#0
      : tensor<2xf32>
    return %1#0, %0#1 : tensor<2xf32>, tensor<2xi32>
  }
}
// CHECK: topk(%arg0), k=2, largest=true
// run: main({1, 9, 3, 7}) == ({-9, -7}, {1, 3})
