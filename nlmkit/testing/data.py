"""Texts on which components are checked: small enough that a neural model with tiny settings learns them in a moment.

Every function gives fresh lists, so that a component which changes its input spoils no other check.
"""

from __future__ import annotations

import itertools

_SUBJECTS = ("the cat", "a small dog", "the old sailor", "our neighbour", "she")
_VERBS = ("sees", "follows", "likes", "waits for")
_OBJECTS = ("the dog", "a boat", "the grey cat", "an old letter", "the rain", "her friend", "a song")
_ENDINGS = ("", ".", "in the morning .", "near the harbour", "and sings .", "when the wind turns .")

_CHINESE_SUBJECTS = ("小猫", "老船长", "她的朋友", "我们")
_CHINESE_VERBS = ("看见", "喜欢", "等着")
_CHINESE_OBJECTS = ("一只狗", "那条船", "春天的雨", "旧信", "海边的风")


def _sentences(*lines: str) -> list[list[str]]:
    return [line.split() for line in lines]


def train() -> list[list[str]]:
    """Training text: 62 English sentences of 1 to 12 words, some twice."""
    parts = (itertools.cycle(words) for words in (_SUBJECTS, _VERBS, _OBJECTS, _ENDINGS))
    lines = [" ".join(words) for words in itertools.islice(zip(*parts, strict=False), 50)]
    return _sentences(*lines, *lines[7:17], "she", "a song")


def other() -> list[list[str]]:
    """Another training text, of other words and another size."""
    return _sentences(*["rivers rise slowly", "rivers fall", "the rivers rise and fall"] * 5)


def valid() -> list[list[str]]:
    """Validation text: sentences that the training text does not have, of words that it mostly has."""
    return _sentences(
        "the cat likes a song .",
        "our neighbour sees the grey cat near the harbour",
        "she waits for the dog in the evening .",
        "a small dog follows her friend and sings .",
        "the old sailor likes the rain when the wind turns .",
    )


def test() -> list[list[str]]:
    """Text to score: known and unknown words, sentences of 1 to 50 words, none blank, one of them twice."""
    return _sentences(
        "the cat sees the dog .",
        "she",
        "our neighbour repairs an old boat near the harbour",
        "yesterday she likes the quiet song",
        " and ".join(["the old sailor waits for the rain", "a small dog sings", "the wind turns"] * 3),
        "the cat sees the dog .",
        "a dog dog dog .",
    )


def repetitive() -> list[list[str]]:
    """Training text of 14 words that leaves little to guess: two of them make up nearly all of it."""
    rare = [
        [f"{colour}-{animal}"] for colour in ("red", "green") for animal in ("ant", "bee", "cow", "doe", "elk", "fox")
    ]
    return [["very", "very", "very", "very", "well"] for _ in range(60)] + rare


def unknown() -> list[list[str]]:
    """Text without a single word of the training text."""
    return [["zyzzyva"], ["qwerty", "uiop", "zyzzyva"]]


def chinese() -> list[str]:
    """Lines of Chinese, without spaces."""
    triples = itertools.product(_CHINESE_SUBJECTS, _CHINESE_VERBS, _CHINESE_OBJECTS)
    return [f"{subject}{verb}{thing}。" for subject, verb, thing in triples]


def plain_lines() -> list[str]:
    """Lines of ordinary text in English and Chinese."""
    return [
        "the cat sees the dog",
        "She didn't see the well-known sailor, did she? (No: 3.50 was too much!)",
        'He said "wait", and left at 10:15.',
        "  two  spaces,\ta tab ",
        "x",
        "若在1904年的冬天，老船长喜欢听雨。",
        "她说：“等等我！”",
    ]


def unusual_lines() -> list[str]:
    """Lines that are text all the same."""
    return [
        "I 💙 it 👩‍👩‍👧 🇨🇭 👍🏽",  # emoji with joiners, a flag, a skin tone
        "cafe\u0301 A\u030a\u0323 \u0301alone",  # combining marks, one without anything to combine with
        "one\u2028two\u2029three\u0085four\x0bfive\x0csix",  # what str.splitlines takes for line ends
        "carriage\rreturn\r",
        "no\u00a0break and\u3000ideographic",
        "עברית العربية हिन्दी ภาษาไทย 한국어 日本語",
        "\u202ebackwards\u202c zero\u200bwidth \ufeffmark",
        "\U00020000\U0002ceb0 𝒳 \ue000 \U0010fffd",  # rare Han, mathematical, private use
        "a < s > b </ s> s> &lt;s&gt; <unk>",
        "\x1b[31mred\x1b[0m \x07",
    ]
