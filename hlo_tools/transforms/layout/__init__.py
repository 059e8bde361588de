"""Passes that decide how arrays lie in memory."""
