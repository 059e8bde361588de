"""Passes that make a module smaller or plainer."""
