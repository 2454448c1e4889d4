"""Every representation is the input layer of every neural language model and classifier: one table, each cell tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from nlmkit import HyperParameterError, load
from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.language_models.base import LanguageModel
from nlmkit.representations.base import Representation

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch", reason="torch is not installed")

LINES = [
    "the cat sees the dog",
    "a good film about the dog",
    "the bird sings a song",
    "a bad film about the cat",
    "the dog sings and the bird sees",
] * 4
LABELS = ["animal", "film", "animal", "film", "animal"] * 4
LANGUAGE_MODELS = ("nnlm", "rnnlm", "lstm", "gru")
CLASSIFIERS = ("cnn", "lstm-classifier", "lstm-cnn", "han")
BUILT_IN = [entry.name for entry in registry.entries() if entry.builtin and entry.kind == "representation"]
WIDTH = 4


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def fitted() -> dict[str, Representation]:
    """Every representation, fitted to the text; ``vectors`` takes those of another."""
    found: dict[str, Representation] = {}
    for name in sorted(BUILT_IN, key="vectors".__eq__):
        cls = cast(type[Representation], registry.get(name))
        settings: dict[str, Any] = {**getattr(cls, "conformance_settings", {}), "dimension": WIDTH, "min_count": 1}
        component = cls(**{key: value for key, value in settings.items() if key in cls.hyper_parameters()})
        data: Any = LINES
        if cls.learns_from == "vectors":
            words = ["the", "cat", "dog", "film"]
            data = dict(zip(words, found["lsa"].vectors(words), strict=True))
        found[name] = component.fit(data)
    return found


def small(name: str, **settings: Any) -> Component:
    cls = registry.get(name)
    chosen = {**getattr(cls, "conformance_settings", {}), "epochs": 1, **settings}
    if settings["representation"].name != "one-hot":
        chosen.pop("embedding", None)  # the vectors' own width
    return cls(**chosen)


@pytest.mark.parametrize("tune", ["frozen", "fine-tune"])
@pytest.mark.parametrize("consumer", LANGUAGE_MODELS)
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_language_model_reads_it(
    name: str, consumer: str, tune: str, fitted: dict[str, Representation], tmp_path: Path
) -> None:
    model = cast(LanguageModel, small(consumer, representation=fitted[name], tune=tune))
    if name == "one-hot" and tune == "frozen":
        with pytest.raises(HyperParameterError, match="one-hot as input is an embedding that must be trained"):
            model.fit(LINES)
        return
    model.fit(LINES, valid=LINES[:3])
    width = cast(Any, model).embedding if name == "one-hot" else WIDTH
    assert cast(Any, model).module_.words.weight.shape[1] == width
    assert np.exp(model.next_log_probs(model.start())).sum() == pytest.approx(1, abs=1e-5)
    model.save(tmp_path / "model")
    again = cast(LanguageModel, load(tmp_path / "model"))
    np.testing.assert_array_equal(again.log_probs(LINES), model.log_probs(LINES))


@pytest.mark.parametrize("tune", ["frozen", "fine-tune", "multichannel"])
@pytest.mark.parametrize("consumer", CLASSIFIERS)
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_classifier_reads_it(
    name: str, consumer: str, tune: str, fitted: dict[str, Representation], tmp_path: Path
) -> None:
    model = cast(Any, small(consumer, representation=fitted[name], tune=tune))
    if name == "one-hot" and tune != "fine-tune":
        with pytest.raises(HyperParameterError, match="one-hot vectors cannot be frozen"):
            model.fit(LINES, LABELS)
        return
    model.fit(LINES, LABELS)
    chances = model.predict_proba(LINES)
    np.testing.assert_allclose(chances.sum(1), 1, atol=1e-6)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(cast(Any, load(tmp_path / "model")).predict_proba(LINES), chances)
