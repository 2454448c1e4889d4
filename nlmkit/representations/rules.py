"""What can be chosen where word vectors are looked up and compared, and what is looked up in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.errors import DataError
    from nlmkit.text import TextPipeline, Vocabulary

Measure = Literal["cosine", "euclidean"]
Normalization = Literal["none", "unit", "centre", "rescale_std", "all-but-the-top"]

LOOKUP_RULES: Final = ("error", "zero", "unk", "mean-rare")
"""What ``Representation.vectors`` can do with a word that has no vector."""


class WordVectors(Protocol):
    """A fitted representation, as far as words are looked up in it; ``Representation`` describes it."""

    name: ClassVar[str]
    vocabulary_: Vocabulary
    pipeline_: TextPipeline

    def check_fitted(self) -> None:
        """Raise NotFittedError unless it is fitted."""
        ...

    @property
    def matrix(self) -> Any:
        """The vectors by vocabulary id: float32 [V, d], or one of scipy's sparse arrays."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def __contains__(self, word: object) -> bool:
        """Return whether a word has a vector."""
        ...

    def ids(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of words in ``matrix``: int64 [words], −1 for a word without one."""
        ...

    def vectors(self, words: Sequence[str], *, oov: str = "error") -> NDArray[np.float32]:
        """Return the vectors of words: float32 [words, d]."""
        ...

    def has_special(self) -> tuple[bool, bool, bool]:
        """Return whether ``<unk>``, ``<s>`` and ``</s>`` have vectors."""
        ...

    def similarity(self, a: str, b: str, measure: Measure = "cosine") -> float:
        """How alike two words are."""
        ...

    def _vector_of_unknown(self, word: str) -> NDArray[np.float32] | None:
        """Return a vector made for a word that has no row."""
        ...

    def _missing(self, word: str) -> DataError:
        """Return the error for a word without a vector."""
        ...
