"""Contract of sequence-to-sequence models: ``SequenceToSequence``. This module does not import NumPy.

A sequence-to-sequence model is a conditional language model: a state machine over the ids of the target vocabulary, as
``LanguageModel`` is one, whose start depends on a *condition*, an encoded source. A source is a text or a vector. So
targets have events (every word, and one ``</s>`` per target) and a perplexity by the rules of language models.

**Raw text** on both sides: the hyper-parameters say how lines become tokens, and predictions are lines again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from nlmkit.core.component import Component
from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.saving.state import FittedState
from nlmkit.taggers.base import Tagger
from nlmkit.text.tokenizer_lookup import tokenizer_as_parameter

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.rows import Rows
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.language_models.report import PerplexityReport
    from nlmkit.seq2seq.pairs import Condition, Pairs
    from nlmkit.seq2seq.report import TranslationReport
    from nlmkit.seq2seq.reranking import Cost
    from nlmkit.seq2seq.translations import Translation
    from nlmkit.text import Corpus, TextPipeline, Vocabulary


@dataclasses.dataclass(kw_only=True)
class SequenceToSequence(VocabularyLimits, Component):
    """Base class of sequence-to-sequence models: a text or a vector in, a text out.

    A subclass is a ``@dataclass(kw_only=True)``, derived from ``TextSources`` too if its sources are texts. It
    implements ``fit_pairs``, the state machine ``start``, ``advance``, ``next_log_probs``, and, for saving,
    ``fitted_state`` and ``restore``, which call those of this class first. It may override ``log_probs_of`` and
    ``rows`` with something faster, and ``attention_of``.

    Logarithms are natural. Results do not depend on the other sources of a call; in float32 arithmetic, within 1e-5.

    scikit-learn's ``clone`` accepts it. Components among the hyper-parameters are not cloned but shared, with their
    fitted state, since ``fit`` does not change them.

    Fitted attributes: ``vocabulary_`` and ``pipeline_`` (of targets), ``source_vocabulary_`` and ``source_pipeline_``
    (of sources that are texts, else None; with ``joint``, the vocabulary is that of targets), ``dimension_`` (of
    sources that are vectors, else None), ``longest_target_`` (tokens of the longest target of training) and
    ``length_ratio_`` (tokens of all targets divided by those of all sources; None for vectors), which limit the length
    of predictions where no option does, ``fit_report_`` (JSON-ready dictionary).
    """

    kind: ClassVar[str] = "sequence-to-sequence"

    predicts_words: ClassVar[bool] = True

    takes: ClassVar[Literal["texts", "vectors"]] = "texts"
    """What sources are."""

    target_tokenizer: str | Tagger = param(
        "word",
        help="tokenizer of targets: space, word, char, bpe:8000, unigram:8000, one of a plugin, or model:FOLDER",
    )
    lowercase: bool = param(False, help="lower-case the texts; predictions are then in lower case")
    unicode_form: str | None = param(
        None, choices=(None, "NFC", "NFD", "NFKC", "NFKD"), help="Unicode normalization form of the texts"
    )

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        vocabulary_: Vocabulary = dataclasses.field(init=False)
        pipeline_: TextPipeline = dataclasses.field(init=False)
        source_vocabulary_: Vocabulary | None = dataclasses.field(init=False)
        source_pipeline_: TextPipeline | None = dataclasses.field(init=False)
        dimension_: int | None = dataclasses.field(init=False)
        longest_target_: int = dataclasses.field(init=False)
        length_ratio_: float | None = dataclasses.field(init=False)
        fit_report_: dict[str, Any] = dataclasses.field(init=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Put the tokenizer of a saved model, or one that is given: a segmenter as a component; see ``Component``.

        Raises:
            HyperParameterError: The model has none.
            SavedModelError: The folder cannot be loaded.
        """
        super().__setattr__(
            name, tokenizer_as_parameter(value) if name in ("target_tokenizer", "source_tokenizer") else value
        )

    # ---------------------------------------------------------------------------------- what a subclass implements

    def fit_pairs(self, data: Pairs, *, valid: Pairs | None, run: RunOptions) -> Mapping[str, Any]:
        """Estimate the model; vocabularies, pipelines and ``dimension_`` are set already.

        Everything estimated must come from ``data`` alone.

        Args:
            data: The training pairs, in the order given; at least one.
            valid: Held-out pairs in the same way, or None. Words that training lacked have id 0.
            run: Progress, device, checkpoints.

        Returns:
            Entries of ``fit_report_`` on the fit, JSON-ready; ``notes``, a list, is shown to the user.
        """
        raise NotImplementedError

    def start(self, condition: Condition) -> Hashable:
        """Return the state before the first word of the target of a source.

        Args:
            condition: The source, as ``conditions`` returns it: int32 [tokens] ids of ``source_vocabulary_``, or
                float32 [dimension_].
        """
        raise NotImplementedError

    def advance(self, state: Any, word_id: int) -> Hashable:
        """Return the state after a word of the target, not ``</s>``, which ends it."""
        raise NotImplementedError

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id as the next event: float64 [V], −inf at ``<s>``."""
        raise NotImplementedError

    def log_probs_of(self, pairs: Pairs) -> NDArray[np.float64]:
        """Return the natural log-probability of every event of the targets, in order: float64 [events].

        The state machine defines what is right; an override is its fast form.
        """
        from nlmkit.seq2seq.machine import log_probs

        return log_probs(self, pairs)

    def rows(self, conditions: Sequence[Condition]) -> Rows:
        """Return the beginnings of the targets of some sources, for search: one row per source, in order."""
        from nlmkit.decoding.rows import MachineRows

        return MachineRows(self, [self.start(condition) for condition in conditions])

    def attention_of(self, pairs: Pairs) -> list[NDArray[np.float32]]:
        """Return the attention of each event of a target on the tokens of its source.

        Returns:
            Per pair float32 [events, S], rows with sum 1. S is the number of the source's tokens, or one more if the
            model reads a ``</s>`` behind them.

        Raises:
            HyperParameterError: The model has no attention.
        """
        from nlmkit.errors import HyperParameterError

        raise HyperParameterError(f"{self.name} has no attention")

    @property
    def has_attention(self) -> bool:
        """Whether ``attention_of`` returns anything; a fact of the hyper-parameters, also before ``fit``."""
        return False

    @property
    def unknown_rule(self) -> str:
        """Rule for the probability of ``<unk>`` in targets; part of the report's signature."""
        return "trained" if self.vocabulary_.counts[0] else "uniform-share"

    @property
    def report_labels(self) -> Mapping[str, str]:
        """Further facts for reports and their signature by short name; neither can contain ``:`` or ``|``."""
        return {}

    @property
    def normalized(self) -> bool:
        """Whether the probabilities after every beginning of a target sum to one."""
        return True

    @property
    def reads_backward(self) -> bool:
        """Always false: targets are produced from their first word."""
        return False

    # ----------------------------------------------------------------------------------------------------- fitting

    def fit(self, sources: Any, targets: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Estimate the model from sources and their targets and return self; a failed fit leaves it unchanged.

        Args:
            sources: Texts, in any sequence or column of a table; vectors, [n, d]; ``ParallelTexts``, without targets;
                or a pair of sources and targets, without targets.
            targets: One text per source.
            valid: Held-out sources and targets, as a pair or ``ParallelTexts``, for early stopping or the choice of
                settings.
            run: Options of the run, not of the model.

        Raises:
            DataError: Sources or targets are unusable, or differ in number.
            HyperParameterError: Options contradict each other.
        """
        from nlmkit.seq2seq import fitting, inputs

        run = run or RunOptions()
        run.stage("reading text")
        data = inputs.paired(self, sources, targets)
        held_out = None if valid is None else inputs.paired(self, valid, what="validation pairs")
        before = dict(vars(self))
        self._forget()
        try:
            training, facts, notes = fitting.training_pairs(self, data)
            validation = None if held_out is None else inputs.encoded(self, held_out)
            own = self.fit_pairs(training, valid=validation, run=run)
            of_valid = {} if validation is None else fitting.validation_report(self, validation, own)
            report = {**facts, **of_valid, **own}
            self.fit_report_ = {**report, "notes": [*data.notes, *notes, *own.get("notes", ())]}
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    # ------------------------------------------------------------------------------------------------------ inputs

    def encode(self, data: Any) -> Corpus:
        """Read targets (anything ``Corpus.read`` takes, or a ``Corpus``) with the model's pipeline.

        Raises:
            DataError: A Corpus was tokenized differently from the targets of training.
        """
        self.check_fitted()
        from nlmkit.seq2seq.inputs import encoded_targets

        return encoded_targets(self, data)

    def encode_pairs(self, sources: Any, targets: Any = None) -> Pairs:
        """Read sources and targets, arguments as of ``fit``, with the model's pipelines and vocabularies.

        Raises:
            DataError: They are unusable, or differ in number.
        """
        self.check_fitted()
        from nlmkit.seq2seq.inputs import encoded, paired

        return encoded(self, paired(self, sources, targets))

    def conditions(self, sources: Any) -> list[Condition]:
        """Read sources; return each as ``start`` takes it: int32 [tokens] of ids, or float32 [dimension_].

        Args:
            sources: Texts, vectors [n, d], or ``ParallelTexts``, whose targets are passed over.

        Raises:
            DataError: A source is blank, not finite, or of another kind or dimension than those of training.
        """
        self.check_fitted()
        from nlmkit.seq2seq.inputs import encoded_sources

        return encoded_sources(self, sources).conditions()

    # -------------------------------------------------------------------------------------------------- predictions

    def predict(
        self,
        sources: Any,
        *,
        beam: int | None = None,
        rerank: Cost | None = None,
        candidates: int | None = None,
        language_model: LanguageModel | None = None,
        lm_weight: float = 0.0,
        replace_unknown: bool = False,
        **options: Any,
    ) -> list[str]:
        """Return the best target found for each source by beam search, as readable text.

        Args:
            sources: As of ``conditions``.
            beam: Hypotheses kept per source; 1 is greedy search. By default 5, or ``candidates`` if that is more.
            rerank: Cost of a candidate, from the number of its source in ``sources``, from 0, and its ``Translation``.
                The candidate with the least cost is returned; of equal cost, the one with the best score.
            candidates: Candidates per source that ``rerank`` chooses from, 20 by default.
            language_model: Language model over the tokens of targets whose log-probabilities, times ``lm_weight``, are
                added to those of the model (shallow fusion).
            lm_weight: Weight of the language model.
            replace_unknown: Let search produce ``<unk>``, and replace each by the source token with most attention.
            options: Further fields of ``nlmkit.decoding.hypotheses.BeamOptions``, such as ``max_length``. Without
                ``max_length`` and ``max_ratio``, the target of a text has at most 10 words more than twice
                ``length_ratio_``, at least 2, per source token, and than 4 times ``longest_target_``; that of a vector
                at most 10 more than twice ``longest_target_``.

        Raises:
            DataError: A source is unusable, or the language model reads text in other tokens.
            HyperParameterError: An option is unknown, invalid or without effect.
        """
        found = self.n_best(
            sources,
            1,
            beam=beam,
            rerank=rerank,
            candidates=candidates,
            language_model=language_model,
            lm_weight=lm_weight,
            replace_unknown=replace_unknown,
            **options,
        )
        return [best[0].text for best in found]

    def n_best(
        self,
        sources: Any,
        n: int,
        *,
        beam: int | None = None,
        rerank: Cost | None = None,
        candidates: int | None = None,
        language_model: LanguageModel | None = None,
        lm_weight: float = 0.0,
        replace_unknown: bool = False,
        **options: Any,
    ) -> list[list[Translation]]:
        """Return the ``n`` best targets found for each source, best first; other arguments as of ``predict``.

        Args:
            sources: As of ``conditions``.
            n: How many at most; fewer where search ends with fewer.
            beam: Hypotheses kept per source, at least ``n`` and ``candidates``; by default the largest of these and 5.
            rerank: As of ``predict``; the targets are then in the order of their costs.
            candidates: As of ``predict``, at least ``n``.
            language_model: As of ``predict``.
            lm_weight: As of ``predict``.
            replace_unknown: As of ``predict``.
            options: As of ``predict``.
        """
        self.check_fitted()
        from nlmkit.seq2seq.reranking import number_of_candidates, reranked
        from nlmkit.seq2seq.search import Search
        from nlmkit.seq2seq.translating import translations

        search = Search.of(
            self,
            n=number_of_candidates(n, rerank, candidates),
            beam=beam,
            language_model=language_model,
            lm_weight=lm_weight,
            replace_unknown=replace_unknown,
            options=options,
        )
        found = translations(self, sources, search)
        return found if rerank is None else reranked(found, rerank, n)

    def generate(
        self,
        source: Any,
        *,
        max_tokens: int = 100,
        prompt: str = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        allow_unk: bool = False,
        seed: int = 0,
    ) -> list[str]:
        """Sample the tokens of a target of one source; arguments as of ``LanguageModel.generate``.

        Args:
            source: A text, or a vector [d].
            max_tokens: Maximum number of words.
            prompt: Beginning of the target.
            temperature: Divisor of the log-probabilities; 0 selects the most probable word.
            top_k: Number of most probable words to sample from.
            top_p: Sample from the smallest set of most probable words that reaches this probability.
            allow_unk: Whether ``<unk>`` can be produced.
            seed: Seed of the generator.
        """
        from nlmkit.decoding.sample import generate
        from nlmkit.seq2seq.machine import Started

        (condition,) = self.conditions([source])
        return generate(
            Started(self, condition),
            max_tokens=max_tokens,
            prompt=prompt,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            allow_unk=allow_unk,
            seed=seed,
        )

    def attention(self, sources: Any, targets: Any = None) -> list[NDArray[np.float32]]:
        """Return the attention of each event of the targets on the tokens of their sources; see ``attention_of``.

        Args:
            sources: As of ``fit``.
            targets: As of ``fit``.
        """
        return self.attention_of(self.encode_pairs(sources, targets))

    # ------------------------------------------------------------------------------------------------------ judging

    def log_probs(self, sources: Any, targets: Any = None) -> NDArray[np.float64]:
        """Return the natural log-probability of every event (words and ``</s>``) of the targets: float64 [events].

        Args:
            sources: As of ``fit``.
            targets: As of ``fit``.
        """
        return self.log_probs_of(self.encode_pairs(sources, targets))

    def score(self, sources: Any, targets: Any = None) -> float:
        """Return the mean natural log-probability per event of the targets; arguments as of ``fit``."""
        return float(self.log_probs(sources, targets).mean())

    def perplexity(self, sources: Any, targets: Any = None) -> float:
        """Return exp(−mean log-probability per event) of the targets; arguments as of ``fit``."""
        return self.perplexity_report(sources, targets).perplexity

    def perplexity_report(self, sources: Any, targets: Any = None) -> PerplexityReport:
        """Return the perplexity report of the targets, given their sources; arguments as of ``fit``."""
        from nlmkit.seq2seq.judging import perplexity_report

        return perplexity_report(self, self.encode_pairs(sources, targets))

    def report(
        self,
        sources: Any,
        targets: Any = None,
        *,
        beam: int = 5,
        language_model: LanguageModel | None = None,
        lm_weight: float = 0.0,
        replace_unknown: bool = False,
        resamples: int = 1000,
        seed: int = 0,
        **options: Any,
    ) -> TranslationReport:
        """Translate the sources; compute BLEU and chrF against the targets, and the perplexity of the targets.

        Targets of equal sources are references of one another.

        Args:
            sources: As of ``fit``.
            targets: As of ``fit``.
            beam: As of ``predict``, as are ``language_model``, ``lm_weight``, ``replace_unknown`` and ``options``.
            language_model: See ``beam``.
            lm_weight: See ``beam``.
            replace_unknown: See ``beam``.
            resamples: Number of bootstrap samples of the interval of BLEU; 0 for none.
            seed: Seed of the bootstrap.
            options: See ``beam``.
        """
        self.check_fitted()
        from nlmkit.seq2seq.inputs import paired
        from nlmkit.seq2seq.judging import report
        from nlmkit.seq2seq.search import Search

        search = Search.of(
            self,
            n=1,
            beam=beam,
            language_model=language_model,
            lm_weight=lm_weight,
            replace_unknown=replace_unknown,
            options=options,
        )
        return report(self, paired(self, sources, targets), search, resamples=resamples, seed=seed)

    # ------------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return the source side and the fit report (without times); a subclass adds its own state."""
        self.check_fitted()
        from nlmkit.seq2seq.saved_form import fitted_state

        return fitted_state(self)

    def restore(self, state: FittedState) -> None:
        """Set what ``fitted_state`` returned; a subclass restores its own state afterwards.

        Raises:
            SavedModelError: Something is missing or invalid.
        """
        from nlmkit.seq2seq.saved_form import restore

        restore(self, state)

    # ------------------------------------------------------------------------------------------------- scikit-learn

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted model with the same hyper-parameters; components among them are shared."""
        clone = type(self)(**self.get_params(deep=False))
        vars(clone)["_said"] = vars(self).get("_said", vars(self).setdefault("_said_by_clones", set()))
        return clone

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the model is fitted, for scikit-learn."""
        return self.is_fitted

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn 1.6 and later: an estimator of strings or vectors that needs targets."""
        from sklearn.utils import InputTags, Tags, TargetTags

        texts = self.takes == "texts"
        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=True),
            input_tags=InputTags(one_d_array=texts, two_d_array=not texts, string=texts),
        )
