"""Tokenizers of the library ``tokenizers`` that others have made: a file ``tokenizer.json``.

A model that uses one is saved with a copy inside, as with a subword tokenizer of our own, and named by what it is:
``json(30522 1a2b3c4d5e6f7a8b)``, the number of tokens and the digest of the JSON. Tokens are those of the library;
special tokens (``[CLS]``) are not added to a line, nor recognized in it. Truncation and padding are turned off.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.errors import DataError, HyperParameterError, SavedModelError
from nlmkit.text.subword_models import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIX: Final = ".json"
"""What the name of a file ends in that is read as a tokenizer."""

KIND: Final = "json"

_RESERVED: Final = frozenset({"<s>", "</s>"})
_LIMIT: Final = 1 << 28  # bytes of JSON: a tokenizer of some millions of tokens
_SHOWN: Final = 100  # characters of the library's reason
_EXPECTED: Final = "expected the JSON of the library tokenizers, as Tokenizer.save writes it"


class JsonModel:
    """What a tokenizer consists of.

    Attributes:
        json: Its JSON in canonical form: as given, without white space.

    Args:
        text: The JSON.

    Raises:
        ValueError: It is not that of a tokenizer that can be used.
    """

    def __init__(self, text: str) -> None:
        found = json.loads(text)
        if not isinstance(found, dict) or not isinstance(found.get("model"), dict):
            raise ValueError("it has no model")
        if found["model"].get("dropout"):
            raise ValueError("it has dropout, and would split a line differently each time: set its dropout to null")
        self.json = json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self.library = _loaded(self.json)
        by_id = sorted((id_, token) for token, id_ in self.library.get_vocab(with_added_tokens=True).items())
        usable = [(id_, token) for id_, token in by_id if _is_usable(token)]
        if not usable:
            raise ValueError("it has no tokens")
        self.ids = tuple(id_ for id_, _ in usable)
        self.tokens = tuple(token for _, token in usable)

    @cached_property
    def name(self) -> str:
        """Number of tokens and digest, as ``json(30522 1a2b3c4d5e6f7a8b)``."""
        return f"{KIND}({len(self.tokens)} {hashlib.sha256(self.json.encode()).hexdigest()[:16]})"

    def places(self, ids: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the index in ``tokens`` of ids of the library, int32; -1 for a token that cannot be one here."""
        import numpy as np

        found = np.searchsorted(self._own_ids, ids)  # no table by id: ids can be far apart
        is_own = self._own_ids[np.minimum(found, len(self._own_ids) - 1)] == ids
        return np.where(is_own, found, -1).astype(np.int32)

    @cached_property
    def _own_ids(self) -> NDArray[np.int64]:
        import numpy as np

        return np.array(self.ids, np.int64)


