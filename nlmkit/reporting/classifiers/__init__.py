"""Sections of classifiers."""
