"""What happened in training: evaluations and the log ``training.jsonl``."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from nlmkit.errors import DataError, MissingFileError
from nlmkit.saving.records import LOG_BEGINNING, is_models_own
from nlmkit.saving.strict_json import StrictJSONError, parse
from nlmkit.saving.written import is_written_directly, open_directly, written


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Perplexity of the validation text at one step.

    Attributes:
        step: Steps taken.
        epoch: Passes over the training text, with fractions.
        ends_epoch: Whether a pass ended here, or the run.
        perplexity: Of the validation text in columns, by the weights or, where there is one, their average.
        loss: Mean training loss an event since the evaluation before, in nats.
        averaged: Whether an average of the weights was evaluated.
        seconds: Time of training so far.
    """

    step: int
    epoch: float
    ends_epoch: bool
    perplexity: float
    loss: float
    averaged: bool
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON types; what is not finite becomes null."""
        return {name: _finite(value) for name, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The evaluation that `to_json` gave; a ValueError, TypeError or KeyError if it makes no sense."""
        for name, item in value.items():
            wanted = _KINDS[name]
            if isinstance(item, bool) != (wanted is bool) or not isinstance(item, wanted):
                raise ValueError(f"{name} of an evaluation is {item!r}")
            if item is not None and not (abs(item) <= sys.float_info.max and (item >= 0 or name == "loss")):
                raise ValueError(f"{name} of an evaluation is {item!r}")
        read: dict[str, Any] = {name: math.inf if item is None else item for name, item in value.items()}
        return cls(**read)


_KINDS: Final[Mapping[str, Any]] = {
    "step": int,
    "epoch": (int, float),
    "ends_epoch": bool,
    "perplexity": (int, float, type(None)),
    "loss": (int, float, type(None)),
    "averaged": bool,
    "seconds": (int, float),
}


def perplexity_of(loss: float) -> float:
    """exp of a mean loss in nats; infinity where that is too large for a float."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def by_epoch(history: Sequence[Evaluation]) -> list[float]:
    """Best validation perplexity of each epoch that has ended."""
    found: list[float] = []
    best = math.inf
    for evaluation in history:
        best = min(best, evaluation.perplexity)
        if evaluation.ends_epoch:
            found.append(best)
            best = math.inf
    return found


def best_of(history: Sequence[Evaluation]) -> Evaluation | None:
    """The evaluation with the lowest perplexity, the first of several; None where none is finite."""
    finite = [evaluation for evaluation in history if evaluation.perplexity < math.inf]
    return min(finite, key=lambda evaluation: evaluation.perplexity, default=None)


# ------------------------------------------------------------------------------------------------------- log


@dataclasses.dataclass(frozen=True)
class LogRecord:
    """One line of ``training.jsonl``; None, in the file null, where there is no value or none that is finite.

    Attributes:
        step: Steps taken.
        epoch: Passes over the training text, with fractions.
        loss: Mean training loss an event since the line before, in nats.
        perplexity: exp of it; None where the loss is no plain log-probability of the text (sampled softmax, label
            smoothing, Kneser-Ney noising).
        lr: Learning rate of the last step.
        gradient_norm: Mean norm of the gradient before clipping, since the line before.
        tokens_per_second: Speed since the line before, without evaluation.
        seconds: Time of training so far.
        validation_perplexity: Of the validation text, where it was just measured.
    """

    step: int
    epoch: float
    loss: float | None
    perplexity: float | None
    lr: float
    gradient_norm: float | None
    tokens_per_second: float | None
    seconds: float
    validation_perplexity: float | None = None


"""Values from here on are left out of a picture, whose axes would overflow."""

_NAMES: Final = tuple(field.name for field in dataclasses.fields(LogRecord))
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
    values = {name: _finite(value) for name, value in dataclasses.asdict(record).items()}
    return json.dumps(values, allow_nan=False) + "\n"


def _record(line: bytes, source: str, number: int) -> LogRecord:
    try:
        value = parse(line)
    except StrictJSONError as error:
        raise DataError(f"{error}, so this is not a training log", source=source, line=number) from None
    if not isinstance(value, dict) or set(value) != set(_NAMES) or not isinstance(value["step"], int):
        raise DataError(f"this is not a training log: a line has {', '.join(_NAMES)}", source=source, line=number)
    for name, item in value.items():
        if isinstance(item, bool) or not isinstance(item, (int, float, type(None))):
            raise DataError(f"{name} is {item!r}, not a number", source=source, line=number)
        if isinstance(item, int) and abs(item) > sys.float_info.max:
            raise DataError(f"{name} is too large", source=source, line=number)
    return LogRecord(**value)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --------------------------------------------------------------------------------------------------- picture
