"""Floor 4: facts about graphs, computed by pure functions."""
