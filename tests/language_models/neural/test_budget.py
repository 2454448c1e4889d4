"""``preset=auto``: what is chosen for a budget is set, told, logged, saved, and kept when a run resumes."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nlmkit import Word2Vec
from nlmkit.core.run import RunOptions
from nlmkit.core.storage import load
from nlmkit.errors import DataError
from nlmkit.language_models.neural import budget, probing
from nlmkit.language_models.neural.costs import Sizes, Speed
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.recipe import CHOSEN, SAMPLING
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.text import Corpus, Vocabulary
from nlmkit.training.clock import clock_of
from nlmkit.training.distributed import Processes
from nlmkit.training.records import read_log

TEXT = [
    ["the", animal, verb, "the", other]
    for animal in ("cat", "dog", "cow", "pig")
    for verb in ("saw", "bit", "ate", "met")
    for other in ("hen", "fox", "owl", "bee")
]


class Ticking:
    """A clock that goes on by a given time with each look at it."""

    def __init__(self, step: float = 1e-3) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture(autouse=True)
def ticking() -> Iterator[Ticking]:
    clock = Ticking()
    with clock_of(clock):
        yield clock


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of a known speed, on which no steps are measured."""
    monkeypatch.setattr(budget, "machine_speed", lambda *_, **__: Speed(1e10, 1e8))
    monkeypatch.setattr(budget, "steps_that_fit", lambda *_: 0)


def within(seconds: float, **more: Any) -> RunOptions:
    return RunOptions(progress=None, device="cpu", budget_seconds=seconds, **more)


@pytest.mark.usefixtures("speed")
@pytest.mark.parametrize("cls", [LSTM, GRU, RNNLM, NNLM])
def test_values_are_chosen_for_a_budget_and_saved(cls: type[NeuralLanguageModel], tmp_path: Path) -> None:
    lm = cls().fit(TEXT, run=within(0.05))
    values = {name: value for name, value in lm.fit_report_["chosen_for_budget"].items() if name != "reason"}
    assert set(values) == set(CHOSEN) - {"dropout_hidden", *SAMPLING}
    assert {name: getattr(lm, name) for name in values} == values
    assert values["hidden"] < cls().hidden  # type: ignore[attr-defined]
    reason = lm.fit_report_["chosen_for_budget"]["reason"]
    assert reason.startswith("for a budget of 0.05 s and 384 events, ")
    lm.save(tmp_path / "lm")
    again = load(tmp_path / "lm")
    assert again.get_params() == lm.get_params()
    assert again.get_params()["preset"] == "auto"


def test_nothing_is_chosen_without_a_budget_or_with_another_preset() -> None:
    small: dict[str, Any] = {"hidden": 8, "embedding": 4, "batch": 4}
    for lm, run in ((LSTM(**small, epochs=1), RunOptions(progress=None)), (LSTM(**small, preset="none"), within(0.05))):
        before = lm.get_params()
        lm.fit(TEXT, run=run)
        assert lm.get_params() == before
        assert "chosen_for_budget" not in lm.fit_report_


@pytest.mark.usefixtures("speed")
def test_given_values_are_kept_even_if_they_are_the_default() -> None:
    lm = LSTM(hidden=12, dropout=0.25, lr=0.004, batch=64).fit(TEXT, run=within(0.05))
    assert (lm.hidden, lm.dropout_input, lm.dropout_output, lm.lr, lm.batch) == (12, 0.25, 0.25, 0.004, 64)
    assert set(lm.fit_report_["chosen_for_budget"]) == {"embedding", "softmax", "reason"}
    later = LSTM()
    later.hidden = 12
    assert later.fit(TEXT, run=within(0.05)).hidden == 12


@pytest.mark.usefixtures("speed")
def test_all_given_means_nothing_to_choose() -> None:
    small: dict[str, Any] = {"hidden": 8, "embedding": 8, "batch": 4, "lr": 0.01, "softmax": "full", "dropout": 0.0}
    lm = LSTM(**small, dropout_hidden=0.0).fit(TEXT, run=within(0.05))
    assert "chosen_for_budget" not in lm.fit_report_


@pytest.mark.usefixtures("speed")
def test_copies_behave_like_their_originals() -> None:
    original = LSTM(hidden=20)
    twins = [copy.copy(original), copy.deepcopy(original), LSTM(**original.get_params())]
    assert all(twin.explicit == {"hidden"} for twin in twins)
    chosen = [twin.fit(TEXT, run=within(0.05)).get_params() for twin in (original, *twins)]
    assert chosen[1:] == chosen[:-1]


