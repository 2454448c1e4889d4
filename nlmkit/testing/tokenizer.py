"""The conformance kit of tokenizers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from nlmkit.testing import data
from nlmkit.testing.checks import Check, check_in, require
from nlmkit.testing.registration import declarations_of
from nlmkit.text.vocabulary import RESERVED

if TYPE_CHECKING:
    from types import FrameType

    from nlmkit.text import Tokenizer

_CHECKS: list[Check] = []

_LONG: Final = 500
"""Characters of the shorter of two lines that are compared; small, because tracing makes Python slow."""

_SHAPES: Final = ("a", "a b ", " ", "a-", "(", "3.", "'", "船", "老船长，", "e\u0301", "👩\u200d")


def _claims_to_be_lossless(tokenizer: Tokenizer) -> bool:
    return bool(getattr(tokenizer, "lossless", True))


def _has_detokenize(tokenizer: Tokenizer) -> bool:
    return hasattr(tokenizer, "detokenize")  # the registry adds one to a tokenizer without


def _takes_many_lines(tokenizer: Tokenizer) -> bool:
    return hasattr(tokenizer, "tokenize_lines")


def _lines() -> list[str]:
    return data.plain_lines() + data.unusual_lines()


@check_in(_CHECKS)
def tokens_are_a_list_of_strings(tokenizer: Tokenizer) -> None:
    """``tokenize`` returns a list of strings for a line."""
    for line in data.plain_lines():
        tokens = tokenizer.tokenize(line)
        require(isinstance(tokens, list), f"tokenize({line!r}) returns {type(tokens).__name__}, not a list")
        wrong = [token for token in tokens if not isinstance(token, str)]
        require(not wrong, f"tokenize({line!r}) returns {wrong[:3]!r} among the tokens, which are not strings")


@check_in(_CHECKS)
def tokens_are_not_empty(tokenizer: Tokenizer) -> None:
    """No token is the empty string."""
    for line in _lines():
        require("" not in tokenizer.tokenize(line), f"tokenize({line!r}) returns an empty token")


@check_in(_CHECKS)
def tokens_hold_no_line_feed_or_nul(tokenizer: Tokenizer) -> None:
    """No token contains LF or NUL, which vocabulary files cannot contain either."""
    for line in _lines():
        wrong = [token for token in tokenizer.tokenize(line) if "\n" in token or "\0" in token]
        require(not wrong, f"tokenize({line!r}) returns {wrong[:3]!r}")


@check_in(_CHECKS)
def blank_line_has_no_tokens(tokenizer: Tokenizer) -> None:
    """The empty line, an empty sentence, has no tokens."""
    tokens = tokenizer.tokenize("")
    require(len(tokens) == 0, f"the empty line has the tokens {tokens!r}")


@check_in(_CHECKS)
def sentence_marks_are_not_returned(tokenizer: Tokenizer) -> None:
    """``<s>`` and ``</s>`` are never tokens of a text that does not contain them: models add them."""
    for line in _lines():
        wrong = sorted(set(tokenizer.tokenize(line)).intersection(RESERVED))
        require(not wrong, f"tokenize({line!r}) returns {', '.join(wrong)}")


@check_in(_CHECKS)
def tokens_depend_on_the_line_alone(tokenizer: Tokenizer) -> None:
    """A line always has the same tokens, whatever was tokenized before."""
    first = [list(tokenizer.tokenize(line)) for line in data.plain_lines()]
    again = [list(tokenizer.tokenize(line)) for line in reversed(data.plain_lines())][::-1]
    for line, one, two in zip(data.plain_lines(), first, again, strict=True):
        require(one == two, f"tokenize({line!r}) returns {one!r}, and later {two!r}")


@check_in(_CHECKS, when=_takes_many_lines)
def many_lines_have_the_tokens_of_each(tokenizer: Any) -> None:
    """``tokenize_lines`` returns for each of many lines, blank ones too, what ``tokenize`` returns for it alone."""
    lines = ["", *_lines(), ""]
    found = [list(tokens) for tokens in tokenizer.tokenize_lines(lines)]
    require(len(found) == len(lines), f"tokenize_lines returns the tokens of {len(found)} lines for {len(lines)}")
    for line, tokens in zip(lines, found, strict=True):
        alone = tokenizer.tokenize(line)
        require(tokens == alone, f"tokenize_lines returns {tokens!r} for {line!r}, and tokenize {alone!r}")
    require(not list(tokenizer.tokenize_lines([])), "tokenize_lines returns tokens for no lines")


@check_in(_CHECKS, when=_claims_to_be_lossless)
def no_character_is_lost(tokenizer: Tokenizer) -> None:
    """Every character but white space is found in the tokens, in order.

    A tokenizer that changes characters (lower-cases, say) declares so with a class attribute ``lossless = False``.
    """
    for line in _lines():
        rest = iter("".join(tokenizer.tokenize(line)))
        for position, character in enumerate(line):
            kept = character.isspace() or character in rest  # which takes up the characters before it, too
            require(kept, f"tokenize({line!r}) loses {character!r} at {position}")


@check_in(_CHECKS)
def unusual_text_has_tokens(tokenizer: Tokenizer) -> None:
    """Emoji, combining marks, rare scripts, control characters and Unicode's line separators are text as well."""
    for line in data.unusual_lines():
        require(tokenizer.tokenize(line), f"tokenize({line!r}) does not return a token")


@check_in(_CHECKS)
def long_lines_take_linear_time(tokenizer: Tokenizer) -> None:
    """Work is about linear in the length of a line.

    What is counted is lines of Python that run. Work inside one call into C, such as a regular expression that
    backtracks, shows as a check that does not end: lines of 100,000 characters are tokenized, too.
    """
    for shape in _SHAPES:
        one, two = (shape * (length // len(shape)) for length in (_LONG, 2 * _LONG))
        tokenizer.tokenize(one)  # may load a dictionary
        work, twice = (_lines_run(tokenizer.tokenize, line) for line in (one, two))
        growth = f"{work} and {twice} lines of Python run for {len(one)} and {len(two)} characters of {shape!r}"
        require(twice <= 3 * work + 100, f"the work grows faster than the line: {growth}")
    for shape in _SHAPES:
        tokenizer.tokenize(shape * (100_000 // len(shape)))


def _lines_run(function: Callable[[str], object], line: str) -> int:
    """How many lines of Python run while ``function`` works on ``line``."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(line)
    finally:
        sys.settrace(before)
    return count


@check_in(_CHECKS, when=_has_detokenize)
def detokenize_returns_a_line(tokenizer: Tokenizer) -> None:
    """``detokenize`` joins tokens, also none and ones that it has not seen, into a line of text."""
    for tokens in [[], ["<unk>"], ["zyzzyva", "❤", "船"], *map(tokenizer.tokenize, _lines())]:
        text = tokenizer.detokenize(tokens)
        require(isinstance(text, str), f"detokenize({tokens!r}) returns {type(text).__name__}, not a string")
        require("\n" not in text, f"detokenize({tokens!r}) returns several lines")


@check_in(_CHECKS)
def name_is_the_registered_one(tokenizer: Tokenizer) -> None:
    """Where an installed package declares the class, it does so under the class's own name, if that has one."""
    cls = type(tokenizer)
    for entry in declarations_of(cls):
        own = getattr(cls, "name", entry.name)
        declared = f"{cls.__name__} has the name {own!r} but is declared as {entry.kind} {entry.name!r}"
        require((entry.kind, entry.name) == ("tokenizer", own), declared)


CHECKS: Final = tuple(_CHECKS)
"""Every check of a tokenizer."""
