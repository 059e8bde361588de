"""Seeded mutational fuzzing of everything that reads what others wrote.

`python -m tests.fuzz --count 100000 --seed 7` runs as many inputs; input number I of a seed is always the same.
"""
