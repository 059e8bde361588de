module @jit_transformer attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<64x128xf32>, %arg1: tensor<128x384xf32>, %arg2: tensor<128x128xf32>, %arg3: tensor<128xf32>, %arg4: tensor<128xf32>, %arg5: tensor<128x512xf32>, %arg6: tensor<512x128xf32>, %arg7: tensor<128xf32>, %arg8: tensor<128xf32>) -> (tensor<64x128xf32> {jax.result_info = "result"}) {
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %0 = stablehlo.reduce(%arg0 init: %cst) applies stablehlo.add across dimensions = [1] : (tensor<64x128xf32>, tensor<f32>) -> tensor<64xf32>
    %1 = stablehlo.broadcast_in_dim %0, dims = [0] : (tensor<64xf32>) -> tensor<64x1xf32>
    %cst_0 = stablehlo.constant dense<1.280000e+02> : tensor<f32>
    %2 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %3 = stablehlo.divide %1, %2 : tensor<64x1xf32>
    %4 = stablehlo.broadcast_in_dim %3, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %5 = stablehlo.subtract %arg0, %4 : tensor<64x128xf32>
    %6 = stablehlo.multiply %5, %5 : tensor<64x128xf32>
    %cst_1 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %7 = stablehlo.reduce(%6 init: %cst_1) applies stablehlo.add across dimensions = [1] : (tensor<64x128xf32>, tensor<f32>) -> tensor<64xf32>
    %8 = stablehlo.broadcast_in_dim %7, dims = [0] : (tensor<64xf32>) -> tensor<64x1xf32>
    %cst_2 = stablehlo.constant dense<1.280000e+02> : tensor<f32>
    %9 = stablehlo.broadcast_in_dim %cst_2, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %10 = stablehlo.divide %8, %9 : tensor<64x1xf32>
    %11 = stablehlo.broadcast_in_dim %3, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %12 = stablehlo.subtract %arg0, %11 : tensor<64x128xf32>
    %cst_3 = stablehlo.constant dense<9.99999974E-6> : tensor<f32>
    %13 = stablehlo.broadcast_in_dim %cst_3, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %14 = stablehlo.add %10, %13 : tensor<64x1xf32>
    %15 = stablehlo.rsqrt %14 : tensor<64x1xf32>
    %16 = stablehlo.broadcast_in_dim %15, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %17 = stablehlo.multiply %12, %16 : tensor<64x128xf32>
    %18 = stablehlo.broadcast_in_dim %arg3, dims = [1] : (tensor<128xf32>) -> tensor<1x128xf32>
    %19 = stablehlo.broadcast_in_dim %18, dims = [0, 1] : (tensor<1x128xf32>) -> tensor<64x128xf32>
    %20 = stablehlo.multiply %17, %19 : tensor<64x128xf32>
    %21 = stablehlo.broadcast_in_dim %arg4, dims = [1] : (tensor<128xf32>) -> tensor<1x128xf32>
    %22 = stablehlo.broadcast_in_dim %21, dims = [0, 1] : (tensor<1x128xf32>) -> tensor<64x128xf32>
    %23 = stablehlo.add %20, %22 : tensor<64x128xf32>
    %24 = stablehlo.dot_general %23, %arg1, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<64x128xf32>, tensor<128x384xf32>) -> tensor<64x384xf32>
    %25 = stablehlo.slice %24 [0:64, 0:128] : (tensor<64x384xf32>) -> tensor<64x128xf32>
    %26 = stablehlo.slice %24 [0:64, 128:256] : (tensor<64x384xf32>) -> tensor<64x128xf32>
    %27 = stablehlo.slice %24 [0:64, 256:384] : (tensor<64x384xf32>) -> tensor<64x128xf32>
    %28 = stablehlo.reshape %25 : (tensor<64x128xf32>) -> tensor<64x4x32xf32>
    %29 = stablehlo.transpose %28, dims = [1, 0, 2] : (tensor<64x4x32xf32>) -> tensor<4x64x32xf32>
    %30 = stablehlo.reshape %26 : (tensor<64x128xf32>) -> tensor<64x4x32xf32>
    %31 = stablehlo.transpose %30, dims = [1, 0, 2] : (tensor<64x4x32xf32>) -> tensor<4x64x32xf32>
    %32 = stablehlo.reshape %27 : (tensor<64x128xf32>) -> tensor<64x4x32xf32>
    %33 = stablehlo.transpose %32, dims = [1, 0, 2] : (tensor<64x4x32xf32>) -> tensor<4x64x32xf32>
    %34 = stablehlo.transpose %31, dims = [0, 2, 1] : (tensor<4x64x32xf32>) -> tensor<4x32x64xf32>
    %35 = stablehlo.dot_general %29, %34, batching_dims = [0] x [0], contracting_dims = [2] x [1], precision = [DEFAULT, DEFAULT] : (tensor<4x64x32xf32>, tensor<4x32x64xf32>) -> tensor<4x64x64xf32>
    %cst_4 = stablehlo.constant dense<3.200000e+01> : tensor<f32>
    %36 = stablehlo.sqrt %cst_4 : tensor<f32>
    %37 = stablehlo.convert %36 : tensor<f32>
    %38 = stablehlo.broadcast_in_dim %37, dims = [] : (tensor<f32>) -> tensor<4x64x64xf32>
    %39 = stablehlo.divide %35, %38 : tensor<4x64x64xf32>
    %c = stablehlo.constant dense<true> : tensor<i1>
    %40 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i1>) -> tensor<64x64xi1>
    %41 = call @tril(%40) : (tensor<64x64xi1>) -> tensor<64x64xi1>
    %cst_5 = stablehlo.constant dense<-1.000000e+09> : tensor<f32>
    %42 = call @_where(%41, %39, %cst_5) : (tensor<64x64xi1>, tensor<4x64x64xf32>, tensor<f32>) -> tensor<4x64x64xf32>
    %cst_6 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %43 = stablehlo.reduce(%42 init: %cst_6) applies stablehlo.maximum across dimensions = [2] : (tensor<4x64x64xf32>, tensor<f32>) -> tensor<4x64xf32>
    %cst_7 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %44 = stablehlo.broadcast_in_dim %cst_7, dims = [] : (tensor<f32>) -> tensor<4x64xf32>
    %45 = stablehlo.maximum %44, %43 : tensor<4x64xf32>
    %46 = stablehlo.broadcast_in_dim %45, dims = [0, 1] : (tensor<4x64xf32>) -> tensor<4x64x1xf32>
    %47 = stablehlo.broadcast_in_dim %46, dims = [0, 1, 2] : (tensor<4x64x1xf32>) -> tensor<4x64x64xf32>
    %48 = stablehlo.subtract %42, %47 : tensor<4x64x64xf32>
    %49 = stablehlo.exponential %48 : tensor<4x64x64xf32>
    %cst_8 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %50 = stablehlo.reduce(%49 init: %cst_8) applies stablehlo.add across dimensions = [2] : (tensor<4x64x64xf32>, tensor<f32>) -> tensor<4x64xf32>
    %51 = stablehlo.broadcast_in_dim %50, dims = [0, 1] : (tensor<4x64xf32>) -> tensor<4x64x1xf32>
    %52 = stablehlo.broadcast_in_dim %51, dims = [0, 1, 2] : (tensor<4x64x1xf32>) -> tensor<4x64x64xf32>
    %53 = stablehlo.divide %49, %52 : tensor<4x64x64xf32>
    %54 = stablehlo.dot_general %53, %33, batching_dims = [0] x [0], contracting_dims = [2] x [1], precision = [DEFAULT, DEFAULT] : (tensor<4x64x64xf32>, tensor<4x64x32xf32>) -> tensor<4x64x32xf32>
    %55 = stablehlo.transpose %54, dims = [1, 0, 2] : (tensor<4x64x32xf32>) -> tensor<64x4x32xf32>
    %56 = stablehlo.reshape %55 : (tensor<64x4x32xf32>) -> tensor<64x128xf32>
    %57 = stablehlo.dot_general %56, %arg2, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<64x128xf32>, tensor<128x128xf32>) -> tensor<64x128xf32>
    %58 = stablehlo.add %arg0, %57 : tensor<64x128xf32>
    %cst_9 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %59 = stablehlo.reduce(%58 init: %cst_9) applies stablehlo.add across dimensions = [1] : (tensor<64x128xf32>, tensor<f32>) -> tensor<64xf32>
    %60 = stablehlo.broadcast_in_dim %59, dims = [0] : (tensor<64xf32>) -> tensor<64x1xf32>
    %cst_10 = stablehlo.constant dense<1.280000e+02> : tensor<f32>
    %61 = stablehlo.broadcast_in_dim %cst_10, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %62 = stablehlo.divide %60, %61 : tensor<64x1xf32>
    %63 = stablehlo.broadcast_in_dim %62, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %64 = stablehlo.subtract %58, %63 : tensor<64x128xf32>
    %65 = stablehlo.multiply %64, %64 : tensor<64x128xf32>
    %cst_11 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %66 = stablehlo.reduce(%65 init: %cst_11) applies stablehlo.add across dimensions = [1] : (tensor<64x128xf32>, tensor<f32>) -> tensor<64xf32>
    %67 = stablehlo.broadcast_in_dim %66, dims = [0] : (tensor<64xf32>) -> tensor<64x1xf32>
    %cst_12 = stablehlo.constant dense<1.280000e+02> : tensor<f32>
    %68 = stablehlo.broadcast_in_dim %cst_12, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %69 = stablehlo.divide %67, %68 : tensor<64x1xf32>
    %70 = stablehlo.broadcast_in_dim %62, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %71 = stablehlo.subtract %58, %70 : tensor<64x128xf32>
    %cst_13 = stablehlo.constant dense<9.99999974E-6> : tensor<f32>
    %72 = stablehlo.broadcast_in_dim %cst_13, dims = [] : (tensor<f32>) -> tensor<64x1xf32>
    %73 = stablehlo.add %69, %72 : tensor<64x1xf32>
    %74 = stablehlo.rsqrt %73 : tensor<64x1xf32>
    %75 = stablehlo.broadcast_in_dim %74, dims = [0, 1] : (tensor<64x1xf32>) -> tensor<64x128xf32>
    %76 = stablehlo.multiply %71, %75 : tensor<64x128xf32>
    %77 = stablehlo.broadcast_in_dim %arg7, dims = [1] : (tensor<128xf32>) -> tensor<1x128xf32>
    %78 = stablehlo.broadcast_in_dim %77, dims = [0, 1] : (tensor<1x128xf32>) -> tensor<64x128xf32>
    %79 = stablehlo.multiply %76, %78 : tensor<64x128xf32>
    %80 = stablehlo.broadcast_in_dim %arg8, dims = [1] : (tensor<128xf32>) -> tensor<1x128xf32>
    %81 = stablehlo.broadcast_in_dim %80, dims = [0, 1] : (tensor<1x128xf32>) -> tensor<64x128xf32>
    %82 = stablehlo.add %79, %81 : tensor<64x128xf32>
    %83 = stablehlo.dot_general %82, %arg5, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<64x128xf32>, tensor<128x512xf32>) -> tensor<64x512xf32>
    %84 = stablehlo.multiply %83, %83 : tensor<64x512xf32>
    %85 = stablehlo.multiply %84, %83 : tensor<64x512xf32>
    %cst_14 = stablehlo.constant dense<4.471500e-02> : tensor<f32>
    %86 = stablehlo.broadcast_in_dim %cst_14, dims = [] : (tensor<f32>) -> tensor<64x512xf32>
    %87 = stablehlo.multiply %86, %85 : tensor<64x512xf32>
    %88 = stablehlo.add %83, %87 : tensor<64x512xf32>
    %cst_15 = stablehlo.constant dense<0.797884583> : tensor<f32>
    %89 = stablehlo.broadcast_in_dim %cst_15, dims = [] : (tensor<f32>) -> tensor<64x512xf32>
    %90 = stablehlo.multiply %89, %88 : tensor<64x512xf32>
    %91 = stablehlo.tanh %90 : tensor<64x512xf32>
    %cst_16 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %92 = stablehlo.broadcast_in_dim %cst_16, dims = [] : (tensor<f32>) -> tensor<64x512xf32>
    %93 = stablehlo.add %92, %91 : tensor<64x512xf32>
    %cst_17 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %94 = stablehlo.broadcast_in_dim %cst_17, dims = [] : (tensor<f32>) -> tensor<64x512xf32>
    %95 = stablehlo.multiply %94, %93 : tensor<64x512xf32>
    %96 = stablehlo.multiply %83, %95 : tensor<64x512xf32>
    %97 = stablehlo.dot_general %96, %arg6, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<64x512xf32>, tensor<512x128xf32>) -> tensor<64x128xf32>
    %98 = stablehlo.add %58, %97 : tensor<64x128xf32>
    return %98 : tensor<64x128xf32>
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
