"""Text regressors, one component to a file."""
