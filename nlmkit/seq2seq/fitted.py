"""What a sequence-to-sequence model has, for the modules that ``SequenceToSequence`` itself is made of."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.rows import Rows
    from nlmkit.seq2seq.pairs import Condition, Pairs
    from nlmkit.text import Corpus, TextPipeline, Vocabulary


class FittedModel(Protocol):
    """The attributes and methods of ``SequenceToSequence`` that are used below it."""

    name: ClassVar[str]
    takes: ClassVar[Literal["texts", "vectors"]]
    target_tokenizer: Any
    lowercase: bool
    unicode_form: str | None
    vocabulary_: Vocabulary
    pipeline_: TextPipeline
    source_vocabulary_: Vocabulary | None
    source_pipeline_: TextPipeline | None
    dimension_: int | None
    longest_target_: int
    length_ratio_: float | None
    fit_report_: dict[str, Any]

    @property
    def digest(self) -> str:
        """Digest of the model."""
        ...

    @property
    def normalized(self) -> bool:
        """Whether the scores of every beginning sum to one."""
        ...

    @property
    def has_attention(self) -> bool:
        """Whether the model has attention."""
        ...

    @property
    def unknown_rule(self) -> str:
        """Rule for the probability of ``<unk>``."""
        ...

    @property
    def report_labels(self) -> Mapping[str, str]:
        """Further facts for reports."""
        ...

    def check_fitted(self) -> None:
        """Raise NotFittedError if it is not fitted."""
        ...

    def limited_vocabulary(self, corpus: Any, *, noted: bool = False) -> Vocabulary:
        """Return the vocabulary of targets."""
        ...

    def start(self, condition: Condition) -> Hashable:
        """State before the first word."""
        ...

    def advance(self, state: Any, word_id: int) -> Hashable:
        """State after a word."""
        ...

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        """Log-probability of each vocabulary id as the next event."""
        ...

    def encode(self, data: Any) -> Corpus:
        """Targets as a corpus."""
        ...

    def log_probs_of(self, pairs: Pairs) -> NDArray[np.float64]:
        """Log-probability of every event of the targets."""
        ...

    def rows(self, conditions: Sequence[Condition]) -> Rows:
        """Beginnings of targets, for search."""
        ...
