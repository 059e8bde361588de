"""LAPACK's routines as JAX calls them on CPUs: by their definitions, and beside XLA:CPU's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from programs import Array, run, shape_text, xla

TYPES = {"s": np.dtype("f4"), "d": np.dtype("f8"), "c": np.dtype("c8"), "z": np.dtype("c16")}
HLO = {"f": "f32", "d": "f64", "F": "c64", "D": "c128", "i": "s32"}
UNITARY = {"orgqr": "ungqr", "ormqr": "unmqr", "syevd": "heevd", "sytrd": "hetrd"}


def letters(**settings: str | int | bool) -> str:
    """A backend config as JAX writes it; characters as their codes."""
    rows = []
    for key, value in settings.items():
        if isinstance(value, bool):
            rows.append(f"{key} = {str(value).lower()}")
        else:
            rows.append(f"{key} = {ord(value)} : ui8" if isinstance(value, str) else f"{key} = {value} : i32")
    return "{" + ", ".join(rows) + "}"


def shape_of(dtype: Any, dims: tuple[int, ...], rank: int) -> str:
    """A shape with each matrix (rank 2) by columns, as the routines want them."""
    order = list(reversed(range(len(dims))))
    if rank == 2:
        order[:2] = order[1::-1]
    layout = f"{{{','.join(map(str, order))}}}" if dims else ""
    return f"{HLO[np.dtype(dtype).char]}[{','.join(map(str, dims))}]{layout}"


def module(
    name: str, args: list[Array], ranks: list[int], results: list[tuple[Any, tuple[int, ...], int]], config: str
) -> str:
    """One call in a module; ranks without the batch dimensions say which operands and results are matrices."""
    given = [shape_of(a.dtype, a.shape, r) for a, r in zip(args, ranks, strict=True)]
    made = [shape_of(*r) for r in results]
    lines = [f"a{i} = {shape_text(a)} parameter({i}) b{i} = {given[i]} copy(a{i})" for i, a in enumerate(args)]
    operands = ", ".join(f"b{i}" for i in range(len(args)))
    return f"""HloModule m
    ENTRY main {{
      {" ".join(lines)}
      ROOT r = {f"({', '.join(made)})" if len(made) > 1 else made[0]} custom-call({operands}),
        custom_call_target="{name}", operand_layout_constraints={{{", ".join(given)}}},
        api_version=API_VERSION_TYPED_FFI, backend_config={config}
    }}
    """


def peer(text: str, args: list[Array], ours: list[Array]) -> list[Array]:
    """The results of a module in XLA:CPU with LAPACK in it; in two of the four types, which are enough."""
    if "lapack_d" in text or "lapack_c" in text:
        return ours
    pytest.importorskip("jaxlib.lapack")._lapack.initialize()
    return xla(text, *args)


def ordered(values: Array) -> Array:
    """Complex numbers in an order that rounding does not change."""
    return np.take_along_axis(values, np.argsort(values.round(3), axis=-1), -1)


class Case:
    """A routine in one type, on batches of two."""

    def __init__(self, letter: str, name: str) -> None:
        self.dtype = TYPES[letter]
        self.real = np.dtype(self.dtype.char.lower())
        self.complex = self.dtype.kind == "c"
        self.name = f"lapack_{letter}{UNITARY.get(name, name) if self.complex else name}_ffi"
        self.rng = np.random.default_rng([len(name), ord(letter)])
        self.eps = 40 * float(np.finfo(self.dtype).eps)

    def random(self, *dims: int) -> Array:
        x = self.rng.standard_normal((2, *dims))
        if self.complex:
            x = x + 1j * self.rng.standard_normal((2, *dims))
        return x.astype(self.dtype)

    def texts(self, args: list[Array], ranks: list[int], results: list[Any], **settings: str | int | bool) -> str:
        shapes = [(t, (2, *dims), len(dims)) for t, *dims in results]
        return module(self.name, args, ranks, shapes, letters(**settings))

    def close(self, got: Array, expected: Array) -> None:
        np.testing.assert_allclose(
            got, expected, atol=self.eps * max(1.0, float(np.abs(expected).max(initial=0))), rtol=0
        )


def adjoint(a: Array) -> Array:
    return a.swapaxes(-1, -2).conj()


@pytest.fixture(params=list(TYPES))
def letter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_potrf(letter: str) -> None:
    case = Case(letter, "potrf")
    a = case.random(4, 4)
    a = a @ adjoint(a)
    a[1, 2, 2] -= 100  # not positive definite from the third pivot on
    for uplo in "LU":
        text = case.texts([a], [2], [(case.dtype, 4, 4), ("i4",)], uplo=uplo)
        packed, info = run(text, a)
        factor = np.tril(packed[0]) if uplo == "L" else adjoint(np.triu(packed[0]))
        case.close(factor @ adjoint(factor), a[0])
        untouched = np.triu_indices(4, 1) if uplo == "L" else np.tril_indices(4, -1)
        assert np.array_equal(packed[0][untouched], a[0][untouched])
        assert info.tolist() == [0, 3]
        theirs, their_info = peer(text, [a], [packed, info])
        case.close(packed[0], theirs[0])
        assert np.array_equal(info, their_info)


@pytest.mark.parametrize("dims", [(4, 4), (5, 3), (3, 5), (1, 1), (0, 2)])
def test_getrf(letter: str, dims: tuple[int, int]) -> None:
    case, least = Case(letter, "getrf"), min(dims)
    a = case.random(*dims)
    if dims == (4, 4):
        a[1, :, 2] = 0
    text = case.texts([a], [2], [(case.dtype, *dims), ("i4", least), ("i4",)])
    lu, pivots, info = run(text, a)
    assert info.tolist() == [0, 3 if dims == (4, 4) else 0]
    for packed, rows, matrix in zip(lu, pivots, a, strict=True):
        order = np.arange(dims[0])
        for i, row in enumerate(rows):
            order[[i, row - 1]] = order[[row - 1, i]]
        lower = np.tril(packed, -1)[:, :least] + np.eye(dims[0], least)
        case.close(lower @ np.triu(packed)[:least], matrix[order])
    if least:
        for x, y in zip((lu, pivots, info), peer(text, [a], [lu, pivots, info]), strict=True):
            case.close(x, y)


@pytest.mark.parametrize("dims", [(4, 4), (5, 3), (3, 5)])
def test_geqrf_orgqr(letter: str, dims: tuple[int, int]) -> None:
    case, least = Case(letter, "geqrf"), min(dims)
    a = case.random(*dims)
    text = case.texts([a], [2], [(case.dtype, *dims), (case.dtype, least)])
    packed, tau = run(text, a)
    for x, y in zip((packed, tau), peer(text, [a], [packed, tau]), strict=True):
        case.close(x, y)
    case = Case(letter, "orgqr")
    reflectors = packed[:, :, :least]
    text = case.texts([reflectors, tau], [2, 1], [(case.dtype, dims[0], least)])
    (q,) = run(text, reflectors, tau)
    case.close(q @ np.triu(packed)[:, :least], a)
    case.close(q, peer(text, [reflectors, tau], [q])[0])


@pytest.mark.parametrize(("left", "transpose"), [(True, False), (True, True), (False, False), (False, True)])
def test_ormqr(letter: str, left: bool, transpose: bool) -> None:
    case = Case(letter, "ormqr")
    a, tau = run(Case(letter, "geqrf").texts([x := case.random(4, 3)], [2], [(case.dtype, 4, 3), (case.dtype, 3)]), x)
    c = case.random(4, 2) if left else case.random(2, 4)
    text = case.texts([a, tau, c], [2, 1, 2], [(case.dtype, *c.shape[1:])], left=left, transpose=transpose)
    product = run(text, a, tau, c)
    case.close(product[0], peer(text, [a, tau, c], product)[0])


def test_geqp3(letter: str) -> None:
    case = Case(letter, "geqp3")
    a = case.random(5, 4)
    given = np.array([[0, 0, 0, 0], [0, 0, 1, 0]], np.int32)
    text = case.texts([a, given], [2, 1], [(case.dtype, 5, 4), ("i4", 4), (case.dtype, 4)])
    results = run(text, a, given)
    assert results[1][1, 0] == 3
    for x, y in zip(results, peer(text, [a, given], results), strict=True):
        case.close(x, y)


@pytest.mark.parametrize(("name", "dims"), [("gesdd", (5, 3)), ("gesvd", (3, 4))])
@pytest.mark.parametrize("mode", ["A", "S", "N"])
def test_svd(letter: str, name: str, mode: str, dims: tuple[int, int]) -> None:
    case, least = Case(letter, name), min(dims)
    a = case.random(*dims)
    m, n = (dims[0], dims[1]) if mode != "S" else (least, least)
    shapes = [(case.dtype, *dims), (case.real, least), (case.dtype, dims[0], m), (case.dtype, n, dims[1]), ("i4",)]
    text = case.texts([a], [2], shapes, mode=mode)
    _, s, u, v, info = run(text, a)
    assert not info.any()
    if mode != "N":
        case.close(u[:, :, :least] * s[:, None, :] @ v[:, :least], a)
        case.close(adjoint(u) @ u, np.broadcast_to(np.eye(m), (2, m, m)))
    case.close(s, np.linalg.svd(a.astype("c16"), compute_uv=False))
    if mode == "N":
        case.close(s, peer(text, [a], [a, s])[1])


def test_svd_of_nan_fails() -> None:
    case = Case("s", "gesdd")
    a = case.random(3, 3)
    a[1, 1, 1] = np.nan
    shapes = [(case.dtype, 3, 3), (case.real, 3), (case.dtype, 3, 3), (case.dtype, 3, 3), ("i4",)]
    assert run(case.texts([a], [2], shapes, mode="A"), a)[-1].tolist() == [0, -4]


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_syevd(letter: str, uplo: str) -> None:
    case = Case(letter, "syevd")
    a = case.random(4, 4)
    a = a + adjoint(a)
    spoiled = a + (np.triu(np.full((4, 4), 7), 1) if uplo == "L" else np.tril(np.full((4, 4), 7), -1)).astype(a.dtype)
    text = case.texts([spoiled], [2], [(case.dtype, 4, 4), (case.real, 4), ("i4",)], mode="V", uplo=uplo)
    vectors, values, info = run(text, spoiled)
    case.close(vectors * values[:, None, :] @ adjoint(vectors), a)
    case.close(values, peer(text, [spoiled], [vectors, values])[1])
    assert not info.any()


def test_geev(letter: str) -> None:
    case = Case(letter, "geev")
    a = case.random(5, 5)
    wide = np.result_type(a.dtype, "c8")
    parts = [(case.dtype, 5)] if case.complex else [(case.dtype, 5)] * 2
    shapes = [*parts, (wide, 5, 5), (wide, 5, 5), ("i4",)]
    text = case.texts([a], [2], shapes, compute_left="V", compute_right="V")
    *found, left, right, info = run(text, a)
    values = found[0] if case.complex else found[0] + 1j * found[1]
    case.close(a @ right, right * values[:, None, :])
    case.close(adjoint(left) @ a, values[:, :, None] * adjoint(left))
    case.close(np.linalg.norm(left, axis=1), np.ones((2, 5)))
    assert not info.any()
    theirs = peer(text, [a], found)
    case.close(ordered(values), ordered(theirs[0] if case.complex else theirs[0] + 1j * theirs[1]))


def test_gees(letter: str) -> None:
    case = Case(letter, "gees")
    a = case.random(6, 6)
    parts = [(case.dtype, 6)] if case.complex else [(case.dtype, 6)] * 2
    text = case.texts([a], [2], [(case.dtype, 6, 6), (case.dtype, 6, 6), *parts, ("i4",), ("i4",)], mode="V", sort="N")
    t, z, *found, selected, info = run(text, a)
    values = found[0] if case.complex else found[0] + 1j * found[1]
    case.close(z @ t @ adjoint(z), a)
    case.close(adjoint(z) @ z, np.broadcast_to(np.eye(6), (2, 6, 6)))
    case.close(ordered(values), ordered(np.linalg.eigvals(a)))
    assert not np.tril(t, -2).any()
    assert not (selected.any() or info.any())
    for matrix in t:
        below = np.diag(matrix, -1)
        assert not (case.complex and below.any())
        for i in np.flatnonzero(below):  # a block of LAPACK's standard form
            case.close(matrix[i, i], matrix[i + 1, i + 1])
            assert matrix[i, i + 1] * matrix[i + 1, i] < 0


def test_gehrd(letter: str) -> None:
    case = Case(letter, "gehrd")
    a = case.random(5, 5)
    for low, high in ((1, 5), (2, 4)):
        text = case.texts([a], [2], [(case.dtype, 5, 5), (case.dtype, 4), ("i4",)], low=low, high=high)
        results = run(text, a)
        for x, y in zip(results, peer(text, [a], results), strict=True):
            case.close(x, y)


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_sytrd(letter: str, uplo: str) -> None:
    case = Case(letter, "sytrd")
    a = case.random(5, 5)
    shapes = [(case.dtype, 5, 5), (case.real, 5), (case.real, 4), (case.dtype, 4), ("i4",)]
    text = case.texts([a], [2], shapes, uplo=uplo)
    packed, d, e, tau, info = run(text, a)
    theirs = peer(text, [a], [packed, d, e, tau])
    triangle = np.tril if uplo == "L" else np.triu
    for x, y in ((triangle(packed), triangle(theirs[0])), (d, theirs[1]), (e, theirs[2]), (tau, theirs[3])):
        case.close(x, y)
    assert not info.any()


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("uplo", ["L", "U"])
@pytest.mark.parametrize("trans", ["N", "T", "C"])
@pytest.mark.parametrize("diag", ["N", "U"])
def test_trsm(side: str, uplo: str, trans: str, diag: str) -> None:
    case = Case("z", "trsm")
    a, b = case.random(3, 3) + 2 * np.eye(3, dtype=case.dtype), case.random(*((3, 2) if side == "L" else (2, 3)))
    text = case.texts([a, b], [2, 2], [(case.dtype, *b.shape[1:])], side=side, uplo=uplo, trans_x=trans, diag=diag)
    (x,) = run(text, a, b)
    full = np.tril(a) if uplo == "L" else np.triu(a)
    full = full - np.eye(3) * full + np.eye(3) if diag == "U" else full
    full = {"N": full, "T": full.swapaxes(-1, -2), "C": adjoint(full)}[trans]
    case.eps *= 20
    case.close(full @ x if side == "L" else x @ full, b)
    if (uplo, diag) == ("L", "N"):
        case.close(x, peer(text, [a, b], [x])[0])


def test_gtsv(letter: str) -> None:
    case = Case(letter, "gtsv")
    lower, d, upper, b = case.random(5), case.random(5), case.random(5), case.random(5, 2)
    shapes = [*[(case.dtype, 5)] * 3, (case.dtype, 5, 2), ("i4",)]
    text = case.texts([lower, d, upper, b], [1, 1, 1, 2], shapes)
    *diagonals, x, info = run(text, lower, d, upper, b)
    full = np.stack([np.diag(d[i]) + np.diag(upper[i, :-1], 1) + np.diag(lower[i, 1:], -1) for i in range(2)])
    case.eps *= 20
    case.close(full @ x, b)
    assert not info.any()
    for ours, theirs in zip(
        [*diagonals, x, info], peer(text, [lower, d, upper, b], [*diagonals, x, info]), strict=True
    ):
        case.close(ours, theirs)


def test_gtsv_of_a_singular_matrix() -> None:
    case = Case("d", "gtsv")
    zero = np.zeros((2, 3))
    shapes = [*[(case.dtype, 3)] * 3, (case.dtype, 3, 1), ("i4",)]
    text = case.texts([zero, zero, zero, np.ones((2, 3, 1))], [1, 1, 1, 2], shapes)
    assert run(text, zero, zero, zero, np.ones((2, 3, 1)))[-1].tolist() == [1, 1]
