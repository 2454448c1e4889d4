"""Word vectors from a representation as the input layer of a neural model.

The vectors' own dimension takes the place of the hyper-parameter ``embedding``, so that nothing is ever cut off or
padded. This module imports neither torch nor NumPy until vectors are made.
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
    """Where a neural model's word vectors come from; random ones where no representation is given."""

    representation: str | Representation | None = param(
        None,
        help="vectors the input layer starts from: a fitted representation, its folder, or one to fit on the "
        "training text",
    )
    tune: str = param(
        "fine-tune",
        choices=("fine-tune", "frozen"),
        help="train the representation's vectors further or leave them; frozen ones are not tied to the output",
        needs=given("representation"),
    )
    normalization: str = param(
        "none",
        choices=("none", "unit", "centre", "rescale_std"),
        help="of the representation's vectors, whose scales differ by orders of magnitude",
        needs=given("representation"),
    )
    oov: str = param(
        "uniform",
        choices=("uniform", "mean-rare", "zero", "error"),
        help="vectors of words that the representation lacks; uniform: random, with the variance of the known ones",
        needs=given("representation"),
    )


@dataclasses.dataclass(frozen=True)
class InputVectors:
    """What a representation gives a model.

    Attributes:
        matrix: Vectors by the ids of the model's vocabulary: float32 [V, d]; None for one-hot, which is a free
            embedding of the model's own width.
        report: Which representation, and how much of the text it covers, by type and by token, as JSON types.
    """

    matrix: NDArray[np.float32] | None
    report: Mapping[str, Any]


def input_vectors(
    model: InputOptions, corpus: Corpus, vocabulary: Vocabulary, run: RunOptions, *, seed: int
) -> InputVectors | None:
    """The vectors that ``model`` shall start from; None where it has no representation.

    Args:
        model: The options.
        corpus: The training text, to which a representation that is not fitted is.
        vocabulary: The model's.
        run: Who watches.
        seed: Of the vectors of words that the representation lacks.

    Raises:
        HyperParameterError: the representation is not one, or is not fitted and does not learn from text.
        DataError: a word lacks, with ``oov=error``; or all words do, with ``tune=frozen``.
        SavedModelError: its folder cannot be read.
    """
    if model.representation is None:
        return None
    from nlmkit.representations.alignment import check_coverage
    from nlmkit.representations.resolve import fitted_representation

    found = fitted_representation(model.representation, corpus, run)
    source = found if model.normalization == "none" else found.normalized(cast("Normalization", model.normalization))
    alignment = source.align(vocabulary, oov=model.oov, seed=seed)
    if alignment.matrix is None and model.tune == "frozen":
        raise HyperParameterError(f"tune=frozen: {found.name} as input is a free embedding, which has to be trained")
    if alignment.matrix is None and model.oov != "uniform":
        raise HyperParameterError(f"oov={model.oov} has no effect: {found.name} as input is a free embedding")
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
