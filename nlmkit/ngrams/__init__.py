"""What n-gram models are made of: counting, smoothing, pruning, the backoff table, ARPA files."""
