"""The contracts that every member keeps: :class:`Component` and, for its kind, :class:`LanguageModel`.

A component is a ``@dataclass(kw_only=True)`` whose fields are its hyper-parameters. Fitted state lives in
attributes that end in an underscore. This module imports neither NumPy nor any model.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

from nlmkit.errors import DataError, HyperParameterError, NotFittedError, NotNormalizedError
from nlmkit.notes import each_note_once, note, notes_of_fit
from nlmkit.parameters import HyperParameter, param, resolve_types, shown, suggestion, to_json
from nlmkit.progress import AUTO, shows_progress, watched
from nlmkit.progress import Progress as Progress  # noqa: PLC0414  # it belongs to the contracts here too
from nlmkit.shapes import short_repr

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.reports import LineFigures, PerplexityReport
    from nlmkit.text import Corpus, TextPipeline, Vocabulary
    from nlmkit.text.marks import Marks

API_VERSION = 1
"""Version of the contracts in this module; a plugin states the one that it was written for."""

Context = Literal["sentence", "stream"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What concerns a run of ``fit`` and not what the model is.

    One set of options serves every component. A component that works in one pass, such as the n-gram model, has
    nothing to put on a device, to stop by the clock or to resume, and takes only ``progress``.

    Attributes:
        progress: ``auto`` draws a line on stderr where that is a terminal, or in a Jupyter notebook, and nothing
            elsewhere (in a pipe, a log file, a thread or process beside the main one, or a test); None draws nothing.
            An object with ``start`` and ``advance`` (:class:`~nlmkit.progress.Progress`) receives the progress; where
            it has a method ``note(text)``, latest figures go there.
        device: Where neural models compute: ``auto`` (``cuda`` where there is one, else ``cpu``), ``cpu``, ``cuda``,
            ``cuda:N`` or ``mps``.
        precision: Of a neural model's training steps: ``auto`` takes ``bfloat16`` where the device computes in it
            (weights, loss and scores stay in float32), ``float32`` and ``bfloat16`` insist.
        workers: Threads that train lock-free, for components that can; their result depends on them.
        budget_seconds: Train for about so long instead of a number of epochs.
        checkpoint: Folder that holds what resuming needs; written while training goes on.
        checkpoint_seconds: Time between checkpoints.
        resume: Go on from the checkpoint, if there is one.
        log: File that gets a line of JSON on each stage of training. It may be in the folder that the model is saved
            to, or in a subfolder of it; saving leaves training logs, pictures and settings there alone.

    Raises:
        HyperParameterError: An option has a wrong value.
    """

    progress: Progress | Literal["auto"] | None = AUTO
    device: str = "auto"
    precision: str = "auto"
    workers: int = 1
    budget_seconds: float | None = None
    checkpoint: str | os.PathLike[str] | None = None
    checkpoint_seconds: float = 120.0
    resume: bool = False
    log: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        is_display = all(callable(getattr(self.progress, name, None)) for name in ("start", "advance"))
        if not (self.progress is None or self.progress == AUTO or is_display):
            raise HyperParameterError(
                f"progress must be {AUTO!r}, None or an object with start and advance, not {self.progress!r}"
            )
        if not isinstance(self.device, str) or not _DEVICE.fullmatch(self.device):
            raise HyperParameterError(f"device must be auto, cpu, cuda, cuda:N or mps, not {self.device!r}")
        if self.precision not in _PRECISIONS:
            raise HyperParameterError(f"precision must be one of {', '.join(_PRECISIONS)}, not {self.precision!r}")
        if isinstance(self.workers, bool) or not isinstance(self.workers, int) or self.workers < 1:
            raise HyperParameterError(f"workers must be a whole number of at least 1, not {shown(self.workers)}")
        for name in ("budget_seconds", "checkpoint_seconds"):
            value = getattr(self, name)
            if (value is not None or name == "checkpoint_seconds") and not _is_duration(value):
                raise HyperParameterError(f"{name} must be a positive number of seconds, not {shown(value)}")
        for name in ("checkpoint", "log"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, Path(getattr(self, name)))
        if self.log is not None and self.checkpoint is not None:
            log, checkpoint = (Path(os.path.realpath(path)) for path in (self.log, self.checkpoint))
            if log == checkpoint or checkpoint in log.parents:
                raise HyperParameterError(
                    f"the log {self.log} is in the folder of the checkpoint {self.checkpoint}, which is removed at the "
                    "end: choose another file for the log"
                )
        if self.resume and self.checkpoint is None:
            raise HyperParameterError("resume needs the checkpoint folder of the run that was interrupted")

    def stage(self, description: str, total: float | None = None) -> None:
        """Announce a stage to whoever watches."""
        if self._display is not None:
            self._display.start(description, total)

    def advance(self, amount: float = 1) -> None:
        """Report ``amount`` more of the stage as done."""
        if self._display is not None:
            self._display.advance(amount)

    def note(self, text: str) -> None:
        """Show the latest figures of the stage, where the display has a place for them."""
        show = getattr(self._display, "note", None)
        if callable(show):
            show(text)

    def watched_by(self, display: Progress | None) -> RunOptions:
        """The same options with ``display`` in the place of ``auto``; other progress stays as it is."""
        return dataclasses.replace(self, progress=display) if self.progress == AUTO else self

    @property
    def _display(self) -> Progress | None:
        """Who receives the progress; nobody while ``auto`` has not been resolved."""
        return None if self.progress == AUTO else self.progress


