"""Tokens, transfers, random numbers, collectives, batch norms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hlo_tools.ir.attributes import Dims, RandomAlgorithm, RandomDistribution, Raw
from hlo_tools.ir.element import U32
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Callee, Op
from hlo_tools.ir.shape import TOKEN_SHAPE, Shape, array, scalar, tuple_of, with_default_layout
from hlo_tools.ops.collectives import (
    AllGatherAttrs,
    AllReduceAttrs,
    AllToAllAttrs,
    CollectiveBroadcastAttrs,
    CollectivePermuteAttrs,
    ReduceScatterAttrs,
    all_gather,
    all_reduce,
    all_to_all,
    collective_broadcast,
    collective_permute,
    partition_id,
    reduce_scatter,
    replica_id,
)
from hlo_tools.ops.dynamic import get_dimension_size, set_dimension_size
from hlo_tools.ops.normalization import batch_norm_grad, batch_norm_inference, batch_norm_training
from hlo_tools.ops.random import RngAttrs, rng, rng_bit_generator
from hlo_tools.ops.shapes import DimensionsAttrs, ReshapeAttrs, reshape, transpose
from hlo_tools.ops.structure import after_all, tuple_
from hlo_tools.ops.transfer import (
    ChannelAttrs,
    InfeedAttrs,
    OutfeedAttrs,
    infeed,
    outfeed,
    recv,
    recv_done,
    send,
    send_done,
)
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.stablehlo.attributes import boolean, fields, integer, integer_array, string, word
from hlo_tools.text.stablehlo.ops.rows import From, row
from hlo_tools.text.stablehlo.scope import Builder, Scope
from hlo_tools.text.stablehlo.syntax import Attribute, Number, Operation, Struct

# ---- tokens and transfers


def _after_all(scope: Scope, op: Operation) -> Sequence[Instruction]:
    return [scope.add(after_all, scope.operands(op), shape=TOKEN_SHAPE)]


def _channel(scope: Scope, op: Operation) -> ChannelAttrs:
    return ChannelAttrs(_channel_id(scope, op), From("is_host_transfer", boolean, False).read(scope, op))


def _channel_id(scope: Scope, op: Operation) -> int | None:
    """The handle of the channel; 0 stands for none."""
    value = scope.optional(op, "channel_handle")
    return None if value is None else integer(fields(value).get("handle", 0)) or None


def _infeed(scope: Scope, op: Operation) -> Sequence[Instruction]:
    """The result of infeed is ((values), token)."""
    operands = scope.operands(op)
    shapes = scope.result_shapes(op)
    values = tuple_of(tuple(shapes[:-1]))
    at = InfeedAttrs(From("infeed_config", string, "").read(scope, op))
    inst = scope.add(infeed, operands, at, tuple_of((values, TOKEN_SHAPE)))
    data, token = scope.parts(inst)
    return [*scope.parts(data), token]


def _outfeed(scope: Scope, op: Operation) -> Sequence[Instruction]:
    *values, token = scope.operands(op, least=1)
    data = scope.add(tuple_, values, shape=tuple_of(tuple([v.shape for v in values])))
    config = From("outfeed_config", string, "").read(scope, op)
    at = OutfeedAttrs(Raw(data.shape.text), config)
    return [scope.add(outfeed, [data, token], at, TOKEN_SHAPE)]


def _context(shapes: Sequence[Shape]) -> Shape:
    """What a transfer that has begun is: the values, a number, a token."""
    return tuple_of((*shapes, scalar(U32), TOKEN_SHAPE))


def _send(scope: Scope, op: Operation) -> Sequence[Instruction]:
    *values, token = scope.operands(op, least=1)
    at = _channel(scope, op)
    data = scope.group(values)
    started = scope.add(send, [data, token], at, _context([data.shape]))
    return [scope.add(send_done, [started], at, TOKEN_SHAPE)]


def _recv(scope: Scope, op: Operation) -> Sequence[Instruction]:
    operands = scope.operands(op)
    at = _channel(scope, op)
    *shapes, last = scope.result_shapes(op) or [scalar(U32)]
    if not last.is_token:
        raise Malformed("the last result has to be a token", code="HLO1504")
    data = shapes[0] if len(shapes) == 1 else tuple_of(tuple(shapes))
    started = scope.add(recv, operands, at, _context([data]))
    done = scope.add(recv_done, [started], at, tuple_of((data, TOKEN_SHAPE)))
    values, token = scope.parts(done)
    return [values, token] if len(shapes) == 1 else [*scope.parts(values), token]


# ---- random numbers


def _algorithm(value: Attribute) -> RandomAlgorithm:
    name = word(value)
    if name not in RandomAlgorithm.__members__:
        raise Malformed(f"'{name}' is no generator", code="HLO1505")
    return RandomAlgorithm[name]


def _rng(scope: Scope, op: Operation) -> Sequence[Instruction]:
    """The shape is that of the result; the operand that gives it is dropped."""
    low, high, _ = scope.operands(op, 3)
    name = word(scope.attribute(op, "rng_distribution"))
    if name not in RandomDistribution.__members__:
        raise Malformed(f"'{name}' is no distribution", code="HLO1505")
    return [scope.add(rng, [low, high], RngAttrs(RandomDistribution[name]), scope.result_shape(op))]


# ---- collectives


def _groups(value: Attribute) -> Raw:
    """`dense<[[0, 1], [2, -1]]>`: -1 fills short rows."""
    if isinstance(value, Struct):
        raise Malformed("groups by the axes of a mesh", code="HLO4501")
    rows = integer_array(value)
    kept = [[int(d) for d in line if d >= 0] for line in rows.reshape(-1, rows.shape[-1] if rows.ndim else 1)]
    return Raw("{" + ",".join("{" + ",".join(map(str, line)) + "}" for line in kept if line) + "}")


_GROUPS = From("replica_groups", _groups, Raw("{}"))
_GLOBAL = From("use_global_device_ids", boolean, False)


def _dim(value: Attribute) -> Dims:
    return Dims((integer(value),))


def _collective(hlo: Op[Any], kind: Callable[..., Any], reducer: bool, **more: From) -> Builder:
    """A builder for a collective on groups of devices. `more`: fields apart from channel, groups and reducer."""

    def build(scope: Scope, op: Operation) -> Sequence[Instruction]:
        operands = scope.operands(op)
        given = {name: field.read(scope, op) for name, field in more.items()}
        if reducer:
            given["to_apply"] = Callee(scope.region(op))
        at = kind(channel_id=_channel_id(scope, op), replica_groups=_GROUPS.read(scope, op), **given)
        return scope.results(op, hlo, operands, at)

    return build


def _collective_permute(scope: Scope, op: Operation) -> Sequence[Instruction]:
    pairs = From("source_target_pairs", _groups).read(scope, op)
    at = CollectivePermuteAttrs(channel_id=_channel_id(scope, op), source_target_pairs=pairs)
    return scope.results(op, collective_permute, scope.operands(op), at)


def _all_to_all(scope: Scope, op: Operation) -> Sequence[Instruction]:
    """HLO's all-to-all splits and joins the same dimension; where they differ, the blocks then move to their place."""
    operands = scope.operands(op)
    split, join, count = (
        integer(scope.attribute(op, n)) for n in ("split_dimension", "concat_dimension", "split_count")
    )
    at = AllToAllAttrs(
        channel_id=_channel_id(scope, op), replica_groups=_GROUPS.read(scope, op), dimensions=Dims((split,))
    )
    if split == join:
        return scope.results(op, all_to_all, operands, at)
    if len(operands) != 1:
        raise Malformed("several operands with split_dimension other than concat_dimension", code="HLO4501")
    (x,) = operands
    if not (0 <= split < x.shape.rank and 0 <= join < x.shape.rank and count > 0 and x.shape.dims[split] % count == 0):
        raise Malformed("split_dimension, concat_dimension or split_count do not fit", code="HLO4501")
    exchanged = scope.add(all_to_all, operands, at, x.shape)
    sizes = [*x.shape.dims[:split], count, x.shape.dims[split] // count, *x.shape.dims[split + 1 :]]
    blocks = scope.add(reshape, [exchanged], ReshapeAttrs(), _array(x, sizes))
    order = [d for d in range(len(sizes)) if d != split]
    order.insert(join, split)
    moved = scope.add(transpose, [blocks], DimensionsAttrs(Dims(tuple(order))), _array(x, [sizes[d] for d in order]))
    return [scope.add(reshape, [moved], ReshapeAttrs(), scope.result_shape(op))]


def _array(like: Instruction, sizes: Sequence[int]) -> Shape:
    return with_default_layout(array(like.shape.element, tuple(sizes)))


def _float(value: Attribute) -> float:
    if isinstance(value, Number):
        return float(value.text)
    raise Malformed("expected a number", code="HLO1505")


_BATCH_NORM = {"epsilon": From("epsilon", _float), "feature_index": From("feature_index", integer)}

EFFECTS: dict[str, Builder] = {
    "stablehlo.after_all": _after_all,
    "stablehlo.create_token": _after_all,
    "stablehlo.infeed": _infeed,
    "stablehlo.outfeed": _outfeed,
    "stablehlo.send": _send,
    "stablehlo.recv": _recv,
    "stablehlo.rng": _rng,
    "stablehlo.rng_bit_generator": row(rng_bit_generator, algorithm=From("rng_algorithm", _algorithm)),
    "stablehlo.partition_id": row(partition_id),
    "stablehlo.replica_id": row(replica_id),
    "stablehlo.all_gather": _collective(
        all_gather, AllGatherAttrs, False, dimensions=From("all_gather_dim", _dim), use_global_device_ids=_GLOBAL
    ),
    "stablehlo.all_reduce": _collective(all_reduce, AllReduceAttrs, True, use_global_device_ids=_GLOBAL),
    "stablehlo.reduce_scatter": _collective(
        reduce_scatter,
        ReduceScatterAttrs,
        True,
        dimensions=From("scatter_dimension", _dim),
        use_global_device_ids=_GLOBAL,
    ),
    "stablehlo.collective_broadcast": _collective(collective_broadcast, CollectiveBroadcastAttrs, False),
    "stablehlo.collective_permute": _collective_permute,
    "stablehlo.all_to_all": _all_to_all,
    "stablehlo.batch_norm_training": row(batch_norm_training, **_BATCH_NORM),
    "stablehlo.batch_norm_inference": row(batch_norm_inference, **_BATCH_NORM),
    "stablehlo.batch_norm_grad": row(batch_norm_grad, **_BATCH_NORM),
    "stablehlo.get_dimension_size": row(get_dimension_size, dimensions=From("dimension", _dim)),
    "stablehlo.set_dimension_size": row(set_dimension_size, dimensions=From("dimension", _dim)),
}
