"""Checkpoints with one value changed or missing, and hashes that agree: only the reader's checks can notice."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit.errors import NlmkitError, SavedModelError
from nlmkit.saving import load_folder, save_folder
from nlmkit.saving.manifest import MANIFEST, Payload, serialise_manifest

MISSING = object()
VALUES: tuple[Any, ...] = (MISSING, None, True, "x", -1, 0, 10**30, 1e300, [None], {"x": [1]})


def manifests(manifest: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The manifest with each of its facts, and each fact within them, replaced by each of the values."""
    for path in _paths(manifest):
        for value in VALUES:
            changed = copy.deepcopy(manifest)
            place: Any = changed
            for key in path[:-1]:
                place = place[key]
            if value is MISSING:
                del place[path[-1]]
            else:
                place[path[-1]] = value
            if changed != manifest:
                shown = "missing" if value is MISSING else repr(value)
                yield f"{'.'.join(map(str, path))}: {shown}", changed


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if before[:1] == ("run",):
        return  # it is compared as a whole
    # Of a list's items the first stands for all.
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, item in items:
        yield (*before, key)
        yield from _paths(item, (*before, key))


def array_sets(arrays: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The arrays with each of them replaced by other ones."""
    for name, array in arrays.items():
        other: dict[str, Any] = {
            "missing": None,
            "empty": np.empty(0, array.dtype),
            "deeper": array[None],
            "halves": array.astype(np.float16),
            "negative": array - array.dtype.type(5),
        }
        if array.dtype.kind == "f":
            other["nan"] = np.full_like(array, np.nan)
        for what, changed in other.items():
            if changed is None or not np.array_equal(changed, array) or changed.shape != array.shape:
                kept = {key: value for key, value in arrays.items() if key != name}
                yield f"{name}: {what}", kept if changed is None else kept | {name: changed}


class Enough(Exception):
    """Raised by a test where a run has gone on: a few steps do."""


def check_every_mutation(folder: Path, resume: Any, *, fewest: int) -> None:
    """Resume each mutation of the checkpoint in ``folder``: it goes on, or it is one clear error.

    Args:
        folder: Holds a sound checkpoint.
        resume: Goes on from there.
        fewest: How many mutations have to be refused.
    """
    loaded = load_folder(folder)
    arrays = {name: np.array(array) for name, array in loaded.arrays.items()}
    manifest = {name: value for name, value in loaded.manifest.items() if name not in ("format_version", "payloads")}
    payloads = [Payload(each["name"], each["bytes"], each["sha256"]) for each in loaded.manifest["payloads"]]
    refused, faults = 0, []
    mutated: list[tuple[str, dict[str, Any], dict[str, Any] | None]]
    mutated = [(name, changed, None) for name, changed in manifests(manifest)]
    mutated += [(name, manifest, changed) for name, changed in array_sets(arrays)]
    for name, facts, held in mutated:
        if held is not None or not all((folder / payload.file).exists() for payload in payloads):
            save_folder(folder, facts, arrays=arrays if held is None else held)
        else:  # the same arrays, which need not be written again
            (folder / MANIFEST).write_bytes(serialise_manifest(facts, payloads, folder))
        try:
            resume()
        except Enough:
            pass
        except Exception as error:
            said = str(error)
            is_refused = isinstance(error, SavedModelError) and str(folder) in said and "\n" not in said
            if not is_refused and not (isinstance(error, NlmkitError) and said.startswith("training diverged")):
                faults.append(f"{name}: {type(error).__name__}: {error}")
            refused += is_refused
    if faults:
        pytest.fail("\n".join(faults))
    assert refused >= fewest
