"""Contract of sequence taggers: ``Tagger``. This module does not import NumPy.

**Tags.** A tagger of spans (names, chunks, words of unspaced text) is trained on BIOES tags, whatever the scheme of the
training file, and predicts tags in the scheme of that file. Other tags, such as parts of speech, are used as they are.
Within a tagger, tags are *inner* tags, as ids into ``tags_``.

**Words** are looked up in one Unicode form, and reported as given. Raw text becomes tokens by ``pipeline_``: at spaces,
or in characters if the tagger was trained on segmented text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core.component import Component
from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.taggers.report import TaggingReport
    from nlmkit.text import TextPipeline
    from nlmkit.text.tag_schemes import Span
    from nlmkit.text.tagged import TaggedSentences


@dataclasses.dataclass(kw_only=True)
class Tagger(Component):
    """Base class of taggers: sentences in, one tag per token out.

    A subclass is a ``@dataclass(kw_only=True)`` and implements ``fit_sentences``, ``best``, ``marginals``,
    ``span_log_probabilities`` (where it is to tag spans), and, for saving, ``fitted_state`` and ``restore``, which call
    those of this class first. It may override ``tag_ids`` with something faster. It sees ``TaggedSentences`` with words
    in the form of lookup and inner tags.

    scikit-learn's ``clone``, ``cross_val_score`` and ``GridSearchCV`` accept it. Components among the hyper-parameters
    are not cloned but shared, with their fitted state, since ``fit`` does not change them.

    Fitted attributes: ``tags_`` (inner tags, by first appearance), ``scheme_`` (scheme of the training file),
    ``pipeline_`` (``TextPipeline`` by which raw text becomes tokens), ``layout_`` (columns of the training file, a
    JSON-ready dictionary; None without a file), ``feature_names_`` (of the feature columns), ``known_words_`` (words of
    the training sentences, in the form of lookup; spans of characters in a segmenter), ``fit_report_`` (JSON-ready
    dictionary).
    """

    kind: ClassVar[str] = "tagger"

    takes_features: ClassVar[bool] = False
    """Whether feature columns are used; without, ``fit`` refuses sentences that have any."""

    scheme: str | None = param(
        None,
        choices=(None, "IOB1", "IOB2", "BIOES", "BMES", "BILOU", "plain"),
        help="tag scheme of the training tags; none: detected",
    )
    unicode_form: str | None = param(
        "NFKC",
        choices=(None, "NFC", "NFD", "NFKC", "NFKD"),
        help="Unicode form in which words are looked up (NFKC: full-width letters and digits are ordinary ones)",
    )

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        tags_: tuple[str, ...] = dataclasses.field(init=False)
        scheme_: str = dataclasses.field(init=False)
        pipeline_: TextPipeline = dataclasses.field(init=False)
        layout_: dict[str, Any] | None = dataclasses.field(init=False)
        feature_names_: tuple[str, ...] = dataclasses.field(init=False)
        known_words_: frozenset[str] = dataclasses.field(init=False)
        fit_report_: dict[str, Any] = dataclasses.field(init=False)

    # ---------------------------------------------------------------------------------- what a subclass implements

    def fit_sentences(
        self, data: TaggedSentences, *, valid: TaggedSentences | None, run: RunOptions
    ) -> Mapping[str, Any]:
        """Estimate the tagger; its other fitted attributes are set already.

        Everything estimated, including vocabulary and vectors, must come from ``data`` alone.

        Args:
            data: The training sentences, some perhaps empty: ``data.tags.ids`` are indices into ``tags_``.
            valid: Held-out sentences in the same way, or None. Ids of tags that the training sentences lack are
                ``len(tags_)`` and more, and always count as errors.
            run: Progress, device, checkpoints.

        Returns:
            Entries of ``fit_report_`` on the fit, JSON-ready; ``notes``, a list, is shown to the user.
        """
        raise NotImplementedError

    def best(self, data: TaggedSentences, n: int) -> list[list[tuple[float, NDArray[np.int64]]]]:
        """Return the most probable tag sequences of each sentence.

        Args:
            data: Sentences, some perhaps empty, or of unknown words.
            n: How many at most, at least 1.

        Returns:
            Per sentence up to ``n`` different legal sequences, best first, each as natural log-probability given the
            words, and int64 [tokens]; fewer only if no more are legal. An empty sentence has one, of log-probability 0.
        """
        raise NotImplementedError

    def marginals(self, data: TaggedSentences) -> NDArray[np.float64]:
        """Return the probability of each tag at each token: float64 [tokens, tags], rows with sum 1.

        They are exact: summed over all legal sequences by their probabilities in ``best``.
        """
        raise NotImplementedError

    def span_log_probabilities(
        self, data: TaggedSentences, paths: Sequence[Sequence[tuple[int, NDArray[np.int64]]]]
    ) -> list[NDArray[np.float64]]:
        """Return the exact log-probabilities of parts of tag sequences. Taggers of plain tags can do without.

        Args:
            data: Sentences.
            paths: Per sentence, any number of parts: index of the first token, and the tags from there.

        Returns:
            Per sentence the log-probability of each part, whatever the tags around it: float64 [parts].
        """
        raise NotImplementedError(f"{self.name} has no probabilities of spans")

    def tag_ids(self, data: TaggedSentences) -> NDArray[np.int64]:
        """Return the most probable tag sequences of all sentences: int64 [tokens]."""
        import numpy as np

        return np.concatenate([np.empty(0, np.int64), *(found[0][1] for found in self.best(data, 1))])

    # ------------------------------------------------------------------------------------------- for the subclass

    @property
    def inner_scheme_(self) -> str:
        """Scheme of ``tags_``: BIOES, or plain for tags without spans."""
        from nlmkit.text.tag_schemes import inner_scheme

        return inner_scheme(self.scheme_)

    @property
    def is_segmenter_(self) -> bool:
        """Whether spans have no type and every token is in one, as the characters of words are."""
        from nlmkit.taggers.tag_sets import is_segmentation

        return is_segmentation(self.tags_, self.inner_scheme_)

    def legal(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which tags may begin a sentence, follow each other, and end it: bool [tags], [tags, tags], [tags]."""
        from nlmkit.text.tag_schemes import legal

        return legal(self.tags_, self.inner_scheme_)

    # ----------------------------------------------------------------------------------------------------- fitting

    def fit(self, sentences: Any, tags: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Estimate the tagger from sentences with tags and return self.

        A failed fit leaves the tagger unchanged.

        Args:
            sentences: ``TaggedSentences``, or lists of tokens.
            tags: A list of tags per sentence; None if ``sentences`` have them (also as pairs of a token and its tag).
            valid: Held-out ``(sentences, tags)`` or TaggedSentences, for early stopping or the choice of settings.
            run: Options of the run, not of the tagger.

        Raises:
            DataError: Sentences or tags are unusable, or no sentence has a word.
            HyperParameterError: Options contradict each other.
        """
        from nlmkit.taggers.inputs import tagged
        from nlmkit.text.tag_schemes import PLAIN

        run = run or RunOptions()
        run.stage("reading text")
        data = tagged(sentences, tags, scheme=self.scheme)
        held_out = None if valid is None else tagged(valid, scheme=PLAIN if self.scheme == PLAIN else None)
        if not data.tokens:
            raise DataError("no sentence to train on has a word", source=data.source)
        if data.features and not self.takes_features:
            names = ", ".join(data.feature_names)
            raise DataError(f"{self.name} uses no feature columns, but there are: {names}", source=data.source)
        before = dict(vars(self))
        self._forget()
        try:
            self._fit(data, held_out, run)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def _fit(self, data: TaggedSentences, held_out: TaggedSentences | None, run: RunOptions) -> None:
        from nlmkit.taggers import fitting

        fitting.learn_form(self, data)
        training, repairs = fitting.training_sentences(self, data)
        valid, notes = (None, []) if held_out is None else fitting.validation_sentences(self, held_out)
        notes = [*data.notes, *fitting.repair_notes(repairs, data), *notes]
        own = self.fit_sentences(training, valid=valid, run=run)
        of_valid = {} if valid is None else fitting.validation_report(self, valid, own)
        report = {**fitting.facts(self, data, repairs), **of_valid, **own}
        self.fit_report_ = {**report, "notes": [*notes, *own.get("notes", ())]}

    # ----------------------------------------------------------------------------------------------------- tagging

    def encode(self, sentences: Any, *, features: Any = ()) -> TaggedSentences:
        """Return sentences as the tagger sees them: tokens in the form of lookup, without tags.

        Args:
            sentences: ``TaggedSentences``, lists of tokens, strings (one sentence each, tokenized by ``pipeline_``), or
                a Corpus with the same ``tokenization_``.
            features: For lists of tokens: per feature column of training, a list of values per sentence.

        Raises:
            DataError: The sentences are unusable, or lack a feature column of training.
        """
        self.check_fitted()
        from nlmkit.taggers.inputs import looked_up, untagged, with_features

        data = untagged(sentences, self.pipeline_, features=features, names=self.feature_names_)
        return looked_up(with_features(data, self.feature_names_, f"this {self.name}"), self.unicode_form)

    def predict(self, sentences: Any, *, features: Any = ()) -> list[list[str]]:
        """Return the most probable tags of each sentence, in ``scheme_``; arguments as of ``encode``."""
        data = self.encode(sentences, features=features)
        return self._written(self.tag_ids(data) if data.tokens else (), data)

    def predict_marginals(self, sentences: Any, *, features: Any = ()) -> list[NDArray[np.float64]]:
        """Return the exact probability of each of ``tags_`` at each token; arguments as of ``encode``.

        Returns:
            Per sentence float64 [tokens, tags], rows with sum 1.
        """
        import numpy as np

        data = self.encode(sentences, features=features)
        if not data.tokens:
            return [np.empty((0, len(self.tags_))) for _ in range(len(data))]
        return np.split(self.marginals(data), data.offsets[1:-1])

    def predict_spans(self, sentences: Any, *, features: Any = ()) -> list[list[tuple[Span, float]]]:
        """Return the spans of the most probable tags, each with its probability; arguments as of ``encode``.

        The probability is exact: of all tag sequences that have this span, type and bounds. Without spans, each token
        is one, of its tag.
        """
        from nlmkit.taggers.spans import predicted_spans

        return predicted_spans(self, self.encode(sentences, features=features))

    def n_best(self, sentences: Any, n: int, *, features: Any = ()) -> list[list[tuple[float, list[str]]]]:
        """Return up to ``n`` tag sequences of each sentence, best first, with their log-probabilities.

        Args:
            sentences: As of ``encode``.
            n: How many at most.
            features: As of ``encode``.

        Returns:
            Per sentence the natural log-probability and the tags, in ``scheme_``, of each sequence.

        Raises:
            ValueError: ``n`` is not a positive integer.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ValueError(f"n must be a positive integer, not {n!r}")
        data = self.encode(sentences, features=features)
        found = self.best(data, n) if len(data) else []
        return [[(score, self._one_written(ids)) for score, ids in each] for each in found]

    def _written(self, ids: Any, data: TaggedSentences) -> list[list[str]]:
        import numpy as np

        from nlmkit.taggers.tag_sets import written

        return written(np.asarray(ids, np.int64), data.offsets, self.tags_, self.inner_scheme_, self.scheme_)

    def _one_written(self, ids: NDArray[np.int64]) -> list[str]:
        import numpy as np

        from nlmkit.taggers.tag_sets import written

        (tags,) = written(ids, np.array([0, len(ids)]), self.tags_, self.inner_scheme_, self.scheme_)
        return tags

    # ------------------------------------------------------------------------------------------------------ judging

    def score(self, sentences: Any, tags: Any = None) -> float:
        """Return F1 of spans, or the accuracy of plain tags, from 0 to 1; NaN without a token.

        Args:
            sentences: As of ``fit``.
            tags: As of ``fit``.
        """
        from nlmkit.taggers.judging import judged

        report = judged(self, sentences, tags, resamples=0, seed=0, needs_tokens=False)
        return float("nan") if report is None else report.score

    def report(self, sentences: Any, tags: Any = None, *, resamples: int = 1000, seed: int = 0) -> TaggingReport:
        """Compute precision, recall, F1 and accuracy, each with a bootstrap interval, and the most frequent errors.

        A tag that training lacked is an error wherever it occurs.

        Args:
            sentences: As of ``fit``.
            tags: As of ``fit``.
            resamples: Number of bootstrap samples of the intervals; 0 for no intervals.
            seed: Seed of the bootstrap.

        Raises:
            DataError: The data have no tokens, or the sentences or tags are unusable.
        """
        from nlmkit.taggers.judging import judged

        report = judged(self, sentences, tags, resamples=resamples, seed=seed)
        assert report is not None
        return report

    # ------------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return tags, scheme, layout, known words and fit report (without times); a subclass adds its own state."""
        self.check_fitted()
        from nlmkit.taggers.saved_form import fitted_state

        return fitted_state(self)

    def restore(self, state: FittedState) -> None:
        """Set what ``fitted_state`` returned; a subclass restores its own state afterwards.

        Raises:
            SavedModelError: Something is missing or invalid.
        """
        from nlmkit.taggers.saved_form import restore

        restore(self, state)

    # ------------------------------------------------------------------------------------------------- scikit-learn

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted tagger with the same hyper-parameters; components among them are shared.

        Each kind of note is logged once for all clones of a tagger, since a cross-validation fits many.
        """
        clone = type(self)(**self.get_params(deep=False))
        vars(clone)["_said"] = vars(self).get("_said", vars(self).setdefault("_said_by_clones", set()))
        return clone

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the tagger is fitted, for scikit-learn."""
        return self.is_fitted

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn 1.6 and later: an estimator of lists that needs targets."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=True),
            input_tags=InputTags(one_d_array=False, two_d_array=False, string=True),
        )
