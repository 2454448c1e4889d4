"""Manifests in which any one fact is gone, of another type, or huge: the model loads, or one clear line says why not.

The manifest has no hash of its own, so every such file is one that a reader may meet.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nlmkit import NGram, Vectors, load
from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.storage import describe
from nlmkit.errors import PluginError, SavedModelError, UnknownComponentError

TEXT = ["a b a c", "b c", "a a b d", "c d a"] * 3


def temperature() -> Any:
    return registry.get("temperature")(model=NGram(order=2)).fit(TEXT, valid=TEXT)


MODELS: dict[str, Callable[[], Component]] = {
    "ngram": lambda: NGram(order=2).fit(TEXT),
    "temperature": temperature,  # with a model inside
    "vectors": lambda: Vectors().fit({"a": [1.0, 2.0], "b": [2.0, 1.0]}),
}
GONE = object()
OTHERS: tuple[Any, ...] = (
    GONE,
    None,
    True,
    -1,
    10**30,
    10**4000,
    1.5,
    "",
    "../x\x1b\u202e\x00",
    [],
    [[0]],
    {},
    {"x": 1},
)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value inside, outer ones first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*place, key)
        yield from places(item, (*place, key))


def changed(manifest: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    manifest = copy.deepcopy(manifest)
    inner: Any = manifest
    for key in place[:-1]:
        inner = inner[key]
    if value is GONE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return manifest


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_any_fact_may_be_wrong(name: str, tmp_path: Path) -> None:
    """What is missing or mistyped is refused with one short line; nothing else is raised, and nothing hangs."""
    folder = tmp_path / "m"
    MODELS[name]().save(folder)
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    refused = 0
    # what nobody reads needs no trial; and of the others' values each place gets two, each time the next ones
    wanted = [place for place in places(manifest) if place[0] not in ("libraries", "created_by")]
    wanted = [place for place in wanted if "fit_report" not in place[:-1]]
    for number, place in enumerate(wanted):
        for value in (GONE, *(OTHERS[1 + (2 * number + step) % (len(OTHERS) - 1)] for step in range(2))):
            file.write_text(json.dumps(changed(manifest, place, value)), encoding="utf-8")
            try:
                load(folder, verify=False)
            except (SavedModelError, UnknownComponentError, PluginError) as error:
                refused += 1
                message = str(error)
                assert message.startswith(str(folder)), (place, value)
                assert "\n" not in message, (place, value)
                assert len(message) < 1200, (place, str(value)[:80])
    assert refused > len(wanted)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"unseen_backoff": 0.0', '"unseen_backoff": NaN', "contains NaN"),
        ('"unseen_backoff": 0.0', '"unseen_backoff": -Infinity', "contains -Infinity"),
        ('"unseen_backoff": 0.0', '"unseen_backoff": 1e999', "contains the number 1e999, which is too large"),
        ('"unseen_backoff": 0.0', '"unseen_backoff": ' + "9" * 5000, "a number with too many digits"),
        ('"unseen_backoff": 0.0', '"unseen_backoff": ' + "[" * 500 + "]" * 500, "nested deeper than 64 levels"),
        ('"arpa_objection": null', '"arpa_objection": "\\ud800"', "half a surrogate pair"),
        ('"arpa_objection": null', '"arpa_objection": 7', "arpa_objection in its metadata is not a string"),
        ('"arpa_objection": null', '"arpa_objection": null, "arpa_objection": null', "'arpa_objection' twice"),
    ],
)
def test_what_json_allows_and_nlmkit_does_not(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Loading and describing both say so, with the file."""
    folder = tmp_path / "m"
    NGram(order=2).fit(TEXT).save(folder)
    file = folder / "manifest.json"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    for read in (load, describe):
        if read is describe and "not a string" in message:  # it looks at no metadata
            continue
        with pytest.raises(SavedModelError) as caught:
            read(folder)
        assert message in str(caught.value)
        assert str(caught.value).startswith(str(folder))
        assert len(str(caught.value)) < 1200
