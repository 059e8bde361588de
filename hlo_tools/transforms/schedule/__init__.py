"""Passes that decide the order of execution."""
