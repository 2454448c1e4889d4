"""What a fitted tagger has, for the modules that ``Tagger`` itself is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.text import TextPipeline
    from nlmkit.text.tagged import TaggedSentences


class FittedTagger(Protocol):
    """The attributes and methods of ``Tagger`` that are used below it."""

    name: ClassVar[str]
    unicode_form: str | None
    tags_: tuple[str, ...]
    scheme_: str
    pipeline_: TextPipeline
    layout_: dict[str, Any] | None
    feature_names_: tuple[str, ...]
    known_words_: frozenset[str]
    fit_report_: dict[str, Any]

    @property
    def inner_scheme_(self) -> str:
        """Scheme of ``tags_``."""
        ...

    @property
    def is_segmenter_(self) -> bool:
        """Whether spans are the words of unspaced text."""
        ...

    @property
    def digest(self) -> str:
        """Digest of the tagger."""
        ...

    def check_fitted(self) -> None:
        """Raise NotFittedError if it is not fitted."""
        ...

    def tag_ids(self, data: TaggedSentences) -> NDArray[np.int64]:
        """Return the most probable tag sequences."""
        ...

    def marginals(self, data: TaggedSentences) -> NDArray[np.float64]:
        """Return the probability of each tag at each token."""
        ...

    def span_log_probabilities(
        self, data: TaggedSentences, paths: Sequence[Sequence[tuple[int, NDArray[np.int64]]]]
    ) -> list[NDArray[np.float64]]:
        """Return the log-probabilities of parts of tag sequences."""
        ...
