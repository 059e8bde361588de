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
// -----
// Special functions, in f32 and through it.
func.func @main(%x: tensor<3xf32>, %y: tensor<2xbf16>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<2xbf16>) {
  %0 = chlo.erfc %x : tensor<3xf32> -> tensor<3xf32>
  %1 = chlo.erf_inv %x : tensor<3xf32> -> tensor<3xf32>
  %2 = chlo.lgamma %x : tensor<3xf32> -> tensor<3xf32>
  %3 = chlo.digamma %x : tensor<3xf32> -> tensor<3xf32>
  %4 = chlo.bessel_i1e %x : tensor<3xf32> -> tensor<3xf32>
  %5 = chlo.erfc %y : tensor<2xbf16> -> tensor<2xbf16>
  return %0, %1, %2, %3, %4, %5
    : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<2xbf16>
}
// run: main({0.5, -0.9, 1}, {0, 3}) ~= ({0.47950012, 1.7969082, 0.15729921}, {0.47693628, -1.1630871, inf}, {0.57236494, 2.3580732, 0}, {-1.9635100, -9.3126438, -0.57721567}, {0.15642080, -0.20211653, 0.20791042}, {1, 0.0000221})
// -----
func.func @main(%x: tensor<3xf64>, %z: tensor<1xcomplex<f32>>) -> (tensor<3xf64>, tensor<3xf64>, tensor<1xcomplex<f32>>, tensor<1xcomplex<f32>>) {
  %0 = chlo.erfc %x : tensor<3xf64> -> tensor<3xf64>
  %1 = chlo.erf_inv %x : tensor<3xf64> -> tensor<3xf64>
  %2 = chlo.square %z : tensor<1xcomplex<f32>> -> tensor<1xcomplex<f32>>
  %3 = chlo.conj %z : tensor<1xcomplex<f32>> -> tensor<1xcomplex<f32>>
  return %0, %1, %2, %3 : tensor<3xf64>, tensor<3xf64>, tensor<1xcomplex<f32>>, tensor<1xcomplex<f32>>
}
// run: main({0.5, -0.9, 0.999999}, {(1, 2)}) ~= ({0.4795001221869535, 1.7969082124228322, 0.1572996221581977}, {0.4769362762044699, -1.1630871536766743, 3.458910737275499}, {(-3, 4)}, {(1, -2)})
// -----
func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = chlo.next_after %x, %y : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// run: main({1, 0, -1, 5}, {2, -1, -1, -inf}) == {1.00000012, -1.40129846e-45, -1, 4.99999952}
