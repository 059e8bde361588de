// Dense values in all their forms: lists, splats, bits, blobs of bytes, complex numbers, resources.
func.func @main() -> (tensor<2x2xi32>, tensor<3xf32>, tensor<2xf32>, tensor<2xi16>, tensor<2xcomplex<f32>>, tensor<0xf32>) {
  %0 = stablehlo.constant dense<[[1, -2], [0x7F, 4]]> : tensor<2x2xi32>
  %1 = stablehlo.constant dense<1.5> : tensor<3xf32>
  %2 = stablehlo.constant dense<[0x7F800000, 2.0e-1]> : tensor<2xf32>
  %3 = stablehlo.constant dense<"0x0100FFFF"> : tensor<2xi16>
  %4 = stablehlo.constant dense<[(1.0, 2.0), (-0.0, 3.0)]> : tensor<2xcomplex<f32>>
  %5 = stablehlo.constant dense<> : tensor<0xf32>
  return %0, %1, %2, %3, %4, %5
    : tensor<2x2xi32>, tensor<3xf32>, tensor<2xf32>, tensor<2xi16>, tensor<2xcomplex<f32>>, tensor<0xf32>
}
// run: main() ~= ({{1, -2}, {127, 4}}, {1.5, 1.5, 1.5}, {inf, 0.2}, {1, -1}, {(1, 2), (-0, 3)}, {})
// -----
// Booleans: words, a byte each, eight to a byte, one byte for all.
func.func @main() -> (tensor<3xi1>, tensor<3xi1>, tensor<10xi1>, tensor<4xi1>) {
  %0 = stablehlo.constant dense<[true, false, true]> : tensor<3xi1>
  %1 = stablehlo.constant dense<"0x010001"> : tensor<3xi1>
  %2 = stablehlo.constant dense<"0x8103"> : tensor<10xi1>
  %3 = stablehlo.constant dense<"0xFF"> : tensor<4xi1>
  return %0, %1, %2, %3 : tensor<3xi1>, tensor<3xi1>, tensor<10xi1>, tensor<4xi1>
}
// run: main() == ({1, 0, 1}, {1, 0, 1}, {1, 0, 0, 0, 0, 0, 0, 1, 1, 1}, {1, 1, 1, 1})
// -----
// Narrow types, and a value that stands at the end of the file.
func.func @main() -> (tensor<2xbf16>, tensor<2xf8E4M3FN>, tensor<3xi4>, tensor<2xui64>, tensor<2xf32>) {
  %0 = stablehlo.constant dense<[1.0, 0x7F80]> : tensor<2xbf16>
  %1 = stablehlo.constant dense<[448.0, 0.5]> : tensor<2xf8E4M3FN>
  %2 = stablehlo.constant dense<[-8, 7, 0]> : tensor<3xi4>
  %3 = stablehlo.constant dense<[0, 4294967296]> : tensor<2xui64>
  %4 = stablehlo.constant dense_resource<weights> : tensor<2xf32>
  return %0, %1, %2, %3, %4 : tensor<2xbf16>, tensor<2xf8E4M3FN>, tensor<3xi4>, tensor<2xui64>, tensor<2xf32>
}
{-#
  dialect_resources: {
    builtin: { weights: "0x040000000000803F00000040" }
  }
#-}
// run: main() == ({1, inf}, {448, 0.5}, {-8, 7, 0}, {0, 4294967296}, {1, 2})
