"""Classifiers of trees."""
