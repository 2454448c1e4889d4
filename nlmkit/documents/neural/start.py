"""Initial state of the training of a network over texts. This module does not import torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlmkit.documents.neural.module import TextModule
    from nlmkit.layers.word_input import WordInput
    from nlmkit.text import Corpus, Vocabulary


def leave_as_initialized(module: TextModule) -> None:
    """Keep the initial weights of a network."""


@dataclasses.dataclass(frozen=True)
class TrainingTexts:
    """Training texts of a network.

    Attributes:
        corpus: Training documents, altered copies of augmentation included.
        originals: Training documents without such copies.
        valid: Held-out documents, or None.
    """

    corpus: Corpus
    originals: Corpus
    valid: Corpus | None


@dataclasses.dataclass(frozen=True)
class Start:
    """Initial state of the training of a network.

    Attributes:
        vocabulary: Vocabulary, with counts from the training texts.
        input_layer: Input layer over the vocabulary, with initial values.
        initialize: Copies the weights of another model, such as a language model, into the new network.
        input_report: Entry of the fit report on the input layer.
        report: Other entries of the fit report, JSON-ready.
        notes: Notes for the user.
    """

    vocabulary: Vocabulary
    input_layer: WordInput
    initialize: Callable[[TextModule], None] = leave_as_initialized
    input_report: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    report: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
