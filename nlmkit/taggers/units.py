"""What the tokens of tagged sentences are: words or characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nlmkit.text.tagged import TaggedSentences

UNITS: Final = ("auto", "words", "characters")
"""Values of the hyper-parameter ``units``."""

_SINGLE: Final = 0.9  # share of tokens of one character in text that is a sequence of characters


def are_characters(data: TaggedSentences, units: str) -> bool:
    """Return whether to look at tokens as characters and not as words.

    Args:
        data: Sentences with tokens.
        units: One of ``UNITS``; with ``auto`` tokens are characters if nearly all have one.
    """
    import numpy as np

    if units != "auto":
        return units == "characters"
    single = np.array([len(word) == 1 for word in data.words.types])
    return bool(single[data.words.ids].mean() > _SINGLE)
