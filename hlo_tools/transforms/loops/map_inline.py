"""Maps of one operation."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.analysis.effects import supersede
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import Trait
from hlo_tools.ops.reduce import map_
from hlo_tools.ops.structure import parameter
from hlo_tools.passes.base import Context, Pass
from hlo_tools.rewrite.constants import is_constant, splat
from hlo_tools.transforms.simplify.dce import remove_uncalled


@dataclass(frozen=True, slots=True)
class MapInline(Pass):
    """Replaces maps whose computation is elementwise by its instructions, on whole arrays."""

    def run(self, module: Module, ctx: Context) -> bool:
        """Each map on its own."""
        found = [inst for inst in module.instructions() if inst.op is map_ and _is_elementwise(inst)]
        for inst in found:
            supersede(inst, _inlined(inst))
        if found:
            remove_uncalled(module)
        ctx.count("maps", len(found))
        return bool(found)


def _is_elementwise(inst: Instruction) -> bool:
    return all(
        x.op is parameter or (is_constant(x) and not x.shape.rank) or Trait.ELEMENTWISE in x.op.traits
        for x in inst.called[0].instructions
    )


def _inlined(inst: Instruction) -> Instruction:
    home, body = inst.parent, inst.called[0]
    copies = dict(zip(body.parameters, inst.operands, strict=True))
    for x in body.order():
        if x in copies:
            continue
        shape = inst.shape.with_element(x.shape.element)
        if is_constant(x):
            copies[x] = splat(home, x.attrs.value.array[()], shape)
        else:
            copies[x] = home.add(x.op, [copies[y] for y in x.operands], x.attrs, shape, like=inst)
    return copies[body.result]
