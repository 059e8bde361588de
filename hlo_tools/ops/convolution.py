"""convolution: a kernel that moves over an array, with strides, padding, dilations, groups and reversal."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import ConvDims, DotAlgorithm, Padding, PaddingDim, Precisions, Raw, Window, Word, attr
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Cost, Env, Op
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.matmul import accumulator, batched_matmul
from hlo_tools.ops.numerics import Array, narrow
from hlo_tools.ops.rules import made, need, need_array, need_count, need_dims
from hlo_tools.ops.slicing import padded
from hlo_tools.ops.windows import check_window


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvolutionAttrs:
    """How the kernel moves, what the dimensions are, in how many groups."""

    window: Window = attr(Window(()))
    dim_labels: ConvDims = attr()
    feature_group_count: int = attr(1)
    batch_group_count: int = attr(1)
    convolution_kind: Word = attr(Word(""))
    operand_precision: Precisions = attr(Precisions(()))
    algorithm: DotAlgorithm = attr(DotAlgorithm.UNSET)
    sparsity_config: Raw = attr(Raw(""))


class Convolution(Op[ConvolutionAttrs]):
    """Sums of products of a kernel (operand 1) with what its window shows of the input (operand 0).

    feature_group_count G: input features and output features are cut into G groups that do not mix;
    batch_group_count G: the batch is cut into G groups, each seen by its own group of output features.
    """

    name, arity, Attrs, declared, stablehlo = "convolution", 2, ConvolutionAttrs, True, "convolution"

    def shape(self, at: ConvolutionAttrs, *xs: Shape) -> Shape:
        x, kernel = xs
        need_array(x, 0)
        need_array(kernel, 1)
        d, groups, batches = at.dim_labels, at.feature_group_count, at.batch_group_count
        _check_numbers(at, x, kernel)
        features = kernel.dims[d.kernel_output_feature]
        dims = [0] * x.rank
        dims[d.output_batch] = x.dims[d.input_batch] // batches
        dims[d.output_feature] = features
        sizes = check_window(at.window, tuple(x.dims[s] for s in d.input_spatial))
        for o, k, w, size in zip(d.output_spatial, d.kernel_spatial, at.window, sizes, strict=True):
            need(
                w.size == kernel.dims[k], f"window size {w.size}, but kernel dimension {k} has size {kernel.dims[k]}", 1
            )
            dims[o] = size
        need(features % groups == 0, f"{features} output features are no multiple of feature_group_count={groups}", 1)
        need(features % batches == 0, f"{features} output features are no multiple of batch_group_count={batches}", 1)
        wider = x.element if x.element.bits >= kernel.element.bits else kernel.element
        return made(wider, dims)

    def check(self, at: ConvolutionAttrs, shape: Shape, *xs: Shape) -> None:
        if at.sparsity_config and any(x.is_tuple for x in xs):
            need(shape.is_array, f"the result is {shape}, expected an array")
            return  # a sparse operand is a tuple of values and their places, whose sizes the rule does not know
        inferred = self.shape(at, *xs)
        need(
            shape.is_array and shape.dims == inferred.dims,
            f"the result is {inferred.bare}, but {shape.bare} is declared",
        )

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        at: ConvolutionAttrs = inst.attrs
        if not (xs[0].size and xs[1].size):
            return np.zeros(inst.shape.dims, inst.shape.element.dtype)
        d = at.dim_labels
        x = np.transpose(xs[0], [d.input_batch, *d.input_spatial, d.input_feature])
        kernel = np.transpose(xs[1], [*d.kernel_spatial, d.kernel_input_feature, d.kernel_output_feature])
        flips = tuple(i for i, w in enumerate(at.window) if w.reversal)
        kernel = np.flip(kernel, flips) if flips else kernel
        padding = [PaddingDim(w.padding_low, w.padding_high, w.base_dilation - 1) for w in at.window]
        if any(p != PaddingDim(0, 0) for p in padding):
            x = padded(x, 0, Padding((PaddingDim(0, 0), *padding, PaddingDim(0, 0))))
        sizes = [inst.shape.dims[o] for o in d.output_spatial]
        result = narrow(_convolve(x, kernel, at, sizes, inst), inst.shape.element)
        order = [0] * result.ndim
        order[d.output_batch], order[d.output_feature] = 0, result.ndim - 1
        for i, o in enumerate(d.output_spatial):
            order[o] = i + 1
        return np.transpose(result, order)

    def cost(self, inst: Instruction) -> Cost:
        at: ConvolutionAttrs = inst.attrs
        kernel = inst.operands[1].shape
        taps = prod(kernel.dims[k] for k in at.dim_labels.kernel_spatial)
        features = kernel.dims[at.dim_labels.kernel_input_feature]
        return Cost(flops=2 * inst.shape.size * taps * features)


def _check_numbers(at: ConvolutionAttrs, x: Shape, kernel: Shape) -> None:
    d, groups, batches = at.dim_labels, at.feature_group_count, at.batch_group_count
    need_count(kernel.rank, x.rank, "rank of the kernel")
    need_count(2 + len(d.input_spatial), x.rank, "dim_labels of the input")
    need_count(2 + len(d.kernel_spatial), x.rank, "dim_labels of the kernel")
    need_count(2 + len(d.output_spatial), x.rank, "dim_labels of the output")
    need_dims((d.input_batch, d.input_feature, *d.input_spatial), x.rank, "input dimension")
    need_dims((d.kernel_input_feature, d.kernel_output_feature, *d.kernel_spatial), x.rank, "kernel dimension")
    need_dims((d.output_batch, d.output_feature, *d.output_spatial), x.rank, "output dimension")
    need(groups > 0, f"feature_group_count={groups}, expected at least 1")
    need(batches > 0, f"batch_group_count={batches}, expected at least 1")
    need(groups == 1 or batches == 1, "feature_group_count and batch_group_count are both above 1")
    features, batch = x.dims[d.input_feature], x.dims[d.input_batch]
    need(features % groups == 0, f"{features} input features are no multiple of feature_group_count={groups}", 0)
    need(batch % batches == 0, f"a batch of {batch} is no multiple of batch_group_count={batches}", 0)
    inner = kernel.dims[d.kernel_input_feature]
    need(inner == features // groups, f"the kernel has {inner} input features, expected {features // groups}", 1)


def _convolve(x: Array, kernel: Array, at: ConvolutionAttrs, sizes: list[int], inst: Instruction) -> Array:
    """The convolution of `x[batch, spatial..., feature]`, padded and dilated, with `kernel[spatial..., in, out]`.

    Sums over the taps of the kernel, each a product of matrices; where the kernel has more taps than the result has
    places (the gradient of a kernel), over the places instead.
    """
    groups, batches = at.feature_group_count, at.batch_group_count
    g = max(groups, batches)
    element = inst.shape.element
    dtype = np.dtype(np.int64) if element.is_integer else accumulator(element)
    batch, features, out = x.shape[0] // batches, x.shape[-1] // groups, kernel.shape[-1] // g
    x, kernel = (v.astype(dtype if not element.is_integer else v.dtype, copy=False) for v in (x, kernel))
    # [group, batch, spatial..., feature] and [spatial..., group, in, out]
    if batches > 1:
        x = x.reshape(batches, batch, *x.shape[1:])
    else:
        x = np.moveaxis(x.reshape(*x.shape[:-1], groups, features), -2, 0)
    kernel = np.moveaxis(kernel.reshape(*kernel.shape[:-1], g, out), -2, -3)
    taps = kernel.shape[: len(sizes)]
    result = np.zeros((g, batch, *sizes, out), dtype)
    if prod(taps) <= prod(sizes):
        for tap in np.ndindex(*taps):
            view = x[(slice(None), slice(None), *_tap(tap, at.window, sizes))]
            result += _product(view, kernel[tap], element, dtype)
    else:
        for place in np.ndindex(*sizes):
            view = x[(slice(None), slice(None), *_place(place, at.window))]
            flat = view.reshape(g, batch, -1)
            weights = np.moveaxis(kernel, -3, 0).reshape(g, flat.shape[-1], out)
            result[(slice(None), slice(None), *place)] = _product(flat, weights, element, dtype)
    # the groups become the slow part of the output features
    return np.moveaxis(result, 0, -2).reshape(batch, *sizes, g * out)


def _product(x: Array, w: Array, element: Any, dtype: np.dtype[Any]) -> Array:
    """`x[group, ..., in] . w[group, in, out]`."""
    if w.shape[1] == 1 and not element.is_integer:
        shape = (w.shape[0],) + (1,) * (x.ndim - 2) + (w.shape[2],)
        scaled: Array = x * w.reshape(shape)
        return scaled
    flat = x.reshape(x.shape[0], -1, x.shape[-1])
    if element.is_integer:
        made_ = batched_matmul(flat, w, element).astype(dtype)
    else:
        made_ = np.matmul(flat, w)
    return made_.reshape(*x.shape[:-1], w.shape[-1])


def _tap(tap: tuple[int, ...], window: Window, sizes: list[int]) -> list[slice]:
    """What one tap of the kernel meets at all places."""
    starts = [t * w.window_dilation for t, w in zip(tap, window, strict=True)]
    return [slice(s, s + (n - 1) * w.stride + 1, w.stride) for s, n, w in zip(starts, sizes, window, strict=True)]


def _place(place: tuple[int, ...], window: Window) -> list[slice]:
    """What the whole kernel meets at one place."""
    starts = [p * w.stride for p, w in zip(place, window, strict=True)]
    return [slice(s, s + w.dilated_size, w.window_dilation) for s, w in zip(starts, window, strict=True)]


convolution = Convolution()
