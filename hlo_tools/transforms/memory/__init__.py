"""Passes about buffers."""
