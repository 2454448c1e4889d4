"""Records of training: evaluations, and the log ``training.jsonl``.

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
    """Evaluation of a run at one step.

    Attributes:
        step: Number of steps taken.
        epoch: Number of passes over the training data, a fraction.
        ends_epoch: Whether a pass or the run ended here.
        loss: Mean training loss since the previous evaluation; NaN without steps.
        metrics: Metrics of the held-out data by name, with the weights or, if any, their average; empty without such
            data.
        averaged: Whether an average of the weights was evaluated.
        seconds: Seconds of training so far.
    """

    step: int
    epoch: float
    ends_epoch: bool
    loss: float
    metrics: Mapping[str, float]
    averaged: bool
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the evaluation as JSON types; values that are not finite become null."""
        values = {field.name: _finite(getattr(self, field.name)) for field in dataclasses.fields(self)}
        return {**values, "metrics": {name: _finite(value) for name, value in self.metrics.items()}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], metrics: Sequence[Metric]) -> Self:
        """Return the evaluation from the result of ``to_json``.

        Args:
            value: That result.
            metrics: Metrics of the run; null means the worst value, and NaN for ``loss``.

        Raises:
            ValueError: It is invalid; so are a TypeError and a KeyError.
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
    """Return the first evaluation with the best rank; None if none is better than infinitely bad."""
    ranked = [(rank(found.metrics, metrics), found) for found in history if found.metrics]
    return min((pair for pair in ranked if pair[0] < NOTHING), key=lambda pair: pair[0], default=(NOTHING, None))[1]


def by_epoch(history: Sequence[Evaluation], metrics: Sequence[Metric]) -> list[Rank]:
    """Return the best rank within each finished epoch."""
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
    """One line of ``training.jsonl``; None, in the file null, for values that are missing or not finite.

    In the file, ``metrics`` are separate fields, such as ``loss`` and ``perplexity``; ``validation`` are
    fields such as ``validation_perplexity``; and ``speed`` is named after its unit, such as ``tokens_per_second``.

    Attributes:
        step: Number of steps taken.
        epoch: Number of passes over the training data, a fraction.
        metrics: Means over the training data since the line before, by name: the loss and values derived from it.
        lr: Learning rate of the last step.
        gradient_norm: Mean norm of the gradient before clipping, since the line before.
        speed: Units read per second since the line before, without evaluation.
        seconds: Seconds of training so far.
        validation: Metrics of the held-out data by name; None without an evaluation at this step.
        unit: Unit of ``speed``.
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
        """Return the record as a flat JSON object; values that are not finite become null."""
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
        """Return the record of a flat JSON object with numbers or null; raises a KeyError if it is not a record."""
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
_CHOSEN: Final = "chosen"
_FIXED: Final = ("step", "epoch", "lr", "gradient_norm", "seconds")
_NAME: Final = re.compile(r"[A-Za-z]\w{0,99}", re.ASCII)
_LONGEST_LINE: Final = 1 << 16


class TrainingLog:
    """Writer of records to a file, one line of strict JSON each; a line is written completely or not at all.

    Args:
        path: The file; None for no log. Its contents are replaced, except in a resumed run. A pipe or device,
            such as /dev/stderr, is written directly.
        after: Step at which a run resumes: records up to it are kept, later ones are dropped. 0 for a new run.
        chosen: Hyper-parameters chosen for the budget, as JSON: the first line, without the fields of a record.

    Raises:
        DataError: The file contains something other than a training log.
    """

    def __init__(self, path: Path | None, *, after: int = 0, chosen: Mapping[str, Any] | None = None) -> None:
        self._file: IO[str] | None = None
        if path is None:
            return
        self._path = path
        first = "" if chosen is None else json.dumps({"step": 0, _CHOSEN: dict(chosen)}, allow_nan=False) + "\n"
        if is_written_directly(path) and not path.is_dir():
            self._file = io.TextIOWrapper(open_directly(path), encoding="utf-8", newline="\n")
            self._file.write(first)
            return
        kept = [record for record in read_log(path) if record.step <= after] if _exists(path) else []
        if is_models_own(path.name):
            raise DataError(
                "is reserved for the files of a saved model: choose another file for the log", source=str(path)
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with written(path) as stream:
            stream.write(f"{first}{''.join(map(_line, kept))}".encode())
        # not through a link that might have replaced the file since
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
            OSError: The file cannot be written; the error names it.
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
        """Close the file, dropping unwritten data that closing would try to write again."""
        file, self._file = self._file, None
        with contextlib.suppress(OSError):
            if file is not None:
                file.close()


def read_log(path: str | os.PathLike[str]) -> list[LogRecord]:
    """Return the records of a training log, without a first line of chosen hyper-parameters and an incomplete last one.

    Raises:
        DataError: The file cannot be read or is not a training log; the message names the line.
    """
    source = os.fspath(path)
    records = []
    try:
        with open(path, "rb") as file:
            # Line by line, so that a large file that is not a log is refused at its first line.
            for number in itertools.count(1):
                line = file.readline(_LONGEST_LINE)
                if not line.endswith(b"\n"):
                    break
                if number > 1 or not _is_choice(line):
                    records.append(_record(line.removesuffix(b"\n"), source, number))
    except FileNotFoundError as error:
        raise MissingFileError(f"cannot be read ({error.strerror})", source=source) from None
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", source=source) from None
    if len(line) == _LONGEST_LINE:
        raise DataError("the line is too long, so this is not a training log", source=source, line=number)
    return records


def _exists(path: Path) -> bool:
    """Return whether there is a log to replace or continue; refuse to replace anything else."""
    if not path.exists():
        return False
    if path.is_file():
        with path.open("rb") as file:
            first = file.readline(_LONGEST_LINE)
        if not first or (not first.endswith(b"\n") and first.startswith(LOG_BEGINNING)):
            return False  # its first line is incomplete
        if first.endswith(b"\n"):
            if not _is_choice(first):
                _record(first, str(path), 1)
            return True
    raise DataError("is not a training log, so nothing was written: choose another file for the log", source=str(path))


def _is_choice(line: bytes) -> bool:
    """Return whether the first line of a log has the hyper-parameters chosen for a budget."""
    try:
        value = parse(line)
    except StrictJSONError:
        return False
    return isinstance(value, dict) and set(value) == {"step", _CHOSEN} and isinstance(value[_CHOSEN], dict)


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
