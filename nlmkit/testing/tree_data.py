"""Labelled trees of the conformance kit of tree classifiers: the texts of classifiers as bracketed strings."""

from __future__ import annotations

from nlmkit.testing import data, text_model

GOOD, BAD, MIXED = "good", "bad", "neither"
"""Labels; their order as strings is not that of their quality, nor that in which they first appear."""


Trees = tuple[list[str], list[str]]
"""Bracketed trees, and the label of each."""


def bracketed(text: str) -> str:
    """Return the words of a text as a tree whose right branches are split, with labels of no node."""
    words = [word.replace("(", "-LRB-").replace(")", "-RRB-") for word in text.split()]
    *first, last = [f"(_ {word})" for word in words or ["nothing"]]
    return "".join(f"(_ {leaf} " for leaf in first) + last + ")" * len(first)


def train() -> Trees:
    """The training trees, half of each of two labels."""
    texts, places = text_model.train()
    return [bracketed(text) for text in texts], [_label(place) for place in places]


def other() -> Trees:
    """Other training trees: other words, sizes and labels, three of them."""
    texts = ["rivers rise", "rivers fall slowly", "hills stand still"] * 6
    return [bracketed(text) for text in texts], ["up", "down", "level"] * 6


def valid() -> Trees:
    """Held-out trees, with words that the training trees lack."""
    texts, places = text_model.valid()
    return [bracketed(text) for text in texts], [_label(place) for place in places]


def test() -> list[str]:
    """Trees to be classified: of 1 to 60 words, known and unknown, one of them twice; of one leaf; flat."""
    return [*map(bracketed, text_model.test()), "(_ splendid)", "(_ (_ the) (_ film) (_ was) (_ awful) (_ .))"]


def unusual() -> list[str]:
    """Trees without a known word, of unusual characters, of chains of nodes over one child each."""
    texts = ["zyzzyva", "qwerty uiop zyzzyva", *data.unusual_lines()]
    return ["(_ (_ (_ (_ zyzzyva))))", "(_ (_ (_ the)) (_ (_ film)))", *map(bracketed, texts)]


def _label(place: int) -> str:
    return BAD if place < 3 else GOOD
