"""Sampling and search on the state machine of language models."""
