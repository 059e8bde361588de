"""Floor 5: rules as data, matchers compiled from them, the worklist that applies them, and what passes build from."""
