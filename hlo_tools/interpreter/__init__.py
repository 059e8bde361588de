"""Floor 4, what a module computes: the reference interpreter, arguments to try it on, comparison of results."""