_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,4})?")
_PRECISIONS = ("auto", "float32", "bfloat16")


def _is_duration(value: object) -> bool:
    # bool is an int, NaN fails every comparison, and neither infinity nor an int beyond float is a duration.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= sys.float_info.max


@dataclasses.dataclass(frozen=True)
class FittedState:
    """A fitted component as data: what a saved model holds beside the hyper-parameters.

    Attributes:
        arrays: Named arrays, saved as safetensors and memory-mapped on load.
        metadata: JSON-ready facts, kept in the manifest.
        members: Components that ``fit`` made, by place (such as ``models_.0``). Those that are hyper-parameters are
            saved without being named here.
    """

    arrays: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    members: Mapping[str, Component] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        return short_repr(self)


class Component:
    """Base of every representation, language model and classifier.

    A subclass is a ``@dataclass(kw_only=True)``, declares each hyper-parameter with :func:`nlmkit.parameters.param`,
    and implements :meth:`fit`, :meth:`score`, :meth:`fitted_state` and :meth:`restore`.

    A hyper-parameter may be another component, or a tuple of them. ``fit`` leaves it alone and keeps what it fits
    itself in a fitted attribute; it is saved inside its owner's folder, fitted or not, and once its owner is fitted
    it must not be changed any more.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    api_version: ClassVar[int] = API_VERSION
    trains_in_steps: ClassVar[bool] = False
    """Whether :meth:`fit` heeds all of :class:`RunOptions`: device, budget, checkpoints and log."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Let ``fit`` and ``export`` show their progress and ``fit`` log its notes, and keep the short ``repr``."""
        super().__init_subclass__(**keywords)
        if "fit" in vars(cls):
            cls.fit = _noted(shows_progress(cls.fit))  # type: ignore[method-assign]
        if callable(export := vars(cls).get("export")):
            cls.export = shows_progress(export)  # type: ignore[attr-defined]
        if "__repr__" not in vars(cls):
            # Else @dataclass would write one; that of a base stays.
            bases = (base for base in cls.__mro__[1:] if issubclass(base, Component) and "__repr__" in vars(base))
            cls.__repr__ = next(bases).__repr__  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **values: Any) -> Self:
        """Refuse unknown names with a suggestion, which the generated ``__init__`` would not give."""
        cls.refuse_unknown(values)
        return super().__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        declared = self.hyper_parameters()
        if name in declared:
            value = declared[name].check(value)
            if declared[name].takes_components:
                from nlmkit.members import check_nesting

                check_nesting(self, name, value)
            if name in vars(self) and vars(self)[name] is not value and vars(self)[name] != value:
                self._forget()  # what was fitted belongs to the old value
        elif not (name.endswith("_") or name.startswith("_")):
            self.refuse_unknown([name])
        object.__setattr__(self, name, value)
        vars(self).pop("_digest", None)  # nlmkit.models keeps it there

    def _forget(self) -> None:
        """Drop the fitted state."""
        for name in [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]:
            del vars(self)[name]

    def __repr__(self) -> str:
        """The hyper-parameters that differ from their defaults, and what the component was fitted to."""
        changed = (
            f"{name}={getattr(self, name)!r}"
            for name, declared in self.hyper_parameters().items()
            if name in vars(self) and getattr(self, name) != declared.default
        )
        call = f"{type(self).__name__}({', '.join(changed)})"
        if not self.is_fitted:
            return call
        facts = ["fitted"]
        if (vocabulary := getattr(self, "vocabulary_", None)) is not None:
            facts.append(f"{len(vocabulary)} words")
        if (classes := getattr(self, "classes_", None)) is not None:
            facts.append(f"{len(classes)} classes")
        return f"<{call}: {', '.join(facts)}>"

    @classmethod
    def refuse_unknown(cls, names: Iterable[str]) -> None:
        """Refuse names that no hyper-parameter has, with a suggestion.

        Raises:
            HyperParameterError: there is one among them.
        """
        known = cls.hyper_parameters()
        for name in names:
            if name not in known:
                raise HyperParameterError(f"{cls.name} has no hyper-parameter {name!r}{suggestion(name, known)}")

    @classmethod
    def hyper_parameters(cls) -> Mapping[str, HyperParameter]:
        """The declared hyper-parameters by name, in the order of declaration."""
        return _declared(cast("Hashable", cls))  # mypy takes type[...] for unhashable

    def values_unless_given(self) -> dict[str, Any]:
        """What each hyper-parameter is where it was not given: its default, or what a preset puts in its place."""
        return {name: parameter.default for name, parameter in self.hyper_parameters().items()}

    def refuse_without_effect(self) -> None:
        """Refuse what was given and has no effect beside the other values; see ``param(needs=)``.

        Raises:
            HyperParameterError: with what it needs.
        """
        declared = self.hyper_parameters()
        for name, unset in self.values_unless_given().items():
            value, needs = getattr(self, name), declared[name].needs
            if needs is not None and value not in (declared[name].default, unset) and not needs.holds(self):
                raise HyperParameterError(f"{name}={value} has no effect: it needs {needs.words}")

    @classmethod
    def summary(cls) -> str:
        """First line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Hyper-parameters by name (scikit-learn's habit; ``deep`` is accepted for it)."""
        return {name: getattr(self, name) for name in self.hyper_parameters()}

    def set_params(self, **values: Any) -> Self:
        """Set hyper-parameters by name and return self.

        ``representation__dimension=50`` is one of the component in ``representation``, as in scikit-learn; but in its
        place comes a new, unfitted one, since others may share it.

        Raises:
            HyperParameterError: there is no such hyper-parameter, or a value is none for it.
        """
        self.refuse_unknown([name.partition("__")[0] for name in values])
        inner: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            own, nested, rest = name.partition("__")
            if nested:
                inner.setdefault(own, {})[rest] = value
            else:
                setattr(self, name, value)
        for name, changed in inner.items():
            member = getattr(self, name)
            if not isinstance(member, Component):
                raise HyperParameterError(
                    f"{name}={member!r} has no hyper-parameters of its own to set: {', '.join(changed)}"
                )
            setattr(self, name, type(member)(**member.get_params(deep=False)).set_params(**changed))
        return self

    def params_as_json(self) -> dict[str, Any]:
        """Hyper-parameters as JSON types; the constructor takes them back, fitted components among them excepted."""
        return {name: to_json(value) for name, value in self.get_params().items()}

    def saved_params(self) -> dict[str, Any]:
        """:meth:`params_as_json` without what a later release added and what has its default; see ``param(later=)``."""
        added = {name for name, about in self.hyper_parameters().items() if about.later}
        left_out = {name for name in added if getattr(self, name) == self.hyper_parameters()[name].default}
        return {name: value for name, value in self.params_as_json().items() if name not in left_out}

    def description(self) -> dict[str, Any]:
        """What JSON says of the component where it is a hyper-parameter of another; no digest when it is not fitted."""
        return {
            "component": self.name,
            "hyper_parameters": self.saved_params(),
            "digest": self.digest if self.is_fitted else None,
        }

    @property
    def is_fitted(self) -> bool:
        """Whether fitted state is present."""
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def check_fitted(self) -> None:
        """Raise :class:`NotFittedError` unless the component has been fitted or loaded."""
        if not self.is_fitted:
            raise NotFittedError(f"this {type(self).__name__} is not fitted: call fit, or load a saved model")

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Estimate the component from data and return self."""
        raise NotImplementedError

    def score(self, data: Any) -> float:
        """One number, greater is better."""
        raise NotImplementedError

    def fitted_state(self) -> FittedState:
        """The fitted state as arrays and JSON, for saving."""
        raise NotImplementedError

    def restore(self, state: FittedState) -> None:
        """Set the fitted state from ``state``; check its structure, and raise SavedModelError if it is wrong."""
        raise NotImplementedError

    @property
    def digest(self) -> str:
        """Sixteen hex digits that identify the fitted component; equal before saving and after loading."""
        self.check_fitted()
        from nlmkit.models import digest

        return digest(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to the folder ``path``; :func:`nlmkit.load` reads it back.

        Raises:
            NotFittedError: there is nothing to save yet.
            SavedModelError: the folder cannot be written or holds something else.
        """
        self.check_fitted()
        from nlmkit.models import save

        with watched(AUTO) as display:
            if display is not None:
                display.start(f"saving to {os.fspath(path)}")
            save(self, Path(path))


