"""Modules as bytes: formats that programs exchange."""
