"""The syntax of HLO text, feature by feature, in the forms of today and of years ago: read, printed, read again."""

from __future__ import annotations

import pytest

import hlo_tools as hlo


def entry(*lines: str) -> str:
    """A module whose entry has these lines."""
    return "HloModule m\n\nENTRY e {\n" + "\n".join("  " + line for line in lines) + "\n}\n"


FORMS = {
    "nameless": """HloModule m
ENTRY {
 ROOT p = f32[] parameter(0)
}
""",
    "no header ENTRY": """ENTRY main { ROOT p = f32[] parameter(0) }""",
    "single": """f32[2]{0} add(f32[2]{0} a, f32[2]{0} b)""",
    "single named": """x = f32[2]{0} add(f32[2]{0}, f32[2]{0} %b), metadata={op_name="z"}""",
    "single unnamed pct": """%x = f32[2]{0} add(f32[2]{0} %a, f32[2]{0} %a)""",
    "single with body": """ROOT r = f32[] reduce(f32[4] a, f32[] b), dimensions={0},
    to_apply={ x = f32[] parameter(0) y = f32[] parameter(1) ROOT z = f32[] add(x, y) }""",
    "header all": """HloModule m, is_scheduled=true, input_output_alias={ {0}: (0, {}, must-alias), {1}: (1,
    {}, may-alias) }, buffer_donor={ (2, {}) }, alias_passthrough_params=true,
    entry_computation_layout={(f32[4]{0}, f32[4]{0}, f32[4]{0})->(f32[4]{0}, f32[4]{0})},
    allow_spmd_sharding_propagation_to_parameters={true,false,true},
    allow_spmd_sharding_propagation_to_output={true}, replica_count=2, num_partitions=4,
    frontend_attributes={a="b",c={"d": {}}}

ENTRY e {
  a = f32[4]{0} parameter(0)
  b = f32[4]{0} parameter(1)
  c = f32[4]{0} parameter(2)
  ROOT t = (f32[4]{0}, f32[4]{0}) tuple(a, b)
}
""",
    "alias short": """HloModule m, input_output_alias={ {0}: 0 }

ENTRY e {
  a = f32[4]{0} parameter(0)
  ROOT t = (f32[4]{0}) tuple(a)
}
""",
    "alias nokind": """HloModule m, input_output_alias={ {0}: (0, {}) }

ENTRY e {
  a = f32[4]{0} parameter(0)
  ROOT t = (f32[4]{0}) tuple(a)
}
""",
    "alias nospace": """HloModule m, input_output_alias={{0}:(0,{},must-alias)}

ENTRY e {
  a = f32[4]{0} parameter(0)
  ROOT t = (f32[4]{0}) tuple(a)
}
""",
    "alias empty": """HloModule m, input_output_alias={ {}: (0, {}, may-alias) }

ENTRY e {
  a = f32[4]{0} parameter(0)
  ROOT t = f32[4]{0} negate(a)
}
""",
    "donor": """HloModule m, buffer_donor={ (0, {0}), (0, {1}) }

ENTRY e {
  a = (f32[4]{0}, s32[]) parameter(0)
  ROOT t = f32[4] get-tuple-element(a), index=0
}
""",
    "layout entry": """HloModule m, entry_computation_layout={(f32[4,2]{0,1:T(8,128)})->f32[4,2]{1,0}}

ENTRY e {
  a = f32[4,2]{0,1:T(8,128)} parameter(0)
  ROOT t = f32[4,2] negate(a)
}
""",
    "spmd": """HloModule m, allow_spmd_sharding_propagation_to_parameters=true,
    allow_spmd_sharding_propagation_to_output=true

ENTRY e {
  p = f32[4,8]{1,0} parameter(0)
}
""",
    "debug_attributes": """HloModule m, debug_attributes={log_mode=fusion_debugger}

ENTRY e {
  p = f32[4,8]{1,0} parameter(0)
}
""",
    "recovery": """HloModule m, origin_recovery_table={
  {"a" {0}} : {"b"},
  "
    ENTRY x {
      ROOT p = f32[] parameter(0)
    }
  "
}

ENTRY e {
  p = f32[4,8]{1,0} parameter(0)
}
""",
    "tables": """HloModule m

FileNames
1 "a.py"
2 "b\\"c.py"

FunctionNames
1 "f"

FileLocations
1 {file_name_id=1 function_name_id=1 line=3 end_line=4 column=5 end_column=6}
2 {file_name_id=2 function_name_id=1 line=3 end_line=4 column=5 end_column=6}

StackFrames
1 {file_location_id=1 parent_frame_id=1}
2 {file_location_id=2 parent_frame_id=1}


ENTRY e {
  ROOT p = f32[] parameter(0), metadata={op_name="x" stack_frame_id=2}
}
""",
    "thread": """HloModule m
f (a: f32[2]) -> f32[2] {
  ROOT a = f32[2] parameter(0)
}, execution_thread="host"
ENTRY e {
 p = f32[2] parameter(0)
 s = ((f32[2]), f32[2], s32[]) async-start(p), async_execution_thread="host", calls=f
 ROOT d = f32[2] async-done(s)
}
""",
    "signature": """HloModule m
f (%a: f32[2], b.1: (s32[], f32[2]{0})) -> (f32[2]) {
  %a = f32[2] parameter(0)
  b.1 = (s32[], f32[2]{0}) parameter(1)
  ROOT t = (f32[2]) tuple(%a)
}
ENTRY e { p = f32[2] parameter(0) q = (s32[], f32[2]) parameter(1) ROOT c = (f32[2]) call(p, q), to_apply=f }
""",
    "names": entry("a-b.c_d = f32[] parameter(0)", "_x = f32[] negate(a-b.c_d)", "ROOT %_9 = f32[] negate(_x)"),
    "colon": """HloModule m:
ENTRY e: {
 p: = f32[] parameter(0)
 ROOT q = f32[] negate(p:)
}
""",
    "index comments": entry(
        "t = (f32[], f32[], f32[], f32[], f32[], /*index=5*/f32[]) parameter(0)",
        "ROOT g = f32[] get-tuple-element((f32[], f32[], f32[], f32[], f32[], /*index=5*/f32[]) %t), index=5",
    ),
    "comments": entry(
        "/* a */ p /* b */ = /* c */ f32[4] // d",
        "  /* e */ parameter(/* f */ 0 /* g */) // h",
        "// i",
        'ROOT q = f32[4]{0} negate(/*x*/ p), /* y */ metadata={/* z */op_name="/* no comment */"}',
    ),
    "compact elements": entry("t = ((f32[2], s32[]), f32[4]) parameter(0)", "ROOT a = f32[2] negate(%t#0#0)"),
    "nested": entry("p = f32[2] parameter(0)", "ROOT a = f32[2] add(maximum(p, p), f32[2] multiply(p, negate(p)))"),
    "metadata with commas": entry(
        'ROOT p = f32[] parameter(0), metadata={op_type="a", op_name="b", source_file="c", source_line=3}',
    ),
    "all metadata": entry(
        'ROOT p = f32[] parameter(0), metadata={op_type="a" op_name="b" source_file="c" source_line=3 '
        'source_end_line=4 source_column=5 source_end_column=6 profile_type={1} deduplicated_name="d" '
        'scheduling_name="p" stack_frame_id=0}',
    ),
    "config string": entry('ROOT p = f32[] parameter(0), backend_config="a\\"b\\n\\303\\251{"'),
    "config json": entry('ROOT p = f32[] parameter(0), backend_config={"a": [1, {"b": "}\\"{"}],', ' "c": null}'),
    "empty config": entry("ROOT p = f32[] parameter(0), backend_config={}"),
    "config in single quotes": entry("ROOT p = f32[] parameter(0), backend_config='abc'"),
    "frontend attributes": entry(
        'ROOT p = f32[] parameter(0), frontend_attributes={a="b",_x.y={x={1, "}"}},mhlo.z="{\\"q\\"}"}',
    ),
    "frontend word": entry("ROOT p = f32[] parameter(0), frontend_attributes={a=b,c=1}"),
    "no frontend attributes": entry("ROOT p = f32[] parameter(0), frontend_attributes={}"),
    "origin": entry('ROOT p = f32[] parameter(0), origin={{"instr" {0,1}}}'),
    "origin tuple": entry('ROOT p = (f32[], f32[]) parameter(0), origin={({"a"}, {"b" {1}})}'),
    "origin synth": entry("ROOT p = f32[] parameter(0), origin={[synthetic_call]}"),
    "dynamic": entry("ROOT p = f32[<=8,4]{1,0} parameter(0)"),
    "unbounded": entry("ROOT p = f32[?,<=4] parameter(0)"),
    "tuples": entry("ROOT p = ((), (f32[]), token[], opaque[]) parameter(0)"),
    "buffer": entry("ROOT p = b(f32[4]{0}) parameter(0)"),
    "layouts": entry(
        "ROOT p = (f32[8,16]{1,0:T(8,128)(2,1)}, f32[8,16]{1,0:T(*,128)E(4)S(5)}, s4[8]{0:T(2)L(4)E(4)}, "
        "f32[4]{0:S(1)SC(0:1,2)}, f32[4]{0:#(u32)*(u64)}, f32[4]{0:M(16)}) parameter(0)",
    ),
    "layout D": entry("ROOT p = (f32[8,16]{1,0:D(D,C)}, f32[8,16]{1,0:D(D,C+~)#(u32)*(u32)}) parameter(0)"),
    "layout SC": entry("ROOT p = f32[8,16]{1,0:SC(0:1,2)(1:3)} parameter(0)"),
    "layout scalar": entry("ROOT p = f32[]{:S(5)} parameter(0)"),
    "layout empty": entry("ROOT p = f32[]{} parameter(0)"),
    "layout tiles empty": entry("ROOT p = f32[]{:T(256)} parameter(0)"),
    "layout spaces": entry("ROOT p = f32[ 4 , 8 ]{ 1 , 0 : T( 8 , 128 ) } parameter(0)"),
    "sharding {replicated}": entry("ROOT p = f32[4,8] parameter(0), sharding={replicated}"),
    "sharding {manual}": entry("ROOT p = f32[4,8] parameter(0), sharding={manual}"),
    "sharding {unknown}": entry("ROOT p = f32[4,8] parameter(0), sharding={unknown}"),
    "sharding {unreduced}": entry("ROOT p = f32[4,8] parameter(0), sharding={unreduced}"),
    "sharding {maximal device=3}": entry("ROOT p = f32[4,8] parameter(0), sharding={maximal device=3}"),
    "sharding {devices=[2,2]0,1,2,3}": entry("ROOT p = f32[4,8] parameter(0), sharding={devices=[2,2]0,1,2,3}"),
    "sharding {devices=[2,2]<=[4]}": entry("ROOT p = f32[4,8] parameter(0), sharding={devices=[2,2]<=[4]}"),
    "sharding {devices=[2,2]<=[2,2]T(1,0)}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={devices=[2,2]<=[2,2]T(1,0)}",
    ),
    "sharding {devices=[2,1,2]<=[4] last_tile_dim_replicate}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={devices=[2,1,2]<=[4] last_tile_dim_replicate}",
    ),
    "sharding {devices=[2,1,2]0,1,2,3 last_tile_dims={manual}}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={devices=[2,1,2]0,1,2,3 last_tile_dims={manual}}",
    ),
    "sharding {devices=[1,1,2,2]<=[4] last_tile_dims={replicated, manual}}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={devices=[1,1,2,2]<=[4] last_tile_dims={replicated, manual}}",
    ),
    "sharding {replicated shard_as 1}": entry("ROOT p = f32[4,8] parameter(0), sharding={replicated shard_as 1}"),
    "sharding {devices=[2,1]<=[2] shard_like 7}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={devices=[2,1]<=[2] shard_like 7}",
    ),
    'sharding {replicated metadata={op_name="x"}}': entry(
        'ROOT p = f32[4,8] parameter(0), sharding={replicated metadata={op_name="x"}}',
    ),
    'sharding {replicated metadata={{op_name="x"}, {op_type="y" source_line=3}}}': entry(
        'ROOT p = f32[4,8] parameter(0), sharding={replicated metadata={{op_name="x"}, {op_type="y" source_line=3}}}',
    ),
    "sharding {}": entry("ROOT p = f32[4,8] parameter(0), sharding={}"),
    "sharding {mesh['x'=2,'y'=4], [{'x'},{'y'}]}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={mesh['x'=2,'y'=4], [{'x'},{'y'}]}",
    ),
    "sharding {mesh['x'=2,'y'=4], [{'x'},{'y':(1)2, ?}], replicated={}, unreduced={}, manual={}}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={mesh['x'=2,'y'=4], [{'x'},{'y':(1)2, ?}], replicated={}, "
        "unreduced={}, manual={}}",
    ),
    "sharding {mesh['x'=2,'y'=4], [{'x', ?}, {?}], replicated={'y'}}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={mesh['x'=2,'y'=4], [{'x', ?}, {?}], replicated={'y'}}",
    ),
    "sharding {mesh['x'=2,'y'=2], [{}, {}], unreduced={'x'}, manual={'y'}}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={mesh['x'=2,'y'=2], [{}, {}], unreduced={'x'}, manual={'y'}}",
    ),
    "sharding {mesh['x'=2,'z'=2], [{},{}], unreduced=max{'z'}}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={mesh['x'=2,'z'=2], [{},{}], unreduced=max{'z'}}",
    ),
    "sharding {mesh['a'=4,'b'=2,device_ids=([4,2]T(1,0))], [{'a'}, {'b'}]}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={mesh['a'=4,'b'=2,device_ids=([4,2]T(1,0))], [{'a'}, {'b'}]}",
    ),
    "sharding {mesh['a'=2,'b'=2,device_ids=(3,1,2,0)], [{'a'}, {'b'}]}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={mesh['a'=2,'b'=2,device_ids=(3,1,2,0)], [{'a'}, {'b'}]}",
    ),
    "sharding {maximal_mesh[device_id=3]}": entry(
        "ROOT p = f32[4,8] parameter(0), sharding={maximal_mesh[device_id=3]}",
    ),
    "sharding of a tuple": entry(
        "ROOT p = (f32[4], (f32[8], s32[])) parameter(0), sharding={{replicated}, {devices=[2]<=[2]}, "
        "{maximal device=0}}",
    ),
    "sharding with places": entry(
        "ROOT p = (f32[],f32[],f32[],f32[],f32[],f32[]) parameter(0), "
        "sharding={{replicated},{replicated},{replicated},{replicated},{replicated},/*index=5*/{manual}}",
    ),
    "groups {}": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups={}, to_apply=sum
}
""",
    "groups {{0,1},{2,3}}": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups={{0,1},{2,3}}, to_apply=sum
}
""",
    "groups {{0,1},{2}}": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups={{0,1},{2}}, to_apply=sum
}
""",
    "groups [2,4]<=[8]": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups=[2,4]<=[8], to_apply=sum
}
""",
    "groups [2,4]<=[4,2]T(1,0)": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups=[2,4]<=[4,2]T(1,0), to_apply=sum
}
""",
    "groups [4,2]<=[2,2,2]T(2,1,0)": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups=[4,2]<=[2,2,2]T(2,1,0), to_apply=sum
}
""",
    "groups mesh['x'=2,'y'=2] {'x'}": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups=mesh['x'=2,'y'=2] {'x'}, to_apply=sum
}
""",
    "groups mesh['x'=2,'y'=4] {'x','y':(1)2}": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups=mesh['x'=2,'y'=4] {'x','y':(1)2}, to_apply=sum
}
""",
    "groups mesh['x'=2,'y'=2],device_ids=([2,2]T(1,0)) {'y'}": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups=mesh['x'=2,'y'=2],device_ids=([2,2]T(1,0)) {'y'}, to_apply=sum
}
""",
    "groups mesh['x'=2,'y'=2,device_ids=([2,2]T(1,0))] {'y'}": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups=mesh['x'=2,'y'=2,device_ids=([2,2]T(1,0))] {'y'}, to_apply=sum
}
""",
    "groups { { 0 , 1 } , { 2 , 3 } }": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4] parameter(0)
  ROOT a = f32[4] all-reduce(p), replica_groups={ { 0 , 1 } , { 2 , 3 } }, to_apply=sum
}
""",
    "window partial": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
ENTRY e {
  p = f32[4,4] parameter(0)
  z = f32[] constant(0)
  ROOT r = f32[3,4] reduce-window(p, z), window={size=2x1}, to_apply=sum
}
""",
    "window empty": entry(
        "p = f32[4,4] parameter(0)",
        "q = f32[4,4] parameter(1)",
        "ROOT r = f32[4,4] convolution(p, q), dim_labels=bf_io->bf",
    ),
    "other dimensions": entry(
        "p = f32[1,5,5,1,2] parameter(0)",
        "q = f32[3,3,2,1] parameter(1)",
        "ROOT r = f32[1,3,3,1,1] convolution(p, q), window={size=3x3}, dim_labels=b01?f_01io->b01?f",
    ),
    "slice": entry("p = f32[8,4] parameter(0)", "ROOT r = f32[4,2] slice(p), slice={[0:8:2],[1:3]}"),
    "slice sp": entry("p = f32[8,4] parameter(0)", "ROOT r = f32[8,2] slice(p), slice={ [ 0 : 8 ], [ 1 : 3 ] }"),
    "async sugar": entry(
        "p = f32[2] parameter(0)",
        's = ((f32[2]), f32[2], s32[]) negate-start(p), async_execution_thread="t"',
        "u = ((f32[2]), f32[2], s32[]) negate-update(s)",
        "ROOT d = f32[2] negate-done(u)",
    ),
    "async cc": entry(
        "p = f32[2] parameter(0)",
        's = ((f32[2]), f32[2], s32[]) custom-call-start(p), custom_call_target="foo", backend_config="x"',
        "ROOT d = f32[2] custom-call-done(s)",
    ),
    "async all-to-all": entry(
        "p = f32[4] parameter(0)",
        "s = ((f32[4]), f32[4], u32[]) all-to-all-start(p), channel_id=1, replica_groups={{0,1}}, dimensions={0}",
        "ROOT d = f32[4] all-to-all-done(s)",
    ),
    "async calls": """HloModule m
f { a = f32[2] parameter(0) ROOT n = f32[2] negate(a) }
ENTRY e {
  p = f32[2] parameter(0)
  s = ((f32[2]), f32[2], s32[]) async-start(p), calls=f
  u = ((f32[2]), f32[2], s32[]) async-update(s), calls=f
  ROOT d = f32[2] async-done(u), calls=f
}
""",
    "control predecessors": entry(
        "p = f32[2] parameter(0)",
        "q = f32[2] negate(p)",
        "ROOT d = f32[2] negate(p), control-predecessors={p, %q}",
    ),
    "branches in place": entry(
        "p = f32[2] parameter(0)",
        "q = s32[] parameter(1)",
        "ROOT c = f32[2] conditional(q, p, p), branch_computations={{ ROOT a = f32[2] parameter(0) }, { b = "
        "f32[2] parameter(0) ROOT n = f32[2] negate(b) }}",
    ),
    "while in place": entry(
        "p = f32[2] parameter(0)",
        "ROOT c = f32[2] while(p), condition={ a = f32[2] parameter(0) ROOT t = pred[] constant(true) }, "
        "body={ ROOT a = f32[2] parameter(0) }",
    ),
    "conditional on pred": """HloModule m
f { ROOT a = f32[2] parameter(0) }
ENTRY e {
  p = pred[] parameter(0)
  q = f32[2] parameter(1)
  ROOT c = f32[2] conditional(p, q, q), true_computation=f, false_computation=f
}
""",
    "inferred shapes": entry(
        "p = f32[2,3] parameter(0)",
        "t = transpose(p), dimensions={1,0}",
        "d = dot(p, t), lhs_contracting_dims={1}, rhs_contracting_dims={0}",
        "ROOT u = tuple(d, t)",
    ),
    "const forms": entry(
        "a = f32[] constant(1.)",
        "b = f32[3] constant({1 , -2.5e-3 , 3E+2})",
        "c = pred[2] constant({true, false})",
        "d = pred[2] constant({1,0})",
        "e = s32[0] constant({})",
        "f = f32[2,0] constant({{},{}})",
        "g = c64[2] constant({(1, 2), (-0, nan)})",
        "h = (f32[], (s8[2], pred[])) constant((1, ({1,2}, false)))",
        "i = f32[2,2] constant({{1,2}{3,4}})",
        "ROOT r = f32[] negate(a)",
    ),
    "const nan": entry(
        "a = f32[] constant(nan)",
        "b = f32[] constant(-nan)",
        "c = f32[] constant(nan(0x400001))",
        "d = bf16[] constant(nan(0x41))",
        "e = f8e5m2[] constant(nan(0x3))",
        "f = f64[] constant(-nan(0x1))",
        "g = f32[] constant(inf)",
        "ROOT r = f32[] negate(a)",
    ),
    "const elided": entry("ROOT a = f32[100] constant({...})"),
    "const bool in int": entry("ROOT a = s32[2] constant({true, 3})"),
    "const pred in f32": entry("ROOT a = f32[2] constant({1, 3})"),
    "constant with places": entry(
        "ROOT a = f32[2,1,1,2] constant({ { /*i0=0*/ { /*i1=0*/ {1, 2} } }, { /*i0=1*/ { /*i1=0*/ {3, 4} } } })",
    ),
    "custom-call window": """HloModule m
f { ROOT a = f32[2] parameter(0) }
ENTRY e {
  p = f32[4,4] parameter(0)
  ROOT a = f32[] custom-call(p, p), custom_call_target="x", window={size=2x2}, dim_labels=b01f_01io->b01f,
    called_computations={f, %f}, to_apply=f
}
""",
    "custom-call callees": """HloModule m
f { ROOT a = f32[2] parameter(0) }
ENTRY e {
  p = f32[4,4] parameter(0)
  ROOT a = f32[] custom-call(p, p), custom_call_target="x", called_computations={f, %f}
}
""",
    "pad neg": entry(
        "p = f32[4,4] parameter(0)",
        "z = f32[] constant(0)",
        "ROOT a = f32[3,6] pad(p, z), padding=-1_0x1_1_0",
    ),
    "line ends of windows": entry("p = f32[4,8]{1,0} parameter(0)").replace("\n", "\r\n"),
    "tabs": entry("\tp\t=\tf32[]\tparameter(0)"),
    "blank first": """

  // c
HloModule m

ENTRY e {
  p = f32[4,8]{1,0} parameter(0)
}
""",
    "sharding of a result": entry(
        "p = f32[2] parameter(0)",
        "ROOT q = (f32[2], f32[2]) tuple(p, p), sharding={{replicated}, {maximal device=1}}",
    ),
    "accuracy mode": entry(
        "p = f32[2] parameter(0)",
        "ROOT q = f32[2] exponential(p), result_accuracy={mode=highest}",
    ),
    "default accuracy": entry(
        "p = f32[2] parameter(0)",
        "ROOT q = f32[2] exponential(p), result_accuracy={mode=default}",
    ),
    "accuracy tolerances": entry(
        "p = f32[2] parameter(0)",
        "ROOT q = f32[2] exponential(p), result_accuracy={tolerance={rtol=1e-3, atol=0.1, ulps=3}}",
    ),
    "parameter replication": entry("ROOT p = (f32[2], s32[]) parameter(0), parameter_replication={true,false}"),
    "domain": entry(
        "p = f32[2] parameter(0)",
        'ROOT q = f32[2] domain(p), domain={kind="sharding", entry={devices=[2]<=[2]}, exit={replicated}}',
    ),
    "statistics": entry(
        "p = f32[2] parameter(0)",
        "ROOT q = f32[2] negate(p), statistics={visualizing_index=1,a=0.5,b=2}",
    ),
    "ints": entry(
        "a = s64[] constant(-9223372036854775808)",
        "b = u64[] constant(18446744073709551615)",
        "c = s4[2] constant({-8,7})",
        "d = u1[2] constant({0,1})",
        "e = s1[2] constant({-1,0})",
        "f = s2[] constant(-2)",
        "ROOT r = s64[] negate(a)",
    ),
    "custom-call literal": entry('ROOT a = f32[] custom-call(), custom_call_target="x", literal=s32[2]{0} {1, 2}'),
    "custom-call tuple literal": entry(
        'ROOT a = f32[] custom-call(), custom_call_target="x", literal=(f32[] 0.1, s32[] 3)',
    ),
}


