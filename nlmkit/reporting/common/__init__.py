"""Sections for models of every kind: the models themselves, learning curves, and options."""
