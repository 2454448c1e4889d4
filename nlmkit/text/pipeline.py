"""The text pipeline: a decoding and a tokenization in one value, as a model saves them.

Of the two only the tokenization is a fact of the model, applied again at scoring. The decoding is that of the training
text, and the default for other texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.text.decoding import Decoding, DecodingErrors
from nlmkit.text.marks import Marks
from nlmkit.text.normalization import UnicodeForm
from nlmkit.text.segmenter import Segmenter, SegmenterTokenizer
from nlmkit.text.subwords import SubwordTokenizer
from nlmkit.text.tokenization import Tokenization
from nlmkit.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class TextPipeline:
    """Text pipeline: decoding, then Unicode form, then case, then tokens.

    Attributes:
        encoding: See ``Decoding``.
        errors: See ``Decoding``.
        unicode_form: See ``Tokenization``.
        lowercase: See ``Tokenization``.
        tokenizer: See ``Tokenization``.
        marks: See ``Decoding``. It concerns one reading of a text: pipelines that differ in nothing
            else are equal, a `Corpus` forgets it, and no model saves it.

    Raises:
        HyperParameterError: A value is not one of those allowed.
        SavedModelError: The folder of a tokenizer cannot be loaded.
    """

    encoding: str = "utf-8"
    errors: DecodingErrors = "strict"
    unicode_form: UnicodeForm | None = None
    lowercase: bool = False
    tokenizer: str = "space"
    marks: Marks = field(default="error", compare=False)

    if TYPE_CHECKING:  # what is accepted, and what the attributes are afterwards

        def __init__(  # noqa: PLR0917
            self,
            encoding: str = "utf-8",
            errors: DecodingErrors = "strict",
            unicode_form: UnicodeForm | None = None,
            lowercase: bool = False,
            tokenizer: str | Segmenter | SegmenterTokenizer | SubwordTokenizer = "space",
            marks: Marks = "error",
        ) -> None: ...

    def __post_init__(self) -> None:
        _ = self.decoding  # which checks the values, as the tokenization does
        object.__setattr__(self, "tokenizer", self.tokenization.tokenizer)

    @classmethod
    def of(cls, decoding: Decoding, tokenization: Tokenization) -> TextPipeline:
        """Return the pipeline of these two."""
        made = cls(
            decoding.encoding,
            decoding.errors,
            tokenization.unicode_form,
            tokenization.lowercase,
            tokenization.tokenizer,
            decoding.marks,
        )
        vars(made)["tokenization"] = tokenization  # with the tokenizer that it has looked up
        return made

    @cached_property
    def decoding(self) -> Decoding:
        """Conversion of bytes to characters."""
        return Decoding(self.encoding, self.errors, self.marks)

    @cached_property
    def tokenization(self) -> Tokenization:
        """Conversion of characters to tokens."""
        return Tokenization(self.tokenizer, self.lowercase, self.unicode_form)

    @property
    def is_utf8(self) -> bool:
        """Whether the encoding is UTF-8, under any of its names."""
        return self.decoding.is_utf8

    @property
    def signature(self) -> str:
        """Signature of the pipeline in reports, such as ``tok:space|lc:no|nf:none``.

        The encoding is left out, because the text is the same in any. ``err:`` is added where undecodable bytes may
        have been changed.
        """
        return self.tokenization.signature + ("" if self.errors == "strict" else f"|err:{self.errors}")

    @property
    def resolved_tokenizer(self) -> Tokenizer:
        """The tokenizer itself; see ``resolved_tokenizer``."""
        return self.tokenization.resolved_tokenizer

    @property
    def needs_training(self) -> bool:
        """Whether the tokenizer is yet to be trained; see ``Tokenization``."""
        return self.tokenization.needs_training

    def trained(self, lines: Iterable[str]) -> TextPipeline:
        """Return the same pipeline with the tokenizer trained on a text; see ``Tokenization.trained``."""
        return self.with_tokenization(self.tokenization.trained(lines))

    def normalize(self, text: str) -> str:
        """Apply Unicode form and case; see ``normalize``."""
        return self.tokenization.normalize(text)

    def with_decoding(self, decoding: Decoding) -> TextPipeline:
        """Return the pipeline with the same tokenization, for a source of another decoding."""
        return TextPipeline.of(decoding, self.tokenization)

    def with_tokenization(self, tokenization: Tokenization) -> TextPipeline:
        """Return the pipeline with the same decoding, for a model of another tokenization."""
        return TextPipeline.of(self.decoding, tokenization)

    def with_marks(self, marks: Marks) -> TextPipeline:
        """Return the same pipeline with another treatment of sentence marks and NUL."""
        return self if marks == self.marks else self.with_decoding(self.decoding.with_marks(marks))

    def with_tokenizer(self, tokenizer: Tokenizer) -> TextPipeline:
        """Return an equal pipeline that uses this tokenizer object, whatever its name means elsewhere."""
        return TextPipeline.of(self.decoding, self.tokenization.with_tokenizer(tokenizer))

    def tokenize(self, line: str) -> list[str]:
        """Turn one line, without its LF, into tokens; see ``tokenize``.

        Raises:
            DataError: The line holds an LF.
        """
        return self.tokenization.tokenize(line, self.marks)

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join tokens, such as generated ones, into readable text."""
        return self.tokenization.detokenize(tokens)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values, without ``marks``, which is not part of a model."""
        values = asdict(self)
        del values["marks"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TextPipeline:
        """Rebuild a pipeline from `to_dict`'s values.

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
            restored = cls(**values)
        except HyperParameterError as error:
            raise SavedModelError(f"the text pipeline is not valid: {error}") from error
        if restored.needs_training:
            raise SavedModelError(f"the text pipeline is not valid: the tokenizer {restored.tokenizer} is not trained")
        return restored


def as_pipeline(given: TextPipeline | Tokenization | None, decoding: Decoding | None = None) -> TextPipeline:
    """Return the argument of a reader of text as one pipeline, with ``decoding`` instead of its own if given.

    Raises:
        HyperParameterError: ``given`` is neither.
    """
    if isinstance(given, Tokenization):
        return TextPipeline.of(decoding or Decoding(), given)
    if not (given is None or isinstance(given, TextPipeline)):
        raise HyperParameterError(f"expected a Tokenization or a TextPipeline, not {given!r}")
    pipeline = given or TextPipeline()
    return pipeline if decoding is None else pipeline.with_decoding(decoding)
