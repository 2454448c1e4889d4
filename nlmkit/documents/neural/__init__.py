"""Encoders of whole texts and their training."""
