"""Results of search: ``Translation``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from nlmkit.core.short_repr import short_repr

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, eq=False)
class Translation:
    """One target found for a source.

    Attributes:
        text: The target as readable text.
        tokens: Its tokens, without ``</s>``.
        log_prob: Its natural log-probability, with ``</s>`` where it is finished; in shallow fusion with the language
            model's share.
        score: What search ranked it by: the log-probability after length normalization and penalties.
        attention: Attention on the source's tokens, float32 [events, S]; None for a model without. The rows are those
            of ``tokens``, and of ``</s>`` where it is finished; S is as of ``SequenceToSequence.attention_of``.
        source_tokens: Tokens of the source, as given; empty for a vector.
        finished: Whether it ended with ``</s>``, and not at the greatest length.
    """

    text: str
    tokens: tuple[str, ...]
    log_prob: float
    score: float
    attention: NDArray[np.float32] | None = None
    source_tokens: tuple[str, ...] = ()
    finished: bool = True

    def __repr__(self) -> str:
        return short_repr(self)
