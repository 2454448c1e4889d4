"""Contract of a kind of component for ``fit`` and ``score``: ``Part``."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from nlmkit.errors import NlmkitError

if TYPE_CHECKING:
    from nlmkit.cli.labelled import Form
    from nlmkit.cli.training import Training
    from nlmkit.core.component import Component
    from nlmkit.core.kinds import Kind
    from nlmkit.core.progress import Progress
    from nlmkit.text import TextPipeline
    from nlmkit.text.marks import Marks

TABLE_FORMATS: Final = frozenset({"tsv", "space", "csv", "jsonl"})
"""Layouts of files with columns that ``--format`` names for texts with or without targets."""

Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]
"""A decorator that adds an option to a command, as ``click.option`` returns it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """Request to ``fit``.

    Attributes:
        fitted: The component, not fitted yet.
        component: The name that it was asked for by.
        members: Hyper-parameters that --model gave.
        segmenters: Hyper-parameters that were given as model:FOLDER.
        origins: Who set each hyper-parameter, and each option that was not left at its default.
        train: Names of the training texts.
        model: What --model named.
        valid: Name of the held-out text.
        output: Where to save the model; None where nothing is saved.
        pipeline: How the texts are read.
        training: Options of training in steps.
        form: How files with columns are laid out.
        options: The options that only some kinds take, by parameter; None where nothing was given.
        quiet: Whether to draw no progress and print no notes.
        as_json: Whether to print JSON.
        started: When the command began, on the clock ``time.perf_counter``.
    """

    fitted: Component
    component: str
    members: Mapping[str, Any]
    segmenters: Mapping[str, str]
    origins: Mapping[str, str]
    train: tuple[str, ...]
    model: tuple[str, ...]
    valid: str | None
    output: str | None
    pipeline: TextPipeline
    training: Training
    form: Form
    options: Mapping[str, Any]
    quiet: bool
    as_json: bool
    started: float

    def named(self) -> dict[str, Any]:
        """Return the component, and the texts and folders that were named, JSON-ready."""
        return {
            "component": self.component,
            "train": list(self.train),
            **({"model": list(self.model)} if self.model else {}),
            "valid": self.valid,
            "output": self.output,
        }


