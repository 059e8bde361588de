"""Passes that decide in which type numbers are computed."""
