"""Words of tagged sentences as a network reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nlmkit.taggers.neural.batching import Indices, Sentences, Spellings
from nlmkit.taggers.neural.shapes import shape as shape_of
from nlmkit.text import Corpus
from nlmkit.text.column import Column
from nlmkit.text.vocabulary import RESERVED, UNK

if TYPE_CHECKING:
    from nlmkit.representations.base import Representation
    from nlmkit.taggers.neural.tables import Tables
    from nlmkit.text import Vocabulary
    from nlmkit.text.tagged import TaggedSentences

SHAPE_FIRST = 1
"""Id of the first shape, after that of padding."""


def single_characters(data: TaggedSentences) -> float:
    """Return the share of tokens of one character."""
    single = np.array([len(word) == 1 for word in data.words.types], np.bool_)
    return float(single[data.words.ids].mean()) if data.tokens else 0.0


def words_as_looked_up(data: TaggedSentences, *, lowercase: bool) -> Corpus:
    """Return the words in the form of the vocabulary, as a corpus.

    Args:
        data: Sentences.
        lowercase: Whether words are looked up in lower case.
    """
    own = data.words.compact()
    forms = Column.of(_forms(own.types, lowercase=lowercase))
    return Corpus(forms.types, forms.ids[own.ids], data.offsets, sources=(data.source,))


def _forms(words: Sequence[str], *, lowercase: bool) -> list[str]:
    """Return the forms of lookup; the marks of sentences, which here are ordinary words, are unknown words."""
    return [UNK if word in RESERVED else word.lower() if lowercase else word for word in words]


def sentences_of(
    data: TaggedSentences,
    vocabulary: Vocabulary,
    tables: Tables,
    *,
    representation: Representation | None,
    lowercase: bool,
    characters: bool,
    shape: bool,
    bigrams: bool,
) -> Sentences:
    """Return sentences as the network reads them.

    Args:
        data: Sentences, with feature columns as of training.
        vocabulary: Vocabulary of the tagger.
        tables: Its tables.
        representation: Source of vectors of words outside the vocabulary; None if they are unknown.
        lowercase: Whether words are looked up in lower case.
        characters: Whether characters are read.
        shape: Whether the shape of words is a feature.
        bigrams: Whether pairs of neighbours are read.
    """
    types, ids = data.words.types, data.words.ids.astype(np.int64)
    forms = _forms(types, lowercase=lowercase)
    known = vocabulary.ids(forms).astype(np.int64)
    extra = None if representation is None else _extend(known, forms, vocabulary, representation)
    words = known[ids]
    columns = [tables.feature_ids(number, feature.types)[feature.ids] for number, feature in enumerate(data.features)]
    if shape:
        columns.append(np.array([shape_of(word) + SHAPE_FIRST for word in types], np.int64)[ids])
    if bigrams:
        columns += tables.pair_ids(words, data.offsets)
    return Sentences(
        offsets=data.offsets,
        words=words,
        columns=np.array(columns, np.int64).reshape(len(columns), len(words)),
        spellings=Spellings(*tables.spellings(types), ids) if characters else None,
        tags=None if data.tags is None else data.tags.ids.astype(np.int64),
        extra=extra,
    )


def _extend(
    known: Indices, forms: Sequence[str], vocabulary: Vocabulary, representation: Representation
) -> NDArray[np.float32] | None:
    """Give words that only the representation knows ids from V on, in place, and return their vectors."""
    if representation.name == "one-hot":
        return None
    new: dict[str, int] = {}
    for index in np.flatnonzero(known == 0).tolist():
        form = forms[index]
        if form != UNK and form in representation:
            known[index] = len(vocabulary) + new.setdefault(form, len(new))
    return representation.vectors([*new]) if new else None
