"""What a run says of itself while it goes on: lines of the log, and the figures beside the progress.

This module imports neither torch nor NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nlmkit.training.clock import Stopwatch
from nlmkit.training.records import Evaluation, LogRecord, TrainingLog
from nlmkit.training.stepper import Stepper

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions


class Lines:
    """The lines of a run, each of which is about the steps since the line before.

    Args:
        stepper: Whose figures they are.
        options: Receive the figures beside the progress.
        log: Where lines go.
        watch: The time of the run.
    """

    def __init__(self, stepper: Stepper, options: RunOptions, log: TrainingLog, watch: Stopwatch) -> None:
        self._stepper, self._options, self._log, self._watch = stepper, options, log, watch
        self._begins, self._items = watch.stepping, stepper.items

    def write(self, step: int, evaluation: Evaluation | None, last: Evaluation | None) -> None:
        """Write a line, if there were steps since the line before or an evaluation.

        Args:
            step: Steps taken.
            evaluation: What was just measured.
            last: The last evaluation of held-out data.
        """
        stepper = self._stepper
        stepper.check()
        figures = stepper.take_figures(even_without_steps=evaluation is not None)
        if figures is None:
            return
        stepping, items = self._watch.stepping, stepper.items
        working, read = stepping - self._begins, items - self._items
        self._begins, self._items = stepping, items
        measured: Mapping[str, float] = {} if evaluation is None else evaluation.metrics
        record = LogRecord(
            step=stepper.counted(step),
            epoch=round(stepper.epochs, 6),
            metrics=figures.metrics,
            lr=figures.lr,
            gradient_norm=figures.gradient_norm,
            speed=read / working if read and working > 0 else None,
            seconds=self._watch.seconds,
            validation={metric.name: measured.get(metric.name) for metric in stepper.metrics},
            unit=stepper.unit,
        )
        self._log.write(record)
        self._show(figures.text, record, last)

    def _show(self, text: str, record: LogRecord, last: Evaluation | None) -> None:
        """Show the latest figures beside the progress."""
        texts = [f"epoch {record.epoch:.2f}", text]
        if last is not None:
            metric = self._stepper.metrics[0]
            texts.append(f"valid {metric.form.format(last.metrics[metric.name])}")
        if record.speed is not None:
            texts.append(f"{record.speed:,.0f} {record.unit}/s")
        self._options.note(" · ".join(filter(None, texts)))
