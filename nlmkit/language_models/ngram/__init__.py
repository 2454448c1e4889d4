"""n-gram language models: counting, smoothing, back-off tables, ARPA files."""
