"""Programs of the benchmark of the interpreter, written by hand in numpy, by the name of the case.

Each function takes the arguments of its module and returns the results, in the types that numpy gives them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
F32 = np.float32


# ---- parts


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_norm(x: Array, scale: Array, shift: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + F32(1e-5)) * scale + shift


def gelu(x: Array) -> Array:
    return x * (F32(0.5) * (1 + np.tanh(F32(0.797884583) * (x + F32(0.044715) * x * x * x))))


def relu(x: Array) -> Array:
    return np.maximum(x, F32(0))


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def heads(x: Array, width: int = 64) -> Array:
    """[sequence, heads x width] to [heads, sequence, width]."""
    return x.reshape(len(x), -1, width).transpose(1, 0, 2)


def causal_attention(q: Array, k: Array, v: Array) -> Array:
    scores = heads(q) @ heads(k).swapaxes(1, 2) / F32(8)
    scores = np.where(np.tri(len(q), dtype=bool), scores, F32(-1e30))
    return (softmax(scores) @ heads(v)).transpose(1, 0, 2).reshape(q.shape)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def windows(x: Array, kernel: int, stride: int, fill: float) -> Array:
    """The windows of an NHWC image under SAME padding: [n, y, x, channels, kernel, kernel]."""
    around = [same_padding(n, kernel, stride) for n in x.shape[1:3]]
    padded = np.pad(x, ((0, 0), *around, (0, 0)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (1, 2))[:, ::stride, ::stride]


def convolution(x: Array, w: Array, stride: int = 1) -> Array:
    """NHWC by HWIO under SAME padding, as a product of matrices."""
    if len(w) == 1:
        return x[:, ::stride, ::stride] @ w[0, 0]
    patches = windows(x, len(w), stride, 0).transpose(0, 1, 2, 4, 5, 3)
    return patches.reshape(*patches.shape[:3], -1) @ w.reshape(-1, w.shape[-1])


# ---- programs


def argsort(x: Array) -> list[Array]:
    order = np.argsort(x, kind="stable")
    return [x[order], order.astype(np.int32)]


def attention(x: Array, qkv: Array, out: Array) -> list[Array]:
    q, k, v = np.split(x[0] @ qkv, 3, axis=1)
    return [(causal_attention(q, k, v) @ out)[None]]


def cholesky(a: Array, b: Array) -> list[Array]:
    lower = np.linalg.cholesky(a)
    x = np.zeros_like(b)
    for i in range(len(b)):
        x[i] = (b[i] - lower[i, :i] @ x[:i]) / lower[i, i]
    return [lower, x]


def decode(token: Array, embedding: Array, keys: Array, values: Array, norms: Array, *weights: Array) -> list[Array]:
    """16 greedy tokens from position 512 on; the caches are [layers, heads, positions, width]."""
    keys, values, tokens = keys.copy(), values.copy(), np.zeros(16, np.int32)
    for step in range(16):
        x, at = embedding[token[0]], 512 + step
        for layer, (qkv, out, up, down) in enumerate(zip(*weights, strict=True)):
            q, k, v = (_rms(x, norms[layer]) @ qkv).reshape(3, 8, 64)
            keys[layer, :, at], values[layer, :, at] = k, v
            scores = np.einsum("hd,hsd->hs", q, keys[layer]) / F32(8)
            scores[:, at + 1 :] = F32(-1e30)
            x = x + np.einsum("hs,hsd->hd", softmax(scores), values[layer]).reshape(-1) @ out
            hidden = _rms(x, norms[layer]) @ up
            x = x + (hidden * sigmoid(hidden)) @ down
        token = np.argmax(x @ embedding.T, keepdims=True)
        tokens[step] = token[0]
    return [tokens, keys, values]


def _rms(x: Array, scale: Array) -> Array:
    return x / np.sqrt((x * x).mean() + F32(1e-6)) * (1 + scale)


def dot_bf16(a: Array, b: Array) -> list[Array]:
    return [(a.astype(F32) @ b.astype(F32)).astype(ml_dtypes.bfloat16)]


def dot_s8(a: Array, b: Array) -> list[Array]:
    return [(a.astype(float) @ b.astype(float)).astype(np.int32)]


def gelu_chain(x: Array, bias: Array) -> list[Array]:
    return [x + np.tanh(gelu(x + bias) * F32(1.7) - F32(0.3))]


def gpt(tokens: Array, embedding: Array, positions: Array, *weights: Array) -> list[Array]:
    x = embedding[tokens[0]] + positions
    for i in range(0, len(weights) - 2, 10):
        scale1, shift1, qkv, out, scale2, shift2, up, bias, down, end = weights[i : i + 10]
        q, k, v = np.split(layer_norm(x, scale1, shift1) @ qkv, 3, axis=1)
        x = x + causal_attention(q, k, v) @ out
        x = x + gelu(layer_norm(x, scale2, shift2) @ up + bias) @ down + end
    return [(layer_norm(x, *weights[-2:]) @ embedding.T)[None]]


def lstm(x: Array, w: Array, u: Array, bias: Array) -> list[Array]:
    h = c = np.zeros((x.shape[1], len(u)), F32)
    out = np.empty((len(x), *h.shape), F32)
    for t, row in enumerate(x):
        i, f, g, o = np.split(row @ w + h @ u + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        out[t] = h = sigmoid(o) * np.tanh(c)
    return [h, c, out]


def mlp(x: Array, *weights: Array) -> list[Array]:
    for w, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = relu(x @ w + b)
    return [softmax(x @ weights[-2] + weights[-1])]


def rnn(x: Array, w: Array, u: Array, bias: Array) -> list[Array]:
    h = np.zeros((x.shape[1], len(u)), F32)
    out = np.empty((len(x), *h.shape), F32)
    for t, row in enumerate(x):
        out[t] = h = np.tanh(F32(0.1) * (row @ w + h @ u) + bias)
    return [h, out]


def lorenz(y: Array) -> list[Array]:
    def slope(y: Array) -> Array:
        return np.array([10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - F32(8 / 3) * y[2]], F32)

    step, out = F32(1e-3), np.empty((5000, 3), F32)
    for t in range(len(out)):
        a = slope(y)
        b = slope(y + step / 2 * a)
        c = slope(y + step / 2 * b)
        d = slope(y + step * c)
        out[t] = y = y + step / 6 * (a + 2 * b + 2 * c + d)
    return [y, out]


def resnet50(x: Array, *weights: Array) -> list[Array]:
    rest = iter(weights)

    def unit(x: Array, stride: int = 1) -> Array:
        return convolution(x, next(rest), stride) * next(rest) + next(rest)

    x = windows(relu(unit(x, 2)), 3, 2, -np.inf).max((-1, -2))
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            kept = x if block else unit(x, stride)
            y = relu(unit(x))
            y = relu(unit(y, stride))
            x = relu(unit(y) + kept) * F32(0.7)
    return [softmax(x.mean((1, 2)) @ next(rest) + next(rest))]


def normals(key: Array) -> list[Array]:
    """ThreeFry-2x32 of a counter, and the inverse of the error function by two polynomials."""
    n = 1 << 20
    keys = [key[0], key[1], key[0] ^ key[1] ^ np.uint32(0x1BD11BDA)]
    x, y = np.zeros(n, np.uint32) + keys[0], np.arange(n, dtype=np.uint32) + keys[1]
    for group in range(5):
        for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
            x = x + y
            y = x ^ (y << np.uint32(turn) | y >> np.uint32(32 - turn))
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + np.uint32(group + 1)
    low = np.nextafter(F32(-1), F32(0))
    u = ((x ^ y) >> np.uint32(9) | np.uint32(0x3F800000)).view(F32) - F32(1)
    u = np.maximum(low, u * (F32(1) - low) + low)
    w = -np.log1p(-u * u)
    small = w < 5
    w = np.where(small, w - F32(2.5), np.sqrt(w) - F32(3))
    p = np.where(small, *map(F32, _ERF_INV[0]))
    for pair in _ERF_INV[1:]:
        p = np.where(small, *map(F32, pair)) + p * w
    return [p * u * F32(np.sqrt(2))]


_ERF_INV = (
    (2.81022636e-08, -0.000200214257), (3.43273939e-07, 0.000100950558), (-3.5233877e-06, 0.00134934322),
    (-4.39150654e-06, -0.00367342844), (0.00021858087, 0.00573950773), (-0.00125372503, -0.0076224613),
    (-0.00417768164, 0.00943887047), (0.246640727, 1.00167406), (1.50140941, 2.83297682),
)  # fmt: skip
"""Coefficients for the middle and for the tails: Mike Giles, "Approximating the erfinv function" (2012)."""


def top_k(x: Array) -> list[Array]:
    order = np.argsort(-x, axis=1, kind="stable")[:, :10]
    return [np.take_along_axis(x, order, 1), order.astype(np.int32)]


def transposes(x: Array) -> list[Array]:
    return [x.transpose(2, 1, 0).copy(), x.transpose(0, 2, 1) + F32(1), x[:, ::-1, 1::2].copy()]


PROGRAMS: dict[str, Callable[..., list[Array]]] = {
    "argsort_100k": argsort,
    "attn_prefill_s512": attention,
    "cholesky_256": cholesky,
    "conv3x3_56x56x64": lambda x, w: [relu(convolution(x, w))],
    "decode_loop_kv": decode,
    "dot_bf16_512": dot_bf16,
    "dot_s8_512x1024x512": dot_s8,
    "fft_c64_64x4096": lambda x: [np.abs(np.fft.rfft(x))],
    "gather_rows_50k": lambda x, rows: [x[rows]],
    "gelu_chain_4m": gelu_chain,
    "gemm_f32_1024": lambda a, b: [a @ b],
    "gemv_f32_4096": lambda a, b: [a @ b],
    "gpt_fwd_6l_d384": gpt,
    "layernorm_4096x768": lambda *args: [layer_norm(*args)],
    "lstm_t128_b16_h256": lstm,
    "mlp_b64": mlp,
    "mlp_tiny": mlp,
    "ode_rk4_lorenz_5000": lorenz,
    "resnet50_b1": resnet50,
    "rng_threefry_1m": normals,
    "softmax_2048x1000": lambda x: [softmax(x)],
    "sort_1024x1024": lambda x: [np.sort(x)],
    "topk_k10_8x50000": top_k,
    "transpose_mix": transposes,
    "jit_mlp": mlp,
    "jit_rnn": rnn,
}
"""By the name of the case, or of the module."""
