"""The routines of LAPACK that JAX calls on CPUs, `lapack_{s,d,c,z}NAME_ffi`, one file per factorization.

Computed in double (complex double) with numpy and rounded once, in the form of LAPACK's results: factors packed into
one matrix, reflectors with their `tau`, pivots counted from 1, and `info`, which is 0 where all went well. The signs of
vectors, the order of eigenvalues and what a failed routine leaves behind may differ from those of other libraries.
"""
