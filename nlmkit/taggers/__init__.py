"""Sequence taggers, one component to a file."""
