"""Word vectors from a representation as the input layer of a neural model.

The dimension of the vectors replaces the hyper-parameter ``embedding``, so that vectors are never truncated or
padded. This module imports torch and NumPy only when vectors are built.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from nlmkit.core.notes import note
from nlmkit.core.parameters import given, param
from nlmkit.errors import HyperParameterError
from nlmkit.representations.base import Representation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.core.run import RunOptions
    from nlmkit.representations.rules import Normalization
    from nlmkit.text import Corpus, Vocabulary


@dataclasses.dataclass(kw_only=True)
class InputOptions:
    """Options of a neural model's word vectors, which are random without a representation."""

    representation: str | Representation | None = param(
        None,
        help="initial word vectors: a fitted representation, its folder, or one to fit on the training text",
    )
    tune: str = param(
        "fine-tune",
        choices=("fine-tune", "frozen"),
        help="whether the representation's vectors are trained; frozen ones are not tied to the output",
        needs=given("representation"),
    )
    normalization: str = param(
        "none",
        choices=("none", "unit", "centre", "rescale_std"),
        help="normalization of the representation's vectors, whose scales differ by orders of magnitude",
        needs=given("representation"),
    )
    oov: str = param(
        "uniform",
        choices=("uniform", "mean-rare", "zero", "error"),
        help="vectors of words missing from the representation; uniform: random, with the variance of the known ones",
        needs=given("representation"),
    )


@dataclasses.dataclass(frozen=True)
class InputVectors:
    """Word vectors from a representation.

    Attributes:
        matrix: Vectors by the ids of the model's vocabulary: float32 [V, d]; None for one-hot, which is a trained
            embedding of the model's width.
        report: Name of the representation, and its coverage of the text by type and by token, as JSON types.
    """

    matrix: NDArray[np.float32] | None
    report: Mapping[str, Any]


def input_vectors(
    model: InputOptions, corpus: Corpus, vocabulary: Vocabulary, run: RunOptions, *, seed: int
) -> InputVectors | None:
    """Return the initial vectors of ``model``; None without a representation.

    Args:
        model: The options.
        corpus: The training text, to which an unfitted representation is fitted.
        vocabulary: Vocabulary of the model.
        run: Receives progress.
        seed: Seed of the vectors of words missing from the representation.

    Raises:
        HyperParameterError: It is not a representation, or is unfitted and does not train on text.
        DataError: A word has no vector, with ``oov=error``; or no word has one, with ``tune=frozen``.
        SavedModelError: Its folder cannot be read.
    """
    if model.representation is None:
        return None
    from nlmkit.representations.alignment import check_coverage
    from nlmkit.representations.resolve import fitted_representation

    found = fitted_representation(model.representation, corpus, run)
    source = found if model.normalization == "none" else found.normalized(cast("Normalization", model.normalization))
    alignment = source.align(vocabulary, oov=model.oov, seed=seed)
    if alignment.matrix is None and model.tune == "frozen":
        raise HyperParameterError(
            f"tune=frozen: {found.name} as input is an embedding that must be trained; use tune=fine-tune"
        )
    if alignment.matrix is None and model.oov != "uniform":
        raise HyperParameterError(f"oov={model.oov} has no effect: {found.name} as input is a trained embedding")
    if poor := check_coverage(alignment, source, vocabulary, model.tune):
        note(poor)
    report = {
        "representation": found.name,
        "digest": found.digest,
        "tune": model.tune,
        "normalization": model.normalization,
        **alignment.report(),
    }
    return InputVectors(alignment.matrix, report)
