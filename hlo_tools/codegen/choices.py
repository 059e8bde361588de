"""Elements of conditional and while inside of fusions and computations of scalars."""

from __future__ import annotations

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import choose
from hlo_tools.codegen.contraction import in_front, noted, set_together
from hlo_tools.codegen.elemental import ELEMENT, Path, Scope, Site, Steps
from hlo_tools.codegen.value import Value, from_parts, parts, real
from hlo_tools.ir.element import PRED
from hlo_tools.ir.op import NotYet
from hlo_tools.ops import OPS


@ELEMENT(OPS["conditional"])
def _conditional(site: Site) -> Steps:
    """All branches, and a choice: none of them has effects."""
    chooser = real((yield site.operand(0, ())))
    values: list[Value] = []
    for number, branch in enumerate(site.inst.attrs.branches, 1):
        scope = Scope(site.inst, site.scope, number)
        values.append((yield Site(site.elements, branch.result, site.at, site.path, site.guard, scope)))
    result = values.pop()
    for number in reversed(range(len(values))):
        taken = chooser if chooser.type.element is PRED else k.compare("eq", chooser, k.const(number, chooser.type))
        result = choose(taken, values[number], result)
    return result


@ELEMENT(OPS["while"])
def _while(site: Site) -> Steps:
    """A loop over scalars, kept in cells."""
    inst, elements = site.inst, site.elements
    leaves: list[Path] = [path for path, _ in inst.shape.leaves()]
    if any(shape.dims or not shape.is_array for _, shape in inst.shape.leaves()):
        raise NotYet("a loop over arrays, inside of another")
    with in_front(site) as b:
        initial: list[Value] = []
        for path in leaves:
            initial.append((yield site.operand(0, (), path)))
        cells = [[b.cell(e.type.element, e) for e in parts(x)] for x in initial]
        state = {(0, path): from_parts([k.cell(c) for c in own]) for path, own in zip(leaves, cells, strict=True)}
        going = b.cell(PRED, real(elements.applied(inst.attrs.condition, state)[0]))
        with b.repeat(k.cell(going)):
            new = elements.applied(inst.attrs.body, state)
            pairs = zip(cells, new, strict=True)
            set_together(b, [(cell, e) for own, x in pairs for cell, e in zip(own, parts(x), strict=True)])
            b.set(going, real(elements.applied(inst.attrs.condition, state)[0]))
        results = list(state.values())
        noted(site, results)
    return results[leaves.index(site.path)]
