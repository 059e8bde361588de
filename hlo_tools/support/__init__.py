"""Floor 0: what every layer needs and nothing of it knows HLO."""
