"""Floor 5: what a pass is, how pipelines are written, and how they are run and watched."""
