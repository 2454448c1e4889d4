"""Shared code of models of whole texts: features, encoders, splits and cross-validation."""
