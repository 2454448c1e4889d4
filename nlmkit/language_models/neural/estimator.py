"""Base class of neural language models: fitting, saving, scoring and inspection of a torch module.

A component adds its option groups, its presets and ``NeuralLanguageModel.build_module``. This module imports
torch and NumPy only when a model is fitted or loaded.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Protocol, Self, cast

from nlmkit.core import optional
from nlmkit.core.component import Component
from nlmkit.core.parameters import param
from nlmkit.core.presets import NONE
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.language_models.base import Context, LanguageModel, check_context
from nlmkit.language_models.neural.choosable import Choosable
from nlmkit.language_models.neural.input_vectors import InputOptions, InputVectors, input_vectors
from nlmkit.saving.state import FittedState
from nlmkit.saving.timing import without_timing
from nlmkit.training.clock import seconds
from nlmkit.training.torch_model import TorchModel, put_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.rows import Rows
    from nlmkit.language_models.neural.inspection import Inspection
    from nlmkit.language_models.neural.module import LanguageModule
    from nlmkit.language_models.neural.scoring import NeuralState
    from nlmkit.language_models.neural.training import TrainingResult
    from nlmkit.language_models.reading import ReadingOrder
    from nlmkit.text import Corpus, TextPipeline, Vocabulary

_ARCHITECTURE: Final = (
    "embedding",
    "hidden",
    "layers",
    "order",
    "direct",
    "tied",
    "projection",
    "layer_norm",
    "softmax",
    "softmax_head",
    "softmax_classes",
    "direction",
)
"""Options that must equal those of the model in ``start_from``, if present."""


class TrainingTexts(NamedTuple):
    """Texts of a training run.

    Attributes:
        events: Ids of the training text's events in the order of reading: int32 [N].
        valid_events: Those of the validation text, if there is any: int32 [M].
        vocabulary: Vocabulary of the ids.
        pipeline: Text pipeline.
    """

    events: NDArray[np.int32]
    valid_events: NDArray[np.int32] | None
    vocabulary: Vocabulary
    pipeline: TextPipeline


class _Summary:
    """``summary()``: for a class its first line, for a fitted model that line and a table of its parameters."""

    def __get__(self, model: NeuralLanguageModel | None, cls: type[NeuralLanguageModel]) -> Callable[[], str]:
        line: Callable[[], str] = super(NeuralLanguageModel, cls).summary
        if model is None or not model.is_fitted:
            return line
        return lambda: f"{line()}\n\n{_table(model.module_.parameter_counts())}"


class _Options(Protocol):
    """Hyper-parameters read by the base class and declared by groups of options."""

    seed: int
    unknown_rate: float
    epochs: int
    embedding: int
    tied: bool


@dataclasses.dataclass(kw_only=True)
class NeuralLanguageModel(InputOptions, VocabularyLimits, Choosable, TorchModel["LanguageModule"], LanguageModel):
    """Base class of the neural language models: an estimator that wraps a torch module.

    Fitted attributes in addition to those of every language model: ``module_``
    (``LanguageModule``), and ``fit_report_``, a JSON-ready dictionary with the history of the
    training, its steps and seconds, and the parameter counts. A saved model omits the seconds, so that equal
    seeds result in equal bytes.

    A model that starts from another (``start_from``) keeps the other's words and ids and appends the new text's words;
    limits of the vocabulary apply to new words only. Before its first step it scores the old words like the
    other model, except for the probability of the new ones: see ``LanguageModule.copy_words``.

    With a ``representation`` the input layer is initialized with its vectors, whose dimension replaces
    ``embedding``; ``fit_report_["input"]`` has its coverage of the training text.
    """

    trains_in_steps = True

    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "hidden": 12,
        "embedding": 8,
        "epochs": 4,
        "batch": 12,
        "lr": 0.03,
        "dropout_input": 0.0,
        "dropout_output": 0.0,
    }
    """Small settings for ``nlmkit.testing``, which fits a model about twenty times."""

    own_architecture: ClassVar[tuple[str, ...]] = ()
    """Further hyper-parameters of a subclass that must equal those of the model in ``start_from``."""

    preset: str = param(
        NONE, choices=(NONE,), help="published settings instead of the defaults; explicit values take precedence"
    )
    start_from: str | LanguageModel | None = param(
        None, help="fitted model of the same sizes, or its folder: training continues from its weights and words"
    )

    summary = _Summary()

    @property
    def _options(self) -> _Options:
        return cast("_Options", self)

    @classmethod
    def refuse_unknown(cls, names: Iterable[str]) -> None:
        """Refuse unknown names, with the reason if a name is an option of other neural models."""
        unknown = [name for name in names if name not in cls.hyper_parameters()]
        if not unknown:
            return
        from nlmkit.language_models.neural.capabilities import refuse_option_of_others

        for name in unknown:
            refuse_option_of_others(name, cls.name)
        super().refuse_unknown(unknown)

    # ----------------------------------------------------------------------------------------------- the module

    def _new_module(self, counts: NDArray[np.int64], width: int | None = None) -> LanguageModule:
        """Build the untrained network; ``width`` is that of a representation's vectors."""
        import torch

        return self._with_input(width).build_module(counts, torch.Generator().manual_seed(self._options.seed))

    def _with_input(self, width: int | None) -> Self:
        """Return the options adjusted to the vectors of a representation: their width, and no tying to frozen ones."""
        changed = copy.copy(self)
        if width is not None:
            changed._options.embedding = width
        if self._frozen:
            changed._options.tied = False
        return changed

    @property
    def _frozen(self) -> bool:
        return self.representation is not None and self.tune == "frozen"

    def _check_width(self, width: int) -> None:
        """Refuse an explicit ``embedding`` that differs from the width of a representation's vectors."""
        embedding = self._options.embedding
        if embedding not in (width, self.values_unless_given()["embedding"]):
            raise HyperParameterError(
                f"embedding={embedding}, but the representation's vectors have {width} dimensions: "
                f"do not set embedding, or fit a representation of {embedding}"
            )

    # -------------------------------------------------------------------------------------------------- fitting

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Train the network.

        Args:
            data: Training text: anything ``nlmkit.text.Corpus.read`` takes, or a Corpus.
            valid: Validation text, whose perplexity determines the weights kept and when to stop. Without it the
                last weights are kept after all epochs, as noted in ``fit_report_``.
            run: Device, budget, checkpoints and progress.

        Raises:
            HyperParameterError: Options contradict each other or do not suit the model.
            DataError: The text is unusable, or has no words.
            SavedModelError: The model to start from cannot be loaded.
        """
        started = seconds()
        run = run or RunOptions()
        from nlmkit.language_models.neural.capabilities import refuse

        refuse(self)
        optional.require("torch", extra="neural", who=self.name)

        run.stage("reading text")
        start = self._start_model()
        corpus, pipeline = _read(data, "training", None if start is None else start.pipeline_)
        valid_corpus = None if valid is None else _read(valid, "validation", pipeline)[0]
        vocabulary = self.limited_vocabulary(corpus)
        if start is not None:
            vocabulary = _grown(start.vocabulary_, vocabulary)
            self._check_softmax(start, vocabulary)
        inputs = input_vectors(self, corpus, vocabulary, run, seed=self._options.seed)
        events = self._read_ids(corpus, vocabulary)
        chosen = self._choose_for_budget(events, vocabulary, run, inputs, started)
        module = self._module_on(inputs, vocabulary)
        if start is not None:
            module.copy_words(start.module_, _ids_in(start.vocabulary_, vocabulary))

        texts = TrainingTexts(
            events,
            None if valid_corpus is None else self._read_ids(valid_corpus, vocabulary),
            vocabulary,
            pipeline,
        )
        result = self._train(module, texts, run, started, chosen)
        self.vocabulary_, self.pipeline_, self.module_ = vocabulary, pipeline, module
        self.fit_report_ = self._report(corpus, result, start, inputs)
        if chosen is not None:
            self.fit_report_["chosen_for_budget"] = chosen
        self.fit_report_["notes"] += self._without_effect(run)
        return self

    def _train(
        self,
        module: LanguageModule,
        texts: TrainingTexts,
        run: RunOptions,
        started: float,
        chosen: Mapping[str, Any] | None,
    ) -> TrainingResult:
        """Train the network; ``started`` is the time at which the fit did, ``chosen`` what was chosen for a budget."""
        from nlmkit.language_models.neural.training import train

        return train(
            module, texts.events, texts.valid_events, self, texts.vocabulary, run, started=started, chosen=chosen
        )

    def _choose_for_budget(
        self,
        events: NDArray[np.int32],
        vocabulary: Vocabulary,
        run: RunOptions,
        inputs: InputVectors | None,
        started: float,
    ) -> dict[str, Any] | None:
        """Set hyper-parameters that fit the budget, if ``preset=auto`` and there is one; return them and the reason."""
        from nlmkit.language_models.neural.budget import choose_for_budget

        width = None if inputs is None or inputs.matrix is None else inputs.matrix.shape[1]
        return choose_for_budget(self, events, vocabulary, run, width=width, started=started)

    def _read_ids(self, corpus: Corpus, vocabulary: Vocabulary) -> NDArray[np.int32]:
        """Return the ids of a text's events in the order in which the model reads them: int32 [events]."""
        return corpus.event_ids(vocabulary)[self.reading_order(corpus).places]

    def _module_on(self, inputs: InputVectors | None, vocabulary: Vocabulary) -> LanguageModule:
        """Build the untrained network over a representation's vectors, or over random ones."""
        if inputs is None or inputs.matrix is None:
            return self._new_module(vocabulary.counts)
        import torch

        width = inputs.matrix.shape[1]
        self._check_width(width)
        module = self._new_module(vocabulary.counts, width)
        module.set_word_vectors(torch.from_numpy(inputs.matrix))
        module.words.weight.requires_grad_(not self._frozen)
        return module

    def _start_model(self) -> Self | None:
        """Return the fitted model to start from, checked, if there is one."""
        start: Any = self.start_from
        if start is None:
            return None
        if self.representation is not None:
            raise HyperParameterError("start_from already has word vectors: do not set representation")
        where = f"start_from={start}" if isinstance(start, str) else "start_from"
        if isinstance(start, str):
            from nlmkit.core.storage import load

            start = load(start)
        if type(start) is not type(self):
            what = start.name if isinstance(start, Component) else type(start).__name__
            raise HyperParameterError(f"{where} is of type {what}: expected a fitted {self.name}")
        start.check_fitted()
        built = start._with_input(start.module_.words.width)
        differing = [
            f"{name}={getattr(built, name)}"
            for name in (*_ARCHITECTURE, *self.own_architecture)
            if name in self.hyper_parameters()
            and getattr(built, name) != getattr(self, name)
            and not (name == "softmax" and "auto" in (getattr(built, name), getattr(self, name)))
            and not (name == "softmax_head" and len(start.module_.words.cutoffs) == 2)  # without clusters
        ]
        if differing:
            raise HyperParameterError(f"{where} was fitted with {', '.join(differing)}: set the same values")
        return start

    def _check_softmax(self, start: Self, vocabulary: Vocabulary) -> None:
        """Refuse new words for which ``softmax=auto`` would select another output layer than that of ``start_from``."""
        from nlmkit.language_models.neural.options import ArchitectureOptions, chosen_softmax

        if not (isinstance(self, ArchitectureOptions) and isinstance(start, ArchitectureOptions)):
            return
        theirs = chosen_softmax(start, len(start.vocabulary_))
        ours = chosen_softmax(self, len(vocabulary))
        if theirs != ours:
            raise HyperParameterError(
                f"softmax={self.softmax} selects {ours} here, but start_from has {theirs}: set softmax={theirs}"
            )

    def _report(
        self, corpus: Corpus, result: TrainingResult, start: Self | None, inputs: InputVectors | None
    ) -> dict[str, Any]:
        counts = self.module_.parameter_counts()
        report: dict[str, Any] = {
            "sentences": corpus.sentences,
            "events": corpus.events,
            "parameters": sum(counts.values()),
            "parameters_by_layer": counts,
            "unknown_rule": self.unknown_rule,
            **result.report(),
        }
        if not result.history:
            note = "no validation text: training could not stop early, and the last weights were kept"
            report["notes"] = [*report["notes"], note]
        if start is not None:
            added = len(self.vocabulary_) - len(start.vocabulary_)
            report["started_from"] = {"digest": start.digest, "new_words": added}
        if inputs is not None:
            report["input"] = dict(inputs.report)
        return report

    def _without_effect(self, run: RunOptions) -> list[str]:
        """Return notes on options without effect for this text or run; others without effect are refused beforehand."""
        unset = self.values_unless_given()
        notes = []
        if self.vocabulary_.counts[0] and self._options.unknown_rate != unset["unknown_rate"]:
            notes.append(f"unknown_rate={self._options.unknown_rate:g} had no effect: the training text contains <unk>")
        if run.budget_seconds is not None and self._options.epochs != unset["epochs"]:
            notes.append(f"epochs={self._options.epochs} had no effect: the budget decided how long to train")
        return notes

    @property
    def reads_backward(self) -> bool:
        """Whether ``direction`` is ``backward``; models without this option read forward."""
        return getattr(self, "direction", "forward") == "backward"

    @property
    def unknown_rule(self) -> str:
        """``trained`` if the training text contains ``<unk>``, else ``once-seen-RATE``."""
        return "trained" if self.vocabulary_.counts[0] else f"once-seen-{self._options.unknown_rate:g}"

    # ------------------------------------------------------------------------------------------------- scoring

    def start(self) -> NeuralState:
        """Return the zero state after reading ``</s>``."""
        self.check_fitted()
        from nlmkit.language_models.neural import scoring

        return scoring.start(self.module_)

    def advance(self, state: NeuralState, word_id: int) -> NeuralState:
        """Return the state after reading ``word_id``; ``</s>`` is read like a word and does not reset it."""
        self.check_fitted()
        from nlmkit.language_models.neural import scoring

        return scoring.advance(self.module_, state, word_id)

    def next_log_probs(self, state: NeuralState) -> NDArray[np.float64]:
        """Return the natural log-probability of each vocabulary id after ``state``: float64 [V], −inf at ``<s>``."""
        self.check_fitted()
        from nlmkit.language_models.neural import scoring

        return scoring.next_log_probs(self.module_, state)

    def rows(self, count: int) -> Rows:
        """Return the beginnings of that many texts, which the network reads as one batch, in float32."""
        self.check_fitted()
        from nlmkit.language_models.neural.rows import NeuralRows

        return NeuralRows.start(self.module_, count)

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Return the natural log-probability of every event: float64 [events].

        Sentences are scored in batches of similar length, a stream in one column; the batching changes values by at
        most 1e-5.
        """
        events, order = self._events(data, context)
        from nlmkit.language_models.neural import scoring

        return order.placed(scoring.log_probs(self.module_, events, order.offsets, context))

    def distributions(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float64]]:
        """Yield the full next-word distributions, one chunk per sentence: float64 [events of the sentence, V]."""
        events, order = self._events(data, context)
        from nlmkit.language_models.neural import scoring

        outputs = order.sentences(scoring.sentence_outputs(self.module_, events, order.offsets, context))
        return (order.rows(scoring.all_log_probs(self.module_, output.features)) for output in outputs)

    def hidden_states(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float32]]:
        """Yield the last hidden layer before each event, one chunk per sentence: float32 [events of the sentence, h].

        The same vector is ``hidden`` of the state before the event.
        """
        events, order = self._events(data, context)
        from nlmkit.language_models.neural import scoring

        outputs = order.sentences(scoring.sentence_outputs(self.module_, events, order.offsets, context))
        return (order.rows(output.hidden.cpu().numpy()) for output in outputs)

    def output_features(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float32]:
        """Return the input of the output layer for every event: float32 [events, d]."""
        events, order = self._events(data, context)
        from nlmkit.language_models.neural import scoring

        return order.placed(scoring.features(self.module_, events, order.offsets, context))

    def _events(self, data: Any, context: Context) -> tuple[NDArray[np.int32], ReadingOrder]:
        """Return the ids of all events in the order in which the model reads them, and this order."""
        check_context(context)
        corpus = self.encode(data)
        order = self.reading_order(corpus)
        return corpus.event_ids(self.vocabulary_)[order.places], order

    def inspect(self, sentence: Any, *, gradients: bool = True) -> Inspection:
        """Return gate activations, states and gradient norms of one sentence; see ``inspect``."""
        self.check_fitted()
        from nlmkit.language_models.neural.inspection import inspect

        corpus = self.encode([sentence])
        return inspect(self.module_, corpus, self.vocabulary_, gradients=gradients, backward=self.reads_backward)

    # -------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return the weights by torch name, and the fit report without its seconds as metadata."""
        self.check_fitted()
        return FittedState(self.saved_weights(), {"fit_report": without_timing(self.fit_report_)})

    def restore(self, state: FittedState) -> None:
        """Rebuild the network and load the saved weights.

        Raises:
            SavedModelError: Arrays are missing, unexpected, of a wrong shape or dtype, or contain NaN or infinity.
        """
        optional.require("torch", extra="neural", who=self.name)
        from nlmkit.saving import require

        report = state.metadata.get("fit_report")
        require(isinstance(report, dict), "the saved model is damaged: fit_report is missing from its metadata")
        self._check_sizes(state)
        module = self._new_module(self.vocabulary_.counts, self._saved_width(state))
        put_weights(module, state.arrays)
        module.check_structure()
        self.module_ = module
        self.fit_report_ = dict(cast("dict[str, Any]", report))

    def _check_sizes(self, state: FittedState) -> None:
        """Refuse sizes that no array has, before allocating memory."""
        from nlmkit.saving import require

        lengths = {length for array in state.arrays.values() for length in array.shape}
        for name in ("embedding", "hidden"):
            size = getattr(self, name)
            if name == "embedding" and self.representation is not None:
                size = self._saved_width(state)
            require(size in lengths, f"no array has the length {name}={size}; the arrays contradict the manifest")

    def _saved_width(self, state: FittedState) -> int | None:
        """Return the width of the word vectors of a model that got them from a representation."""
        vectors = state.arrays.get("words.weight")
        return None if self.representation is None or vectors is None or vectors.ndim != 2 else vectors.shape[1]


