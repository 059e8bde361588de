// CHLO ops that a few instructions compute.
func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xi1>, tensor<3xi1>, tensor<3xf32>) {
  %0 = chlo.square %x : tensor<3xf32> -> tensor<3xf32>
  %1 = chlo.erf %x : tensor<3xf32> -> tensor<3xf32>
  %2 = chlo.is_inf %x : tensor<3xf32> -> tensor<3xi1>
  %3 = chlo.is_neg_inf %x : tensor<3xf32> -> tensor<3xi1>
  %4 = "chlo.constant_like"(%x) <{value = 2.5 : f32}> : (tensor<3xf32>) -> tensor<3xf32>
  return %0, %1, %2, %3, %4 : tensor<3xf32>, tensor<3xf32>, tensor<3xi1>, tensor<3xi1>, tensor<3xf32>
}
// run: main({0, 2, -inf}) ~= ({0, 4, inf}, {0, 0.99532227, -1}, {0, 0, 1}, {0, 0, 1}, {2.5, 2.5, 2.5})
// -----
// Implicit broadcasts: from the last dimension on, or as broadcast_dimensions says.
func.func @main(%x: tensor<2x3xf32>, %y: tensor<3xf32>, %z: tensor<2xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = chlo.broadcast_add %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %1 = chlo.broadcast_multiply %x, %z {broadcast_dimensions = array<i64: 0>} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return %0, %1 : tensor<2x3xf32>, tensor<2x3xf32>
}
// run: main({{1, 2, 3}, {4, 5, 6}}, {10, 20, 30}, {2, 3}) == ({{11, 22, 33}, {14, 25, 36}}, {{2, 4, 6}, {12, 15, 18}})
