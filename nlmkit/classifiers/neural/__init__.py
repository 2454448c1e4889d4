"""Neural classifiers."""
