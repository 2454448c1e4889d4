"""What the training of a network over texts begins with. Nothing here imports torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlmkit.documents.neural.input import WordInput
    from nlmkit.documents.neural.module import TextModule
    from nlmkit.text import Corpus, Vocabulary


def leave_as_initialized(module: TextModule) -> None:
    """Put no weights from elsewhere into a network."""


@dataclasses.dataclass(frozen=True)
class TrainingTexts:
    """The texts that a network is trained on.

    Attributes:
        corpus: Training documents, altered copies of augmentation included.
        originals: Training documents without such copies.
        valid: Held-out documents, where there are any.
    """

    corpus: Corpus
    originals: Corpus
    valid: Corpus | None


@dataclasses.dataclass(frozen=True)
class Start:
    """What the training of a network begins with.

    Attributes:
        vocabulary: Its words, counted in the training texts.
        input_layer: Word vectors by the vocabulary's ids, with their first values.
        initialize: Puts weights from elsewhere, such as a language model's, into the new network.
        input_report: What the fit report says of the input layer.
        report: What else the fit report says, JSON-ready.
        notes: What the user should know.
    """

    vocabulary: Vocabulary
    input_layer: WordInput
    initialize: Callable[[TextModule], None] = leave_as_initialized
    input_report: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    report: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
