"""What happened in training: evaluations and the log ``training.jsonl``.

This module imports neither torch nor NumPy.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import json
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from nlmkit.errors import DataError, MissingFileError
from nlmkit.saving.records import LOG_BEGINNING, is_models_own
from nlmkit.saving.strict_json import StrictJSONError, parse
from nlmkit.saving.written import is_written_directly, open_directly, written
from nlmkit.training.metrics import NOTHING, Metric, Rank, rank


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a run came to at one step.

    Attributes:
        step: Steps taken.
        epoch: Passes over the training data, with fractions.
        ends_epoch: Whether a pass ended here, or the run.
        loss: Mean training loss since the evaluation before; NaN where there was no step.
        metrics: Of the held-out data by name, by the weights or, where there is one, their average; empty without such
            data.
        averaged: Whether an average of the weights was evaluated.
        seconds: Time of training so far.
    """

    step: int
    epoch: float
    ends_epoch: bool
    loss: float
    metrics: Mapping[str, float]
    averaged: bool
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON types; what is not finite becomes null."""
        values = {field.name: _finite(getattr(self, field.name)) for field in dataclasses.fields(self)}
        return {**values, "metrics": {name: _finite(value) for name, value in self.metrics.items()}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], metrics: Sequence[Metric]) -> Self:
        """The evaluation that :meth:`to_json` gave.

        Args:
            value: What it gave.
            metrics: The run's; null stands for the worst value, and in ``loss`` for NaN.

        Raises:
            ValueError: It makes no sense; so do a TypeError and a KeyError.
        """
        if set(value) != {field.name for field in dataclasses.fields(cls)}:
            raise ValueError(f"an evaluation holds {sorted(value)}")
        for name, kinds in _KINDS.items():
            item = value[name]
            sound = type(item) in kinds and (item is None or abs(item) <= sys.float_info.max)
            if not sound or (name in _NEVER_NEGATIVE and item < 0):
                raise ValueError(f"{name} of an evaluation is {item!r}")
        found = value["metrics"]
        if not isinstance(found, dict) or (found and set(found) != {metric.name for metric in metrics}):
            raise ValueError(f"the metrics of an evaluation are {found!r}")
        for name, item in found.items():
            if type(item) not in _NUMBER_OR_NULL or (item is not None and not abs(item) <= sys.float_info.max):
                raise ValueError(f"{name} of an evaluation is {item!r}")
        worst = {metric.name: metric.worst for metric in metrics}
        known = {name: worst[name] if found[name] is None else float(found[name]) for name in worst if found}
        loss = math.nan if value["loss"] is None else value["loss"]
        return cls(**{**value, "metrics": known, "loss": loss})


_NUMBER_OR_NULL: Final = (int, float, type(None))
_NEVER_NEGATIVE: Final = ("step", "epoch", "seconds")
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "step": (int,),
    "epoch": (int, float),
    "ends_epoch": (bool,),
    "loss": _NUMBER_OR_NULL,
    "averaged": (bool,),
    "seconds": (int, float),
}


def best_of(history: Sequence[Evaluation], metrics: Sequence[Metric]) -> Evaluation | None:
    """The evaluation of the best rank, the first of several; None where no evaluation is better than infinitely bad."""
    ranked = [(rank(found.metrics, metrics), found) for found in history if found.metrics]
    return min((pair for pair in ranked if pair[0] < NOTHING), key=lambda pair: pair[0], default=(NOTHING, None))[1]


def by_epoch(history: Sequence[Evaluation], metrics: Sequence[Metric]) -> list[Rank]:
    """The best rank within each epoch that has ended."""
    found: list[Rank] = []
    best = NOTHING
    for evaluation in history:
        if not evaluation.metrics:
            continue
        best = min(best, rank(evaluation.metrics, metrics))
        if evaluation.ends_epoch:
            found.append(best)
            best = NOTHING
    return found


# ------------------------------------------------------------------------------------------------------- log


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogRecord:
    """One line of ``training.jsonl``; None, in the file null, where there is no value or none that is finite.

    In the file ``metrics`` are fields of their own names, such as ``loss`` and ``perplexity``; ``validation`` are
    fields as ``validation_perplexity``; and ``speed`` is named after its unit, as ``tokens_per_second``.

    Attributes:
        step: Steps taken.
        epoch: Passes over the training data, with fractions.
        metrics: Means over the training data since the line before, by name: the loss and what follows from it.
        lr: Learning rate of the last step.
        gradient_norm: Mean norm of the gradient before clipping, since the line before.
        speed: What was read per second since the line before, without evaluation.
        seconds: Time of training so far.
        validation: Metrics of the held-out data by name; None where they were not just measured.
        unit: What ``speed`` counts.
    """

    step: int
    epoch: float
    metrics: Mapping[str, float | None]
    lr: float | None
    gradient_norm: float | None = None
    speed: float | None = None
    seconds: float
    validation: Mapping[str, float | None] = dataclasses.field(default_factory=dict)
    unit: str = "tokens"

    def to_json(self) -> dict[str, Any]:
        """The record as a flat JSON object; what is not finite becomes null."""
        values = {
            "step": self.step,
            "epoch": self.epoch,
            **self.metrics,
            "lr": self.lr,
            "gradient_norm": self.gradient_norm,
            f"{self.unit}{_SPEED}": self.speed,
            "seconds": self.seconds,
            **{f"{_VALIDATION}{name}": value for name, value in self.validation.items()},
        }
        return {name: _finite(value) for name, value in values.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The record of a flat JSON object whose fields are numbers or null; a KeyError where it is none."""
        rest = dict(value)
        fixed = {name: rest.pop(name) for name in _FIXED}
        (speed,) = (name for name in rest if name.endswith(_SPEED))
        return cls(
            **fixed,
            speed=rest.pop(speed),
            unit=speed.removesuffix(_SPEED),
            metrics={name: item for name, item in rest.items() if not name.startswith(_VALIDATION)},
            validation={
                name.removeprefix(_VALIDATION): item for name, item in rest.items() if name.startswith(_VALIDATION)
            },
        )


