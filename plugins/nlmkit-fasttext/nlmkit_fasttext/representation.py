"""The representation ``fasttext``."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from nlmkit.plugin import (
    DataError,
    FittedState,
    HyperParameterError,
    Representation,
    RunOptions,
    VocabularyLimits,
    optional,
    param,
)

if TYPE_CHECKING:
    import numpy as np
    from nlmkit.plugin import Corpus, Vocabulary
    from numpy.typing import NDArray

_SKIP_GRAM, _CBOW = "skip-gram", "cbow"
_UNSUITABLE: Final = {
    "budget_seconds": "does not support a time budget: its learning rate decreases with epochs; set epochs",
    "checkpoint": "does not support checkpoints: omit it",
    "log": "does not write a training log: omit it",
}


class _Subwords(Representation):
    """Fitted state besides the matrix, declared separately so that dataclass does not treat it as
    hyper-parameters."""

    ngrams_: NDArray[np.float32]
    buckets_: NDArray[np.int64]


@dataclasses.dataclass(kw_only=True)
class FastText(VocabularyLimits, _Subwords):
    """fastText: a word's vector is the mean of its own and its character n-grams' (Bojanowski et al. 2017).

    Trained by gensim. A word that training lacked gets the mean vector of those of its n-grams that training had; one
    without any has no vector. (fastText itself counts the n-grams that nothing was ever learnt of, too, with the random
    vectors they began with; left out, they need not be saved either.)

    With one worker (``RunOptions.workers``) the same seed gives the same bytes; more of them train without locks.

    Fitted attributes beside those of every representation: ``ngrams_``, vectors of the trained buckets (float32
    [n, d]), and ``buckets_``, their numbers in ascending order (int64 [n]).

    Example:
        >>> vectors = FastText(dimension=8, min_count=1, epochs=2, buckets=100).fit([["red", "wine"], ["old", "wines"]])
        >>> vectors.vectors(["winery"]).shape
        (1, 8)
    """

    name = "fasttext"
    takes_workers: ClassVar[bool] = True
    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "dimension": 8,
        "epochs": 2,
        "min_count": 1,
        "buckets": 500,
    }

    min_count: int = param(5, ge=1, help="minimum count of a word; rarer words are removed from the text")
    architecture: str = param(
        _SKIP_GRAM, choices=(_SKIP_GRAM, _CBOW), help="predict neighbours from a word, or a word from its neighbours"
    )
    dimension: int = param(100, ge=1, le=100_000, help="length of a vector")
    shortest: int = param(
        3, ge=1, le=100, help="length of the shortest n-grams in characters, including < and > around the word"
    )
    longest: int = param(6, ge=1, le=100, help="length of the longest n-grams in characters")
    buckets: int = param(
        200_000, ge=1, le=2**31 - 1, help="number of hash buckets; n-grams in the same bucket share a vector"
    )
    window: int = param(5, ge=1, le=1000, help="maximum distance of neighbours, to either side")
    negative: int = param(5, ge=1, le=1000, help="negative samples per pair")
    sample: float = param(1e-4, ge=0, lt=1, help="relative frequency above which words are subsampled; 0: none")
    epochs: int = param(10, ge=1, le=100_000, help="epochs over the text")
    alpha: float = param(0.025, gt=0, le=1, help="initial learning rate")
    min_alpha: float = param(0.0001, ge=0, le=1, help="final learning rate, reached linearly")
    seed: int = param(1, ge=0, le=2**32 - 1, help="seed of initialisation, subsampling, windows and negative samples")

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Train on text.

        Args:
            data: Training text: anything ``Corpus.read`` takes, or a Corpus.
            valid: Not used by representations; must be left out.
            run: Workers and progress.

        Raises:
            HyperParameterError: options that contradict each other, or that training with gensim does not have.
            DataError: unusable text, or one without neighbours.
            NlmkitError: gensim is not installed.
        """
        run = run or RunOptions()
        self._check_options(run)
        optional.require("gensim.models", extra="gensim", who="fasttext")
        from nlmkit.plugin import known_text, rows_of_types

        run.stage("reading text")
        corpus, pipeline = self._training_corpus(data, valid)
        vocabulary = self.limited_vocabulary(corpus)
        rows = rows_of_types(corpus, vocabulary, self.least_count)
        if not known_text(corpus, rows).has_pairs:
            raise DataError("nothing to learn from: no line has two known words")
        trained = self._train(corpus, vocabulary, rows, run)
        matrix = self._subwords(trained, vocabulary)
        report = {"words": len(trained), "ngrams": len(self.buckets_), "workers": run.workers}
        self._set_fitted(vocabulary=vocabulary, pipeline=pipeline, matrix=matrix, report=report)
        return self

    def _check_options(self, run: RunOptions) -> None:
        if self.shortest > self.longest:
            raise HyperParameterError(f"shortest={self.shortest} must not exceed longest={self.longest}")
        if self.min_alpha > self.alpha:
            raise HyperParameterError(f"min_alpha={self.min_alpha:g} must not exceed alpha={self.alpha:g}")
        for name, reason in _UNSUITABLE.items():
            if getattr(run, name) is not None:
                raise HyperParameterError(f"fasttext {reason}")
        if run.device not in ("auto", "cpu") or run.precision not in ("auto", "float32"):
            raise HyperParameterError("fasttext trains on the CPU, in float32")

    def _train(self, corpus: Corpus, vocabulary: Vocabulary, rows: NDArray[np.int32], run: RunOptions) -> Any:
        """Return gensim's ``KeyedVectors`` after training."""
        import numpy as np
        from gensim.models.callbacks import CallbackAny2Vec
        from gensim.models.fasttext import FastText as GensimFastText
        from nlmkit.plugin import Sentences, refuse_diverged

        class Ended(CallbackAny2Vec):  # type: ignore[misc]  # gensim has no types
            def on_epoch_end(self, model: Any) -> None:
                run.advance(corpus.tokens)

        frequencies = corpus.type_counts()
        known = np.flatnonzero(rows >= 0).tolist()
        # In the order of their appearance, by which gensim settles ties of frequency.
        counts = {corpus.types[index]: int(frequencies[index]) for index in known}
        sentences = Sentences(rows[corpus.ids], corpus.offsets, vocabulary.words)
        model = GensimFastText(
            vector_size=self.dimension,
            sg=int(self.architecture == _SKIP_GRAM),
            min_n=self.shortest,
            max_n=self.longest,
            bucket=self.buckets,
            window=self.window,
            negative=self.negative,
            sample=self.sample,
            epochs=self.epochs,
            alpha=self.alpha,
            min_alpha=self.min_alpha,
            min_count=1,  # the vocabulary has been limited already
            seed=self.seed,
            workers=run.workers,
            hashfxn=_checksum,  # should gensim ask for hashes of words, they must not depend on the process
        )
        model.build_vocab_from_freq(counts, corpus_count=len(sentences))
        run.stage("training fasttext", corpus.tokens * self.epochs)
        model.train(sentences, total_examples=len(sentences), epochs=self.epochs, callbacks=[Ended()])
        refuse_diverged(model.wv.vectors_ngrams, self.alpha)
        refuse_diverged(model.wv.vectors_vocab, self.alpha)
        return model.wv

    def _subwords(self, trained: Any, vocabulary: Vocabulary) -> NDArray[np.float32]:
        """Store the trained n-grams and return the words' vectors by vocabulary id: float32 [V, d]."""
        import numpy as np

        words, own, all_ngrams = trained.index_to_key, trained.vectors_vocab, trained.vectors_ngrams
        of_words = [self._buckets_of(word) for word in words]
        self.buckets_ = np.unique(np.array([bucket for some in of_words for bucket in some], np.int64))
        self.ngrams_ = np.array(all_ngrams[self.buckets_], np.float32)
        matrix = np.zeros((len(vocabulary), self.dimension), np.float32)
        for row, vector, some in zip(vocabulary.ids(words).tolist(), own, of_words, strict=True):
            matrix[row] = (vector + all_ngrams[some].sum(axis=0)) / (len(some) + 1)
        return matrix

    def _buckets_of(self, word: str) -> list[int]:
        from nlmkit_fasttext.subwords import buckets_of

        return buckets_of(word, self.shortest, self.longest, self.buckets)

    def _vector_of_unknown(self, word: str) -> NDArray[np.float32] | None:
        """Return the mean of the word's trained n-grams, float32 [d]; None if there are none."""
        import numpy as np
        from nlmkit.plugin import SPECIAL

        self.check_fitted()
        spelt = self.pipeline_.normalize(word)
        if word in SPECIAL or not spelt:
            return None
        wanted = np.array(self._buckets_of(spelt), np.int64)
        places = np.searchsorted(self.buckets_, wanted).clip(max=len(self.buckets_) - 1)
        found = places[self.buckets_[places] == wanted] if len(self.buckets_) else places[:0]
        if not len(found):
            return None
        mean: NDArray[np.float32] = self.ngrams_[found].mean(axis=0, dtype=np.float64).astype(np.float32)
        return mean

    def fitted_state(self) -> FittedState:
        """Return the vectors of words and n-grams and the n-grams' buckets; the fit report as metadata."""
        state = super().fitted_state()
        return FittedState({**state.arrays, "ngrams": self.ngrams_, "buckets": self.buckets_}, state.metadata)

    def restore(self, state: FittedState) -> None:
        """Restore the arrays after checking them; hashes are recomputed from the words."""
        import numpy as np
        from nlmkit.plugin import require, require_array

        super().restore(state)
        buckets = require_array(state.arrays, "buckets", dtype="int64", shape=(None,))
        ngrams = require_array(state.arrays, "ngrams", dtype="float32", shape=(len(buckets), self.dimension))
        ordered = bool((buckets[1:] > buckets[:-1]).all()) and (
            not len(buckets) or (buckets[0] >= 0 and buckets[-1] < self.buckets)
        )
        require(ordered, "the saved model is damaged: its buckets are out of order or range")
        require(bool(np.isfinite(ngrams).all()), "the saved model is damaged: its n-grams' vectors are not finite")
        self.buckets_, self.ngrams_ = buckets, ngrams


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode())
