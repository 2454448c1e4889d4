"""Sequence-to-sequence models: a text, or a vector, in; a text out."""