def model_of_file(path: str) -> JsonModel:
    """Return what a file contains.

    Raises:
        HyperParameterError: It is missing, or not a tokenizer that can be used.
        NlmkitError: The library ``tokenizers`` is not installed.
    """
    file = Path(path)
    try:
        if file.stat().st_size > _LIMIT:
            raise ValueError(f"it is larger than {_LIMIT >> 20} MiB")
        text = file.read_text("utf-8")
    except OSError as error:
        raise HyperParameterError(f"tokenizer {path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise HyperParameterError(f"tokenizer {path}: {error}: {_EXPECTED}") from None
    return model_of_json(text, path)


def model_of_json(text: str, what: str) -> JsonModel:
    """Return what a JSON text contains.

    Args:
        text: The JSON.
        what: Where it comes from, for errors.

    Raises:
        HyperParameterError: It is not a tokenizer that can be used.
        NlmkitError: The library ``tokenizers`` is not installed.
    """
    try:
        return JsonModel(text)
    except (ValueError, RecursionError) as error:
        raise HyperParameterError(f"tokenizer {what}: {str(error)[:_SHOWN]}: {_EXPECTED}") from None


def restored_json_model(data: bytes, name: str) -> JsonModel:
    """Return the tokenizer that a saved model contains.

    Args:
        data: Its JSON as UTF-8.
        name: The name of the tokenizer in the text pipeline.

    Raises:
        SavedModelError: The JSON is damaged, or is that of another tokenizer.
    """
    try:
        if len(data) > _LIMIT:
            raise ValueError(f"its JSON is larger than {_LIMIT >> 20} MiB")
        model = JsonModel(data.decode())
    except (ValueError, RecursionError) as error:
        problem = str(error)[:_SHOWN]
        raise SavedModelError(
            f"the tokenizer {name[:80]} is damaged: {problem}; restore the model from a copy"
        ) from None
    if model.name != name:
        raise SavedModelError(f"the tokenizer {name[:80]} is damaged: its JSON is that of {model.name}")
    return model


def json_of(given: object) -> str | None:
    """Return the JSON of an object of ``tokenizers``, or of a fast tokenizer of ``transformers``; None for others."""
    inside: Any = getattr(given, "backend_tokenizer", given)
    is_tokenizer = callable(getattr(inside, "to_str", None)) and callable(getattr(inside, "encode_batch_fast", None))
    return str(inside.to_str()) if is_tokenizer and not isinstance(given, type) else None


class JsonSplitting:
    """How a tokenizer of the library splits and joins lines.

    Attributes:
        model: What it consists of.
        lossless: What the conformance kit asks: tokens need not be made of the characters of the line.

    Args:
        model: What it consists of.
    """

    lossless: ClassVar[bool] = False

    def __init__(self, model: JsonModel) -> None:
        self.model = model

    def ids_of(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Split whole lines, each ended by LF, in front of which a CR is left out.

        Returns:
            The index in ``tokens`` of all tokens, int32, and the number of tokens of each line, int64.

        Raises:
            DataError: A line has a token that no text may have, such as ``<s>``.
        """
        import numpy as np

        lines = [line.removesuffix("\r") for line in text.split("\n")[:-1]]
        try:
            encodings = self.model.library.encode_batch_fast(lines, add_special_tokens=False)
        except TypeError:
            raise DataError("a line contains a lone surrogate, which is not a character") from None
        lengths = np.fromiter(map(len, encodings), np.int64, len(encodings))
        flat = itertools.chain.from_iterable(encoding.ids for encoding in encodings)
        ids = np.fromiter(flat, np.int64, int(lengths.sum()))
        found = self.model.places(ids)
        if (found < 0).any():
            token = self.model.library.id_to_token(int(ids[int(np.argmin(found))]))
            raise DataError(f"the tokenizer gives the token {token!r}, which no text may have: remove it from the text")
        return found, lengths

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Return the characters of a line that each token comes from: beginning and end."""
        return [(begin, end) for begin, end in self.model.library.encode(line, add_special_tokens=False).offsets]

    def joined(self, tokens: Sequence[str]) -> str:
        """Join tokens by the library's decoder; tokens that it does not know stay as they are, between spaces."""
        known = self.model.library.token_to_id
        parts = []
        for is_unknown, run in itertools.groupby(
            ((known(token), token) for token in tokens), key=lambda pair: pair[0] is None
        ):
            pairs = list(run)
            parts.append(
                " ".join(token for _, token in pairs)
                if is_unknown
                else self.model.library.decode([id_ for id_, _ in pairs], skip_special_tokens=False)
            )
        return " ".join(parts)


def _loaded(text: str) -> Any:
    """Return the tokenizer of the library.

    Raises:
        ValueError: The JSON is not that of a tokenizer.
    """
    found = library(KIND).Tokenizer
    try:
        loaded = found.from_str(text)
    except BaseException as error:  # a panic of the library, which is written in Rust, is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise ValueError(" ".join(str(error).split()) or "it cannot be read") from None
    loaded.no_truncation()
    loaded.no_padding()
    loaded.encode_special_tokens = True  # a text that spells one does not mean it
    return loaded


def _is_usable(token: str) -> bool:
    if not token or token in _RESERVED or "\n" in token or "\0" in token:
        return False
    try:
        token.encode()
    except UnicodeEncodeError:
        return False
    return True
