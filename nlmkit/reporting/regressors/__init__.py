"""Sections of regressors."""
