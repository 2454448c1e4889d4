"""Word representations, one component per file."""
