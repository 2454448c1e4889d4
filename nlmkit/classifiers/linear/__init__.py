"""Linear classifiers on n-gram counts."""
