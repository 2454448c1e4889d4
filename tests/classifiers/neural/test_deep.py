"""The deep convolutional classifiers: learning, padding, saving, running statistics, odd characters."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys.classifiers import (
    LABELS,
    TEXTS,
    learns,
    padding_and_batches_change_nothing,
    saved_and_loaded_is_the_same,
    seeds_decide,
)

from nlmkit import DPCNN, VDCNN, DataError, HyperParameterError, SavedModelError
from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.documents.neural.batching import parts_of_batch
from nlmkit.documents.neural.deep_encoders import batch_norms
from nlmkit.layers.batch_norm import BatchNorm

SMALL: dict[str, Any] = {"batch": 8, "lr": 0.02, "epochs": 6}
WORDS: dict[str, Any] = {**SMALL, "embedding": 8, "maps": 6, "blocks": 3}
CHARACTERS: dict[str, Any] = {**SMALL, "embedding": 6, "maps": 3, "k": 2, "dense": (8,)}

MODELS = {
    "dpcnn": lambda: DPCNN(**WORDS),
    "vdcnn": lambda: VDCNN(**CHARACTERS),
    "vdcnn-kmax": lambda: VDCNN(**CHARACTERS, pooling="kmax", shortcut=True, averaging="none"),
    "vdcnn-stride": lambda: VDCNN(**{**CHARACTERS, "dense": ()}, pooling="stride", shortcut=True, depth=17),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> NeuralClassifier:
    made: NeuralClassifier = MODELS[request.param]()
    return made.fit(TEXTS, LABELS)


@pytest.fixture(scope="module")
def vdcnn() -> VDCNN:
    return VDCNN(**CHARACTERS).fit(TEXTS, LABELS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "classifier",
    [DPCNN(**{**WORDS, "epochs": 12}), VDCNN(embedding=16, maps=4, dense=(16,), batch=4, lr=0.01, epochs=20)],
    ids=["dpcnn", "vdcnn"],
)
def test_it_learns_a_tiny_set(classifier: NeuralClassifier) -> None:
    learns(classifier)


def test_padding_and_batch_size_change_nothing(model: NeuralClassifier) -> None:
    padding_and_batches_change_nothing(model)


def test_a_saved_classifier_loads_equal(model: NeuralClassifier, tmp_path: Path) -> None:
    saved_and_loaded_is_the_same(model, tmp_path)


def test_equal_seeds_give_equal_bytes() -> None:
    seeds_decide(lambda seed: VDCNN(**{**CHARACTERS, "epochs": 1, "seed": seed}).fit(TEXTS, LABELS))


def test_the_fit_report_has_the_layers(model: NeuralClassifier) -> None:
    layers = model.fit_report_["layers"]
    assert layers["tokens"] == model.max_length  # type: ignore[attr-defined]
    assert layers["output"].startswith("1 × 2, receptive field whole text")
    summary = model.layer_summary(10)  # type: ignore[attr-defined]
    assert sum(layer.parameters for layer in summary) == sum(model.fit_report_["parameters_by_part"].values())


# -------------------------------------------------------------------------------------------- running statistics


def statistics_of(model: VDCNN) -> dict[str, np.ndarray[Any, Any]]:
    return {name: value for name, value in model.fitted_state().arrays.items() if name.endswith(("mean", "variance"))}


def test_running_statistics_are_saved(vdcnn: VDCNN) -> None:
    found = statistics_of(vdcnn)
    norms = list(batch_norms(vdcnn.module_.encoder))
    assert len(found) == 2 * len(norms) == 16
    assert all(np.ptp(values) > 0 for values in found.values())


def test_a_negative_variance_is_refused(vdcnn: VDCNN) -> None:
    state = vdcnn.fitted_state()
    name = next(name for name in state.arrays if name.endswith("variance"))
    damaged = dataclasses.replace(state, arrays={**state.arrays, name: -state.arrays[name]})
    copy = VDCNN(**CHARACTERS)
    copy.vocabulary_, copy.pipeline_ = vdcnn.vocabulary_, vdcnn.pipeline_
    with pytest.raises(SavedModelError, match=rf"the running variance of {name.rpartition('.')[0]} is negative"):
        copy.restore(damaged)


def test_averaged_weights_meet_averaged_statistics() -> None:
    """The average of the statistics is that of their values after each step, by hand."""
    kept: list[dict[str, torch.Tensor]] = []
    plain = BatchNorm.forward

    def spy(self: BatchNorm, sequences: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        found = plain(self, sequences, mask)
        if self.training and self is watched():
            kept.append({"mean": self.mean.clone(), "variance": self.variance.clone()})
        return found

    made: list[VDCNN] = []

    def watched() -> BatchNorm:
        return seen[-1]

    seen: list[BatchNorm] = []
    build = VDCNN.build_encoder

    def keep(self: VDCNN, inputs: int, generator: torch.Generator) -> Any:
        encoder = build(self, inputs, generator)
        seen.append(next(layer for _, layer in batch_norms(encoder)))
        made.append(self)
        return encoder

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BatchNorm, "forward", spy)
        patch.setattr(VDCNN, "build_encoder", keep)
        model = VDCNN(**{**CHARACTERS, "epochs": 2}, valid_share=0, ema_decay=0.5).fit(TEXTS, LABELS)
    assert len(kept) == 2 * 5
    mean, variance = torch.zeros(3), torch.ones(3)  # averages start from the untrained network
    for number, step in enumerate(kept, start=1):
        decay = min(0.5, (1 + number) / (10 + number))
        mean, variance = (mean.lerp(step["mean"], 1 - decay), variance.lerp(step["variance"], 1 - decay))
    layer = next(layer for _, layer in batch_norms(model.module_.encoder))
    torch.testing.assert_close(layer.mean, mean)
    torch.testing.assert_close(layer.variance, variance)
    assert not torch.allclose(layer.mean, kept[-1]["mean"])


def test_averaged_statistics_suit_the_averaged_weights(vdcnn: VDCNN) -> None:
    """They predict nearly what statistics calculated with the averaged weights over the training texts do."""
    before = vdcnn.predict_proba(TEXTS)
    copy = VDCNN(**CHARACTERS)
    copy.vocabulary_, copy.pipeline_ = vdcnn.vocabulary_, vdcnn.pipeline_
    copy.classes_ = vdcnn.classes_
    copy.restore(vdcnn.fitted_state())
    documents, _ = copy.documents_of(copy.encode(TEXTS))
    copy.module_.train()
    copy.module_.dropout.rate = 0.0
    with torch.no_grad():
        for _ in range(100):
            copy.module_(documents.batch(np.arange(len(TEXTS))))
    copy.module_.eval()
    after = copy.predict_proba(TEXTS)
    assert np.abs(after - before).mean() < 0.1


# ----------------------------------------------------------------------------------------------------- odd texts


def test_characters_outside_the_alphabet_share_one_vector(vdcnn: VDCNN) -> None:
    assert "▁" in vdcnn.vocabulary_  # spaces are characters
    found = vdcnn.predict_proba(["a ✗ film", "a 好 film"])
    assert np.array_equal(found[0], found[1])
    chinese = VDCNN(**{**CHARACTERS, "epochs": 1}).fit(["很好吃", "太差了", "真好", "真差"] * 4, [1, 0, 1, 0] * 4)
    assert {"好", "差"} <= set(chinese.vocabulary_.words)
    assert chinese.predict(["好", "", "a"]).shape == (3,)


def test_texts_are_cut_to_a_maximum_length() -> None:
    model = VDCNN(**{**CHARACTERS, "epochs": 1}, max_length=9).fit(TEXTS, LABELS)
    assert any("max_length=9" in note for note in model.fit_report_["notes"])
    assert np.array_equal(model.predict_proba(["a dull film"]), model.predict_proba(["a dull fi"]))


def test_spaces_are_no_words_although_they_are_characters() -> None:
    with pytest.raises(DataError, match="no training text has a word"):
        VDCNN(**CHARACTERS).fit(["", "  ", " "], ["good", "bad", "bad"])


def test_a_large_batch_is_read_in_parts(vdcnn: VDCNN) -> None:
    documents, _ = vdcnn.documents_of(vdcnn.encode(TEXTS))
    parts = parts_of_batch(documents, np.arange(36), floats=10**9, part=100)
    assert len(parts) == 1  # few characters are always one part
    deep = VDCNN(depth=29)
    encoder = deep.build_encoder(16, torch.Generator())
    assert 2000 < encoder.floats_per_word < 20_000


def test_options_without_effect_are_refused() -> None:
    with pytest.raises(HyperParameterError, match="region=4"):
        DPCNN(**WORDS, region=4).fit(TEXTS, LABELS)
    with pytest.raises(HyperParameterError, match="depth"):
        VDCNN(depth=10)
    assert VDCNN().tokenizer == "char"
