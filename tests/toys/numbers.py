"""Small texts with numbers, of which a word decides."""

from __future__ import annotations

from toys.classifiers import TEXTS

WORTH = {"fine": 10.0, "lovely": 9.0, "great": 8.0, "dull": 3.0, "poor": 2.0, "awful": 1.0}
NUMBERS = [next(worth for word, worth in WORTH.items() if f" {word} " in text) for text in TEXTS]
"""The number of each of the 36 texts: mean 5.5."""
