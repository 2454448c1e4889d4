"""Linear classifiers of counted features."""