def test_numbers_and_names_of_any_kind() -> None:
    """What a proto may hold comes back from text, too."""
    text = entry("ROOT p = f32[] parameter(9223372036854775807)").rstrip() + ', execution_thread="a\\"\\n\\303"\n'
    module = read(text)
    assert module.main.execution_thread == 'a"\n\udcc3' and read(module.to_text()).to_text() == module.to_text()
    assert "parameter(9223372036854775807)" in module.to_text()


NOT_READ = {
    "signature",
    "nameless",
    "alias short",
    "debug_attributes",
    "compact elements",
    "frontend word",
    "layouts",
    "layout D",
    "layout empty",
    "sharding {mesh['x'=2,'z'=2], [{},{}], unreduced=max{'z'}}",
    "sharding {mesh['a'=4,'b'=2,device_ids=([4,2]T(1,0))], [{'a'}, {'b'}]}",
    "sharding {mesh['a'=2,'b'=2,device_ids=(3,1,2,0)], [{'a'}, {'b'}]}",
    "groups mesh['x'=2,'y'=2,device_ids=([2,2]T(1,0))] {'y'}",
    "const bool in int",
}
"""Forms that jaxlib does not read yet, or not any more, or that crash it."""


def read(text: str) -> hlo.Module:
    """The module, read without a warning."""
    warned: list[hlo.Diagnostic] = []
    found = hlo.parse(text, warn=warned.append)
    assert not warned
    return found


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("options", [hlo.PrintOptions(), hlo.PrintOptions.short_parsable()], ids=["long", "short"])
def test_print_and_read_again(text: str, options: hlo.PrintOptions) -> None:
    printed = read(text).to_text(options)
    assert read(printed).to_text(options) == printed


@pytest.mark.parametrize("name", [name for name in FORMS if name not in NOT_READ])
def test_xla_reads_the_same(name: str) -> None:
    xla = pytest.importorskip("jaxlib._hlo", reason="jaxlib is missing")
    theirs = xla.hlo_module_from_text(FORMS[name]).to_string()
    assert xla.hlo_module_from_text(read(FORMS[name]).to_text()).to_string() == theirs