@pytest.mark.usefixtures("speed")
def test_a_model_fitted_again_is_chosen_for_again(ticking: Ticking) -> None:
    lm = LSTM()
    first = lm.fit(TEXT, run=within(0.05)).get_params()
    ticking.step = 1.0
    lm.fit(TEXT * 8, run=within(50))
    assert lm.hidden > first["hidden"]
    assert lm.explicit == frozenset()


@pytest.mark.usefixtures("speed")
def test_nothing_is_left_of_an_earlier_choice() -> None:
    many = [[f"w{number}"] for number in range(4100)]
    lm = LSTM().fit(many, run=within(0.01))
    assert (lm.softmax, lm.full_after, lm.softmax_samples) == ("sampled", 0.7, 2000)
    lm.fit(TEXT, run=within(0.05))
    assert (lm.softmax, lm.full_after, lm.softmax_samples) == ("full", 1.0, 512)


@pytest.mark.usefixtures("speed")
def test_a_given_head_means_an_adaptive_softmax() -> None:
    lm = LSTM(softmax_head=5).fit(TEXT, run=within(0.05))
    assert "softmax" not in lm.fit_report_["chosen_for_budget"]


@pytest.mark.usefixtures("speed")
def test_vectors_of_a_representation_keep_their_width() -> None:
    vectors = Word2Vec(dimension=6, epochs=1, min_count=1).fit(TEXT)
    lm = LSTM(representation=vectors, tune="frozen").fit(TEXT, run=within(0.05))
    assert "embedding" not in lm.fit_report_["chosen_for_budget"]
    assert lm.module_.words.width == 6


@pytest.mark.usefixtures("speed")
def test_a_model_that_starts_from_another_keeps_its_sizes() -> None:
    small = LSTM(hidden=8, embedding=4, batch=4, epochs=1).fit(TEXT)
    lm = LSTM(hidden=8, embedding=4, start_from=small).fit(TEXT, run=within(0.05))
    assert "chosen_for_budget" not in lm.fit_report_


@pytest.mark.usefixtures("speed")
def test_label_smoothing_gets_the_softmax_that_it_needs() -> None:
    lm = LSTM(softmax_head=3, label_smoothing=0.1).fit(TEXT, run=within(0.05))
    assert "softmax" not in lm.fit_report_["chosen_for_budget"]


@pytest.mark.usefixtures("speed")
def test_the_choice_is_told_once_and_is_the_first_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "nlmkit"):
        lm = LSTM().fit(TEXT, run=within(0.05, log=tmp_path / "log.jsonl"))
    (told,) = (record.getMessage() for record in caplog.records if "preset=auto" in record.getMessage())
    assert told.startswith(f"preset=auto: hidden={lm.hidden}, embedding={lm.embedding}, ")
    first, *rest = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(first) == {"step": 0, "chosen": lm.fit_report_["chosen_for_budget"]}
    assert len(read_log(tmp_path / "log.jsonl")) == len(rest) > 0


