"""Regressors with a neural network."""
