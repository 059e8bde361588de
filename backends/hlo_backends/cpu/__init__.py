"""The CPU backend: kernels as vector code, one freestanding entry function, threads by the caller's runtime."""
