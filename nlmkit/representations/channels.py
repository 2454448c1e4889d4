"""Initial word vectors of the input layer of a neural model of texts: random, or those of a representation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from nlmkit.errors import HyperParameterError
from nlmkit.layers.word_input import random_vectors
from nlmkit.representations.alignment import check_coverage

if TYPE_CHECKING:
    from nlmkit.representations.base import Representation
    from nlmkit.text import Vocabulary


class VectorOptions(Protocol):
    """Hyper-parameters of a component with an input layer.

    Attributes:
        tune: Whether the representation's vectors are trained: ``frozen``, ``fine-tune`` or ``multichannel``.
        oov: Initial vectors of words that the representation lacks.
        embedding: Width of random vectors.
        embedding_range: Bound of random vectors.
    """

    tune: str
    oov: str
    embedding: int
    embedding_range: float


def initial_channels(
    options: VectorOptions,
    representation: Representation | None,
    vocabulary: Vocabulary,
    generator: torch.Generator,
    seed: int,
) -> tuple[Tensor | None, Tensor | None, dict[str, Any], list[str]]:
    """Return the initial tuned and frozen vectors, their entry of the fit report, and notes on poor coverage.

    Args:
        options: Input options of the component.
        representation: Fitted representation; None for random vectors.
        vocabulary: Of the model.
        generator: Source of random vectors.
        seed: Seed of the vectors of words missing from the representation.

    Raises:
        HyperParameterError: No vectors can be frozen.
        DataError: With ``tune=frozen`` no word has a vector.
    """
    if representation is not None:
        found = representation.align(vocabulary, oov=options.oov, seed=seed)
        poor = check_coverage(found, representation, vocabulary, options.tune)
        notes = [poor] if poor else []
        report = {"representation": representation.name, "digest": representation.digest, **found.report()}
        if found.matrix is not None:
            matrix = torch.from_numpy(np.array(found.matrix, np.float32))
            tuned = None if options.tune == "frozen" else matrix
            frozen = None if options.tune == "fine-tune" else matrix.clone()
            return tuned, frozen, {"tune": options.tune, **report}, notes
        if options.tune != "fine-tune":
            raise HyperParameterError(
                f"tune={options.tune}: {representation.name} vectors cannot be frozen, since the matrix that "
                "projects them is trained; use tune=fine-tune"
            )
    else:
        report, notes = {"representation": None}, []
    vectors = random_vectors(len(vocabulary), options.embedding, options.embedding_range, generator)
    return vectors, None, {"tune": "fine-tune", **report, "dimension": options.embedding}, notes