def _noted(fit: Any) -> Any:
    """Refuse options without effect before ``fit``, and log the notes of ``fit_report_`` once it is done."""

    @functools.wraps(fit)
    def wrapper(self: Component, *args: Any, **kwargs: Any) -> Any:
        self.refuse_without_effect()
        with notes_of_fit() as outermost, each_note_once(vars(self).get("_said")):
            fitted = fit(self, *args, **kwargs)
            if outermost:
                report = vars(self).get("fit_report_")
                for text in report.get("notes", ()) if isinstance(report, dict) else ():
                    note(str(text))
        return fitted

    return wrapper


@functools.cache
def _declared(cls: type[Component]) -> Mapping[str, HyperParameter]:
    if not dataclasses.is_dataclass(cls):
        return {}
    hints = resolve_types(cls)
    declared = {}
    for field in dataclasses.fields(cls):
        about = field.metadata.get("nlmkit")
        if about is None:
            raise TypeError(f"{cls.__name__}.{field.name} must be declared with nlmkit.parameters.param")
        declared[field.name] = HyperParameter(
            field.name,
            hints[field.name],
            field.default,
            about["help"],
            about["bounds"],
            about["choices"],
            about.get("later", False),
            about.get("needs"),
        )
    return declared


@dataclasses.dataclass(kw_only=True)
class VocabularyLimits:
    """The vocabulary options that every language model trained on text has.

    By default the vocabulary is every training type plus ``<unk>``. A limit maps the other words to ``<unk>``,
    which is then trained like a word.

    A file is the whole vocabulary. It is refused together with another limit, unless that is ``min_count`` at its
    default, which then has no effect.
    """

    vocabulary_size: int | None = param(None, ge=1, help="keep this many most frequent words; the rest become <unk>")
    min_count: int = param(1, ge=1, help="words seen less often become <unk>")
    vocabulary_file: str | None = param(None, help="file with one word a line; all other words become <unk>")

    def limited_vocabulary(self, corpus: Corpus) -> Vocabulary:
        """The vocabulary of the training text ``corpus`` under these limits.

        A text that the tokenizer hardly splits is noted (:mod:`nlmkit.text.unspaced`).

        Raises:
            DataError: the text is empty, or a limit leaves no word.
            HyperParameterError: limits that contradict each other.
        """
        from nlmkit.text import Vocabulary
        from nlmkit.text.unspaced import note_unspaced

        if not corpus.sentences:
            raise DataError("the training text is empty", source=", ".join(corpus.sources) or None)
        if getattr(self, "kind", None) != "classifier":  # which notes it for all classifiers
            note_unspaced(corpus)

        if self.vocabulary_file is not None:
            default = next(field.default for field in dataclasses.fields(self) if field.name == "min_count")
            given = [f"vocabulary_size={self.vocabulary_size}"] if self.vocabulary_size is not None else []
            given += [f"min_count={self.min_count}"] if self.min_count not in (1, default) else []
            if given:
                raise HyperParameterError(
                    f"vocabulary_file cannot be combined with vocabulary_size or min_count: drop {', '.join(given)}"
                )
        return Vocabulary.from_corpus(
            corpus, size=self.vocabulary_size, min_count=self.least_count, file=self.vocabulary_file
        )

    @property
    def least_count(self) -> int:
        """How often a word must occur: ``min_count``, or 1 where a file lists the words."""
        return self.min_count if self.vocabulary_file is None else 1


