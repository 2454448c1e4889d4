"""GloVe: vectors whose products are the logarithms of co-occurrence counts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from nlmkit.core import optional
from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.base import Representation
from nlmkit.training.clock import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.representations.glove.stepper import GloVeStepper
    from nlmkit.representations.glove.training import Weights
    from nlmkit.text import Corpus, Vocabulary
    from nlmkit.training.result import RunResult

_RARE: Final = 100
"""How many of the rarest words stand in for unknown ones."""

_FREE: Final = ("epochs", "memory", "add_contexts")
"""Hyper-parameters that can differ when a run is resumed: none changes a step."""


@dataclasses.dataclass(kw_only=True)
class GloVe(VocabularyLimits, Representation):
    """GloVe vectors, computed as the Stanford tool does (Pennington, Socher & Manning 2014).

    Words at a distance d of at most ``window`` in a sentence count 1/d together. Weighted least squares fit
    w·w̃ + b + b̃ to the logarithm of each pair's count, by AdaGrad, one pair at a time, in an order that is shuffled
    once. The vectors are w + w̃, or w alone with ``add_contexts=False``. The loop is machine code that numba makes when
    it is first run.

    The defaults suit texts of some million words: ``x_max`` 10 and 50 epochs, where the Stanford tool has 100 and 25,
    and ``window`` 10, with which published vectors were trained, where it has 15.

    Ids go by count and then alphabetically, as in the Stanford tool's vocabulary. Words that a limit leaves out are
    skipped, and bring their neighbours nearer together. A literal ``<unk>`` in the text (Penn Treebank) is a word like
    any other; where there is none, ``<unk>`` has the mean of the 100 rarest words' vectors.

    One worker gives the same bytes for the same seed on one kind of processor; several share the weights without
    locks, and differ from run to run. ``fit`` heeds workers, budget, checkpoints and log of
    ``RunOptions``; from the last checkpoint of a run, one with more ``epochs`` goes on.

    Fitted attributes: those of every representation. ``fit_report_`` has the cost of each epoch, the mean of
    ½·f·diff² before each step, among the ``costs``.

    Example:
        >>> text = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 5
        >>> GloVe(dimension=4, epochs=5).fit(text).matrix.shape
        (7, 4)
    """

    name = "glove"
    trains_in_steps = True
    takes_workers = True
    conformance_settings: ClassVar[Mapping[str, Any]] = {"dimension": 8, "epochs": 5}
    """Settings small enough for ``nlmkit.testing``."""

    dimension: int = param(100, ge=1, le=10_000, help="length of a vector")
    window: int = param(10, ge=1, le=127, help="maximum distance of co-occurring words")
    symmetric: bool = param(True, help="count context on both sides, not only to the right")
    weighting: str = param("harmonic", choices=("harmonic", "uniform"), help="count of a pair at distance d: 1/d or 1")
    x_max: float = param(
        10.0, gt=0, le=1e12, help="count at which the weight of a pair reaches 1; 100 in the Stanford tool"
    )
    alpha: float = param(0.75, ge=0, le=10, help="exponent of count / x_max in the weight of rarer pairs")
    add_contexts: bool = param(
        True, help="add the words' context vectors to their own (W + C); false leaves them out", later=True
    )
    epochs: int = param(50, ge=1, le=1_000_000, help="epochs over the pairs")
    lr: float = param(0.05, gt=0, le=1000, help="AdaGrad's learning rate")
    clip: float = param(100.0, gt=0, le=1e12, help="maximum absolute value of a gradient, before lr")
    bias_update: str = param(
        "stanford",
        choices=("stanford", "paper"),
        help="update biases without lr and clipping, as in the tool since 2019, or as in the paper",
    )
    precision: str = param(
        "float32",
        choices=("float32", "float64"),
        help="floating-point precision of training; float64 as in the Stanford tool, at half the speed",
    )
    memory: float = param(
        1.0,
        gt=0,
        le=1e6,
        help="memory for counts and pairs in GiB, beyond which files are used; does not change the result",
    )
    seed: int = param(1, ge=0, le=2**63 - 1, help="seed of the initial weights and of the order")

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Count co-occurrences and train the vectors.

        Args:
            data: Training text: anything ``Corpus.read`` takes, or a Corpus.
            valid: Refused; GloVe uses none.
            run: Workers, budget, checkpoints, log and progress.

        Raises:
            HyperParameterError: options that contradict each other or do not suit GloVe.
            DataError: unusable text, or one in which no two words stand near each other.
            NlmkitError: numba is not installed, or training diverged.
            SavedModelError: the checkpoint is damaged, another run's, or cannot be written.
            MemoryError: the vectors do not fit.
        """
        started = seconds()
        run = run or RunOptions()
        self._check_run(run)
        if valid is not None:  # before numba is looked for
            raise HyperParameterError(f"{self.name} does not use validation text: omit it")
        optional.require("numba", extra="representations", who=self.name)
        from concurrent.futures import ThreadPoolExecutor

        from nlmkit.representations.glove.cooccurrence import count_cooccurrences
        from nlmkit.representations.glove.spool import Spools
        from nlmkit.representations.glove.stepper import GloVeStepper
        from nlmkit.representations.glove.training import Settings, Weights, shuffled_records
        from nlmkit.training.checkpoint_folders import check_target
        from nlmkit.training.run import run as train

        if run.checkpoint is not None and not run.resume:
            check_target(Path(run.checkpoint))
        run.stage("reading text")
        corpus, pipeline = self._training_corpus(data)
        vocabulary = self._vocabulary(corpus)
        ids, words = self._trained_ids(corpus, vocabulary)

        settings = Settings(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Settings)})
        with Spools(int(self.memory * 2**30)) as spools:
            counting = seconds()
            run.stage("counting co-occurrences", len(ids))
            counts = count_cooccurrences(
                ids,
                corpus.offsets,
                words,
                window=self.window,
                spools=spools,
                symmetric=self.symmetric,
                weighting="harmonic" if self.weighting == "harmonic" else "uniform",
                advance=run.advance,
            )
            pairs, exact = len(counts), counts.exact
            if not pairs:
                raise DataError("nothing to learn from: no sentence has two words")
            shuffling = seconds()
            run.stage("shuffling co-occurrences", pairs)
            records = shuffled_records(counts, settings, spools, advance=run.advance)
            shuffled = seconds()
            weights = Weights.initial(words, settings)
            with ThreadPoolExecutor(run.workers) as pool:
                stepper = GloVeStepper(
                    weights,
                    records,
                    settings,
                    epochs=self.epochs,
                    options=run,
                    pool=pool,
                    identity=self._identity(corpus, vocabulary),
                )
                result = train(stepper, run, started=started)
            report = self._report(corpus, vocabulary, ids, result, stepper)
            spilled = spools.spilled
            del records, stepper  # before their file goes

        report |= {
            "records": pairs,
            "used_files": spilled,
            "counting_seconds": round(shuffling - counting, 3),
            "shuffling_seconds": round(shuffled - shuffling, 3),
            "seconds": round(seconds() - started, 3),
        }
        if not exact:
            report["notes"].append(f"window={self.window} is too large to sum 1/d exactly in a text of this length")
        matrix = self._matrix(weights, vocabulary)
        self._set_fitted(vocabulary=vocabulary, pipeline=pipeline, matrix=matrix, report=report)
        return self

    def _check_run(self, run: RunOptions) -> None:
        if run.device not in ("auto", "cpu"):
            raise HyperParameterError(f"device={run.device}: {self.name} computes on the CPU only")
        if run.precision not in ("auto", self.precision):
            raise HyperParameterError(
                f"precision={run.precision}: {self.name} has the hyper-parameter precision, which is {self.precision}"
            )

    def _vocabulary(self, corpus: Corpus) -> Vocabulary:
        """Return the vocabulary by count, then alphabetically."""
        import numpy as np

        from nlmkit.text import Vocabulary
        from nlmkit.text.vocabulary import SPECIAL

        if not corpus.tokens:
            raise DataError("the training text has no words")
        limited = self.limited_vocabulary(corpus)
        counts = limited.counts.tolist()
        order = sorted(range(len(SPECIAL), len(limited)), key=lambda id_: (-counts[id_], limited.word(id_)))
        order = [*range(len(SPECIAL)), *order]
        return Vocabulary([limited.word(id_) for id_ in order], np.asarray(limited.counts)[order])

    def _trained_ids(self, corpus: Corpus, vocabulary: Vocabulary) -> tuple[NDArray[np.int32], int]:
        """Return the text as rows of the weights, −1 for words to skip: int32 [tokens]; and how many rows there are.

        Rows are ids without the three special ones; a literal ``<unk>`` has the row after them.
        """
        import numpy as np

        from nlmkit.text.vocabulary import SPECIAL, UNK

        rows = vocabulary.ids(corpus.types) - len(SPECIAL)
        rows[rows < 0] = -1
        words = len(vocabulary) - len(SPECIAL)
        if UNK in corpus.types and self.vocabulary_file is None:
            type_ = corpus.types.index(UNK)
            if np.count_nonzero(corpus.ids == type_) >= self.min_count:
                rows[type_] = words
                words += 1
        return rows[corpus.ids], words

    def _matrix(self, weights: Weights, vocabulary: Vocabulary) -> NDArray[np.float32]:
        """Return the vectors by vocabulary id: float32 [V, d]."""
        import numpy as np

        from nlmkit.text.vocabulary import SPECIAL, UNK_ID

        rows = weights.rows(with_contexts=self.add_contexts)
        words = len(vocabulary) - len(SPECIAL)
        matrix = np.zeros((len(vocabulary), self.dimension), np.float32)
        matrix[len(SPECIAL) :] = rows[:words]
        matrix[UNK_ID] = rows[words] if len(rows) > words else rows[-_RARE:].mean(axis=0, dtype=np.float64)
        return matrix

    def _identity(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:
        """Return the facts that must match for a run to resume, as JSON."""
        return {
            "component": self.name,
            "hyper_parameters": {name: value for name, value in self.params_as_json().items() if name not in _FREE},
            "training text": corpus.events_digest,
            "vocabulary": vocabulary.digest,
        }

    def _report(
        self,
        corpus: Corpus,
        vocabulary: Vocabulary,
        ids: NDArray[np.int32],
        result: RunResult,
        stepper: GloVeStepper,
    ) -> dict[str, Any]:
        import numpy as np

        from nlmkit.text.vocabulary import SPECIAL

        return {
            "sentences": corpus.sentences,
            "tokens": corpus.tokens,
            "skipped_tokens": int(np.count_nonzero(ids < 0)),
            "words": len(vocabulary) - len(SPECIAL),
            "epochs": int(result.epochs) if result.epochs.is_integer() else round(result.epochs, 4),
            "costs": [evaluation.loss for evaluation in result.history],
            "cost": result.history[-1].loss,
            "notes": list(result.notes),
            "compiling_seconds": round(stepper.compiling_seconds, 3),
            "training_seconds": round(stepper.training_seconds, 3),
            "epoch_seconds": [round(took, 3) for took in stepper.epoch_seconds],
            "records_per_second": round(result.speed, 1),
        }
