"""Models that earlier releases saved load and answer as they did then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit import load
from nlmkit.core import registry
from releases.build import _recipes, answers

RELEASES = sorted(path for path in Path(__file__).parent.iterdir() if (path / "answers.json").is_file())
MODELS = [
    pytest.param(release / name, expected, id=f"{release.name}-{name}")
    for release in RELEASES
    for name, expected in json.loads((release / "answers.json").read_text(encoding="utf-8")).items()
]
NETWORKS = ("language-model", "classifier", "regressor", "tagger", "sequence-to-sequence")
TOLERANCE = {"representation": 0.0, **dict.fromkeys(NETWORKS, 1e-5)}
"""Largest difference of a figure: networks compute in float32, which differs between processors."""


def test_there_is_a_release() -> None:
    assert len(MODELS) >= 33


def test_the_next_release_will_have_one_of_every_component() -> None:
    recipes = _recipes({})
    components = [entry.name for entry in registry.entries() if entry.builtin and entry.kind != registry.TOKENIZER]
    assert not [name for name in components if not any(f"{each}-".startswith(f"{name}-") for each in recipes)]


def test_a_regressor_of_the_next_release_answers_as_it_did(tmp_path: Path) -> None:
    """As the other models do, once the next release has a folder of it."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    model = _recipes({})["tfidf-ridge"]()
    model.save(tmp_path / "model")
    expected = answers(model)
    assert len(expected["predictions"]) == 3
    assert answers(load(tmp_path / "model")) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["encoder-decoder", "encoder-decoder-subwords", "vector-decoder"])
def test_a_translator_of_the_next_release_answers_as_it_did(name: str, tmp_path: Path) -> None:
    for module in ("torch", "tokenizers"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    model = _recipes({})[name]()
    model.save(tmp_path / "model")
    expected = answers(model)
    assert len(expected["predictions"]) == 2
    assert answers(load(tmp_path / "model")) == expected


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "expected"), MODELS)
def test_a_released_model_loads_and_answers_as_it_did(folder: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    model = load(folder)
    found = answers(model)
    tolerance = 0.0 if expected["component"] == "ngram" else TOLERANCE[expected["kind"]]
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, list) and value and not isinstance(value[0], str):
            np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance, err_msg=name)
        else:
            assert found[name] == value, name
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before  # loading writes nothing

    # Saved again it may hold hyper-parameters that are new since, so its digest may differ; its answers do not.
    shutil.rmtree(tmp_path / "again", ignore_errors=True)
    model.save(tmp_path / "again")
    again = answers(load(tmp_path / "again"))
    for name in set(found) - {"digest"}:
        assert again[name] == found[name], name
