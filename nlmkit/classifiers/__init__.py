"""Text classifiers, one component to a file."""
