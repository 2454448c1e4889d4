"""Subword tokenizers ``bpe`` and ``unigram``: trained on the training text, and saved with the model.

A tokenizer named ``bpe``, ``bpe:8000``, ``unigram`` or ``unigram:8000`` is a wish: it splits no text until it has been
trained. A trained one is named by what it is, kind, number of tokens and digest, as ``bpe(8000 1a2b3c4d5e6f7a8b)``, so
that tokenizations of one tokenizer are equal wherever it came from.

Any line can be split and restored exactly: characters that the training text lacks, and white space other than the
space, are spelt in bytes (``<0xC3>``). ``▁`` stands for a space, and the first word of a line has one, too. Only a CR
that ends a line is left out, being a part of the line's end.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Never, Protocol, Self, cast

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.json_tokenizers import (
    KIND,
    SUFFIX,
    JsonModel,
    JsonSplitting,
    json_of,
    model_of_file,
    model_of_json,
    restored_json_model,
)
from nlmkit.text.subword_models import BYTES, Kind, SubwordModel, library, restored_model
from nlmkit.text.subword_pieces import pieces_of
from nlmkit.text.tokenizers import SPACE_SYMBOL, Tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE: Final = 8000
"""Number of tokens where the name has none."""

_WANTED: Final = re.compile(r"(bpe|unigram)(?::(.*))?", re.DOTALL)
_TRAINED: Final = re.compile(r"(?:bpe|unigram|json)\(([1-9][0-9]{0,9}) [0-9a-f]{16}\)")
_LARGEST: Final = 1_000_000
_UNKNOWN: Final = "<unk>"  # which every vocabulary has
_REMEMBERED: Final = 1 << 18  # pieces of which the tokens are kept: some tens of megabytes
_BYTE: Final = {token: bytes([int(token[3:5], 16)]) for token in BYTES}


class UsesTokenizer(Protocol):
    """The tokenizer of a text pipeline or tokenization."""

    @property
    def tokenizer(self) -> str:
        """Its name."""
        ...

    @property
    def resolved_tokenizer(self) -> Tokenizer:
        """The tokenizer itself."""
        ...


class SubwordTokenizer:
    """Trained subword tokenizer. Immutable, and safe to use from several threads.

    Attributes:
        model: What it consists of.
        folder: The folder of the model that it was loaded from; None for any other. It is not a part of its identity.

    Args:
        model: What it consists of.
        folder: The folder that it was loaded from.
    """

    lossless: ClassVar[bool] = False
    """What the conformance kit asks: tokens are not made of the characters of the line where they are bytes."""

    def __init__(self, model: SubwordModel, *, folder: str | None = None) -> None:
        self.model, self.folder = model, folder
        self._known: dict[str, tuple[int, ...]] = {}

    @classmethod
    def restored(cls, data: bytes, name: str) -> SubwordTokenizer:
        """Return the tokenizer that a saved model contains: its JSON, and the name that the text pipeline gives it.

        Raises:
            SavedModelError: The JSON is damaged, contradicts itself, or is that of another tokenizer.
        """
        if name.startswith(f"{KIND}("):
            return JsonTokenizer(restored_json_model(data, name))
        return cls(restored_model(data, name))

    @property
    def name(self) -> str:
        """Kind, number of tokens and digest, as ``bpe(8000 1a2b3c4d5e6f7a8b)``."""
        return self.model.name

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """All tokens that it can return, by id: bytes, characters, subwords."""
        return self.model.tokens

    @property
    def json(self) -> bytes:
        """The JSON of the library ``tokenizers``, as UTF-8."""
        return self.model.json.encode()

    def tokenize(self, line: str) -> list[str]:
        """Split one line; for many lines, ``tokenize_lines`` is faster."""
        return self.tokenize_lines([line])[0]

    def tokenize_lines(self, lines: Sequence[str]) -> list[list[str]]:
        """Split lines: the tokens of each."""
        ids, lengths = self.ids_of("".join(f"{line}\n" for line in lines))
        tokens = list(map(self.tokens.__getitem__, ids.tolist()))
        ends = list(itertools.accumulate(lengths.tolist(), initial=0))
        return [tokens[begin:end] for begin, end in itertools.pairwise(ends)]

    def ids_of(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Split whole lines, each ended by LF.

        Returns:
            The ids of all tokens, int32, and the number of tokens of each line, int64.
        """
        import numpy as np

        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__  # a new piece's number is the number of pieces before it
        line_end = numbers["\n"]
        pieces = pieces_of(text)
        places = np.fromiter(map(numbers.__getitem__, pieces), np.int32, len(pieces))
        coded = [(), *self._coded(list(numbers)[1:])]
        sizes = np.fromiter(map(len, coded), np.int64, len(coded))
        flat = np.fromiter(itertools.chain.from_iterable(coded), np.int32, int(sizes.sum())) - self.model.first_id
        lengths = sizes[places]
        ends = np.cumsum(lengths)
        begins = (np.cumsum(sizes) - sizes)[places] - (ends - lengths)
        ids = flat[np.repeat(begins, lengths) + np.arange(int(lengths.sum()))]
        return ids, np.diff(ends[places == line_end], prepend=0)

    def _coded(self, pieces: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the library's ids of the tokens of each piece."""
        known = self._known  # of which another thread may take leave meanwhile
        new = [piece for piece in pieces if piece not in known]
        if len(known) + len(new) > _REMEMBERED:
            found = dict(zip(pieces, self._encoded(pieces), strict=True))
            self._known = dict(itertools.islice(found.items(), _REMEMBERED))
            return list(found.values())
        known.update(zip(new, self._encoded(new), strict=True))
        return [known[piece] for piece in pieces]

    def _encoded(self, pieces: Sequence[str]) -> list[tuple[int, ...]]:
        if not pieces:
            return []
        try:
            encodings = self._library.encode_batch_fast(list(pieces), add_special_tokens=False)
        except TypeError:
            raise DataError("a line contains a lone surrogate, which is not a character") from None
        return [tuple(encoding.ids) for encoding in encodings]

    @cached_property
    def _library(self) -> Any:
        """The tokenizer of the library, of the model alone: it sees single pieces."""
        return library(self.name).Tokenizer.from_str(self.model.json)

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join tokens into the line that they came from; bytes that are not UTF-8 become U+FFFD."""
        parts = []
        for is_byte, run in itertools.groupby(tokens, key=_BYTE.__contains__):
            if is_byte:
                parts.append(b"".join(map(_BYTE.__getitem__, run)).decode(errors="replace"))
            else:
                parts.append("".join(run).replace(SPACE_SYMBOL, " "))
        return "".join(parts).removeprefix(" ")

    def __reduce__(self) -> tuple[Any, ...]:
        return SubwordTokenizer.restored, (self.json, self.name)

    def __repr__(self) -> str:
        return f"<{self.name}>"


class JsonTokenizer(SubwordTokenizer):
    """Tokenizer of a file ``tokenizer.json``; see ``nlmkit.text.json_tokenizers``.

    Attributes:
        file: The file that it was read from; None for any other. It is not a part of its identity.

    Args:
        model: What it consists of.
        folder: The folder of the model that it was loaded from.
        file: The file that it was read from.
    """

    def __init__(self, model: JsonModel, *, folder: str | None = None, file: str | None = None) -> None:
        self.model: Any = model
        self.folder, self.file = folder, file
        self._splitting = JsonSplitting(model)

    @classmethod
    def given(cls, value: object) -> JsonTokenizer | None:
        """Return the tokenizer of a ``.json`` file or of an object of the library; None for any other value.

        Raises:
            HyperParameterError: The file is missing, or not a tokenizer.
        """
        if isinstance(value, str):
            return cls(model_of_file(value), file=value) if value.endswith(SUFFIX) else None
        text = json_of(value)
        return None if text is None else cls(model_of_json(text, type(value).__name__))

    def ids_of(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Split whole lines, each ended by LF: as of ``SubwordTokenizer``."""
        return self._splitting.ids_of(text)

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Return the characters of a line that each token comes from: beginning and end."""
        return self._splitting.spans(line)

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join tokens by the library's decoder."""
        return self._splitting.joined(tokens)

    def __reduce__(self) -> tuple[Any, ...]:
        return SubwordTokenizer.restored, (self.json, self.name)


class TrainedName(str):
    """Name of a trained tokenizer, with the tokenizer that it leads to: a hyper-parameter that names it.

    Attributes:
        tokenizer: The tokenizer.

    Args:
        tokenizer: The tokenizer.
    """

    tokenizer: SubwordTokenizer

    def __new__(cls, tokenizer: SubwordTokenizer) -> Self:
        """Return the name of a tokenizer."""
        made = super().__new__(cls, tokenizer.name)
        made.tokenizer = tokenizer
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return TrainedName, (self.tokenizer,)


class UntrainedSubwords:
    """Subword tokenizer that is still to be trained: what a name such as ``bpe:8000`` asks for.

    Attributes:
        name: The name.
        kind: ``bpe`` or ``unigram``.
        size: How many tokens it is to have: bytes, characters and subwords.

    Args:
        name: A name that ``is_untrained`` knows.

    Raises:
        HyperParameterError: The number after the colon is not one.
    """

    def __init__(self, name: str) -> None:
        matched = _WANTED.fullmatch(name)
        assert matched is not None
        kind, size = matched.groups()
        self.name, self.kind = name, cast(Kind, kind)
        digits = size is None or (size.isascii() and size.isdecimal() and len(size) < 10)
        self.size = int(size or SIZE) if digits and size != "" else 0
        if not 0 < self.size <= _LARGEST:
            raise HyperParameterError(
                f"the tokenizer {name}: expected the number of its tokens, 1 to {_LARGEST}, after the colon, as in "
                f"{kind}:{SIZE}"
            )

    def trained(self, texts: Iterable[str], *, source: str | None = None) -> SubwordTokenizer:
        """Train the tokenizer.

        Args:
            texts: The training text, normalized, in any number of parts: whole lines, each ended by LF.
            source: What errors call it.

        Raises:
            DataError: The text has no character other than white space.
            HyperParameterError: The number of tokens is smaller than that of bytes and characters.
            NlmkitError: The library ``tokenizers`` is not installed.
        """
        from nlmkit.text.subword_training import train

        return SubwordTokenizer(train(self.kind, self.size, texts, name=self.name, source=source))

    def tokenize(self, line: str) -> Never:
        """Raise an error: there is nothing yet to tokenize with."""
        raise self.untrained()

    def detokenize(self, tokens: Sequence[str]) -> Never:
        """Raise an error: there is nothing yet to detokenize with."""
        raise self.untrained()

    def untrained(self) -> HyperParameterError:
        """Return the error of whoever would use it."""
        return HyperParameterError(
            f"the tokenizer {self.name} is not trained yet: fit a model to a text with it, or call trained(lines) of "
            "the Tokenization or TextPipeline"
        )

    def __repr__(self) -> str:
        return f"<{self.name}, not trained>"


class BPE(UntrainedSubwords):
    """Splits text into subwords that merge frequent pairs (byte pair encoding), trained on the training text."""

    def __init__(self) -> None:
        super().__init__("bpe")


class Unigram(UntrainedSubwords):
    """Splits text into the most probable subwords of a unigram model, trained on the training text."""

    def __init__(self) -> None:
        super().__init__("unigram")


def tokens_of(pipeline: UsesTokenizer | None) -> tuple[str, ...]:
    """Return all tokens of a text pipeline's trained subword tokenizer; none if it has another tokenizer."""
    tokenizer = pipeline.resolved_tokenizer if pipeline is not None and is_trained(pipeline.tokenizer) else None
    tokens = tokenizer.tokens if isinstance(tokenizer, SubwordTokenizer) else ()
    return tuple(token for token in tokens if token != _UNKNOWN)


def is_untrained(name: object) -> bool:
    """Return whether a tokenizer's name is that of a subword tokenizer that is to be trained."""
    return isinstance(name, str) and _WANTED.fullmatch(name) is not None


def is_trained(name: object) -> bool:
    """Return whether a tokenizer's name is that of a trained subword tokenizer."""
    return isinstance(name, str) and _TRAINED.fullmatch(name) is not None
