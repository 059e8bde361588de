"""Arrays of run-time size as arrays of static size: what `dynamic_padder` is made of."""
