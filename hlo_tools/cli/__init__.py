"""Floor 11: the command line. It parses words, calls the library and prints what comes back."""
