"""Sections of taggers."""
