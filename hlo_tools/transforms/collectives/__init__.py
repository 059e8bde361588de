"""Passes about what happens between devices."""
