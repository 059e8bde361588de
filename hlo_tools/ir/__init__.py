"""Floor 1, the nouns: element types, shapes, literals, attributes, ops, and the graph that they form."""
