"""Comparison of classifiers, regressors, taggers and sequence-to-sequence models by their predictions."""
