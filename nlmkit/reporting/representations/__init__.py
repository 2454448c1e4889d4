"""Sections of representations."""