def _read(data: Any, what: str, wanted: TextPipeline | None) -> tuple[Corpus, TextPipeline]:
    """Return a text as a corpus, and its text pipeline.

    Args:
        data: The text, or a Corpus.
        what: Purpose of the text in error messages.
        wanted: Required text pipeline, or None.
    """
    from nlmkit.text import Corpus, TextPipeline

    corpus = data if isinstance(data, Corpus) else Corpus.read(data, wanted)
    found = corpus.tokenization
    if wanted is not None and found is not None and found != wanted.tokenization:
        raise DataError(
            f"the {what} text was tokenized with {found.signature}, expected {wanted.tokenization.signature}"
        )
    if not corpus.tokens:
        raise DataError(f"the {what} text has no words", source=", ".join(corpus.sources) or None)
    return corpus, corpus.pipeline or wanted or TextPipeline()


def _grown(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """Return the old words with their ids, followed by the new ones; counts are of both texts."""
    import numpy as np

    from nlmkit.text import Vocabulary

    words = [*old.words, *(word for word in new.words if word not in old)]
    counts = np.zeros(len(words), np.int64)
    counts[: len(old)] = old.counts
    grown = Vocabulary(words)
    np.add.at(counts, grown.ids(new.words), new.counts)
    return Vocabulary(words, counts)


def _ids_in(old: Vocabulary, new: Vocabulary) -> NDArray[np.int64]:
    """Return the id in ``old`` for each id of ``new``, −1 if there is none: int64 [V]."""
    import numpy as np

    return np.array([old.id(word) if word in old else -1 for word in new.words], np.int64)


def _table(counts: Mapping[str, int]) -> str:
    """Format parameter counts, one layer per line, and their sum."""
    rows = [*counts.items(), ("total", sum(counts.values()))]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {count:>13,}" for name, count in rows)
