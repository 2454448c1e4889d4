"""word2vec: skip-gram and CBOW, of whole words or, as in fastText, of their character n-grams too."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core import optional
from nlmkit.core.parameters import Needs, param, value_of
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.base import Representation
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.representations.word2vec.subwords import Subwords
    from nlmkit.representations.word2vec.training import Epoch
    from nlmkit.text import Corpus, Vocabulary

_SKIP_GRAM, _CBOW = "skip-gram", "cbow"
_NEGATIVE, _HIERARCHICAL = "negative-sampling", "hierarchical-softmax"

_SUBWORDS = Needs("subwords=true", lambda component: component.subwords)

_INTERRUPTED = (
    "while gensim trained word2vec, which cannot be resumed: nothing is saved, and the same command starts again"
)


@dataclasses.dataclass(kw_only=True)
class Word2Vec(VocabularyLimits, Representation):
    """word2vec, skip-gram or CBOW, trained by gensim (Mikolov et al. 2013a, 2013b; Řehůřek & Sojka 2010).

    The defaults suit texts of some million words; of much larger ones fewer ``epochs`` do, and of smaller ones more.
    With one worker (``RunOptions.workers``) the same seed gives the same bytes; more of them train without locks, so
    that every run ends a little differently.

    Words outside the vocabulary are taken out of the text first. A literal ``<unk>`` in the text is a word like any
    other; without one, ``<unk>`` has no vector. Lines of more than 10,000 words are trained in pieces of so many.

    With ``subwords`` it is fastText (Bojanowski, Grave, Joulin & Mikolov 2017): the vector of a word is the mean of its
    own and those of its character n-grams, and a word that training lacked has the mean vector of those of its n-grams
    that training had, wherever vectors are asked for. Inflected words come near each other, which answers far more
    analogies on small texts and agrees less with judgements of similarity: on a million words of Penn Treebank and
    Brown with five epochs, 24 % of the covered questions instead of 2 %, at 2.5 times the training time. (fastText
    itself also counts the n-grams of which nothing was learnt, with their random initial vectors; they are neither
    counted nor saved here.) Training holds ``buckets`` vectors in memory, for 200,000 of 100 values 80 MB.

    ``fit_report_`` has, beside what was trained, ``losses`` by epoch: the mean loss of a trained word, in nats, summed
    over its neighbours, as ``Epoch`` explains; None with ``subwords``, for which gensim keeps no loss. The attribute
    ``subwords_`` has the vectors of n-grams, or None.

    Example:
        >>> w2v = Word2Vec(dimension=8, min_count=1, epochs=2).fit([["red", "wine"], ["old", "wine"]])
        >>> w2v.vectors(["wine"]).shape
        (1, 8)
    """

    name = "word2vec"
    takes_workers: ClassVar[bool] = True
    keeps_log: ClassVar[bool] = True
    conformance_settings: ClassVar[Mapping[str, Any]] = {"dimension": 8, "epochs": 2, "min_count": 1}
    """Settings small enough for ``nlmkit.testing``."""

    min_count: int = param(5, ge=1, help="minimum count of a word; rarer words are removed from the text")
    architecture: str = param(
        _SKIP_GRAM, choices=(_SKIP_GRAM, _CBOW), help="predict neighbours from a word, or a word from its neighbours"
    )
    objective: str = param(
        _NEGATIVE, choices=(_NEGATIVE, _HIERARCHICAL), help="approximation of the softmax over all words"
    )
    dimension: int = param(100, ge=1, le=100_000, help="length of a vector")
    window: int = param(5, ge=1, le=1000, help="maximum distance of neighbours, to either side")
    shrink_windows: bool = param(
        True, help="sample the window of each word from 1 to window, so that nearer words have more weight"
    )
    negative: int = param(
        5,
        ge=1,
        le=1000,
        help="objective=negative-sampling: samples per pair",
        needs=value_of("objective", _NEGATIVE),
    )
    ns_exponent: float = param(
        0.75,
        ge=-10,
        le=10,
        help="objective=negative-sampling: exponent of the counts in the distribution of negative samples",
        needs=value_of("objective", _NEGATIVE),
    )
    sample: float = param(1e-4, ge=0, lt=1, help="relative frequency above which words are subsampled; 0: none")
    epochs: int = param(20, ge=1, le=100_000, help="epochs over the text")
    alpha: float = param(0.025, gt=0, le=1, help="initial learning rate")
    min_alpha: float = param(0.0001, ge=0, le=1, help="final learning rate, reached linearly")
    cbow_mean: bool = param(
        True,
        help="architecture=cbow: average the neighbours' vectors; false sums them",
        needs=value_of("architecture", _CBOW),
    )
    subwords: bool = param(
        False, help="learn vectors of character n-grams too, as fastText: unseen words have vectors", later=True
    )
    min_n: int = param(
        3,
        ge=1,
        le=100,
        help="subwords: length of the shortest n-grams in characters, including < and > around the word",
        later=True,
        needs=_SUBWORDS,
    )
    max_n: int = param(6, ge=1, le=100, help="subwords: length of the longest n-grams", later=True, needs=_SUBWORDS)
    buckets: int = param(
        200_000,
        ge=1,
        le=2**31 - 1,
        help="subwords: number of hash buckets; n-grams in the same bucket share a vector",
        later=True,
        needs=_SUBWORDS,
    )
    seed: int = param(1, ge=0, le=2**32 - 1, help="seed of initialisation, subsampling, windows and negative samples")

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Train on text.

        Args:
            data: Training text: anything ``Corpus.read`` takes, or a Corpus.
            valid: Not used by representations; must be left out.
            run: Workers, progress, and a log with one line per epoch, whose loss is that of ``fit_report_`` and whose
                step counts batches. The number of epochs is part of the model, so there is no budget of time; nor is
                there a checkpoint.

        Raises:
            HyperParameterError: options that contradict each other, or that training with gensim does not have.
            DataError: unusable text, or one without neighbours.
            NlmkitError: gensim is not installed, or training diverged.
            KeyboardInterrupt: Ctrl-C or SIGTERM; its message says that nothing is kept.
        """
        run = run or RunOptions()
        self._check_options(run)
        optional.require("gensim.models", extra="representations", who=self.name)
        import numpy as np

        from nlmkit.representations.term_counts import known_text, rows_of_types

        run.stage("reading text")
        corpus, pipeline = self._training_corpus(data, valid)
        vocabulary = self.limited_vocabulary(corpus)
        rows = rows_of_types(corpus, vocabulary, self.least_count)
        if not known_text(corpus, rows).has_pairs:
            raise DataError("nothing to learn from: no line has two known words")
        if self.objective == _HIERARCHICAL and np.count_nonzero(rows >= 0) == 1:
            raise DataError("objective=hierarchical-softmax needs two different words, but the text has one")
        matrix, report, subwords = self._train(corpus, vocabulary, rows, run)
        self._set_fitted(vocabulary=vocabulary, pipeline=pipeline, matrix=matrix, report=report)
        self.subwords_: Subwords | None = subwords
        return self

    def _check_options(self, run: RunOptions) -> None:
        if self.min_alpha > self.alpha:
            raise HyperParameterError(f"min_alpha={self.min_alpha:g} must not exceed alpha={self.alpha:g}")
        if self.min_n > self.max_n:
            raise HyperParameterError(f"min_n={self.min_n} must not exceed max_n={self.max_n}")
        if run.budget_seconds is not None:
            raise HyperParameterError(
                "word2vec does not support a time budget: its learning rate decreases with epochs; set epochs"
            )
        if run.checkpoint is not None:
            raise HyperParameterError(
                "word2vec does not support checkpoints, because gensim cannot resume training: omit checkpoint and "
                "resume"
            )
        if run.device not in ("auto", "cpu"):
            raise HyperParameterError(f"word2vec trains on the CPU, not on {run.device}")
        if run.precision not in ("auto", "float32"):
            raise HyperParameterError(f"word2vec trains in float32, not in {run.precision}")

    def _train(
        self, corpus: Corpus, vocabulary: Vocabulary, rows: NDArray[np.int32], run: RunOptions
    ) -> tuple[NDArray[np.float32], dict[str, Any], Subwords | None]:
        """Return vectors by vocabulary id, float32 [V, d], the report, and the vectors of n-grams."""
        import numpy as np

        from nlmkit.representations.word2vec.subwords import Subwords
        from nlmkit.representations.word2vec.training import Sentences, SubwordTrainer, Trainer
        from nlmkit.training.interruption import interruption_saying
        from nlmkit.training.records import LogRecord, TrainingLog

        frequencies = corpus.type_counts()
        known = np.flatnonzero(rows >= 0).tolist()
        # In the order of their appearance, by which gensim settles ties of frequency.
        counts = {corpus.types[index]: int(frequencies[index]) for index in known}
        sentences = Sentences(rows[corpus.ids], corpus.offsets, vocabulary.words)
        epochs: list[Epoch] = []

        def ended(epoch: Epoch) -> None:
            before = epochs[-1].seconds if epochs else 0.0
            epochs.append(epoch)
            seconds = epoch.seconds - before
            record = LogRecord(
                step=epoch.batches,
                epoch=float(epoch.number),
                metrics={"loss": epoch.loss} if trainer.keeps_loss else {},
                lr=self.alpha - (self.alpha - self.min_alpha) * epoch.number / self.epochs,
                speed=corpus.tokens / seconds if seconds > 0 else None,
                seconds=epoch.seconds,
            )
            log.write(record)
            loss = "" if epoch.loss is None else f", loss {epoch.loss:.3f} a word"
            run.note(f"epoch {epoch.number}{loss}")

        run.stage("training word2vec", corpus.tokens * self.epochs)
        with interruption_saying(_INTERRUPTED), TrainingLog(run.log) as log:  # type: ignore[arg-type]  # it is a Path
            kind = SubwordTrainer if self.subwords else Trainer
            trainer = kind(self._settings(run.workers), advance=run.advance, ended=ended)
            trainer.run(sentences, counts)
        matrix = np.zeros((len(vocabulary), self.dimension), np.float32)
        matrix[vocabulary.ids(trainer.wv.index_to_key)] = trainer.wv.vectors
        seconds = epochs[-1].seconds
        report = {
            "words": len(counts),
            "tokens": sum(counts.values()),
            "trained_words": [epoch.words for epoch in epochs],
            "losses": [epoch.loss for epoch in epochs] if trainer.keeps_loss else None,
            "lines_divided": sentences.divided,
            "workers": run.workers,
            "seconds": seconds,
            "words_per_second": corpus.tokens * self.epochs / seconds,
        }
        if not self.subwords:
            return matrix, report, None
        trained, buckets = trainer.wv.vectors_ngrams, trainer.wv.buckets_word
        subwords = Subwords.of(trained, buckets, min_n=self.min_n, max_n=self.max_n)
        return matrix, report | {"ngram_buckets": len(subwords.trained)}, subwords

    def _settings(self, workers: int) -> dict[str, Any]:
        """Arguments of gensim's constructor; the vocabulary has been limited already."""
        negative_sampling = self.objective == _NEGATIVE
        return {
            "vector_size": self.dimension,
            "sg": int(self.architecture == _SKIP_GRAM),
            "hs": int(not negative_sampling),
            "negative": self.negative if negative_sampling else 0,
            "ns_exponent": self.ns_exponent,
            "cbow_mean": int(self.cbow_mean),
            "window": self.window,
            "shrink_windows": self.shrink_windows,
            "sample": self.sample,
            "epochs": self.epochs,
            "alpha": self.alpha,
            "min_alpha": self.min_alpha,
            "min_count": 1,
            "seed": self.seed,
            "workers": workers,
            **({"min_n": self.min_n, "max_n": self.max_n, "bucket": self.buckets} if self.subwords else {}),
        }

    def _vector_of_unknown(self, word: str) -> NDArray[np.float32] | None:
        """Return the mean vector of the word's trained n-grams, float32 [d]; None if there are none."""
        from nlmkit.text.vocabulary import SPECIAL

        self.check_fitted()
        spelt = self.pipeline_.normalize(word)
        return None if self.subwords_ is None or word in SPECIAL or not spelt else self.subwords_.vector(spelt)

    def fitted_state(self) -> FittedState:
        """Return the vectors of words and n-grams; the fit report as metadata."""
        state = super().fitted_state()
        if self.subwords_ is None:
            return state
        arrays = {**state.arrays, "buckets": self.subwords_.trained, "ngrams": self.subwords_.vectors}
        return FittedState(arrays, state.metadata)

    def restore(self, state: FittedState) -> None:
        """Restore the arrays after checking them."""
        super().restore(state)
        self.subwords_ = self._restored(state) if self.subwords else None

    def _restored(self, state: FittedState) -> Subwords:
        from nlmkit.representations.neighbours import is_finite
        from nlmkit.representations.word2vec.subwords import Subwords
        from nlmkit.saving import require, require_array

        trained = require_array(state.arrays, "buckets", dtype="int64", shape=(None,))
        vectors = require_array(state.arrays, "ngrams", dtype="float32", shape=(len(trained), self.dimension))
        ordered = bool((trained[1:] > trained[:-1]).all())
        inside = not len(trained) or (trained[0] >= 0 and trained[-1] < self.buckets)
        require(ordered and bool(inside), "the saved model is damaged: its buckets are out of order or range")
        require(is_finite(vectors), "the saved model is damaged: its vectors of n-grams are not finite")
        return Subwords(self.min_n, self.max_n, self.buckets, trained, vectors)
