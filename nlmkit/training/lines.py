"""Output of a run: lines of the log, and the figures of the progress display.

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
    """Writer of the log lines of a run, each about the steps since the line before.

    Args:
        stepper: Source of the figures.
        options: Run options, which show the figures.
        log: Log to write to.
        watch: Stopwatch of the run.
    """

    def __init__(self, stepper: Stepper, options: RunOptions, log: TrainingLog, watch: Stopwatch) -> None:
        self._stepper, self._options, self._log, self._watch = stepper, options, log, watch
        self._begins, self._items = watch.stepping, stepper.items

    def write(self, step: int, evaluation: Evaluation | None, last: Evaluation | None) -> None:
        """Write a line, if there were steps or an evaluation since the line before.

        Args:
            step: Number of steps taken.
            evaluation: Evaluation of this step, if any.
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
        """Show the latest figures in the progress display."""
        texts = [f"epoch {record.epoch:.2f}", text]
        if last is not None:
            metric = self._stepper.metrics[0]
            texts.append(f"valid {metric.form.format(last.metrics[metric.name])}")
        if record.speed is not None:
            texts.append(f"{record.speed:,.0f} {record.unit}/s")
        self._options.note(" · ".join(filter(None, texts)))
