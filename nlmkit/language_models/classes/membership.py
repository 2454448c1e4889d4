"""Words and their classes as arrays: ``Membership``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.language_models.classes.files import Member
from nlmkit.text import Corpus, Vocabulary

_SPECIAL = 3
"""Number of the special ids, each of which is its own class, with the same id."""


@dataclasses.dataclass(frozen=True)
class Membership:
    """Class of each word, and its probability in the class.

    Attributes:
        class_of: Class id by vocabulary id, int32 [V].
        log_probs: ln p(word | class), float64 [V].
    """

    class_of: NDArray[np.int32]
    log_probs: NDArray[np.float64]

    @property
    def classes(self) -> int:
        """Number of classes, with those of the special words."""
        return int(self.class_of.max()) + 1

    def of_corpus(self, corpus: Corpus, vocabulary: Vocabulary, classes: Vocabulary) -> Corpus:
        """Return a text with the class of each word in its place."""
        ids = self.class_of[vocabulary.ids(corpus.types)]
        names = [classes.words[id_] for id_ in ids.tolist()]
        types = [*dict.fromkeys(names)]
        numbers = {name: number for number, name in enumerate(types)}
        of_type = np.fromiter((numbers[name] for name in names), np.int32, len(names))
        return Corpus(tuple(types), of_type[corpus.ids], corpus.offsets, sources=corpus.sources)


def class_vocabulary(vocabulary: Vocabulary, members: Mapping[str, Member], file: str) -> Vocabulary:
    """Return the classes of a vocabulary by first appearance; a word that the file lacks is its own class.

    Args:
        vocabulary: The words.
        members: The class of each word of the file.
        file: Name of the file, for errors.

    Raises:
        DataError: A class has the name of a word of the vocabulary that is in no class.
    """
    names = {member.name: member.line for member in reversed([*members.values()])}
    for word in vocabulary.words[_SPECIAL:]:
        if word not in members and word in names:
            problem = f"the class {word!r} has the name of a word that is in no class: rename the class"
            raise DataError(problem, source=file, line=names[word])
    return Vocabulary(dict.fromkeys(_name(word, members) for word in vocabulary.words[_SPECIAL:]))


def membership(vocabulary: Vocabulary, classes: Vocabulary, members: Mapping[str, Member], added: float) -> Membership:
    """Return the class of each word of a vocabulary, and its probability.

    Probabilities of a file are scaled to sum to one over the words of the class that are in the vocabulary. Otherwise
    p(w | c) = (n(w) + added) / (n(c) + added · |c|), or 1 / |c| where that is 0 / 0.

    Args:
        vocabulary: The words, with their counts in the training text.
        classes: The classes, as ``class_vocabulary`` returns them.
        members: The class of each word of the file.
        added: Constant added to each count.
    """
    words = vocabulary.words
    class_of = np.arange(len(words), dtype=np.int32)
    class_of[_SPECIAL:] = classes.ids([_name(word, members) for word in words[_SPECIAL:]])
    sizes = np.bincount(class_of)
    weights = vocabulary.counts + added
    for id_, word in enumerate(words):
        member = members.get(word)
        if member is not None and member.probability is not None:
            weights[id_] = member.probability
    totals = np.bincount(class_of, weights=weights)
    nothing = (totals == 0.0)[class_of]
    probabilities = np.where(nothing, 1.0 / sizes[class_of], weights / np.where(totals > 0, totals, 1.0)[class_of])
    probabilities[sizes[class_of] == 1] = 1.0
    with np.errstate(divide="ignore"):
        return Membership(class_of, np.log(probabilities))


def _name(word: str, members: Mapping[str, Member]) -> str:
    return members[word].name if word in members else word


def is_sound(values: Membership, vocabulary_size: int, classes: int) -> bool:
    """Return whether arrays are those of a membership: each class has words, whose probabilities sum to one."""
    class_of, log_probs = values.class_of, values.log_probs
    if class_of.shape != (vocabulary_size,) or log_probs.shape != (vocabulary_size,):
        return False
    if class_of.dtype != np.int32 or log_probs.dtype != np.float64:
        return False
    if int(class_of.min()) < 0 or int(class_of.max()) >= classes or not bool((log_probs <= 0.0).all()):
        return False
    special = np.arange(_SPECIAL)
    if not bool((class_of[:_SPECIAL] == special).all()) or bool((class_of[_SPECIAL:] < _SPECIAL).any()):
        return False
    sums = np.bincount(class_of, weights=np.exp(log_probs), minlength=classes)
    return bool((np.abs(sums - 1.0) < 1e-9).all())
