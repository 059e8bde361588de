"""Code generators; found through the entry-point group `hlo_tools.backends`."""
