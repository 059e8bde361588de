"""Floor 9: ahead-of-time compilation, an object file with what a C program and its build system need beside it."""
