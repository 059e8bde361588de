// RUN: hlo opt %s | FileCheck %s
// Custom calls: the two kinds of configuration, layouts, aliases of buffers, several results.
func.func @main(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %0 = stablehlo.custom_call @lapack(%x) {backend_config = "n=2", api_version = 2 : i32, has_side_effect = true} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %1:2 = stablehlo.custom_call @ffi(%0) {api_version = 4 : i32, backend_config = {k = 4 : i64, "name" = "a"}, operand_layouts = [dense<[0, 1]> : tensor<2xindex>], result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<[1, 0]> : tensor<2xindex>], output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [1], operand_index = 0, operand_tuple_indices = []>]} : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>)
  return %1#0, %1#1 : tensor<2x2xf32>, tensor<2x2xf32>
}
// CHECK: custom-call(%x), custom_call_target="lapack", custom_call_has_side_effect=true, api_version=API_VERSION_STATUS_RETURNING, backend_config="n=2"
// CHECK: (f32[2,2]{0,1}, f32[2,2]{1,0}) custom-call({{.*}}), custom_call_target="ffi", operand_layout_constraints={f32[2,2]{0,1}}, output_to_operand_aliasing={{[{][{]}}1}: (0, {})}, api_version=API_VERSION_TYPED_FFI, backend_config={k = 4 : i64, name = "a"}
// -----
// What the arguments of @main say: aliases, donors, shardings; what its module says: replicas, partitions, meshes.
module @spmd attributes {mhlo.num_partitions = 2 : i32, mhlo.num_replicas = 1 : i32} {
  sdy.mesh @mesh = <["x"=2]>
  func.func public @main(%arg0: tensor<4xf32> {mhlo.sharding = "{devices=[2]<=[2]}", tf.aliasing_output = 1 : i32}, %arg1: tensor<4xf32> {jax.buffer_donor = true, sdy.sharding = #sdy.sharding<@mesh, [{"x"}]>}) -> (tensor<4xf32> {jax.result_info = "a"}, tensor<4xf32> {mhlo.sharding = "{replicated}"}) {
    %0 = stablehlo.add %arg0, %arg1 {mhlo.frontend_attributes = {stage = "one"}, mhlo.sharding = "{devices=[2]<=[2]}"} : tensor<4xf32>
    return %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
}
// CHECK: HloModule spmd
// CHECK-SAME: input_output_alias={ {1}: (0, {}, may-alias) }
// CHECK-SAME: buffer_donor={ (1, {}) }
// CHECK-SAME: num_partitions=2
// CHECK: parameter(0), sharding={devices=[2]<=[2]}
// CHECK: parameter(1), frontend_attributes={xla.sdy.sharding="#sdy.sharding<@mesh, [{\"x\"}]>"}
// CHECK: add({{.*}}), sharding={devices=[2]<=[2]}, frontend_attributes={stage="one"}
// CHECK: tuple({{.*}}), sharding={{[{][{]}}replicated}, {replicated}}
// -----
// Shardings of Shardy: of arguments, of values between, of results.
module {
  sdy.mesh @mesh = <["x"=2, "y"=2]> {stablehlo.mesh = {axes = [{name = "x", size = 2 : i64}]}}
  func.func @main(%x: tensor<4x4xf32>) -> (tensor<4x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {"y"}]>}) {
    %0 = sdy.sharding_constraint %x <@mesh, [{"x"}, {}]> : tensor<4x4xf32>
    %1 = stablehlo.negate %0 : tensor<4x4xf32>
    return %1 : tensor<4x4xf32>
  }
}
// CHECK: frontend_attributes={xla.sdy.meshes={mesh = #sdy.mesh<["x"=2, "y"=2]>}}
// CHECK: custom-call(%x), custom_call_target="Sharding", frontend_attributes={xla.sdy.sharding="#sdy.sharding_per_value<[<@mesh, [{\"x\"}, {}]>]>"}
// CHECK: negate({{.*}}), frontend_attributes={xla.sdy.sharding="#sdy.sharding_per_value<[<@mesh, [{\"x\"}, {\"y\"}]>]>"}
// -----
// Tokens: HLO sends and receives in two steps, and an infeed returns its values as a tuple.
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = stablehlo.create_token : !stablehlo.token
  %1:2 = "stablehlo.infeed"(%0) <{infeed_config = "i"}> : (!stablehlo.token) -> (tensor<2xf32>, !stablehlo.token)
  %2 = "stablehlo.outfeed"(%x, %1#1) <{outfeed_config = "o"}> : (tensor<2xf32>, !stablehlo.token) -> !stablehlo.token
  %3 = "stablehlo.send"(%x, %2) <{channel_handle = #stablehlo.channel_handle<handle = 5, type = 2>, is_host_transfer = true}> : (tensor<2xf32>, !stablehlo.token) -> !stablehlo.token
  %4:2 = "stablehlo.recv"(%3) <{channel_handle = #stablehlo.channel_handle<handle = 6, type = 3>, is_host_transfer = true}> : (!stablehlo.token) -> (tensor<2xf32>, !stablehlo.token)
  %5 = stablehlo.after_all %4#1, %0 : !stablehlo.token
  return %4#0 : tensor<2xf32>
}
// CHECK: ((f32[2]{0}), token[]) infeed({{.*}}), infeed_config="i"
// CHECK: outfeed({{.*}}), outfeed_shape=(f32[2]{0}), outfeed_config="o"
// CHECK: (f32[2]{0}, u32[], token[]) send({{.*}}), channel_id=5, is_host_transfer=true
// CHECK: send-done({{.*}}), channel_id=5, is_host_transfer=true
// CHECK: (f32[2]{0}, token[]) recv-done({{.*}}), channel_id=6, is_host_transfer=true
// -----
// Collectives.
func.func @main(%x: tensor<4xf32>) -> (tensor<8xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = "stablehlo.all_gather"(%x) <{all_gather_dim = 0 : i64, replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, channel_handle = #stablehlo.channel_handle<handle = 1, type = 0>, use_global_device_ids}> : (tensor<4xf32>) -> tensor<8xf32>
  %1 = "stablehlo.all_reduce"(%x) <{replica_groups = dense<[[0, 2], [1, -1]]> : tensor<2x2xi64>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = "stablehlo.collective_permute"(%x) <{source_target_pairs = dense<[[0, 1], [1, 0]]> : tensor<2x2xi64>}> : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1, %2 : tensor<8xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK: all-gather(%x), channel_id=1, replica_groups={{[{][{]}}0,1}}, dimensions={0}, use_global_device_ids=true
// CHECK: all-reduce(%x), replica_groups={{[{][{]}}0,2},{1}}, to_apply=%region_0
// CHECK: collective-permute(%x), source_target_pairs={{[{][{]}}0,1},{1,0}}
// -----
// Ops that HLO lacks keep their name as custom calls.
func.func @main(%x: tensor<?xf32>, %n: tensor<1xi32>) -> tensor<?xf32> {
  %0 = stablehlo.dynamic_broadcast_in_dim %x, %n, dims = [0] : (tensor<?xf32>, tensor<1xi32>) -> tensor<?xf32>
  check.expect_eq_const %n, dense<7> : tensor<1xi32>
  return %0 : tensor<?xf32>
}
// CHECK: f32[?]{0} custom-call(%x, %n), custom_call_target="stablehlo.dynamic_broadcast_in_dim", api_version=API_VERSION_TYPED_FFI, backend_config={broadcast_dimensions = [0]}
// CHECK: custom_call_target="check.expect_eq_const", custom_call_has_side_effect=true
