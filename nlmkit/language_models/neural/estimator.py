"""What all neural language models share: fitting, saving, scoring and looking inside, around the module they contain.

A component adds its option groups, its presets and :meth:`NeuralLanguageModel.build_module`. This module imports
neither torch nor NumPy until something is fitted or loaded.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self, cast

from nlmkit.core import optional
from nlmkit.core.component import Component
from nlmkit.core.parameters import param
from nlmkit.core.presets import NONE
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.language_models.base import Context, LanguageModel, check_context
from nlmkit.language_models.neural.input_vectors import InputOptions, InputVectors, input_vectors
from nlmkit.language_models.neural.shorthands import WithDropout
from nlmkit.saving.state import FittedState
from nlmkit.saving.timing import without_timing
from nlmkit.training.clock import seconds
from nlmkit.training.torch_model import TorchModel, put_weights

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.language_models.neural.inspection import Inspection
    from nlmkit.language_models.neural.module import LanguageModule
    from nlmkit.language_models.neural.scoring import NeuralState
    from nlmkit.language_models.neural.training import TrainingResult
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
)
"""Options in which a model must agree with the one that it starts from, where it has them."""


class _Summary:
    """``summary()``: of a class its first line, of a fitted model that line and a table of its parameters."""

    def __get__(self, model: NeuralLanguageModel | None, cls: type[NeuralLanguageModel]) -> Callable[[], str]:
        line: Callable[[], str] = super(NeuralLanguageModel, cls).summary
        if model is None or not model.is_fitted:
            return line
        return lambda: f"{line()}\n\n{_table(model.module_.parameter_counts())}"


class _Options(Protocol):
    """Hyper-parameters that the base reads and leaves to the groups of options to declare."""

    seed: int
    unknown_rate: float
    epochs: int
    embedding: int
    tied: bool


@dataclasses.dataclass(kw_only=True)
class NeuralLanguageModel(InputOptions, VocabularyLimits, WithDropout, TorchModel["LanguageModule"], LanguageModel):
    """Base of the neural language models: an estimator that contains a torch module and is none.

    Fitted attributes beside those of every language model: ``module_``
    (``LanguageModule``), and ``fit_report_``, a JSON-ready dictionary with the history of the
    training, its steps and seconds, and the parameter counts. A saved model leaves the seconds out, so that equal
    seeds save equal bytes.

    A model that starts from another (``start_from``) keeps the other's words and ids, and adds the new text's words
    after them; limits of the vocabulary apply to new words only. Before its first step it scores the old words as the
    other did, but for what the new ones take: see ``LanguageModule.copy_words``.

    With a ``representation`` the input layer starts from its vectors, whose dimension takes the place of
    ``embedding``; ``fit_report_["input"]`` says how much of the training text it covers.
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
    """Settings small enough for :mod:`nlmkit.testing`, which fits a model some twenty times."""

    own_architecture: ClassVar[tuple[str, ...]] = ()
    """Hyper-parameters of a subclass that, beside the shared ones, a model must have like the one it starts from."""

    preset: str = param(NONE, choices=(NONE,), help="published settings instead of the defaults; values given win")
    start_from: str | LanguageModel | None = param(
        None, help="a fitted model of the same sizes, or its folder: training goes on from its weights and words"
    )

    summary = _Summary()

    @property
    def _options(self) -> _Options:
        return cast("_Options", self)

    @classmethod
    def refuse_unknown(cls, names: Iterable[str]) -> None:
        """As of every component, with the reason where a name is an option that other neural models have."""
        unknown = [name for name in names if name not in cls.hyper_parameters()]
        if not unknown:
            return
        from nlmkit.language_models.neural.capabilities import refuse_option_of_others

        for name in unknown:
            refuse_option_of_others(name, cls.name)
        super().refuse_unknown(unknown)

    # ----------------------------------------------------------------------------------------------- the module

    def build_module(self, counts: NDArray[np.int64], generator: torch.Generator) -> LanguageModule:
        """The untrained network.

        Args:
            counts: Training counts of the vocabulary's ids: int64 [V].
            generator: Source of the first weights, and of masks and samples later.
        """
        raise NotImplementedError

    def _new_module(self, counts: NDArray[np.int64], width: int | None = None) -> LanguageModule:
        """The untrained network; ``width`` is that of a representation's vectors."""
        import torch

        return self._with_input(width).build_module(counts, torch.Generator().manual_seed(self._options.seed))

    def _with_input(self, width: int | None) -> Self:
        """These options as the vectors of a representation make them: their width, and no tie to frozen ones."""
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
        """Refuse another ``embedding`` than the width of a representation's vectors, where one was asked for."""
        embedding = self._options.embedding
        if embedding not in (width, self.values_unless_given()["embedding"]):
            raise HyperParameterError(
                f"embedding={embedding}, but the representation's vectors have {width} dimensions: "
                f"leave embedding out, or fit a representation of {embedding}"
            )

    # -------------------------------------------------------------------------------------------------- fitting

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Train the network.

        Args:
            data: Training text: anything :meth:`nlmkit.text.Corpus.read` takes, or a Corpus.
            valid: Validation text, whose perplexity decides which weights are kept and when to stop. Without it the
                last weights are kept and training goes on to its end, which ``fit_report_`` says.
            run: Device, budget, checkpoints and progress.

        Raises:
            HyperParameterError: options that contradict each other or do not suit the model.
            DataError: unusable text, or one without words.
            SavedModelError: the model to start from cannot be loaded.
        """
        started = seconds()
        run = run or RunOptions()
        from nlmkit.language_models.neural.capabilities import refuse

        refuse(self)
        optional.require("torch", extra="neural", who=self.name)
        from nlmkit.language_models.neural.training import train

        run.stage("reading text")
        start = self._start_model()
        corpus, pipeline = _read(data, "training", None if start is None else start.pipeline_)
        valid_corpus = None if valid is None else _read(valid, "validation", pipeline)[0]
        vocabulary = self.limited_vocabulary(corpus)
        if start is not None:
            vocabulary = _grown(start.vocabulary_, vocabulary)
            self._check_softmax(start, vocabulary)
        inputs = input_vectors(self, corpus, vocabulary, run, seed=self._options.seed)
        module = self._module_on(inputs, vocabulary)
        if start is not None:
            module.copy_words(start.module_, _ids_in(start.vocabulary_, vocabulary))

        result = train(
            module,
            corpus.event_ids(vocabulary),
            None if valid_corpus is None else valid_corpus.event_ids(vocabulary),
            self,
            vocabulary,
            run,
            started=started,
        )
        self.vocabulary_, self.pipeline_, self.module_ = vocabulary, pipeline, module
        self.fit_report_ = self._report(corpus, result, start, inputs)
        self.fit_report_["notes"] += self._without_effect(run)
        return self

    def _module_on(self, inputs: InputVectors | None, vocabulary: Vocabulary) -> LanguageModule:
        """The untrained network over a representation's vectors, or over random ones."""
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
        """The fitted model to start from, if there is one and it suits."""
        start: Any = self.start_from
        if start is None:
            return None
        if self.representation is not None:
            raise HyperParameterError("start_from brings word vectors of its own: leave out representation")
        where = f"start_from={start}" if isinstance(start, str) else "start_from"
        if isinstance(start, str):
            from nlmkit.core.storage import load

            start = load(start)
        if type(start) is not type(self):
            what = start.name if isinstance(start, Component) else type(start).__name__
            raise HyperParameterError(
                f"{where} is of the kind {what}: {self.name} starts from a fitted {self.name} only"
            )
        start.check_fitted()
        built = start._with_input(start.module_.words.width)
        differing = [
            f"{name}={getattr(built, name)}"
            for name in (*_ARCHITECTURE, *self.own_architecture)
            if name in self.hyper_parameters()
            and getattr(built, name) != getattr(self, name)
            and not (name == "softmax" and "auto" in (getattr(built, name), getattr(self, name)))
            and not (name == "softmax_head" and len(start.module_.words.cutoffs) == 2)  # no clusters
        ]
        if differing:
            raise HyperParameterError(f"{where} is built otherwise: set {', '.join(differing)} as it has them")
        return start

    def _check_softmax(self, start: Self, vocabulary: Vocabulary) -> None:
        """Refuse new words with which ``softmax=auto`` would mean another output layer than that to start from."""
        from nlmkit.language_models.neural.options import ArchitectureOptions, chosen_softmax

        if not (isinstance(self, ArchitectureOptions) and isinstance(start, ArchitectureOptions)):
            return
        theirs = chosen_softmax(start, len(start.vocabulary_))
        ours = chosen_softmax(self, len(vocabulary))
        if theirs != ours:
            raise HyperParameterError(
                f"softmax={self.softmax} is {ours} here, start_from has {theirs}: set softmax={theirs}"
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
        """What was set and, with this text or run, had no effect; other such options are refused beforehand."""
        unset = self.values_unless_given()
        notes = []
        if self.vocabulary_.counts[0] and self._options.unknown_rate != unset["unknown_rate"]:
            notes.append(
                f"unknown_rate={self._options.unknown_rate:g} had no effect: the training text has <unk>, as it is read"
            )
        if run.budget_seconds is not None and self._options.epochs != unset["epochs"]:
            notes.append(f"epochs={self._options.epochs} had no effect: the budget decided how long to train")
        return notes

    @property
    def unknown_rule(self) -> str:
        """``trained`` where ``<unk>`` stands for words of the training text, else ``once-seen-RATE``."""
        return "trained" if self.vocabulary_.counts[0] else f"once-seen-{self._options.unknown_rate:g}"

    # ------------------------------------------------------------------------------------------------- scoring

    def start(self) -> NeuralState:
        """The zero state after reading ``</s>``."""
        self.check_fitted()
        from nlmkit.language_models.neural import scoring

        return scoring.start(self.module_)

    def advance(self, state: NeuralState, word_id: int) -> NeuralState:
        """The state after reading ``word_id``; ``</s>`` is read like a word, and the hidden state goes on."""
        self.check_fitted()
        from nlmkit.language_models.neural import scoring

        return scoring.advance(self.module_, state, word_id)

    def next_log_probs(self, state: NeuralState) -> NDArray[np.float64]:
        """Natural log-probability of each vocabulary id after ``state``: float64 [V], −inf at ``<s>``."""
        self.check_fitted()
        from nlmkit.language_models.neural import scoring

        return scoring.next_log_probs(self.module_, state)

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Natural log-probability of every event: float64 [events].

        Sentences are read side by side in batches of similar length, a stream in one column; how does not change a
        value by more than 1e-5.
        """
        events, offsets = self._events(data, context)
        from nlmkit.language_models.neural import scoring

        return scoring.log_probs(self.module_, events, offsets, context)

    def distributions(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float64]]:
        """Full next-word distributions, one chunk a sentence: float64 [events of the sentence, V]."""
        events, offsets = self._events(data, context)
        from nlmkit.language_models.neural import scoring

        return scoring.distributions(self.module_, events, offsets, context)

    def hidden_states(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float32]]:
        """Output of the last hidden layer before each event, one chunk a sentence: float32 [events of the sentence, h].

        The same vector is ``hidden`` of the state that stands before the event.
        """
        events, offsets = self._events(data, context)
        from nlmkit.language_models.neural import scoring

        outputs = scoring.sentence_outputs(self.module_, events, offsets, context)
        return (output.hidden.cpu().numpy() for output in outputs)

    def _events(self, data: Any, context: Context) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Ids of every event, and where sentences begin."""
        check_context(context)
        corpus = self.encode(data)
        return corpus.event_ids(self.vocabulary_), corpus.event_offsets

    def inspect(self, sentence: Any, *, gradients: bool = True) -> Inspection:
        """Gate activations, states and gradient norms of one sentence; see ``inspect``."""
        self.check_fitted()
        from nlmkit.language_models.neural.inspection import inspect

        corpus = self.encode([sentence])
        return inspect(self.module_, corpus, self.vocabulary_, gradients=gradients)

    # -------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """The weights under their torch names; the fit report without its seconds as metadata."""
        self.check_fitted()
        return FittedState(self.saved_weights(), {"fit_report": without_timing(self.fit_report_)})

    def restore(self, state: FittedState) -> None:
        """Build the network anew and put the saved weights in.

        Raises:
            SavedModelError: arrays are missing, superfluous, of a wrong shape or dtype, or hold NaN or infinity.
        """
        optional.require("torch", extra="neural", who=self.name)
        from nlmkit.saving import require

        report = state.metadata.get("fit_report")
        require(isinstance(report, dict), "the saved model is damaged: its metadata lack fit_report")
        self._check_sizes(state)
        module = self._new_module(self.vocabulary_.counts, self._saved_width(state))
        put_weights(module, state.arrays)
        module.check_structure()
        self.module_ = module
        self.fit_report_ = dict(cast("dict[str, Any]", report))

    def _check_sizes(self, state: FittedState) -> None:
        """Refuse sizes that no array has, before memory is claimed for them."""
        from nlmkit.saving import require

        lengths = {length for array in state.arrays.values() for length in array.shape}
        for name in ("embedding", "hidden"):
            size = getattr(self, name)
            if name == "embedding" and self.representation is not None:
                size = self._saved_width(state)
            require(size in lengths, f"no array has the length {name}={size}; the arrays contradict the manifest")

    def _saved_width(self, state: FittedState) -> int | None:
        """Width of the word vectors of a model that took them from a representation."""
        vectors = state.arrays.get("words.weight")
        return None if self.representation is None or vectors is None or vectors.ndim != 2 else vectors.shape[1]


def _read(data: Any, what: str, wanted: TextPipeline | None) -> tuple[Corpus, TextPipeline]:
    """A text as a corpus, and how it was read.

    Args:
        data: The text, or a Corpus.
        what: What it is for, in an error's words.
        wanted: How it must be read, if that is known.
    """
    from nlmkit.text import Corpus, TextPipeline

    corpus = data if isinstance(data, Corpus) else Corpus.read(data, wanted)
    found = corpus.tokenization
    if wanted is not None and found is not None and found != wanted.tokenization:
        raise DataError(
            f"the {what} text was read with {found.signature}, and must be read with {wanted.tokenization.signature}"
        )
    if not corpus.tokens:
        raise DataError(f"the {what} text has no words", source=", ".join(corpus.sources) or None)
    return corpus, corpus.pipeline or wanted or TextPipeline()


def _grown(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """The old words with their ids, then the new ones; counts are of both texts."""
    import numpy as np

    from nlmkit.text import Vocabulary

    words = [*old.words, *(word for word in new.words if word not in old)]
    counts = np.zeros(len(words), np.int64)
    counts[: len(old)] = old.counts
    grown = Vocabulary(words)
    np.add.at(counts, grown.ids(new.words), new.counts)
    return Vocabulary(words, counts)


def _ids_in(old: Vocabulary, new: Vocabulary) -> NDArray[np.int64]:
    """For each id of ``new`` the word's id in ``old``, −1 where it has none: int64 [V]."""
    import numpy as np

    return np.array([old.id(word) if word in old else -1 for word in new.words], np.int64)


def _table(counts: Mapping[str, int]) -> str:
    """Parameter counts, one layer a line, and their sum."""
    rows = [*counts.items(), ("total", sum(counts.values()))]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {count:>13,}" for name, count in rows)
