"""A fitted segmenter as a tokenizer: ``model:FOLDER``.

A segmenter is a tagger of characters whose tags say where words begin, go on and end. As a tokenizer it is named by
what it is and not by where it was saved, ``model(bilstm-tagger 1a2b3c4d5e6f7a8b)``: component and digest. So
tokenizations of one segmenter are equal wherever its folder is, and a model that uses it is saved with a copy inside.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from nlmkit.contract import MAX_NESTING
from nlmkit.errors import HyperParameterError
from nlmkit.text.tokenizers import WordTokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PREFIX: Final = "model:"
"""What precedes the folder of a segmenter that is to be loaded."""

_NAME: Final = re.compile(r"model\(([A-Za-z0-9._-]+) [0-9a-f]{16}\)")
_BEGINNINGS: Final = ("B", "S")
_ENDS: Final = ("E", "S")
_SHOWN: Final = 6  # tags in an error
_CHARACTERS: Final = 1 << 16  # that the segmenter is given at once: bounds memory
_REMEDY: Final = "expected a segmenter, a tagger fitted to segmented text (words with spaces between them)"


class Segmenter(Protocol):
    """A component that may be a segmenter; ``Tagger`` has what it needs."""

    kind: ClassVar[str]
    name: ClassVar[str]

    @property
    def is_fitted(self) -> bool:
        """Whether there is fitted state."""
        ...

    @property
    def digest(self) -> str:
        """Sixteen hex digits that identify a fitted component."""
        ...


class SegmenterTokenizer:
    """Tokenizer that splits a line into words by a fitted segmenter.

    White space of any kind separates words and is not a token. The other characters of the line are tagged together, as
    one sentence, so that each word is chosen in the context of the whole line; none of them is lost or changed.

    Attributes:
        model: The segmenter, which must not be changed any more.
        folder: The folder that it was loaded from; None for any other. It is not a part of its identity.

    Args:
        model: The segmenter.
        name: The name under which it was saved with a model; by default it is computed.
        folder: The folder that it was loaded from.

    Raises:
        HyperParameterError: It is not fitted, not a segmenter, or consists of too many components inside one another.
    """

    def __init__(self, model: Segmenter, name: str | None = None, *, folder: str | None = None) -> None:
        problem = _problem(model)
        if problem:
            what = "tokenizer" if folder is None else f"tokenizer {PREFIX}{folder}"
            raise HyperParameterError(f"{what}: {problem}")
        self.model: Any = model
        self.folder = folder
        if name is not None:
            vars(self)["name"] = name

    @cached_property
    def name(self) -> str:
        """Component and digest, as ``model(bilstm-tagger 1a2b3c4d5e6f7a8b)``."""
        return f"model({self.model.name} {self.model.digest})"

    def tokenize(self, line: str) -> list[str]:
        """Split one line; for many lines, ``tokenize_lines`` is faster."""
        return self.tokenize_lines([line])[0]

    def tokenize_lines(self, lines: Sequence[str]) -> list[list[str]]:
        """Split lines, of which each is a sentence of its own: the words of each."""
        runs = [line.split() for line in lines]
        sentences = [list("".join(words)) for words in runs]
        starts = self._starts([sentence for sentence in sentences if sentence])
        begin = 0
        found: list[list[str]] = []
        for words, sentence in zip(runs, sentences, strict=True):
            own = starts[begin : begin + len(sentence)]
            own[list(itertools.accumulate(map(len, words[:-1])))] = True  # white space ends a word
            bounds = [*own.nonzero()[0].tolist(), len(sentence)] if sentence else []
            text = "".join(sentence)
            found.append([text[first:end] for first, end in itertools.pairwise(bounds)])
            begin += len(sentence)
        return found

    def _starts(self, sentences: Sequence[list[str]]) -> NDArray[np.bool_]:
        """Return whether a word begins at each character of the sentences, none of them empty: bool [characters]."""
        import numpy as np

        model = self.model
        begins, ends = (np.array([tag in tags for tag in model.tags_]) for tags in (_BEGINNINGS, _ENDS))
        found = [np.empty(0, np.bool_)]
        for batch in _batches(sentences):
            ids = model.tag_ids(model.encode(batch))
            starts = begins[ids]
            starts[1:] |= ends[ids[:-1]]
            starts[np.cumsum([0, *map(len, batch[:-1])])] = True
            found.append(starts)
        return np.concatenate(found)

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join the words as the tokenizer ``word`` does: without spaces between Han characters and kana."""
        return WordTokenizer().detokenize(tokens)

    def __repr__(self) -> str:
        return f"<{self.name}>"


def component_in(name: str) -> str | None:
    """Return the component that a tokenizer's name says is its segmenter; None if it names another tokenizer."""
    matched = _NAME.fullmatch(name)
    return matched[1] if matched else None


def _batches(sentences: Sequence[list[str]]) -> list[list[list[str]]]:
    """Return the sentences in batches of a limited number of characters, or one sentence."""
    batches: list[list[list[str]]] = []
    room = 0
    for sentence in sentences:
        if room < len(sentence) or not batches:
            batches.append([])
            room = _CHARACTERS
        batches[-1].append(sentence)
        room -= len(sentence)
    return batches


def _problem(model: Any) -> str:
    """Return why a component cannot split text into words; empty if it can."""
    if getattr(model, "kind", None) != "tagger":
        kind = str(getattr(model, "kind", "class")).replace("-", " ")
        return f"{getattr(model, 'name', type(model).__name__)} is a {kind}; {_REMEDY}"
    if not model.is_fitted:
        return f"this {model.name} is not fitted: fit it to segmented text first"
    if _levels(model) >= MAX_NESTING:
        return f"{model.name} in another component makes more than {MAX_NESTING} components inside one another"
    tagged = _what_it_tags(model)
    return f"{model.name} is a tagger of {tagged}; {_REMEDY}" if tagged else ""


def _what_it_tags(model: Any) -> str:
    """Return what a fitted tagger tags; empty if it tags characters as parts of words."""
    if not model.is_segmenter_:
        tags = [*map(str, model.tags_[:_SHOWN]), *(["…"] if len(model.tags_) > _SHOWN else [])]
        return f"the scheme {model.scheme_} with the tags {', '.join(tags)}"
    if model.pipeline_.tokenizer != "char":
        return f"the tokens of the tokenizer {model.pipeline_.tokenizer}, not of characters"
    if model.feature_names_:
        return f"tokens with feature columns ({', '.join(model.feature_names_[:_SHOWN])}), which raw text does not have"
    return ""


def _levels(model: Any) -> int:
    """Return how many components stand inside one another, the outermost included."""
    return 1 + max(map(_levels, model.members().values()), default=0)
