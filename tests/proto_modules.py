"""Modules for the tests of protos: text that uses as much of HLO as one module can."""

from __future__ import annotations

import numpy as np

from hlo_tools.ir.element import ELEMENT_TYPES, ElementType
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.shape import array

RICH = """HloModule rich, is_scheduled=true, \
input_output_alias={ {0}: (0, {}, may-alias), {1}: (1, {0}, must-alias) }, buffer_donor={ (1, {1}) }, \
entry_computation_layout={(f32[2,3]{0,1}, (s32[4]{0}, u8[]))->(f32[2,3]{1,0}, s32[4]{0})}, \
frontend_attributes={kind="test",mesh={a="b"}}

FileNames
1 "f.py"

FunctionNames
1 "main"

FileLocations
1 {file_name_id=1 function_name_id=1 line=3 end_line=4 column=5 end_column=6}

StackFrames
1 {file_location_id=1 parent_frame_id=1}


%sum (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %add = f32[] add(%a, %b)
}

%fused (p.1: f32[2,3]) -> f32[2,3] {
  %p.1 = f32[2,3]{1,0:T(2,128)} parameter(0)
  ROOT %negate = f32[2,3]{1,0} negate(%p.1), metadata={op_type="neg" op_name="jit(f)/neg" stack_frame_id=1}
}

%wrapped (q: f32[2,3]) -> f32[2,3] {
  %q = f32[2,3]{1,0} parameter(0)
  ROOT %c = f32[2,3]{1,0} custom-call(%q), custom_call_target="host", api_version=API_VERSION_TYPED_FFI
}, execution_thread="host"

ENTRY %main (x: f32[2,3], t: (s32[4], u8[])) -> (f32[2,3], s32[4]) {
  %x = f32[2,3]{0,1} parameter(0), parameter_replication={true}, sharding={devices=[2,1]<=[2]}
  %t = (s32[4]{0}, u8[]) parameter(1), sharding={{replicated}, {maximal device=1}}, origin={({"a"}, {"b" {1,0}})}
  %g = s32[4]{0} get-tuple-element(%t), index=0, sharding={devices=[2,2]<=[2,2]T(1,0) last_tile_dim_replicate}
  %r = f32[2,3]{1,0} all-reduce(%x), channel_id=3, replica_groups=[2,4]<=[4,2]T(1,0), use_global_device_ids=true, \
to_apply=%sum, frontend_attributes={k="v"}, backend_config={"a":[1]}
  %s = f32[2,3]{1,0} collective-permute(%r), source_target_pairs={{0,1},{1,0}}, control-predecessors={%g}
  %start = ((f32[2,3]{1,0}), f32[2,3]{1,0}, s32[]) async-start(%s), async_execution_thread="host", calls=%wrapped
  %done = f32[2,3]{1,0} async-done(%start)
  %f = f32[2,3]{1,0} fusion(%done), kind=kLoop, output_to_operand_aliasing={{}: (0, {})}, calls=%fused, \
backend_config="a\\nb"
  %d = f32[2,2]{1,0} dot(%f, %x), lhs_contracting_dims={1}, rhs_contracting_dims={1}, \
operand_precision={high,highest}, algorithm=dot_bf16_bf16_f32_x3
  %k = f32[] constant(-0.0)
  %w = f32[2,3]{1,0} reduce-window(%f, %k), window={size=1x3 pad=0_0x1_1 rhs_reversal=0x1}, to_apply=%sum
  ROOT %out = (f32[2,3]{1,0}, s32[4]{0}) tuple(%w, %g), sharding={{unknown shard_as 7}, {replicated}}
}

"""


def patterns(element: ElementType) -> Literal:
    """Every bit pattern of a type, or those of the ends and odd places of a wide one."""
    if element.bits <= 16:
        raw = np.arange(1 << element.bits, dtype=np.uint32).astype(f"u{element.bytes}")
        if element.bits < 8 and element.is_signed:
            raw = (raw << (8 - element.bits)).view(np.int8) >> (8 - element.bits)
    else:
        width = min(element.bits, 64)
        words = [0, 1, (1 << width - 1) - 1, 1 << width - 1, (1 << width) - 1, 0x7FA12345, 0xFFC00001, 0x7F800000]
        if width == 64:
            words += [0x7FF4000000000001, 0xFFF8000000000123, 0x7FF0000000000000]
        raw = np.array(words + words[:1] * (len(words) % 2), f"u{width // 8}")
    value = np.ascontiguousarray(raw).view(element.dtype)
    return Literal(array(element, value.shape), value)


ARRAY_TYPES = [e for e in ELEMENT_TYPES.values() if e.is_array]
