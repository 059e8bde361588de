"""Floor 5: rules as data, matchers compiled from them, and the worklist that applies them."""
