"""From kernels to LLVM IR text, and from there to objects and code in memory; shared by all backends."""
