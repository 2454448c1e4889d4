"""Tests of the classifiers of trees."""
