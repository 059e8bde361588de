"""Passes that join instructions into one kernel."""
