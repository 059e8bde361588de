module @jit_transformer attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<64x128xf32>, %arg1: tensor<128x384xf32>, %arg2: tensor<128x128xf32>, %arg3: tensor<128xf32>, %arg4: tensor<128xf32>, %arg5: tensor<128x512xf32>, %arg6: tensor<512x128xf32>, %arg7: tensor<128xf32>, %arg8: tensor<128xf32>) -> (tensor<64x128xf32> {jax.result_info = "result"}) {
    %cst = stablehlo.constant dense<11.3137083> : tensor<f32>
    %0 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f32>) -> tensor<128x384xf32>
    %1 = stablehlo.divide %arg1, %0 : tensor<128x384xf32>
    %cst_0 = stablehlo.constant dense<11.3137083> : tensor<f32>
    %2 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<f32>) -> tensor<128x128xf32>
    %3 = stablehlo.divide %arg2, %2 : tensor<128x128xf32>
    %cst_1 = stablehlo.constant dense<11.3137083> : tensor<f32>
    %4 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f32>) -> tensor<128x512xf32>
    %5 = stablehlo.divide %arg5, %4 : tensor<128x512xf32>
    %cst_2 = stablehlo.constant dense<22.6274166> : tensor<f32>
    %6 = stablehlo.broadcast_in_dim %cst_2, dims = [] : (tensor<f32>) -> tensor<512x128xf32>
    %7 = stablehlo.divide %arg6, %6 : tensor<512x128xf32>
    %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %8 = stablehlo.reduce(%arg0 init: %cst_3) applies stablehlo.add across dimensions = [1] : (tensor<64x128xf32>, tensor<f32>) -> tensor<64xf32>
    %9 = stablehlo.broadcast_in_dim %8, dims = [0] : (tensor<64xf32>) -> tensor<64x1xf32>
    %cst_4 = stablehlo.constant dense<1.280000e+02> : tensor<f32>
    %10 = stablehlo.broadcast_in_dim %cst_4, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %11 = stablehlo.divide %9, %10 : tensor<64x1xf32>
    %12 = stablehlo.broadcast_in_dim %11, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %13 = stablehlo.subtract %arg0, %12 : tensor<64x128xf32>
    %14 = stablehlo.multiply %13, %13 : tensor<64x128xf32>
    %cst_5 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %15 = stablehlo.reduce(%14 init: %cst_5) applies stablehlo.add across dimensions = [1] : (tensor<64x128xf32>, tensor<f32>) -> tensor<64xf32>
    %16 = stablehlo.broadcast_in_dim %15, dims = [0] : (tensor<64xf32>) -> tensor<64x1xf32>
    %cst_6 = stablehlo.constant dense<1.280000e+02> : tensor<f32>
    %17 = stablehlo.broadcast_in_dim %cst_6, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %18 = stablehlo.divide %16, %17 : tensor<64x1xf32>
    %19 = stablehlo.broadcast_in_dim %11, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %20 = stablehlo.subtract %arg0, %19 : tensor<64x128xf32>
    %cst_7 = stablehlo.constant dense<9.99999974E-6> : tensor<f32>
    %21 = stablehlo.broadcast_in_dim %cst_7, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %22 = stablehlo.add %18, %21 : tensor<64x1xf32>
    %23 = stablehlo.rsqrt %22 : tensor<64x1xf32>
    %24 = stablehlo.broadcast_in_dim %23, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %25 = stablehlo.multiply %20, %24 : tensor<64x128xf32>
    %26 = stablehlo.broadcast_in_dim %arg3, dims = [1] : (tensor<128xf32>) -> tensor<1x128xf32>
    %27 = stablehlo.broadcast_in_dim %26, dims = [0, 1] : (tensor<1x128xf32>) -> tensor<64x128xf32>
    %28 = stablehlo.multiply %25, %27 : tensor<64x128xf32>
    %29 = stablehlo.broadcast_in_dim %arg4, dims = [1] : (tensor<128xf32>) -> tensor<1x128xf32>
    %30 = stablehlo.broadcast_in_dim %29, dims = [0, 1] : (tensor<1x128xf32>) -> tensor<64x128xf32>
    %31 = stablehlo.add %28, %30 : tensor<64x128xf32>
    %32 = stablehlo.dot_general %31, %1, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<64x128xf32>, tensor<128x384xf32>) -> tensor<64x384xf32>
    %33 = stablehlo.slice %32 [0:64, 0:128] : (tensor<64x384xf32>) -> tensor<64x128xf32>
    %34 = stablehlo.slice %32 [0:64, 128:256] : (tensor<64x384xf32>) -> tensor<64x128xf32>
    %35 = stablehlo.slice %32 [0:64, 256:384] : (tensor<64x384xf32>) -> tensor<64x128xf32>
    %36 = stablehlo.reshape %33 : (tensor<64x128xf32>) -> tensor<64x4x32xf32>
    %37 = stablehlo.transpose %36, dims = [1, 0, 2] : (tensor<64x4x32xf32>) -> tensor<4x64x32xf32>
    %38 = stablehlo.reshape %34 : (tensor<64x128xf32>) -> tensor<64x4x32xf32>
    %39 = stablehlo.transpose %38, dims = [1, 0, 2] : (tensor<64x4x32xf32>) -> tensor<4x64x32xf32>
    %40 = stablehlo.reshape %35 : (tensor<64x128xf32>) -> tensor<64x4x32xf32>
    %41 = stablehlo.transpose %40, dims = [1, 0, 2] : (tensor<64x4x32xf32>) -> tensor<4x64x32xf32>
    %42 = stablehlo.transpose %39, dims = [0, 2, 1] : (tensor<4x64x32xf32>) -> tensor<4x32x64xf32>
    %43 = stablehlo.dot_general %37, %42, batching_dims = [0] x [0], contracting_dims = [2] x [1], precision = [DEFAULT, DEFAULT] : (tensor<4x64x32xf32>, tensor<4x32x64xf32>) -> tensor<4x64x64xf32>
    %cst_8 = stablehlo.constant dense<3.200000e+01> : tensor<f32>
    %44 = stablehlo.sqrt %cst_8 : tensor<f32>
    %45 = stablehlo.convert %44 : tensor<f32>
    %46 = stablehlo.broadcast_in_dim %45, dims = [] : (tensor<f32>) -> tensor<4x64x64xf32>
    %47 = stablehlo.divide %43, %46 : tensor<4x64x64xf32>
    %c = stablehlo.constant dense<true> : tensor<i1>
    %48 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i1>) -> tensor<64x64xi1>
    %49 = call @tril(%48) : (tensor<64x64xi1>) -> tensor<64x64xi1>
    %cst_9 = stablehlo.constant dense<-1.000000e+09> : tensor<f32>
    %50 = call @_where(%49, %47, %cst_9) : (tensor<64x64xi1>, tensor<4x64x64xf32>, tensor<f32>) -> tensor<4x64x64xf32>
    %cst_10 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %51 = stablehlo.reduce(%50 init: %cst_10) applies stablehlo.maximum across dimensions = [2] : (tensor<4x64x64xf32>, tensor<f32>) -> tensor<4x64xf32>
    %cst_11 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %52 = stablehlo.broadcast_in_dim %cst_11, dims = [] : (tensor<f32>) -> tensor<4x64xf32>
    %53 = stablehlo.maximum %52, %51 : tensor<4x64xf32>
    %54 = stablehlo.broadcast_in_dim %53, dims = [0, 1] : (tensor<4x64xf32>) -> tensor<4x64x1xf32>
    %55 = stablehlo.broadcast_in_dim %54, dims = [0, 1, 2] : (tensor<4x64x1xf32>) -> tensor<4x64x64xf32>
    %56 = stablehlo.subtract %50, %55 : tensor<4x64x64xf32>
    %57 = stablehlo.exponential %56 : tensor<4x64x64xf32>
    %cst_12 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %58 = stablehlo.reduce(%57 init: %cst_12) applies stablehlo.add across dimensions = [2] : (tensor<4x64x64xf32>, tensor<f32>) -> tensor<4x64xf32>
    %59 = stablehlo.broadcast_in_dim %58, dims = [0, 1] : (tensor<4x64xf32>) -> tensor<4x64x1xf32>
    %60 = stablehlo.broadcast_in_dim %59, dims = [0, 1, 2] : (tensor<4x64x1xf32>) -> tensor<4x64x64xf32>
    %61 = stablehlo.divide %57, %60 : tensor<4x64x64xf32>
    %62 = stablehlo.dot_general %61, %41, batching_dims = [0] x [0], contracting_dims = [2] x [1], precision = [DEFAULT, DEFAULT] : (tensor<4x64x64xf32>, tensor<4x64x32xf32>) -> tensor<4x64x32xf32>
    %63 = stablehlo.transpose %62, dims = [1, 0, 2] : (tensor<4x64x32xf32>) -> tensor<64x4x32xf32>
    %64 = stablehlo.reshape %63 : (tensor<64x4x32xf32>) -> tensor<64x128xf32>
    %65 = stablehlo.dot_general %64, %3, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<64x128xf32>, tensor<128x128xf32>) -> tensor<64x128xf32>
    %66 = stablehlo.add %arg0, %65 : tensor<64x128xf32>
    %cst_13 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %67 = stablehlo.reduce(%66 init: %cst_13) applies stablehlo.add across dimensions = [1] : (tensor<64x128xf32>, tensor<f32>) -> tensor<64xf32>
    %68 = stablehlo.broadcast_in_dim %67, dims = [0] : (tensor<64xf32>) -> tensor<64x1xf32>
    %cst_14 = stablehlo.constant dense<1.280000e+02> : tensor<f32>
    %69 = stablehlo.broadcast_in_dim %cst_14, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %70 = stablehlo.divide %68, %69 : tensor<64x1xf32>
    %71 = stablehlo.broadcast_in_dim %70, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %72 = stablehlo.subtract %66, %71 : tensor<64x128xf32>
    %73 = stablehlo.multiply %72, %72 : tensor<64x128xf32>
    %cst_15 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %74 = stablehlo.reduce(%73 init: %cst_15) applies stablehlo.add across dimensions = [1] : (tensor<64x128xf32>, tensor<f32>) -> tensor<64xf32>
    %75 = stablehlo.broadcast_in_dim %74, dims = [0] : (tensor<64xf32>) -> tensor<64x1xf32>
    %cst_16 = stablehlo.constant dense<1.280000e+02> : tensor<f32>
    %76 = stablehlo.broadcast_in_dim %cst_16, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %77 = stablehlo.divide %75, %76 : tensor<64x1xf32>
    %78 = stablehlo.broadcast_in_dim %70, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %79 = stablehlo.subtract %66, %78 : tensor<64x128xf32>
    %cst_17 = stablehlo.constant dense<9.99999974E-6> : tensor<f32>
    %80 = stablehlo.broadcast_in_dim %cst_17, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %81 = stablehlo.add %77, %80 : tensor<64x1xf32>
    %82 = stablehlo.rsqrt %81 : tensor<64x1xf32>
    %83 = stablehlo.broadcast_in_dim %82, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %84 = stablehlo.multiply %79, %83 : tensor<64x128xf32>
    %85 = stablehlo.broadcast_in_dim %arg7, dims = [1] : (tensor<128xf32>) -> tensor<1x128xf32>
    %86 = stablehlo.broadcast_in_dim %85, dims = [0, 1] : (tensor<1x128xf32>) -> tensor<64x128xf32>
    %87 = stablehlo.multiply %84, %86 : tensor<64x128xf32>
    %88 = stablehlo.broadcast_in_dim %arg8, dims = [1] : (tensor<128xf32>) -> tensor<1x128xf32>
    %89 = stablehlo.broadcast_in_dim %88, dims = [0, 1] : (tensor<1x128xf32>) -> tensor<64x128xf32>
    %90 = stablehlo.add %87, %89 : tensor<64x128xf32>
    %91 = stablehlo.dot_general %90, %5, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<64x128xf32>, tensor<128x512xf32>) -> tensor<64x512xf32>
    %92 = stablehlo.multiply %91, %91 : tensor<64x512xf32>
    %93 = stablehlo.multiply %92, %91 : tensor<64x512xf32>
    %cst_18 = stablehlo.constant dense<4.471500e-02> : tensor<f32>
    %94 = stablehlo.broadcast_in_dim %cst_18, dims = [] : (tensor<f32>) -> tensor<64x512xf32>
    %95 = stablehlo.multiply %94, %93 : tensor<64x512xf32>
    %96 = stablehlo.add %91, %95 : tensor<64x512xf32>
    %cst_19 = stablehlo.constant dense<0.797884583> : tensor<f32>
    %97 = stablehlo.broadcast_in_dim %cst_19, dims = [] : (tensor<f32>) -> tensor<64x512xf32>
    %98 = stablehlo.multiply %97, %96 : tensor<64x512xf32>
    %99 = stablehlo.tanh %98 : tensor<64x512xf32>
    %cst_20 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %100 = stablehlo.broadcast_in_dim %cst_20, dims = [] : (tensor<f32>) -> tensor<64x512xf32>
    %101 = stablehlo.add %100, %99 : tensor<64x512xf32>
    %cst_21 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %102 = stablehlo.broadcast_in_dim %cst_21, dims = [] : (tensor<f32>) -> tensor<64x512xf32>
    %103 = stablehlo.multiply %102, %101 : tensor<64x512xf32>
    %104 = stablehlo.multiply %91, %103 : tensor<64x512xf32>
    %105 = stablehlo.dot_general %104, %7, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<64x512xf32>, tensor<512x128xf32>) -> tensor<64x128xf32>
    %106 = stablehlo.add %66, %105 : tensor<64x128xf32>
    return %106 : tensor<64x128xf32>
  }
  func.func private @tril(%arg0: tensor<64x64xi1>) -> tensor<64x64xi1> {
    %0 = stablehlo.iota dim = 0 : tensor<64x64xi32>
    %c = stablehlo.constant dense<0> : tensor<i32>
    %1 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> tensor<64x64xi32>
    %2 = stablehlo.add %0, %1 : tensor<64x64xi32>
    %3 = stablehlo.iota dim = 1 : tensor<64x64xi32>
    %4 = stablehlo.compare GE, %2, %3, SIGNED : (tensor<64x64xi32>, tensor<64x64xi32>) -> tensor<64x64xi1>
    %c_0 = stablehlo.constant dense<false> : tensor<i1>
    %5 = stablehlo.broadcast_in_dim %c_0, dims = [] : (tensor<i1>) -> tensor<64x64xi1>
    %6 = stablehlo.select %4, %arg0, %5 : tensor<64x64xi1>, tensor<64x64xi1>
    return %6 : tensor<64x64xi1>
  }
  func.func private @_where(%arg0: tensor<64x64xi1>, %arg1: tensor<4x64x64xf32>, %arg2: tensor<f32>) -> tensor<4x64x64xf32> {
    %0 = stablehlo.convert %arg2 : tensor<f32>
    %1 = stablehlo.broadcast_in_dim %arg0, dims = [1, 2] : (tensor<64x64xi1>) -> tensor<4x64x64xi1>
    %2 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f32>) -> tensor<4x64x64xf32>
    %3 = stablehlo.select %1, %arg1, %2 : tensor<4x64x64xi1>, tensor<4x64x64xf32>
    return %3 : tensor<4x64x64xf32>
  }
}
