"""The convolutional classifier: training, Kim's settings, padding, and what it points at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys.classifiers import (
    LABELS,
    ODD,
    TEXTS,
    learns,
    padding_and_batches_change_nothing,
    saved_and_loaded_is_the_same,
    seeds_decide,
)

from nlmkit import DataError, HyperParameterError, NlmkitError, RunOptions, SavedModelError, load
from nlmkit.classifiers.neural.cnn import CNN
from nlmkit.classifiers.neural.task import ClassificationTask
from nlmkit.documents.neural.options import KIM
from nlmkit.representations.vectors import Vectors
from nlmkit.training import checkpoint
from nlmkit.training.adadelta import Adadelta
from nlmkit.training.optimization import clip_rows
from nlmkit.training.options import Optimization
from nlmkit.training.records import Evaluation, by_epoch, read_log
from nlmkit.training.schedules import learning_rate, slanted_triangular

pytestmark = pytest.mark.slow

PLAIN: dict[str, Any] = {"dropout_input": 0.0, "dropout_word": 0.0}
TINY: dict[str, Any] = {"embedding": 12, "maps": 6, "epochs": 25, "batch": 8, "lr": 0.01, "averaging": "none", **PLAIN}


@pytest.fixture(scope="module")
def cnn() -> CNN:
    return CNN(**TINY).fit(TEXTS, LABELS)


# ------------------------------------------------------------------------------------------------------ training


def test_it_learns_a_tiny_set() -> None:
    learns(CNN(**TINY))


def test_equal_seeds_give_equal_bytes() -> None:
    seeds_decide(lambda seed: CNN(**{**TINY, "epochs": 3, "seed": seed, "dropout_input": 0.2}).fit(TEXTS, LABELS))


def test_padding_and_batch_size_change_nothing(cnn: CNN) -> None:
    padding_and_batches_change_nothing(cnn)


def test_a_saved_classifier_loads_equal(cnn: CNN, tmp_path: Path) -> None:
    saved_and_loaded_is_the_same(cnn, tmp_path)


def test_more_than_two_classes_of_any_type() -> None:
    texts = [f"{word} {rest}" for word in ("who", "when", "where") for rest in ("is it", "was that", "did he", "no")]
    labels = [number for number in (7, -1, 3) for _ in range(4)]
    found = CNN(**TINY, valid_share=0.0).fit(texts, labels)
    assert found.classes_.tolist() == [-1, 3, 7]
    assert found.predict(["when was it", "where was it"]).tolist() == [-1, 3]
    assert found.predict_proba(["", "x y"]).shape == (2, 3)


def test_one_class_is_refused() -> None:
    with pytest.raises(DataError, match="two or more"):
        CNN(**TINY).fit(["a b", "c"], ["x", "x"])


def test_unseen_labels_count_as_errors(cnn: CNN) -> None:
    assert cnn.score(["a fine film"], ["so-so"]) == 0


def test_a_vocabulary_limit() -> None:
    found = CNN(**{**TINY, "epochs": 2}, min_count=7).fit(TEXTS, LABELS)
    assert set(found.vocabulary_.words[3:]) == {"a", ",", "i", "say", "."}


def test_held_out_texts_given_choose_the_epoch() -> None:
    found = CNN(**{**TINY, "epochs": 8}).fit(TEXTS[:24], LABELS[:24], valid=(TEXTS[24:], LABELS[24:]))
    report = found.fit_report_
    assert report["held_out"] == {"texts": 12, "chosen": "given"}
    assert report["validation_accuracy"] == found.score(TEXTS[24:], LABELS[24:])
    assert report["validation_accuracy"] == max(entry["accuracy"] for entry in report["history"])
    assert len(report["history"]) == 8
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_without_held_out_texts_the_last_weights_are_kept() -> None:
    report = CNN(**{**TINY, "epochs": 3}, valid_share=0.0).fit(TEXTS, LABELS).fit_report_
    assert report["weights"] == "last"
    assert report["history"][-1]["accuracy"] is None
    assert any("no held-out texts" in note for note in report["notes"])


def test_patience_stops() -> None:
    wrong = dict(zip(sorted(set(LABELS)), sorted(set(LABELS))[::-1], strict=True))
    held_out = (TEXTS, [wrong[label] for label in LABELS])
    report = CNN(**{**TINY, "epochs": 200}, patience=2).fit(TEXTS, LABELS, valid=held_out).fit_report_
    assert report["stopped"] == "patience"
    assert report["epochs"] == 3


def test_patience_counts_epochs_that_are_evaluated_in_parts() -> None:
    report = CNN(**{**TINY, "epochs": 2, "lr": 1e-7}, patience=1).fit(TEXTS, LABELS).fit_report_
    assert len(report["history"]) > 2
    assert report["epochs"] == 2


def test_patience_goes_by_the_loss_where_accuracy_stays_the_same() -> None:
    report = CNN(**{**TINY, "epochs": 8, "lr": 1e-5}, patience=1).fit(TEXTS, LABELS).fit_report_
    figures = [(1 - found["accuracy"], found["validation_loss"]) for found in report["history"]]
    assert len({found["accuracy"] for found in report["history"]}) == 1
    assert report["epochs"] == len(figures) == 8
    assert figures == sorted(figures, reverse=True)


def test_accuracy_decides_between_epochs_and_loss_between_equal_ones() -> None:
    def at(epoch: float, accuracy: float | None, loss: float = 0.5) -> Evaluation:
        metrics = {} if accuracy is None else {"accuracy": accuracy, "loss": loss}
        ends = epoch.is_integer()
        return Evaluation(step=1, epoch=epoch, ends_epoch=ends, loss=1.0, metrics=metrics, averaged=False, seconds=0.0)

    def places(*history: Evaluation) -> list[int]:
        ranks = by_epoch(history, ClassificationTask.metrics)
        return [sorted(set(ranks)).index(rank) for rank in ranks]

    assert places() == []
    assert places(at(1.0, None)) == []
    # The best of an epoch counts, wherever in it; what has not ended does not.
    assert places(at(0.5, 0.9), at(1.0, 0.5), at(1.5, 0.6), at(2.0, 0.8), at(2.5, 1.0)) == [0, 1]
    assert places(at(1.0, 0.5, 0.7), at(2.0, 0.5, 0.6), at(3.0, 0.5, 0.7)) == [1, 0, 1]


def test_a_last_step_that_diverges_is_seen_without_held_out_texts() -> None:
    one_step = {**TINY, "epochs": 1, "batch": 1000, "lr": 1e30, "valid_share": 0.0, "max_norm": None}
    with pytest.raises(NlmkitError, match=r"diverged at step 1 \(epoch 1\): .*weights"):
        CNN(**one_step).fit(TEXTS, LABELS)


def test_the_log(tmp_path: Path) -> None:
    CNN(**{**TINY, "epochs": 4}).fit(TEXTS, LABELS, run=RunOptions(log=tmp_path / "log.jsonl"))
    records = read_log(tmp_path / "log.jsonl")
    assert [record.epoch for record in records] == [1, 2, 3, 4]
    assert all(record.validation["accuracy"] and record.validation["loss"] for record in records)


def test_a_run_that_diverges_says_so_and_leaves_the_classifier_as_it_was() -> None:
    diverging = CNN(**{**TINY, "lr": 1e38, "optimizer": "sgd", "max_norm": None})
    with pytest.raises(NlmkitError, match="diverged at step"):
        diverging.fit(TEXTS, LABELS)
    assert not diverging.is_fitted

    # What it reads while it trains grows too large under a classifier that was fitted before.
    fitted = CNN(**TINY).fit(TEXTS, LABELS)
    before = fitted.predict_proba(TEXTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nlmkit.training.gradient.learning_rate", lambda *_, **__: 1e38)
        with pytest.raises(NlmkitError, match="diverged at step"):
            fitted.fit(TEXTS[::-1], LABELS[::-1])
    assert np.array_equal(fitted.predict_proba(TEXTS), before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tune": "frozen"}, "tune=frozen has no effect"),
        ({"oov": "zero"}, "oov=zero has no effect"),
        ({"widths": ()}, "widths=.*at least one width"),
        ({"augment_operations": ("swap",)}, "augment_operations=.* has no effect: it needs augment"),
        ({"augment_rate": 0.2}, "augment_rate=0.2 has no effect: it needs augment"),
        ({"augment": 1, "augment_operations": ("swop",)}, "unknown augmentation operation 'swop'"),
        ({"warmup": 0.3}, "warmup=0.3 has no effect: it needs schedule=one-cycle or cosine or slanted-triangular"),
        ({"decay": 0.9}, "decay=0.9 has no effect: it needs schedule=plateau"),
        ({"ema_decay": 0.5}, "ema_decay=0.5 has no effect: it needs averaging=ema"),
        ({"valid_share": 0.0, "patience": 1}, "patience=1 requires held-out texts"),
        ({"valid_share": 0.0, "schedule": "plateau"}, "schedule=plateau requires held-out texts"),
    ],
)
def test_contradictions_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        CNN(**TINY, **options).fit(TEXTS, LABELS)


def test_a_network_that_memory_cannot_hold_is_no_internal_error() -> None:
    with pytest.raises(MemoryError, match="smaller embedding"):
        CNN(**{**TINY, "embedding": 65536, "maps": 65536, "widths": (1024,)}).fit(TEXTS, LABELS)


@pytest.mark.parametrize("covered", [0, 1])
def test_poor_coverage_is_told(covered: int) -> None:
    words = ["qqq", "a"][: 1 + covered]
    vectors = Vectors().fit({word: [1.0, 2.0, 3.0] for word in words})
    notes = (
        CNN(**{**TINY, "epochs": 1, "embedding": 300}, representation=vectors).fit(TEXTS, LABELS).fit_report_["notes"]
    )
    assert any("the representation covers only" in note for note in notes)


def test_several_workers_are_refused() -> None:
    with pytest.raises(HyperParameterError, match="single process"):
        CNN(**TINY).fit(TEXTS, LABELS, run=RunOptions(workers=2))


@pytest.mark.parametrize(
    ("field", "value"),
    [("epoch", "1"), ("loss", [0.5]), ("metrics", {"accuracy": "x", "loss": 1.0}), ("metrics", {"accuracy": 0.5})],
)
def test_a_checkpoint_with_other_than_numbers_in_its_history_is_refused(
    field: str, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**TINY, "epochs": 5}
    run = RunOptions(checkpoint=tmp_path / "checkpoint", checkpoint_seconds=1e-9)
    CNN(**settings).fit(TEXTS, LABELS, run=run)
    load_folder = checkpoint.load_folder

    def damaged(*arguments: Any, **options: Any) -> Any:
        folder = load_folder(*arguments, **options)
        folder.manifest["history"][0][field] = value
        return folder

    monkeypatch.setattr(checkpoint, "load_folder", damaged)
    with pytest.raises(SavedModelError, match="of an evaluation"):
        CNN(**settings).fit(TEXTS, LABELS, run=RunOptions(checkpoint=tmp_path / "checkpoint", resume=True))


@pytest.mark.parametrize("damage", ["nan", "shape"])
def test_damaged_weights_are_refused(cnn: CNN, damage: str) -> None:
    state = cnn.fitted_state()
    arrays = dict(state.arrays)
    arrays["bias"] = np.full(2, np.nan, np.float32) if damage == "nan" else np.zeros(3, np.float32)
    copy = CNN(**TINY)
    copy.vocabulary_, copy.pipeline_ = cnn.vocabulary_, cnn.pipeline_
    with pytest.raises(SavedModelError, match="bias"):
        copy.restore(type(state)(arrays, state.metadata))


# ---------------------------------------------------------------------------------------------------------- Kim


def test_the_preset_is_the_paper() -> None:
    kim = CNN(preset="kim")
    assert {name: getattr(kim, name) for name in KIM} == KIM
    assert (kim.widths, kim.maps, kim.dropout, kim.max_norm, kim.batch) == ((3, 4, 5), 100, 0.5, 3.0, 50)
    assert (kim.optimizer, kim.epochs, kim.valid_share, kim.padding) == ("adadelta", 25, 0.1, 4)
    assert CNN(preset="kim", maps=7).maps == 7
    again = CNN(maps=7)
    again.set_params(preset="kim")
    assert (again.maps, again.optimizer) == (7, "adadelta")
    again.set_params(preset="none")
    assert (again.maps, again.optimizer) == (7, CNN().optimizer)


def test_kims_first_weights() -> None:
    kim = CNN(preset="kim", embedding=8, maps=4, epochs=1, lr=1e-12).fit(TEXTS, LABELS)
    module = kim.module_
    vectors = module.words.tuned
    assert vectors is not None
    assert 0.2 < float(vectors.detach().abs().max()) <= 0.25
    assert not vectors[1].any()
    assert float(module.encoder.filters.filters[0].detach().abs().max()) <= 0.01  # type: ignore[union-attr]
    assert float(module.weight.detach().abs().max()) < 1e-6


def test_max_norm_by_hand() -> None:
    weight = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [0.0, 3.0]])
    clip_rows(weight, 3.0)
    np.testing.assert_allclose(weight, [[1.8, 2.4], [0.3, 0.4], [0, 0], [0, 3]], rtol=1e-6)


def test_max_norm_holds_after_training() -> None:
    found = CNN(**{**TINY, "lr": 0.1}, max_norm=0.5).fit(TEXTS, LABELS).module_.weight.detach().norm(dim=1)
    assert float(found.max()) <= 0.5 + 1e-6
    free = CNN(**{**TINY, "lr": 0.1, "max_norm": None}).fit(TEXTS, LABELS).module_.weight.detach().norm(dim=1)
    assert float(free.max()) > 0.5


@pytest.mark.parametrize("sparse", [False, True])
def test_adadelta_equals_torchs(sparse: bool) -> None:
    source = torch.Generator().manual_seed(5)
    start = torch.randn(9, 4, generator=source)
    own, theirs = (torch.nn.Embedding.from_pretrained(start.clone(), freeze=False, sparse=s) for s in (sparse, False))
    ours = Adadelta(own.parameters(), lr=1.0)
    expected = torch.optim.Adadelta(theirs.parameters(), lr=1.0, rho=0.95, eps=1e-6)
    for _ in range(12):
        ids = torch.randint(0, 9, (3,), generator=source)
        for module, optimizer in ((own, ours), (theirs, expected)):
            optimizer.zero_grad()
            (module(ids).pow(3).sum() + module(ids[:1]).sum()).backward()
            optimizer.step()
    np.testing.assert_allclose(own.weight.detach(), theirs.weight.detach(), rtol=1e-5, atol=1e-6)
    assert not torch.equal(own.weight.detach(), start)


def test_the_slanted_triangle_by_hand() -> None:
    rates = [slanted_triangular(step, 10, peak=32.0, warmup=0.2) for step in range(10)]
    assert rates[0] == pytest.approx(1.0)
    assert rates[2] == pytest.approx(32.0)
    assert rates[6] == pytest.approx(1 + 0.5 * 31)
    assert rates == sorted(rates[:3]) + sorted(rates[3:], reverse=True)
    options = Optimization.of(CNN(schedule="slanted-triangular", lr=32.0, warmup=0.2))
    assert learning_rate(options, 2, 10) == pytest.approx(32.0)
    assert learning_rate(options, 0, None) == pytest.approx(1.0)


# --------------------------------------------------------------------------------------------------- highlights


def test_highlights_add_up_to_the_logit(cnn: CNN) -> None:
    for text in ("a fine film", "an awful day , i say", TEXTS[0]):
        found = cnn.highlights(text)
        assert [word for word, _ in found] == cnn.encode([text]).sentence(0)
        _, vectors, batch = cnn.embed_one(text)
        with torch.inference_mode():
            logits = cnn.module_(batch)[0]
            features = cnn.module_.features(batch)[0]
        winner = int(logits.argmax())
        weight = cnn.module_.weight.detach()
        padded = cnn.module_.encoder.pool_indices(vectors, batch, cnn.module_.generator)  # type: ignore[operator]
        is_word = (padded.begins[0] < batch.ids.shape[1]) & (padded.begins[0] + padded.widths > 0)
        added = features * (weight[winner] - weight[1 - winner])
        assert sum(value for _, value in found) == pytest.approx(float(added[is_word].sum()), abs=1e-5)


def test_highlights_point_at_the_telling_word(cnn: CNN) -> None:
    found = dict(cnn.highlights("a dull song , i say ."))
    assert max(found, key=lambda word: found[word]) == "dull"
    assert cnn.highlights("") == []
    assert [word for word, _ in cnn.highlights("qqq")] == ["qqq"]


def test_the_odd_ones_are_classified(cnn: CNN) -> None:
    assert set(cnn.predict(ODD)) <= {"good", "bad"}
    assert cnn.predict_proba([]).shape == (0, 2)


def test_loading_keeps_highlights(cnn: CNN, tmp_path: Path) -> None:
    cnn.save(tmp_path / "m")
    assert load(tmp_path / "m").highlights("a fine film") == cnn.highlights("a fine film")  # type: ignore[attr-defined]


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adagrad", "adamw", "adadelta"])
def test_every_optimizer_learns(optimizer: str) -> None:
    lr = {"sgd": 0.5, "adadelta": 1.0, "adagrad": 0.05}.get(optimizer, 0.01)
    model = CNN(**{**TINY, "optimizer": optimizer, "lr": lr, "epochs": 12}, weight_decay=1e-4)
    history = model.fit(TEXTS, LABELS).fit_report_["history"]
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]


def test_the_average_of_the_weights_is_what_is_kept() -> None:
    options = {**TINY, "epochs": 4, "optimizer": "sgd", "lr": 0.5, "valid_share": 0.0}
    last, averaged = (CNN(**{**options, "averaging": kind}).fit(TEXTS, LABELS) for kind in ("none", "ema"))
    assert averaged.fit_report_["weights"] == "last, averaged"
    assert not np.array_equal(last.predict_proba(TEXTS), averaged.predict_proba(TEXTS))
