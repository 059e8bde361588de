"""GPU code generation: kernels as PTX text through LLVM's NVPTX backend, and a simulator that executes that text."""

from hlo_backends.gpu.backend import GpuBackend

backend = GpuBackend()
"""What the entry point of the group `hlo_tools.backends` names."""
