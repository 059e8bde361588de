"""The CPU backend: kernels as vector code, one freestanding entry function, threads by the caller's runtime."""

from hlo_backends.cpu.backend import CpuBackend

backend = CpuBackend()
"""What the entry point of the group `hlo_tools.backends` names."""
