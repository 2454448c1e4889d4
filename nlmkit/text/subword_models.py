"""What a trained subword tokenizer consists of, as the JSON of the library ``tokenizers``, and what must hold of it.

A model is stored in one canonical form, so that equal models have equal bytes and a stored one that is read again is
checked by writing it anew. Its tokens are 255 bytes (``<0x00>`` to ``<0xFF>``, without that of LF, which no line
contains), the characters of its alphabet, and subwords. A space is a space there; ``▁`` is how nlmkit shows it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, cast

from nlmkit.core.optional import require
from nlmkit.errors import SavedModelError
from nlmkit.text.tokenizers import SPACE_SYMBOL

Kind = Literal["bpe", "unigram"]

BYTES: Final = tuple(f"<0x{value:02X}>" for value in range(256) if value != ord("\n"))
"""The tokens that stand for one byte of UTF-8 each."""

_UNKNOWN: Final = "<unk>"  # which the library requires of a unigram model; byte fallback leaves nothing unknown
_OUTSIDE: Final[dict[str, Any]] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": None,
    "post_processor": None,
    "decoder": None,
}
_BPE: Final[dict[str, Any]] = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": True,
    "ignore_merges": False,
}
_UNIGRAM: Final[dict[str, Any]] = {"type": "Unigram", "unk_id": 0, "byte_fallback": True}
_LIMIT: Final = 1 << 28  # bytes of JSON: a tokenizer of some millions of tokens
_REMEDY: Final = "restore the model from a copy or save it again"


@dataclass(frozen=True)
class SubwordModel:
    """A trained model.

    Attributes:
        kind: ``bpe`` (Sennrich et al. 2016) or ``unigram`` (Kudo 2018).
        subwords: Characters of the alphabet and subwords, in the order of their ids.
        merges: Of ``bpe``, the pairs of subwords to be joined, the first first.
        scores: Of ``unigram``, the natural log-probability of each subword.
    """

    kind: Kind
    subwords: tuple[str, ...]
    merges: tuple[tuple[str, str], ...] = ()
    scores: tuple[float, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens by id, as nlmkit shows them: ``▁`` for a space."""
        return (*BYTES, *(subword.replace(" ", SPACE_SYMBOL) for subword in self.subwords))

    @property
    def first_id(self) -> int:
        """Id that the library gives to the first of ``tokens``."""
        return 0 if self.kind == "bpe" else 1

    @cached_property
    def json(self) -> str:
        """The canonical JSON, which ``tokenizers.Tokenizer.from_str`` reads."""
        model: dict[str, Any]
        if self.kind == "bpe":
            ids = {token: id_ for id_, token in enumerate((*BYTES, *self.subwords))}
            model = {**_BPE, "vocab": ids, "merges": [list(pair) for pair in self.merges]}
        else:
            of_bytes = [[token, 0.0] for token in (_UNKNOWN, *BYTES)]
            scored = [[*pair] for pair in zip(self.subwords, self.scores, strict=True)]
            model = {**_UNIGRAM, "vocab": [*of_bytes, *scored]}
        return json.dumps({**_OUTSIDE, "model": model}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    @cached_property
    def name(self) -> str:
        """The name of the trained tokenizer: kind, number of tokens, digest of the JSON."""
        digest = hashlib.sha256(self.json.encode()).hexdigest()[:16]
        return f"{self.kind}({len(BYTES) + len(self.subwords)} {digest})"


def library(who: str) -> Any:
    """Return the package ``tokenizers``.

    Args:
        who: Name of the tokenizer that needs it.

    Raises:
        NlmkitError: It is not installed.
    """
    return require("tokenizers", extra="subwords", who=f"the tokenizer {who}")


def restored_model(data: bytes, name: str) -> SubwordModel:
    """Return the model that a saved model contains.

    Args:
        data: Its JSON as UTF-8.
        name: The name of the tokenizer in the text pipeline.

    Raises:
        SavedModelError: The JSON is damaged, contradicts itself, or is that of another tokenizer.
    """
    if len(data) > _LIMIT:
        raise _damaged(name, f"its JSON is larger than {_LIMIT >> 20} MiB")
    try:
        text = data.decode()
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(name, f"its JSON cannot be read ({str(error)[:80]})") from None
    inside = found.get("model") if isinstance(found, dict) else None
    if not isinstance(inside, dict):
        raise _damaged(name, "its JSON has no model")
    try:
        model = _bpe(inside) if inside.get("type") == "BPE" else _unigram(inside)
        _check(model)
    except (ValueError, TypeError) as error:
        raise _damaged(name, str(error)[:200]) from None
    if model.json != text:
        raise _damaged(name, "its JSON is not what nlmkit writes")
    if model.name != name:
        raise _damaged(name, f"its JSON is that of {model.name}")
    return model


def _damaged(name: str, problem: str) -> SavedModelError:
    return SavedModelError(f"the tokenizer {name[:80]} is damaged: {problem}; {_REMEDY}")


def _bpe(inside: dict[str, Any]) -> SubwordModel:
    vocab, merges = inside.get("vocab"), inside.get("merges")
    if not isinstance(vocab, dict) or list(vocab.values()) != list(range(len(vocab))):
        raise ValueError("the ids of its vocabulary are not 0, 1, 2 and so on")
    if not isinstance(merges, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in merges
    ):
        raise ValueError("its merges are not pairs of subwords")
    return SubwordModel("bpe", _without(list(vocab), BYTES), merges=tuple((pair[0], pair[1]) for pair in merges))


def _unigram(inside: dict[str, Any]) -> SubwordModel:
    vocab = inside.get("vocab")
    if not isinstance(vocab, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in vocab):
        raise ValueError("its vocabulary is not a list of subwords with a score each")
    subwords = _without([pair[0] for pair in vocab], (_UNKNOWN, *BYTES))
    scores = [pair[1] for pair in vocab[len(BYTES) + 1 :]]
    if not all(isinstance(score, float) and math.isfinite(score) for score in scores):
        raise ValueError("a score of its vocabulary is not a finite number")
    return SubwordModel("unigram", subwords, scores=tuple(cast(list[float], scores)))


def _without(tokens: list[Any], first: Sequence[str]) -> tuple[str, ...]:
    if tuple(tokens[: len(first)]) != tuple(first):
        raise ValueError("its vocabulary does not begin with the bytes")
    return tuple(tokens[len(first) :])


def _check(model: SubwordModel) -> None:
    """Raise a ValueError if subwords contradict one another or cannot be tokens."""
    for subword in model.subwords:
        if not isinstance(subword, str) or not subword:
            raise ValueError(f"{subword!r} is not a subword")
        if "<" in subword[:-1] or SPACE_SYMBOL in subword or any(c.isspace() and c != " " for c in subword):
            raise ValueError(f"{subword!r} cannot be a subword")
        subword.encode()  # a lone surrogate raises a ValueError
    characters = [subword for subword in model.subwords if len(subword) == 1]
    if len(set(model.subwords)) != len(model.subwords):
        raise ValueError("its vocabulary contains a subword twice")
    known = set(characters)
    if " " not in known or not known.issuperset("".join(model.subwords)):
        raise ValueError("a character of a subword is not in its vocabulary")
    if model.kind == "bpe":
        for left, right in model.merges:
            if left not in known or right not in known:
                raise ValueError(f"its merges join {left!r} and {right!r}, which are not in its vocabulary by then")
            known.add(left + right)
        if known != set(model.subwords):
            raise ValueError("its merges do not give the subwords of its vocabulary")
        if len(set(model.merges)) != len(model.merges):
            raise ValueError("its merges contain a pair twice")
