"""Floor 6: one file per pass; the folders are themes, the file name is the name of the pass."""