class Part(abc.ABC):
    """Part of ``fit`` and ``score`` for one kind of component.

    A module of the package has a subclass, and an instance of it as ``PART``; the kind's row in
    ``nlmkit.core.kinds`` names the module. Importing it must not import NumPy or a model.

    Attributes:
        kind: The row of the kind.
        marks: What is done with sentence marks and NUL in a text where ``--marks`` does not say.
        always_reads: Whether ``fit`` reads text from standard input where none is named, whatever the component.
        fit_options: The options of ``fit`` that only some kinds take, by parameter; the same option of several kinds
            is the same object. Their defaults are None.
        sets_parameters: Those of ``fit_options`` that set the hyper-parameter of the same name.
        formats: Values of ``--format`` that mean something here.
        score_needs: What ``score`` needs beside the model; empty where it can do without.
        score_flags: The options of ``score`` that only some kinds take, as ``fit_options``.
        score_shared: The options that ``score`` has for several kinds (``errors``, ``marks``, ``format``,
            ``label_column``, ``text_column``), and this one takes.
        counted: What the number of words of a vocabulary counts.
    """

    kind: ClassVar[Kind]
    marks: ClassVar[Marks] = "literal"
    always_reads: ClassVar[bool] = False
    fit_options: ClassVar[Mapping[str, Option]] = {}
    sets_parameters: ClassVar[tuple[str, ...]] = ()
    formats: ClassVar[frozenset[str]] = TABLE_FORMATS
    score_needs: ClassVar[str] = ""
    score_flags: ClassVar[Mapping[str, Option]] = {}
    score_shared: ClassVar[frozenset[str]] = frozenset()
    counted: ClassVar[str] = "words"

    # ------------------------------------------------------------------------------------------------------- fit

    def refused(self, given: Mapping[str, Any]) -> list[str]:
        """Those of the options ``given`` to ``fit`` (of a table's layout, and of some kinds) that mean nothing here."""
        taken = (*self.layout_options(given), *self.fit_options)
        return [name for name, value in given.items() if name not in taken or self.refuses_format(name, value)]

    def refuses_format(self, name: str, value: Any) -> bool:
        """Return whether an option is ``--format`` with the name of a layout that other kinds read."""
        return name == "format" and value not in self.formats

    @abc.abstractmethod
    def layout_options(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the options of a table's layout that mean something where ``given`` were given to ``fit``."""

    def names_text(self, options: Mapping[str, Any]) -> bool:
        """Return whether options of ``fit_options`` or ``score_flags`` name the text; it is then not an argument."""
        return False

    def inputs(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the files and folders that options of ``fit_options`` or ``score_flags`` name."""
        return ()

    def saves(self, options: Mapping[str, Any]) -> bool:
        """Return whether ``fit`` with these options of ``fit_options`` saves a model; else ``try_out`` is called."""
        return True

    def with_options(
        self,
        values: Mapping[str, Any],
        origins: Mapping[str, str],
        pipeline: TextPipeline,
        options: Mapping[str, Any],
        set_by: Mapping[str, str],
        *,
        cls: type[Component],
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Hyper-parameters, and who set them and the options, once options have set some of them.

        Args:
            values: The hyper-parameters that were set.
            origins: Who set each of them.
            pipeline: What the options of a text pipeline come to.
            options: The options that only some kinds take.
            set_by: Who set each of the options that were not left at their default.
            cls: The component.

        Raises:
            click.UsageError: an option contradicts a hyper-parameter.
        """
        return dict(values), {**origins, **set_by}

    def pipeline_for(self, fitted: Component, pipeline: TextPipeline, set_by: Mapping[str, str]) -> TextPipeline:
        """How the training text is read, where the options come to ``pipeline``."""
        return pipeline

    @abc.abstractmethod
    def check(self, job: Job) -> None:
        """Raise an error for contradictory options of ``fit``, before any work.

        Raises:
            click.UsageError: there are some.
        """

    @abc.abstractmethod
    def resolved(self, job: Job) -> dict[str, Any]:
        """All settings of a run, JSON-ready; ``params`` among them."""

    @abc.abstractmethod
    def config(self, resolved: Mapping[str, Any]) -> dict[str, Any]:
        """Return the table ``[fit]`` of a ``--config`` that gives these settings; None stands for what is left out."""

    @abc.abstractmethod
    def read(self, job: Job, display: Progress | None) -> tuple[Any, Any]:
        """The training data and the held-out data, None where there are none, and notes on what is odd about them.

        Raises:
            DataError: a text is missing or unusable.
        """

    def try_out(self, job: Job) -> None:
        """Run the alternative to fitting and saving a model, and print its result."""
        raise NotImplementedError

    def facts(self, fitted: Component, data: Any = None) -> dict[str, Any]:
        """Return the facts of a model that ``fit`` and ``import`` print: JSON-ready, for ``print_fitted``.

        Args:
            fitted: The model.
            data: What it was fitted to, as ``read`` gives it.
        """
        vocabulary = getattr(fitted, "vocabulary_", None)
        return {} if vocabulary is None else {"vocabulary_size": vocabulary.size_predictable - 2}  # no <unk>, no </s>

    # ----------------------------------------------------------------------------------------------------- score

    @abc.abstractmethod
    def score(self, *args: Any, **options: Any) -> None:
        """Print the score of a model.

        Args:
            args: Where the model is, the model, and the names of the texts as a tuple.
            options: ``as_json``, ``encoding`` (of the texts; None for that of training) and ``quiet``, and those of
                ``score_flags`` and ``score_shared`` that were given.
        """

    # ------------------------------------------------------------------------------------------------------ show

    def draw_model(self, model: str, component: Component, path: str) -> None:
        """Draw what a fitted component consists of.

        Args:
            model: Where it is.
            component: The component.
            path: File of the picture.

        Raises:
            NlmkitError: Components of this kind have no picture.
        """
        raise NlmkitError(f"{model}: a {component.kind} has no picture; omit --plot")

    # ------------------------------------------------------------------------------------------------------ both

    def marks_or(self, marks: Marks | None) -> Marks:
        """``marks``, or what is done with sentence marks in texts of the kind where nothing was said."""
        return marks or self.marks

    def unusual_marks(self, pipeline: TextPipeline) -> dict[str, Any]:
        """Return the setting ``marks``, where it is not what suits the kind."""
        return {} if pipeline.marks == self.marks else {"marks": pipeline.marks}
