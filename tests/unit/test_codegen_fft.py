"""Fourier transforms on numpy against `Op.evaluate`."""

from __future__ import annotations

import pytest
from kernels import check

LENGTHS = [1, 2, 3, 4, 6, 15, 16, 17, 30, 37, 64, 100, 101, 256]


def run(kind: str, dims: tuple[int, ...], rank: int, element: str = "c64") -> None:
    real = {"c64": "f32", "c128": "f64"}[element]
    lengths = dims[-rank:]
    half = (*dims[:-1], dims[-1] // 2 + 1)
    source, target = {
        "FFT": (f"{element}{list(dims)}", f"{element}{list(dims)}"),
        "IFFT": (f"{element}{list(dims)}", f"{element}{list(dims)}"),
        "RFFT": (f"{real}{list(dims)}", f"{element}{list(half)}"),
        "IRFFT": (f"{element}{list(half)}", f"{real}{list(dims)}"),
    }[kind]
    sizes = ",".join(map(str, lengths))
    text = (
        f"""HloModule t
ENTRY m {{
  x = {source} parameter(0)
  ROOT f = {target} fft(x), fft_type={kind}, fft_length={{{sizes}}}
}}""".replace(", ", ",")
        .replace("),", "), ")
        .replace("},", "}, ")
    )
    assert check(text, rtol=0, atol=2e-6 if element == "c64" else 1e-13) == 1


@pytest.mark.parametrize("kind", ["FFT", "IFFT", "RFFT", "IRFFT"])
@pytest.mark.parametrize("n", LENGTHS)
def test_lengths(kind: str, n: int) -> None:
    run(kind, (2, n), 1)


@pytest.mark.parametrize("kind", ["FFT", "IFFT", "RFFT", "IRFFT"])
def test_several_dimensions_and_double_precision(kind: str) -> None:
    run(kind, (3, 4, 8), 2)
    run(kind, (3, 5, 6), 3)
    run(kind, (2, 4096), 1)
    run(kind, (2, 60), 1, "c128")