class LanguageModel(Component):
    """A probability distribution over the next word, given the words before it.

    The specification is a state machine over vocabulary ids: :meth:`start`, :meth:`advance`,
    :meth:`next_log_probs`. Everything else is defined by it; :meth:`log_probs` may be overridden for speed and
    must then agree with it. Logarithms are natural, results are float64.

    Fitted attributes: ``vocabulary_`` (:class:`~nlmkit.text.Vocabulary`) and ``pipeline_``
    (:class:`~nlmkit.text.TextPipeline`), which is applied to every text that is scored.
    """

    kind = "language-model"
    vocabulary_: Vocabulary
    pipeline_: TextPipeline

    @property
    def normalized(self) -> bool:
        """Whether the scores of every context sum to one; if not, there is no perplexity."""
        return True

    @property
    def adapts_to_test_text(self) -> bool:
        """Whether scoring a text changes later scores by more than its context (caches, dynamic evaluation)."""
        return False

    @property
    def unknown_rule(self) -> str:
        """How ``<unk>`` got its probability; part of the report's signature."""
        return "trained" if self.vocabulary_.counts[0] else "uniform-share"

    @property
    def report_labels(self) -> Mapping[str, str]:
        """Further facts for reports and their signature, by a short name; neither may hold ``:`` or ``|``."""
        return {}

    def start(self) -> Hashable:
        """State at the beginning of a text: only ``<s>`` has been read."""
        raise NotImplementedError

    def restart(self, state: Any) -> Hashable:
        """State with which the context ``sentence`` begins another sentence, after ``state``.

        It is :meth:`start`, but for what a model remembers of the text on purpose, such as a cache.
        """
        return self.start()

    def advance(self, state: Any, word_id: int) -> Hashable:
        """State after reading ``word_id``; ``</s>`` opens the next sentence."""
        raise NotImplementedError

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        """Log-probability of each vocabulary id as the next event: float64 [V], −inf at ``<s>``."""
        raise NotImplementedError

    def encode(self, data: Any) -> Corpus:
        """Read ``data`` (anything that :meth:`nlmkit.text.Corpus.read` takes, or a Corpus) as the model does.

        Raises:
            DataError: a Corpus was made with another text pipeline than the model's.
        """
        self.check_fitted()
        from nlmkit.text import Corpus

        if not isinstance(data, Corpus):
            return Corpus.read(data, self.pipeline_)
        if data.pipeline is not None and data.pipeline != self.pipeline_:
            raise DataError(
                f"the corpus was made with {data.pipeline.signature}, the model reads text with "
                f"{self.pipeline_.signature}: pass the text itself, or read it with the model's pipeline_"
            )
        return data

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Natural log-probability of every event (each word, then ``</s>``, sentence by sentence): float64 [events]."""
        import numpy as np

        corpus = self.encode(data)
        values = (self.next_log_probs(state)[word_id] for state, word_id in self._walk(corpus, context))
        return np.fromiter(values, np.float64, corpus.events)

    def distributions(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float64]]:
        """Full next-word distributions, one chunk a sentence: float64 [events of the sentence, V]."""
        import numpy as np

        check_context(context)
        corpus = self.encode(data)
        walk = self._walk(corpus, context)
        return (
            np.stack([self.next_log_probs(state) for state, _ in itertools.islice(walk, events)])
            for events in np.diff(corpus.event_offsets).tolist()
        )

    def _walk(self, corpus: Corpus, context: Context) -> Iterator[tuple[Any, int]]:
        """Every event's id, with the state before it."""
        check_context(context)
        events, offsets = corpus.event_ids(self.vocabulary_), corpus.event_offsets.tolist()
        state: Any = self.start()
        for begin, end in itertools.pairwise(offsets):
            if context == "sentence" and begin:
                state = self.restart(state)
            for word_id in events[begin:end].tolist():
                yield state, word_id
                state = self.advance(state, word_id)

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        """Further facts per event, by column name, that a table of tokens should show."""
        self.encode(data)
        return {}

    def score(self, data: Any) -> float:
        """Mean natural log-probability an event (NaN for a text without events)."""
        values = self.log_probs(data)
        return float(values.mean()) if len(values) else float("nan")

    def report(self, data: Any, *, context: Context = "sentence") -> PerplexityReport:
        """Perplexity with everything that must stand beside it.

        Raises:
            NotNormalizedError: the model's scores are not a distribution.
        """
        self._check_normalized()
        from nlmkit.unknown_words import note_cheap_unknown

        corpus = self.encode(data)
        report = self.report_of(self.log_probs(corpus, context=context), corpus, context=context)
        note_cheap_unknown(self, report.oov, corpus.tokens)
        return report

    def report_of(self, log_probs: NDArray[np.float64], corpus: Corpus, *, context: Context) -> PerplexityReport:
        """The report of a text whose log-probabilities this model has given already.

        Args:
            log_probs: What :meth:`log_probs` gave: float64 [events].
            corpus: The text, as :meth:`encode` gives it.
            context: In which context.

        Raises:
            NotNormalizedError: the model's scores are not a distribution.
        """
        self._check_normalized()
        from nlmkit.reports import perplexity_report

        return perplexity_report(
            log_probs,
            corpus=corpus,
            vocabulary=self.vocabulary_,
            context=context,
            component=self.name,
            model_digest=self.digest,
            unknown_rule=self.unknown_rule,
            adapted=self.adapts_to_test_text,
            labels=self.report_labels,
        )

    def line_figures(self, data: Any, *, context: Context = "sentence") -> LineFigures:
        """Perplexity, with and without OOV words, and bits per character of each line, as ``--per-line`` prints them.

        Args:
            data: As for :meth:`encode`; of a Corpus and of token lists, whose raw lines are not known, there are no
                bits per character.
            context: ``sentence`` or ``stream``.

        Returns:
            Arrays with one value per line, blank lines included.

        Raises:
            NotNormalizedError: the model's scores are not a distribution.
            DataError: the text cannot be read.
        """
        self._check_normalized()
        from nlmkit.reports import line_figures
        from nlmkit.text import Corpus
        from nlmkit.text.joining import joined, line_lengths, whole

        lines = None
        if isinstance(data, Corpus):
            corpus = self.encode(data)
        else:
            corpus, lines = joined(whole(data, self.pipeline_))
        characters = None if lines is None or corpus.pipeline is None else line_lengths(lines)
        log_probs = self.log_probs(corpus, context=context)
        return line_figures(log_probs, corpus.event_offsets, corpus.oov_mask(self.vocabulary_), characters)

    def perplexity(self, data: Any, *, context: Context = "sentence") -> float:
        """exp(−mean log-probability an event); see :meth:`report` for what must stand beside it.

        Raises:
            NotNormalizedError: the model's scores are not a distribution.
        """
        self._check_normalized()
        from nlmkit.reports import perplexity

        corpus = self.encode(data)
        return perplexity(self.log_probs(corpus, context=context), corpus.event_offsets)

    def _check_normalized(self) -> None:
        self.check_fitted()
        if not self.normalized:
            raise NotNormalizedError(
                f"{self.name} scores here are no probability distribution, so they have no perplexity: use score"
            )

    def generate(
        self,
        *,
        max_tokens: int = 50,
        prompt: str = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        allow_unk: bool = False,
        seed: int = 0,
        marks: Marks = "error",
    ) -> list[str]:
        """Sample the continuation of ``prompt`` up to ``</s>``; see :func:`nlmkit.generation.generate`."""
        self.check_fitted()
        from nlmkit.generation import generate

        return generate(
            self,
            max_tokens=max_tokens,
            prompt=prompt,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            allow_unk=allow_unk,
            seed=seed,
            marks=marks,
        )


def check_context(context: str) -> None:
    """Refuse anything but the two context modes."""
    if context not in ("sentence", "stream"):
        raise HyperParameterError(f"context must be sentence or stream, not {context!r}")
