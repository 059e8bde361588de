"""Passes that write an op in terms of plainer ones."""
