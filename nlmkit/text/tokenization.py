"""Tokenization: conversion of characters to tokens. Part of a model, which reads all texts like its training text."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, get_args

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.marks import NUL_AS, Marks, clean_sentence
from nlmkit.text.normalization import UnicodeForm, normalize
from nlmkit.text.segmenter import Segmenter, SegmenterTokenizer
from nlmkit.text.subwords import SubwordTokenizer, UntrainedSubwords, is_untrained
from nlmkit.text.tokenizer_lookup import saved_tokenizer_given, tokenizer_called
from nlmkit.text.tokenizers import BUILT_IN, Tokenizer


@dataclass(frozen=True)
class Tokenization:
    """Tokenization of text: Unicode form, then case, then the tokenizer.

    Attributes:
        tokenizer: ``space``, ``word``, ``char``, or the name of a plugin's tokenizer, looked up when first used. A
            fitted segmenter, or ``model:FOLDER``, from which one is loaded at once, is replaced by what it is called
            wherever it lies: ``model(bilstm-tagger 1a2b3c4d5e6f7a8b)``. ``bpe``, ``bpe:8000``, ``unigram`` and
            ``unigram:8000`` are subword tokenizers that are yet to be trained (``trained``), of that many tokens; a
            trained one, or a folder that contains a model with one, is replaced by what it is called:
            ``bpe(8000 1a2b3c4d5e6f7a8b)``.
        lowercase: Whether to lower-case, by Unicode's rules.
        unicode_form: ``NFC``, ``NFD``, ``NFKC``, ``NFKD``, or ``None`` to leave characters as they are.

    Raises:
        HyperParameterError: A value is not one of these.
        SavedModelError: A folder cannot be loaded.
    """

    tokenizer: str = "space"
    lowercase: bool = False
    unicode_form: UnicodeForm | None = None

    if TYPE_CHECKING:  # what is accepted, and what the attribute is afterwards

        def __init__(
            self,
            tokenizer: str | Segmenter | SegmenterTokenizer | SubwordTokenizer = "space",
            lowercase: bool = False,
            unicode_form: UnicodeForm | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        if self.unicode_form is not None and self.unicode_form not in get_args(UnicodeForm):
            raise HyperParameterError(f"unicode_form must be NFC, NFD, NFKC, NFKD or None, not {self.unicode_form!r}")
        if not isinstance(self.lowercase, bool):
            raise HyperParameterError(f"lowercase must be true or false, not {self.lowercase!r}")
        saved = saved_tokenizer_given(self.tokenizer)
        if saved is not None:
            object.__setattr__(self, "tokenizer", saved.name)
            vars(self)["resolved_tokenizer"] = saved
        elif is_untrained(self.tokenizer):
            vars(self)["resolved_tokenizer"] = UntrainedSubwords(self.tokenizer)
        elif not isinstance(self.tokenizer, str) or not self.tokenizer:
            raise HyperParameterError(f"tokenizer must be the name of a tokenizer, not {self.tokenizer!r}")

    @property
    def signature(self) -> str:
        """Signature of the tokenization in reports, such as ``tok:space|lc:no|nf:none``."""
        case = "yes" if self.lowercase else "no"
        return f"tok:{self.tokenizer}|lc:{case}|nf:{(self.unicode_form or 'none').lower()}"

    @cached_property
    def resolved_tokenizer(self) -> Tokenizer:
        """The tokenizer itself.

        Raises:
            UnknownComponentError: No tokenizer, built in or plugged in, has the name.
            PluginError: A plugin has it, and could not be loaded.
        """
        return BUILT_IN[self.tokenizer]() if self.tokenizer in BUILT_IN else tokenizer_called(self.tokenizer)

    @property
    def needs_training(self) -> bool:
        """Whether the tokenizer is a subword tokenizer that is yet to be trained; it tokenizes nothing before."""
        return is_untrained(self.tokenizer)

    def trained(self, lines: Iterable[str]) -> Tokenization:
        """Return the same tokenization with the tokenizer trained on a text, which it normalizes first.

        Args:
            lines: The lines of the training text.

        Raises:
            DataError: The text has no character other than white space, or a line holds an LF.
            HyperParameterError: The tokenizer is not one to be trained, or is to have too few tokens for the text.
            NlmkitError: The library ``tokenizers`` is not installed.
        """
        return self.trained_on_blocks(f"{_one_line(line)}\n" for line in lines)

    def trained_on_blocks(self, blocks: Iterable[str], *, source: str | None = None) -> Tokenization:
        """Train the tokenizer on any number of whole lines at a time, each ended by LF; see ``trained``."""
        untrained = self.resolved_tokenizer
        if not isinstance(untrained, UntrainedSubwords):
            raise HyperParameterError(f"the tokenizer {self.tokenizer} is not one to be trained, bpe or unigram")
        trained = untrained.trained(map(self.normalize, blocks), source=source)
        return Tokenization(trained, self.lowercase, self.unicode_form)

    def with_tokenizer(self, tokenizer: Tokenizer) -> Tokenization:
        """Return an equal tokenization that uses this tokenizer object, whatever its name means elsewhere."""
        changed = copy.copy(self)
        vars(changed)["resolved_tokenizer"] = tokenizer  # where `cached_property` keeps what it has looked up
        return changed

    def normalize(self, text: str) -> str:
        """Apply Unicode form and case.

        Neither looks beyond a line, so whole blocks of lines may be given: LF is a starter without compositions and no
        character's normal form or lower case contains one.
        """
        if self.unicode_form is not None:
            text = normalize(self.unicode_form, text)
        return text.lower() if self.lowercase else text

    def tokenize(self, line: str, marks: Marks = "error") -> list[str]:
        """Turn one line, without its LF, into tokens.

        Under ``marks="error"`` sentence marks and NUL are left as they are: reading a text refuses them.

        Raises:
            DataError: The line holds an LF.
        """
        line = _one_line(line)
        if marks == "error":
            return self.resolved_tokenizer.tokenize(self.normalize(line))
        line = line.replace("\0", NUL_AS[marks])
        return [*clean_sentence(self.resolved_tokenizer.tokenize(self.normalize(line)), marks)]

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join tokens, such as generated ones, into readable text."""
        return self.resolved_tokenizer.detokenize(tokens)


def trained_jointly(*texts: tuple[Tokenization, Iterable[str]]) -> list[Tokenization]:
    """Train one tokenizer on several texts, such as sources and targets; each tokenization then has the same.

    Args:
        texts: Each tokenization with the lines of its text, which it normalizes.

    Raises:
        DataError: As for ``trained``.
        HyperParameterError: As for ``trained``, or they do not all name the same tokenizer.
    """
    names = dict.fromkeys(tokenization.tokenizer for tokenization, _ in texts)
    if len(names) != 1:
        raise HyperParameterError(f"tokenizers that are trained jointly must be the same, not {' and '.join(names)}")
    blocks = (own.normalize(f"{_one_line(line)}\n") for own, lines in texts for line in lines)
    joint = Tokenization(next(iter(names))).trained_on_blocks(blocks).resolved_tokenizer
    assert isinstance(joint, SubwordTokenizer)
    return [Tokenization(joint, own.lowercase, own.unicode_form) for own, _ in texts]


def _one_line(line: str) -> str:
    """Return a line without LF.

    Raises:
        DataError: It holds one.
    """
    if "\n" in line:
        raise DataError("a line must not hold a line feed: split the text at them first")
    return line
