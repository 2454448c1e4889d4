"""Language models, one component to a file."""