def test_only_the_first_line_of_a_log_is_such_a_choice(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    line = '{"step": 0, "chosen": {}}\n'
    path.write_text(line, encoding="utf-8")
    assert read_log(path) == []
    path.write_text(2 * line, encoding="utf-8")
    with pytest.raises(DataError, match="not a training log"):
        read_log(path)


class Stops:
    """A display that interrupts the run after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def start(self, description: str, total: float | None = None) -> None:
        pass

    def advance(self, amount: float = 1) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_a_resumed_run_keeps_the_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "steps_that_fit", lambda *_: 0)
    folder, log = tmp_path / "checkpoint", tmp_path / "log.jsonl"
    monkeypatch.setattr(budget, "machine_speed", lambda *_, **__: Speed(1e9, 1e7))
    with pytest.raises(KeyboardInterrupt):
        LSTM(lr=0.003).fit(
            TEXT, run=RunOptions(progress=Stops(12), device="cpu", budget_seconds=0.2, checkpoint=folder, log=log)
        )
    chosen = json.loads(log.read_text(encoding="utf-8").splitlines()[0])["chosen"]
    monkeypatch.setattr(budget, "machine_speed", lambda *_, **__: Speed(1e13, 1e11))
    lm = LSTM(lr=0.003).fit(TEXT, run=within(0.2, checkpoint=folder, resume=True, log=log))
    resumed = lm.fit_report_["chosen_for_budget"]
    assert resumed == chosen
    assert lm.hidden == chosen["hidden"]


@pytest.mark.usefixtures("speed")
def test_without_a_readable_checkpoint_a_resumed_run_chooses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = LSTM()
    run = within(0.05, checkpoint=tmp_path / "checkpoint", resume=True)
    assert budget._saved_values(lm, run, {}) is None
    for values in ({"hidden": "wide"}, "none"):
        facts = {"kind": "training-checkpoint", "run": {"hyper_parameters": values}}
        monkeypatch.setattr(budget, "read_checkpoint", lambda _, facts=facts: facts)
        assert budget._saved_values(lm, run, {}) is None


def test_steps_are_measured_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[float] = []
    real = probing.timed_step

    def timed(component: NeuralLanguageModel, *args: Any, **keywords: Any) -> float:
        measured.append(component.get_params()["hidden"])
        return real(component, *args, **keywords)

    monkeypatch.setattr(budget, "timed_step", timed)
    monkeypatch.setattr(budget, "machine_speed", lambda *_, **__: Speed(1e9, 1e7))
    monkeypatch.setattr(budget, "steps_that_fit", lambda *_: 2 - len(measured))
    lm = LSTM().fit(TEXT, run=within(0.1))
    assert measured
    assert all(each <= 2048 for each in measured)
    assert lm.hidden == lm.fit_report_["chosen_for_budget"]["hidden"]


def test_steps_are_measured_at_a_rate_that_cannot_diverge() -> None:
    lm = LSTM(hidden=8, embedding=4, batch=4, bptt=5, optimizer="sgd", lr=1e30, schedule="constant", clip_norm=None)
    corpus = Corpus.read(TEXT)
    vocabulary = Vocabulary.from_corpus(corpus)
    events = np.asarray(corpus.event_ids(vocabulary))
    assert probing.timed_step(lm, events, vocabulary, torch.device("cpu"), "float32", steps=5) > 0


def test_the_speed_of_the_machine_is_measured() -> None:
    found = probing.machine_speed(torch.device("cpu"), "float32", most=0.01)
    assert found.products == pytest.approx(2 * 128**3 / 1e-3)
    assert found.moves == pytest.approx((1 << 14) / 1e-3)
    large = probing.machine_speed(torch.device("cpu"), "float32", most=1.0)
    assert large.products == pytest.approx(2 * 512**3 / 1e-3)
    assert probing.machine_speed(torch.device("cpu"), "auto", most=0.01).products == pytest.approx(found.products)
    with clock_of(lambda: 0.0):
        assert probing.machine_speed(torch.device("cpu"), "bfloat16", most=0.01) == Speed()


def test_a_step_that_does_not_fit_is_not_measured() -> None:
    sizes = Sizes.of(LSTM().get_params(), cell=4, vocabulary=10_000)
    assert probing.steps_that_fit(sizes, Speed(), 1e6) == 12
    assert probing.steps_that_fit(sizes, Speed(), 1e-3) == 0


def test_processes_share_one_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The speed of the first process counts, times their number, and the columns can be divided among them."""

    class Three(Processes):
        def on(self, device: torch.device) -> Processes:
            self.device = device
            return self

        def decided(self, numbers: Any) -> list[float]:
            return list(numbers)

    monkeypatch.setattr(budget, "processes", lambda _: Three(0, 3))
    monkeypatch.setattr(budget, "machine_speed", lambda *_, **__: Speed(1e10, 1e8))
    corpus = Corpus.read(TEXT * 40)
    vocabulary = Vocabulary.from_corpus(corpus)
    lm = LSTM()
    chosen = budget.choose_for_budget(
        lm, np.asarray(corpus.event_ids(vocabulary)), vocabulary, within(1.0), width=None, started=0.0
    )
    assert chosen is not None
    assert lm.batch % 3 == 0


def test_the_memory_of_the_machine_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert budget.memory_of(torch.device("cpu")) > 1e8
    monkeypatch.delattr(os, "sysconf")
    assert budget.memory_of(torch.device("cpu")) == 8e9
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (5, 10))
    assert budget.memory_of(torch.device("cuda")) == 5


def test_products_are_timed_in_the_types_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, short = torch.float32, torch.bfloat16
    monkeypatch.setattr(probing, "cpu_units", lambda: None)
    assert probing._types(torch.device("cpu"), "auto") == [exact]
    monkeypatch.setattr(probing, "cpu_units", lambda: "AMX-BF16")
    assert probing._types(torch.device("cpu"), "auto") == [exact, short]
    assert probing._types(torch.device("mps"), "auto") == [exact]
    assert probing._types(torch.device("cuda"), "float32") == [exact]
    assert probing._types(torch.device("cuda"), "bfloat16") == [short]
