"""Decoding: how the bytes of a source become characters. A fact of the source, and of no model."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace
from typing import Literal, get_args

from nlmkit.errors import HyperParameterError
from nlmkit.text.known_encodings import check_encoding
from nlmkit.text.marks import Marks

DecodingErrors = Literal["strict", "replace", "ignore"]


@dataclass(frozen=True)
class Decoding:
    """How a source is read: its encoding, and what becomes of what is not text.

    Attributes:
        encoding: Name of the text's encoding, as Python's codecs know it. A byte order mark is dropped.
        errors: What to do with bytes that are not text in that encoding: ``strict`` raises, ``replace`` puts U+FFFD in
            their place, ``ignore`` leaves them out.
        marks: What to do with the tokens ``<s>`` and ``</s>``, which language models put around sentences, and with
            NUL: ``error`` raises; ``skip`` takes them for white space; ``literal`` takes them for ordinary words,
            spelt ``&lt;s&gt;`` and ``&lt;/s&gt;``, and NUL for the character ``␀`` (a text that begins with as many
            NULs as characters is still refused, as binary data or UTF-16).

    Raises:
        HyperParameterError: A value is not one of these.
    """

    encoding: str = "utf-8"
    errors: DecodingErrors = "strict"
    marks: Marks = "error"

    def __post_init__(self) -> None:
        check_encoding(self.encoding)
        if self.errors not in get_args(DecodingErrors):
            raise HyperParameterError(f"errors must be strict, replace or ignore, not {self.errors!r}")
        if self.marks not in get_args(Marks):
            raise HyperParameterError(f"marks must be error, skip or literal, not {self.marks!r}")

    @property
    def is_utf8(self) -> bool:
        """Whether the encoding is UTF-8, under any of its names."""
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")

    def with_marks(self, marks: Marks) -> Decoding:
        """Return the same decoding with another treatment of sentence marks and NUL."""
        return self if marks == self.marks else replace(self, marks=marks)
