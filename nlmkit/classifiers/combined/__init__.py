"""Classifiers made of other models."""
