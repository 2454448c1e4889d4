"""Neural sequence-to-sequence models."""
