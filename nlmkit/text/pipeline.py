"""The text pipeline: how bytes become tokens.

It belongs to a saved model and is applied again at scoring, so that a model never sees text prepared in another way
than its training text.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Literal, get_args

from nlmkit.errors import DataError, HyperParameterError, SavedModelError
from nlmkit.text.tokenizers import BUILT_IN, Tokenizer

DecodingErrors = Literal["strict", "replace", "ignore"]
UnicodeForm = Literal["NFC", "NFD", "NFKC", "NFKD"]

# Python counts these as text encodings, but no text file is written in them.
_NOT_FOR_FILES = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})


@dataclass(frozen=True)
class TextPipeline:
    """How text is read: decoding, then Unicode form, then case, then tokens.

    Attributes:
        encoding: Name of the text's encoding, as Python's codecs know it. A byte order mark is dropped.
        errors: What to do with bytes that are no text in that encoding: ``strict`` raises, ``replace`` puts U+FFFD in
            their place, ``ignore`` leaves them out.
        unicode_form: ``NFC``, ``NFD``, ``NFKC``, ``NFKD``, or ``None`` to leave characters as they are.
        lowercase: Whether to lower-case, by Unicode's rules.
        tokenizer: ``space``, ``word``, ``char``, or the name of a plugin's tokenizer, looked up when first used.

    Raises:
        HyperParameterError: A value is not one of these.
    """

    encoding: str = "utf-8"
    errors: DecodingErrors = "strict"
    unicode_form: UnicodeForm | None = None
    lowercase: bool = False
    tokenizer: str = "space"

    def __post_init__(self) -> None:
        _check_encoding(self.encoding)
        if self.errors not in get_args(DecodingErrors):
            raise HyperParameterError(f"errors must be strict, replace or ignore, not {self.errors!r}")
        if self.unicode_form is not None and self.unicode_form not in get_args(UnicodeForm):
            raise HyperParameterError(f"unicode_form must be NFC, NFD, NFKC, NFKD or None, not {self.unicode_form!r}")
        if not isinstance(self.lowercase, bool):
            raise HyperParameterError(f"lowercase must be true or false, not {self.lowercase!r}")
        if not isinstance(self.tokenizer, str) or not self.tokenizer:
            raise HyperParameterError(f"tokenizer must be the name of a tokenizer, not {self.tokenizer!r}")

    @property
    def is_utf8(self) -> bool:
        """Whether the encoding is UTF-8, under whichever of its names."""
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")

    @property
    def signature(self) -> str:
        """What a report says of the pipeline, such as ``tok:space|lc:no|nf:none``.

        The encoding is left out, because the text is the same in any. ``err:`` is added where undecodable bytes may
        have been changed.
        """
        parts = [
            f"tok:{self.tokenizer}",
            f"lc:{'yes' if self.lowercase else 'no'}",
            f"nf:{(self.unicode_form or 'none').lower()}",
        ]
        if self.errors != "strict":
            parts.append(f"err:{self.errors}")
        return "|".join(parts)

    @cached_property
    def resolved_tokenizer(self) -> Tokenizer:
        """The tokenizer itself.

        Raises:
            UnknownComponentError: No tokenizer, built in or plugged in, has the name.
            PluginError: A plugin has it, and could not be loaded.
        """
        if self.tokenizer in BUILT_IN:
            return BUILT_IN[self.tokenizer]()
        from nlmkit.registry import get_tokenizer

        return get_tokenizer(self.tokenizer)

    def normalize(self, text: str) -> str:
        """Applies Unicode form and case.

        Neither looks beyond a line, so whole blocks of lines may be given: LF is a starter without compositions and no
        character's normal form or lower case contains one.
        """
        if self.unicode_form is not None:
            text = unicodedata.normalize(self.unicode_form, text)
        return text.lower() if self.lowercase else text

    def tokenize(self, line: str) -> list[str]:
        """Turns one line, without its LF, into tokens.

        Raises:
            DataError: The line holds an LF.
        """
        if "\n" in line:
            raise DataError("a line must not hold a line feed: split the text at them first")
        return self.resolved_tokenizer.tokenize(self.normalize(line))

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Joins tokens, such as generated ones, into readable text."""
        return self.resolved_tokenizer.detokenize(tokens)

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TextPipeline:
        """Rebuilds a pipeline from `to_dict`'s values.

        Raises:
            SavedModelError: A key is missing or unknown, or a value is not allowed.
        """
        if not isinstance(values, Mapping):
            raise SavedModelError(f"the text pipeline must be a JSON object, not {type(values).__name__}")
        names = {field.name for field in fields(cls)}
        for problem, keys in (("unknown", values.keys() - names), ("missing", names - values.keys())):
            if keys:
                raise SavedModelError(f"the text pipeline has {problem} keys: {', '.join(sorted(map(str, keys)))}")
        try:
            return cls(**values)
        except HyperParameterError as error:
            raise SavedModelError(f"the text pipeline is not valid: {error}") from error


def _check_encoding(name: object) -> None:
    """Raises `HyperParameterError` unless the name is that of an encoding in which text files are written."""
    message = f"unknown text encoding {name!r}: use a name that Python knows, such as utf-8, latin-1 or gb18030"
    if not isinstance(name, str):
        raise HyperParameterError(message)
    try:
        codec = codecs.lookup(name)
        b"a".decode(name)
    except UnicodeError:
        pass  # One byte of a wider encoding.
    except (LookupError, ValueError):
        raise HyperParameterError(message) from None
    if codec.incrementaldecoder is None or codec.name.replace("-", "_") in _NOT_FOR_FILES:
        raise HyperParameterError(message)
