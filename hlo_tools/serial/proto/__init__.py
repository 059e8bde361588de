"""Modules and snapshots in XLA's protocol buffers, binary and as text."""
