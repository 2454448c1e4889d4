"""Sequence-to-sequence models for the tests of the command line: the two of the kit, of which one shows attention."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from toys.sequence_to_sequence import ToyDescriber, ToyTranslator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.rows import Rows
    from nlmkit.seq2seq.pairs import Condition, Pairs

ENTRY_POINTS = {
    "nlmkit.sequence_to_sequence": {
        "toy-translator": "toys.translators:Translator",
        "toy-describer": "toys.translators:Describer",
        "toy-blind": "toys.translators:Blind",
    }
}


@dataclasses.dataclass(kw_only=True)
class Translator(ToyTranslator):
    """Word t looks at token t of its source; behind the end of the source at the ``</s>`` there."""

    name: ClassVar[str] = "toy-translator"

    @property
    def has_attention(self) -> bool:
        return True

    def rows(self, conditions: Sequence[Condition]) -> Rows:
        return _Looking(super().rows(conditions), [0] * len(conditions), [len(each) for each in conditions])

    def attention_of(self, pairs: Pairs) -> list[NDArray[np.float32]]:
        import numpy as np

        found = []
        for condition, events in zip(pairs.conditions(), pairs.events(), strict=True):
            places = np.minimum(np.arange(len(events)), len(condition))
            found.append(np.eye(len(condition) + 1, dtype=np.float32)[places])
        return found


@dataclasses.dataclass(kw_only=True)
class Blind(ToyTranslator):
    """The same without attention."""

    name: ClassVar[str] = "toy-blind"


@dataclasses.dataclass(kw_only=True)
class Describer(ToyDescriber):
    """Of vectors."""

    name: ClassVar[str] = "toy-describer"


class _Looking:
    """Rows with attention at the place of the next word."""

    def __init__(self, rows: Any, places: Sequence[int], lengths: Sequence[int]) -> None:
        self._rows, self._places, self._lengths = rows, places, lengths

    def log_probs(self) -> NDArray[Any]:
        found: NDArray[Any] = self._rows.log_probs()
        return found

    def attention(self) -> NDArray[np.float64]:
        import numpy as np

        pairs = zip(self._places, self._lengths, strict=True)
        return np.eye(max(self._lengths) + 1)[[min(place, length) for place, length in pairs]]

    def take(self, rows: NDArray[np.int64], ids: NDArray[np.int64]) -> _Looking:
        chosen = rows.tolist()
        places = [self._places[row] + 1 for row in chosen]
        return _Looking(self._rows.take(rows, ids), places, [self._lengths[row] for row in chosen])
