"""Checks of the facts of a checkpoint: valid hashes do not imply valid contents.

This module imports neither torch nor NumPy.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from nlmkit.core.notes import note
from nlmkit.errors import SavedModelError
from nlmkit.saving import require
from nlmkit.saving.strict_json import shown

_LARGEST: Final = 2**53
"""Maximum count of a run; larger ones are not exact as floats."""

_BEGIN_AGAIN: Final = "start again without resume"


def whole(facts: Mapping[str, Any], name: str, *, least: int = 0, most: int = _LARGEST) -> int:
    """Return a whole number from the facts.

    Raises:
        SavedModelError: It is missing, of another type, or out of range.
    """
    value = facts.get(name)
    require(type(value) is int and least <= value <= most, f"{name} is {shown(value)}")
    assert type(value) is int
    return value


def amount(facts: Mapping[str, Any], name: str) -> float:
    """Return a finite number of at least 0 from the facts; raises like ``whole``."""
    value = facts.get(name)
    require(is_amount(value), f"{name} is {shown(value)}")
    return float(value)  # type: ignore[arg-type]


def is_amount(value: object) -> bool:
    """Return whether a value is a number of at least 0, small enough to compute with."""
    return type(value) in (int, float) and 0 <= value <= 1e300  # type: ignore[operator]


def is_number(value: object) -> bool:
    """Return whether a value is a finite number."""
    return type(value) in (int, float) and abs(value) <= 1e300  # type: ignore[arg-type]


def flag(facts: Mapping[str, Any], name: str) -> bool:
    """Return a truth value from the facts; raises like ``whole``."""
    value = facts.get(name)
    require(isinstance(value, bool), f"{name} is {shown(value)}")
    return bool(value)


def sums(facts: Mapping[str, Any], name: str) -> tuple[float, int]:
    """Return a sum and its number of terms from the facts; raises like ``whole``."""
    value = facts.get(name)
    sound = isinstance(value, list) and len(value) == 2 and is_number(value[0]) and type(value[1]) is int
    require(sound and 0 <= value[1] <= _LARGEST, f"{name} is {shown(value)}")  # type: ignore[index]
    assert isinstance(value, list)
    return float(value[0]), value[1]


def records(facts: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return a list of JSON objects from the facts; raises like ``whole``."""
    value = facts.get(name)
    sound = isinstance(value, list) and all(isinstance(record, dict) for record in value)
    require(sound, f"{name} is {shown(value)}")
    assert isinstance(value, list)
    return value


def check_same_run(folder: Path, saved: object, run: Mapping[str, Any]) -> None:
    """Refuse the checkpoint of another run.

    Args:
        folder: Folder of the checkpoint.
        saved: Identity of the run in the checkpoint.
        run: Identity of the run to resume; options are in its ``hyper_parameters``.

    Raises:
        SavedModelError: They differ; the message lists the differences.
    """
    require(
        isinstance(saved, dict), f"{folder}: the identity of the run is missing from the checkpoint; {_BEGIN_AGAIN}"
    )
    assert isinstance(saved, dict)
    if saved == dict(run):
        return
    options = "hyper_parameters"
    differing = [
        f"{name} {_plain(saved.get(name))} there, {run.get(name)} here"
        for name in sorted({*saved, *run} - {options})
        if saved.get(name) != run.get(name)
    ]
    there, here = saved.get(options), run.get(options)
    there, here = (found if isinstance(found, dict) else {} for found in (there, here))
    differing += [
        f"{name}={_plain(there.get(name))} there, {here.get(name)} here"
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    ]
    raise SavedModelError(
        f"{folder}: the checkpoint belongs to another run ({'; '.join(differing) or 'its facts have other types'}); "
        "use the same options and texts, or fit without resume"
    )


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Raise any error of reading the facts and arrays of a checkpoint as damage, within the ``with`` block.

    Raises:
        SavedModelError: An error occurred; the message names the folder.
    """
    try:
        yield
    except SavedModelError as error:
        raise SavedModelError(f"{folder}: the checkpoint is damaged: {error}; {_BEGIN_AGAIN}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise SavedModelError(
            f"{folder}: the checkpoint is damaged: {type(error).__name__} ({error}); {_BEGIN_AGAIN}"
        ) from error


def note_nothing_to_resume(folder: Path) -> None:
    """Send a note that a run to resume starts at the first step."""
    note(f"{folder} contains no checkpoint to resume from: training starts at the first step")


def note_other_threads(folder: Path, there: object, here: int | None) -> None:
    """Send a note if a run resumes with a different number of threads from the one in the checkpoint.

    Raises:
        SavedModelError: It is not a number of threads.
    """
    if there is None:
        return
    require(type(there) is int and 0 < there < 1_000_000, f"threads is {shown(there)}")
    if here is not None and there != here:
        note(
            f"{folder}: the run had {there} thread{'s' if there != 1 else ''} and resumes with {here}, so its result "
            f"may differ in the last digits from an uninterrupted run; set OMP_NUM_THREADS={there} to avoid this"
        )


def _plain(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= 80 else shown(value)
