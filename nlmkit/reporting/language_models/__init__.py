"""Sections of reports of language models."""
