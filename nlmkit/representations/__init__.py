"""Word representations, one component to a file."""
