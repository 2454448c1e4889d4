"""Tagged sentences on which taggers are checked: the spans of a sentence follow from its words.

Every function gives fresh lists, so that a component which changes its input spoils no other check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nlmkit.testing import data

if TYPE_CHECKING:
    from nlmkit.text.tagged import TaggedSentences

Tagged = tuple[list[list[str]], list[list[str]]]
"""Sentences, and the tags of each."""

_PHRASES: Final = {
    "NP": (
        "the cat, a small dog, the old sailor, our neighbour, she, the dog, a boat, the grey cat, an old letter, "
        "the rain, her friend, a song, the morning, the harbour, the wind, the evening, the rivers, rivers"
    ),
    "VP": "sees, follows, likes, waits for, sings, turns, rise, fall",
    "PP": "in, near",
    "SBAR": "when",
}

TYPES: Final = tuple(_PHRASES)

INNER: Final = {"BE": ("NP", "VP"), "I": ("NP",), "S": ("NP", "VP", "PP", "SBAR")}
"""Letters of the BIOES tags of the training sentences, each with the types it occurs with."""

_PARTS: Final = {
    "DET": "the, a, an, our, her",
    "ADJ": "small, old, grey",
    "PRON": "she",
    "ADP": "for, in, near",
    "CCONJ": "and",
    "SCONJ": "when",
    "PUNCT": ".",
    "VERB": "sees, follows, likes, waits, sings, turns, rise, fall",
}


def train() -> Tagged:
    """Training sentences: 62 English ones of 1 to 12 words, some twice, with chunks in IOB2."""
    return _chunked(data.train())


def other() -> Tagged:
    """Other training sentences: of other words, sizes and types."""
    return _chunked(data.other())


def valid() -> Tagged:
    """Held-out sentences, with words that the training sentences lack."""
    return _chunked(data.valid())


def parts_of_speech() -> Tagged:
    """Training sentences with their parts of speech."""
    parts = {word: part for part, words in _PARTS.items() for word in words.split(", ")}
    sentences = data.train()
    return sentences, [[parts.get(word, "NOUN") for word in sentence] for sentence in sentences]


def segmented() -> TaggedSentences:
    """Chinese sentences in characters, with words in BMES."""
    from nlmkit.text.tagged import TaggedSentences

    longer = ("小猫", "老船长", "她的", "朋友", "我们", "看见", "喜欢", "等着", "一只", "那条", "春天", "旧信", "海边")
    words = (*longer, "狗", "船", "的", "雨", "风", "。")
    longest, lines, tags = max(map(len, words)), data.chinese(), []
    for line in lines:
        found: list[str] = []
        while len(found) < len(line):
            rest = line[len(found) :]
            length = next(size for size in range(min(longest, len(rest)), 0, -1) if rest[:size] in words)
            found += ["S"] if length == 1 else ["B", *"M" * (length - 2), "E"]
        tags.append(found)
    return TaggedSentences([list(line) for line in lines], tags, scheme="BMES", tokenizer="char")


def test() -> list[list[str]]:
    """Sentences to tag: of known and unknown words, of 1 to 50 words, one of them twice."""
    return data.test()


def short() -> list[list[str]]:
    """Sentences of which all tag sequences can be listed."""
    return [["she"], ["zyzzyva"], ["the", "cat"], ["her", "zyzzyva"], ["a", "small", "dog"]]


def unusual() -> list[list[str]]:
    """Sentences without a known word, or without any."""
    lines = (line.replace("\r", " ").split(" ") for line in data.unusual_lines())
    unusual = [[word for word in words if word] for words in lines]
    return [[], ["zyzzyva"], ["qwerty", "uiop", "zyzzyva"], [], ["New York", "\u3000"], *unusual]


def full_width(word: str) -> str:
    """Return a word with its letters, digits and marks as wide as Chinese characters."""
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in word)


def _chunked(sentences: list[list[str]]) -> Tagged:
    return sentences, [_tags(sentence) for sentence in sentences]


def _tags(words: list[str]) -> list[str]:
    """Return the tags of the longest phrases, from left to right."""
    phrases = {tuple(phrase.split()): type_ for type_, some in _PHRASES.items() for phrase in some.split(", ")}
    tags: list[str] = []
    while len(tags) < len(words):
        rest = words[len(tags) :]
        length = next((size for size in (3, 2, 1) if tuple(rest[:size]) in phrases and size <= len(rest)), 0)
        type_ = phrases.get(tuple(rest[:length]), "")
        tags += [f"B-{type_}", *[f"I-{type_}"] * (length - 1)] if length else ["O"]
    return tags
