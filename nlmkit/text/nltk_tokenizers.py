"""NLTK's tokenizers under names of their own: ``nltk-treebank``, ``nltk-tweet`` and ``nltk-punkt``.

NLTK is imported when one of them first splits a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Final

from nlmkit.core.optional import require
from nlmkit.errors import NlmkitError
from nlmkit.text.tokenizers import WordTokenizer

_RESERVED: Final = frozenset({"<s>", "</s>"})
_QUOTES: Final = ("``", "''", '"')  # how Treebank writes quotation marks, and what they were


class _NltkTokenizer:
    """A tokenizer of NLTK, whose classes take no part in equality: its name says what it does."""

    name: ClassVar[str]
    lossless: ClassVar[bool] = False
    """What the conformance kit asks: quotation marks and entities of HTML are changed."""

    def tokenize(self, line: str) -> list[str]:
        """Split one line."""
        raise NotImplementedError

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join the tokens the way text is usually set: no space before a comma."""
        return WordTokenizer().detokenize(tokens)

    def _module(self, name: str) -> Any:
        return require(f"nltk.tokenize{name}", extra="nltk", who=f"the tokenizer {self.name}")


class TreebankTokenizer(_NltkTokenizer):
    """Splits text as the Penn Treebank does: ``don't`` is ``do n't``, quotation marks become `````` and ``''``.

    The line is one sentence: a period at its end is a token, one inside it belongs to its word.
    """

    name: ClassVar[str] = "nltk-treebank"

    @cached_property
    def _splitter(self) -> Any:
        return self._module(".treebank").TreebankWordTokenizer()

    def tokenize(self, line: str) -> list[str]:
        """Split one line."""
        tokens: list[str] = self._splitter.tokenize(line)
        return tokens

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Return the characters of a line that each token comes from: beginning and end."""
        spans: list[tuple[int, int]] = []
        begin = 0
        for token in self.tokenize(line):
            found = [(line.find(form, begin), form) for form in (_QUOTES if token in _QUOTES else (token,))]
            place, form = min((each for each in found if each[0] >= 0), default=(begin, token))
            begin = place + len(form)
            spans.append((place, begin))
        return spans

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join tokens by NLTK's own detokenizer."""
        text: str = self._module(".treebank").TreebankWordDetokenizer().detokenize(list(tokens))
        return text


class TweetTokenizer(_NltkTokenizer):
    """Splits text of social media: emoticons, hash tags, names with ``@`` and addresses are tokens.

    Entities of HTML are read as characters; ``<s>`` and ``</s>`` that come of it are split.
    """

    name: ClassVar[str] = "nltk-tweet"

    @cached_property
    def _splitter(self) -> Any:
        return self._module(".casual").TweetTokenizer()

    def tokenize(self, line: str) -> list[str]:
        """Split one line."""
        tokens: list[str] = self._splitter.tokenize(line)
        if _RESERVED.isdisjoint(tokens):
            return tokens
        return [part for token in tokens for part in ((token[0], token[1:]) if token in _RESERVED else (token,))]


class PunktTokenizer(TreebankTokenizer):
    """Splits a line into English sentences by Punkt, and each into words as ``nltk-treebank``.

    Raises:
        NlmkitError: NLTK's data ``punkt_tab`` are missing.
    """

    name: ClassVar[str] = "nltk-punkt"

    @cached_property
    def _sentences(self) -> Any:
        try:
            return self._module(".punkt").PunktTokenizer("english")
        except LookupError:
            raise NlmkitError(
                "the tokenizer nltk-punkt needs NLTK's data punkt_tab: python -m nltk.downloader punkt_tab"
            ) from None

    def tokenize(self, line: str) -> list[str]:
        """Split one line, which may have several sentences."""
        return [
            token
            for sentence in self._sentences.tokenize(line)
            for token in super(PunktTokenizer, self).tokenize(sentence)
        ]
