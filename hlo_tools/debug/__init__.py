"""Floor 9: does it compute the right thing, and how fast?"""
