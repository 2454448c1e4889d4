"""Latent semantic analysis: word vectors from the singular value decomposition of weighted counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from nlmkit.core import optional
from nlmkit.core.parameters import param, value_of
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.base import Representation
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.representations.term_counts import KnownText

_PPMI: Final = "ppmi"


@dataclasses.dataclass(kw_only=True)
class LSA(VocabularyLimits, Representation):
    """Latent semantic analysis: truncated SVD of PPMI, log-entropy or tf-idf weights.

    ``variant=ppmi`` counts the words within a window of each word and weights the counts by positive pointwise mutual
    information, optionally with context smoothing and shift (Levy, Goldberg & Dagan 2015). ``log-entropy`` and
    ``tf-idf`` count words by documents (Deerwester et al. 1990; Landauer & Dumais 1997). The vectors are U · Σ^p, with
    the largest ``dimension`` singular values; they are not normalised.

    ``skip`` leaves out the leading components, whose large values say how frequent words are rather than what they mean
    (Bullinaria & Levy 2012; Sahlgren & Lenci 2016). ``add_contexts`` adds the vectors of the words as contexts,
    V · Σ^p: the cosine then also measures how often two words occur together (Levy, Goldberg & Dagan 2015). Without
    context smoothing the matrix is symmetric, and the components of its negative eigenvalues become zero.

    The defaults performed best on two million words of English (Penn Treebank and Brown). Common settings for larger
    texts are ``window=5, window_weight="uniform", context_smoothing=0.75``.

    Words outside the vocabulary are removed from the text first. A literal ``<unk>`` in the text is an ordinary word;
    without one, ``<unk>`` has no vector. A word that occurs only alone in its sentence has the vector zero.

    Fitted attributes, in addition to those of every representation: ``singular_values_``, float64 [dimension], those of
    the kept components in descending order; vectors with another exponent are these times Σ^(difference).

    Example:
        >>> text = [["red", "wine"], ["red", "beer"], ["old", "wine"], ["old", "beer"]]
        >>> lsa = LSA(dimension=2, min_count=1).fit(text)
        >>> [word for word, _ in lsa.most_similar("wine", 1)]
        ['beer']
    """

    name = "lsa"
    conformance_settings: ClassVar[Mapping[str, Any]] = {"dimension": 3, "min_count": 1}
    """Settings small enough for ``nlmkit.testing``."""

    min_count: int = param(5, ge=1, help="minimum count of a word; rarer words are removed from the text")
    variant: str = param(
        _PPMI,
        choices=(_PPMI, "log-entropy", "tf-idf"),
        help="weighting: of window counts (ppmi), or of document counts",
    )
    dimension: int = param(200, ge=1, le=100_000, help="length of a vector: number of singular values")
    exponent: float | None = param(
        None, ge=0, le=1, help="p of U·Σ^p; null is 0.5 for ppmi and 1 for log-entropy and tf-idf"
    )
    skip: int = param(0, ge=0, le=100_000, help="number of leading components left out of the vectors", later=True)
    window: int = param(
        10,
        ge=1,
        le=1000,
        help="variant=ppmi: maximum distance of neighbours, to either side",
        needs=value_of("variant", _PPMI),
    )
    window_weight: str = param(
        "linear",
        choices=("uniform", "linear"),
        help="variant=ppmi: weight of neighbours by distance; linear as in word2vec",
        needs=value_of("variant", _PPMI),
    )
    context_smoothing: float = param(
        1.0,
        gt=0,
        le=1,
        help="variant=ppmi: power of the contexts' counts; 1 does not smooth",
        needs=value_of("variant", _PPMI),
    )
    shift: float = param(
        1.0,
        gt=0,
        le=1e6,
        help="variant=ppmi: k of the shift by -ln k; 1 does not shift",
        needs=value_of("variant", _PPMI),
    )
    add_contexts: bool = param(
        False,
        help="variant=ppmi: add the vectors of the words as contexts (W + C)",
        later=True,
        needs=value_of("variant", _PPMI),
    )
    document_lines: int = param(
        1,
        ge=1,
        help="variant=log-entropy and tf-idf: lines of text per document",
        needs=value_of("variant", "log-entropy", "tf-idf"),
    )
    memory: float = param(0.25, gt=0, le=1e6, help="working memory for counting in GiB; does not change the result")
    seed: int = param(1, ge=0, le=2**63 - 1, help="seed of the start vector of the SVD")

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Count, weight and decompose.

        ``fit_report_`` has the numbers of words and tokens used, the shape and entries of the weighted matrix, the
        exponent, and ``energy``: the share of the sum of squared weights in the kept singular values.

        Args:
            data: Training text: anything ``Corpus.read`` takes, or a ``Corpus``.
            valid: Must be None.
            run: Run options, of which progress is used.

        Raises:
            HyperParameterError: Options contradict each other, or the dimension exceeds the rank of the matrix.
            DataError: The text is unusable or has nothing to count.
            NlmkitError: SciPy is not installed.
        """
        run = run or RunOptions()
        optional.require("scipy.sparse", extra="representations", who=self.name)
        from nlmkit.representations.term_counts import known_text, rows_of_types

        run.stage("reading text")
        corpus, pipeline = self._training_corpus(data, valid)
        vocabulary = self.limited_vocabulary(corpus)
        text = known_text(corpus, rows_of_types(corpus, vocabulary, self.least_count))
        weights = self._weights(text, len(vocabulary), run)
        vectors, values = self._components(weights, run)
        power = self._power
        energy = float((values**2).sum() / (weights.data**2).sum())
        report = {
            "variant": self.variant,
            "words": len(vocabulary) - 3,
            "tokens": len(text.ids),
            "matrix": list(weights.shape),
            "entries": int(weights.nnz),
            "exponent": power,
            "energy": energy,
        }
        import numpy as np

        matrix = (vectors * values**power).astype(np.float32)
        self._set_fitted(vocabulary=vocabulary, pipeline=pipeline, matrix=matrix, report=report)
        self.singular_values_: NDArray[np.float64] = values
        return self

    @property
    def _power(self) -> float:
        if self.exponent is not None:
            return float(self.exponent)
        return 0.5 if self.variant == _PPMI else 1.0

    def _weights(self, text: KnownText, size: int, run: RunOptions) -> Any:
        """Return the weighted matrix, scipy CSR float64 [V, contexts]."""
        from nlmkit.representations.lsa import term_weights
        from nlmkit.representations.term_counts import document_counts, window_counts

        if not len(text.ids):
            raise DataError("nothing to learn from: no word of the vocabulary occurs in the text")
        memory = int(self.memory * 2**30)
        run.stage("counting words", len(text.ids))
        if self.variant != _PPMI:
            counts = document_counts(text, size, self.document_lines, memory=memory, advance=run.advance)
            run.stage("weighting counts")
            weigh = term_weights.tf_idf if self.variant == "tf-idf" else term_weights.log_entropy
            weights, empty = weigh(counts), "every word is distributed evenly over the documents: lower document_lines"
        else:
            if not text.has_pairs:
                raise DataError("nothing to learn from: no line has two known words")
            linear = self.window_weight == "linear"
            counts = window_counts(text, size, self.window, linear=linear, memory=memory, advance=run.advance)
            run.stage("weighting counts")
            weights = term_weights.ppmi(counts, smoothing=self.context_smoothing, shift=self.shift)
            empty = "no two words co-occur more often than by chance" + (
                f": lower shift={self.shift:g}" if self.shift > 1 else ""
            )
        if not weights.nnz:
            raise DataError(f"nothing to learn from: {empty}")
        return weights

    def _components(self, weights: Any, run: RunOptions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the kept components: vectors, float64 [V, dimension], and singular values, float64 [dimension]."""
        from nlmkit.representations.lsa.truncated_svd import RankError, truncated_svd

        run.stage(f"decomposing a matrix of {weights.nnz} entries")
        try:
            vectors, values = truncated_svd(weights, self.dimension + self.skip, self.seed)
        except RankError as error:
            asked = f"dimension={self.dimension}" + (f" with skip={self.skip}" if self.skip else "")
            raise HyperParameterError(
                f"{asked} is too large for this text: its weighted counts are a matrix of rank {error.rank}; "
                f"set {'dimension plus skip' if self.skip else 'dimension'} to at most that"
            ) from None
        vectors, values = vectors[:, self.skip :], values[self.skip :]
        if self.add_contexts:
            vectors = vectors + weights.T @ vectors / values  # the right singular vectors, by the left ones
        return vectors, values

    def fitted_state(self) -> FittedState:
        """Return the matrix and the singular values; the fit report as metadata."""
        state = super().fitted_state()
        return FittedState({**state.arrays, "singular_values": self.singular_values_}, state.metadata)

    def restore(self, state: FittedState) -> None:
        """Restore the arrays after checking their shapes and values."""
        import numpy as np

        from nlmkit.saving import require, require_array

        super().restore(state)
        values = require_array(state.arrays, "singular_values", dtype="float64", shape=(self.dimension,))
        sound = np.isfinite(values).all() and (values > 0).all() and (values[1:] <= values[:-1]).all()
        require(sound, "the saved model is damaged: its singular values are not positive and descending")
        self.singular_values_ = values
