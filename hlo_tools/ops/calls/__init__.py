"""What custom-calls compute: one file per family of targets, each with a table `CALLS`, and those of other programs."""
