"""What the sections of a report read: the models, the text, and what was computed from both."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nlmkit.core.component import Component
from nlmkit.core.progress import Progress

if TYPE_CHECKING:
    from nlmkit.language_models.base import Context
    from nlmkit.text import TextPipeline
    from nlmkit.text.columns import TextColumn


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """Model of a report.

    Attributes:
        name: Name to show.
        model: Fitted component.
        color: Number of its color in all charts.
    """

    name: str
    model: Component
    color: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a report.

    Attributes:
        seed: Seed of samples, of drawn sentences, and of intervals and p-values.
        samples: Number of samples of intervals and p-values; 0 for none.
        context: Context of language models: ``sentence`` or ``stream``.
    """

    seed: int = 0
    samples: int = 1000
    context: Context = "sentence"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Files:
    """Text of a report as the command line names it.

    Attributes:
        names: Paths, directories, ``-``, ``corpus:NAME``.
        column: Column of the text, if the files are tables.
        label_column: Column of the labels or numbers, if the files are tables; None for the default.
        decoded: Function that returns a model's pipeline with the decoding of these files.
    """

    names: tuple[str, ...]
    column: TextColumn | None = None
    label_column: str | None = None
    decoded: Callable[[TextPipeline], TextPipeline] = lambda pipeline: pipeline


@dataclasses.dataclass(kw_only=True, eq=False)
class Study(abc.ABC):
    """Models of one kind with what a report says about them. A kind derives its own, with the text and its scores.

    Attributes:
        subjects: The models.
        options: Options of the report.
        progress: Display of progress; None for none.
    """

    subjects: tuple[Subject, ...]
    options: Options
    progress: Progress | None = None

    @classmethod
    @abc.abstractmethod
    def of(cls, subjects: tuple[Subject, ...], text: Any, options: Options, progress: Progress | None) -> Study:
        """Read the text and compute what several sections need.

        Args:
            subjects: Models of one kind.
            text: What the caller passed as the text, or ``Files``; None for no text.
            options: Options of the report.
            progress: Display of progress.

        Raises:
            DataError: The text cannot be read.
        """

    @property
    @abc.abstractmethod
    def facts(self) -> list[str]:
        """Facts for the head of the page, such as the size of the text."""

    def stage(self, description: str, total: float | None = None) -> None:
        """Start a stage of the progress."""
        if self.progress is not None:
            self.progress.start(description, total)

    def advance(self, amount: float = 1) -> None:
        """Advance the stage."""
        if self.progress is not None:
            self.progress.advance(amount)
