"""Passes about control flow: calls, loops and branches."""
