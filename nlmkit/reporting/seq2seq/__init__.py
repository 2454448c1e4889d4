"""Sections of sequence-to-sequence models."""