_SPEED: Final = "_per_second"
_VALIDATION: Final = "validation_"
_FIXED: Final = ("step", "epoch", "lr", "gradient_norm", "seconds")
_NAME: Final = re.compile(r"[A-Za-z]\w{0,99}", re.ASCII)
_LONGEST_LINE: Final = 1 << 16


class TrainingLog:
    """Appends records to a file, one line of strict JSON each; a line is written at once or not at all.

    Args:
        path: The file; no log is kept without it. What it holds is replaced, except in a resumed run. A pipe or device,
            such as /dev/stderr, is written as it is.
        after: Step at which a resumed run goes on: records up to it are kept, later ones will come again. 0: a new run.

    Raises:
        DataError: The file holds something else than a training log.
    """

    def __init__(self, path: Path | None, *, after: int = 0) -> None:
        self._file: IO[str] | None = None
        if path is None:
            return
        self._path = path
        if is_written_directly(path) and not path.is_dir():
            self._file = io.TextIOWrapper(open_directly(path), encoding="utf-8", newline="\n")
            return
        kept = [record for record in read_log(path) if record.step <= after] if _exists(path) else []
        if is_models_own(path.name):
            raise DataError(
                "is reserved for the files of a saved model: choose another file for the log", source=str(path)
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with written(path) as stream:
            stream.write("".join(map(_line, kept)).encode())
        # not through a link, which might have taken the file's place since
        flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        self._file = os.fdopen(os.open(path, flags), "a", encoding="utf-8", newline="\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, record: LogRecord) -> None:
        """Append a record.

        Raises:
            OSError: it cannot be written; names the file.
        """
        if self._file is None:
            return
        try:
            self._file.write(_line(record))
            self._file.flush()
        except OSError as error:
            self._discard()
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def _discard(self) -> None:
        """Close the file without what it could not write, which closing would try to write again."""
        file, self._file = self._file, None
        with contextlib.suppress(OSError):
            if file is not None:
                file.close()


def read_log(path: str | os.PathLike[str]) -> list[LogRecord]:
    """The records of a training log; a last line that was not written to its end is passed over.

    Raises:
        DataError: The file cannot be read or is not a training log; names the line.
    """
    source = os.fspath(path)
    records = []
    try:
        with open(path, "rb") as file:
            # One line at a time, so that a large file that is not a log is refused at its first line.
            for number in itertools.count(1):
                line = file.readline(_LONGEST_LINE)
                if not line.endswith(b"\n"):
                    break
                records.append(_record(line.removesuffix(b"\n"), source, number))
    except FileNotFoundError as error:
        raise MissingFileError(f"cannot be read ({error.strerror})", source=source) from None
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", source=source) from None
    if len(line) == _LONGEST_LINE:
        raise DataError("the line is too long, so this is not a training log", source=source, line=number)
    return records


def _exists(path: Path) -> bool:
    """Whether there is a log to replace or go on with; refuses to replace anything else."""
    if not path.exists():
        return False
    if path.is_file():
        with path.open("rb") as file:
            first = file.readline(_LONGEST_LINE)
        if not first or (not first.endswith(b"\n") and first.startswith(LOG_BEGINNING)):
            return False  # its first line was not written to its end
        if first.endswith(b"\n"):
            _record(first, str(path), 1)
            return True
    raise DataError("is not a training log, so nothing was written: choose another file for the log", source=str(path))


def _line(record: LogRecord) -> str:
    return json.dumps(record.to_json(), allow_nan=False) + "\n"


def _record(line: bytes, source: str, number: int) -> LogRecord:
    try:
        value = parse(line)
    except StrictJSONError as error:
        raise DataError(f"{error}, so this is not a training log", source=source, line=number) from None
    if not isinstance(value, dict) or not _has_the_fields(value):
        fields = f"{', '.join(_FIXED)}, a speed such as tokens_per_second, and metrics"
        raise DataError(f"this is not a training log: a line has {fields}", source=source, line=number)
    for name, item in value.items():
        if isinstance(item, bool) or not isinstance(item, (int, float, type(None))):
            raise DataError(f"{name} is {item!r}, not a number", source=source, line=number)
        if isinstance(item, int) and abs(item) > sys.float_info.max:
            raise DataError(f"{name} is too large", source=source, line=number)
    return LogRecord.from_json(value)


def _has_the_fields(value: Mapping[str, Any]) -> bool:
    named = all(map(_NAME.fullmatch, value)) and sum(name.endswith(_SPEED) for name in value) == 1
    return named and set(_FIXED) <= set(value) and type(value["step"]) is int


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
