"""The text pipeline: how bytes become tokens.

It belongs to a saved model and is applied again at scoring, so that a model never sees text prepared in another way
than its training text.
"""

from __future__ import annotations

import codecs
import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, Literal, get_args

from nlmkit.errors import DataError, HyperParameterError, SavedModelError
from nlmkit.text.known_encodings import check_encoding
from nlmkit.text.marks import NUL_AS, Marks, clean_sentence
from nlmkit.text.normalization import UnicodeForm, normalize
from nlmkit.text.tokenizers import BUILT_IN, Tokenizer

DecodingErrors = Literal["strict", "replace", "ignore"]


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
        marks: What to do with the tokens ``<s>`` and ``</s>``, which language models put around sentences, and with
            NUL: ``error`` raises; ``skip`` takes them for white space; ``literal`` takes them for ordinary words,
            spelt ``&lt;s&gt;`` and ``&lt;/s&gt;``, and NUL for the character ``␀`` (a text that begins with as many
            NULs as characters is still refused, as binary data or UTF-16). It concerns one reading of a text:
            pipelines that differ in nothing else are equal, a `Corpus` forgets it, and no model saves it.

    Raises:
        HyperParameterError: A value is not one of these.
    """

    encoding: str = "utf-8"
    errors: DecodingErrors = "strict"
    unicode_form: UnicodeForm | None = None
    lowercase: bool = False
    tokenizer: str = "space"
    marks: Marks = field(default="error", compare=False)

    def __post_init__(self) -> None:
        check_encoding(self.encoding)
        if self.errors not in get_args(DecodingErrors):
            raise HyperParameterError(f"errors must be strict, replace or ignore, not {self.errors!r}")
        if self.unicode_form is not None and self.unicode_form not in get_args(UnicodeForm):
            raise HyperParameterError(f"unicode_form must be NFC, NFD, NFKC, NFKD or None, not {self.unicode_form!r}")
        if not isinstance(self.lowercase, bool):
            raise HyperParameterError(f"lowercase must be true or false, not {self.lowercase!r}")
        if not isinstance(self.tokenizer, str) or not self.tokenizer:
            raise HyperParameterError(f"tokenizer must be the name of a tokenizer, not {self.tokenizer!r}")
        if self.marks not in get_args(Marks):
            raise HyperParameterError(f"marks must be error, skip or literal, not {self.marks!r}")

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
        from nlmkit.core.registry import get_tokenizer

        return get_tokenizer(self.tokenizer)

    def normalize(self, text: str) -> str:
        """Applies Unicode form and case.

        Neither looks beyond a line, so whole blocks of lines may be given: LF is a starter without compositions and no
        character's normal form or lower case contains one.
        """
        if self.unicode_form is not None:
            text = normalize(self.unicode_form, text)
        return text.lower() if self.lowercase else text

    def with_marks(self, marks: Marks) -> TextPipeline:
        """Returns the same pipeline with another treatment of sentence marks and NUL."""
        if marks == self.marks:
            return self
        changed = copy.copy(self)  # the tokenizer that was looked up goes along
        object.__setattr__(changed, "marks", marks)
        changed.__post_init__()
        return changed

    def tokenize(self, line: str) -> list[str]:
        """Turns one line, without its LF, into tokens.

        Under ``marks="error"`` sentence marks and NUL are left as they are: reading a text refuses them.

        Raises:
            DataError: The line holds an LF.
        """
        if "\n" in line:
            raise DataError("a line must not hold a line feed: split the text at them first")
        if self.marks == "error":
            return self.resolved_tokenizer.tokenize(self.normalize(line))
        line = line.replace("\0", NUL_AS[self.marks])
        return [*clean_sentence(self.resolved_tokenizer.tokenize(self.normalize(line)), self.marks)]

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Joins tokens, such as generated ones, into readable text."""
        return self.resolved_tokenizer.detokenize(tokens)

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON-ready values, without ``marks``, which is not part of a model."""
        values = asdict(self)
        del values["marks"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TextPipeline:
        """Rebuilds a pipeline from `to_dict`'s values.

        Raises:
            SavedModelError: A key is missing or unknown, or a value is not allowed.
        """
        if not isinstance(values, Mapping):
            raise SavedModelError(f"the text pipeline must be a JSON object, not {type(values).__name__}")
        names = {field.name for field in fields(cls)} - {"marks"}
        for problem, keys in (("unknown", values.keys() - names), ("missing", names - values.keys())):
            if keys:
                raise SavedModelError(f"the text pipeline has {problem} keys: {', '.join(sorted(map(str, keys)))}")
        try:
            return cls(**values)
        except HyperParameterError as error:
            raise SavedModelError(f"the text pipeline is not valid: {error}") from error
