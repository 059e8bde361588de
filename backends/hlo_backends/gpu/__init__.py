"""GPU code generation: kernels as PTX text through LLVM's NVPTX backend, and a simulator that executes that text."""
