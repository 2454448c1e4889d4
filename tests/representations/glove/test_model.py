"""GloVe against an independent plain loop, and what a run must survive."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toys.checkpoint_mutations import Enough, check_every_mutation

import nlmkit
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, HyperParameterError, NlmkitError, SavedModelError
from nlmkit.representations.glove import stepper as glove_stepper
from nlmkit.representations.glove import training as glove_training
from nlmkit.representations.glove.cooccurrence import count_cooccurrences
from nlmkit.representations.glove.model import GloVe
from nlmkit.representations.glove.spool import Spools
from nlmkit.representations.glove.stepper import GloVeStepper
from nlmkit.representations.glove.training import Settings, Weights, shuffled_records
from nlmkit.text import Corpus, TextPipeline
from nlmkit.training.result import RunResult
from nlmkit.training.run import run

KINGDOM = ["king", "queen", "throne", "crown", "palace"]
FARM = ["cow", "sheep", "barn", "field", "hay"]


def two_topics(sentences: int = 60, seed: int = 0) -> list[list[str]]:
    """Sentences of one topic or the other."""
    generator = np.random.default_rng(seed)
    return [
        [*generator.choice(KINGDOM if number % 2 else FARM, 6).tolist(), "the"][:: generator.choice([1, -1])]
        for number in range(sentences)
    ]


TEXT = two_topics()
SMALL: dict[str, Any] = {"dimension": 8, "epochs": 4}


def bits(model: GloVe) -> tuple[bytes, list[float]]:
    return model.matrix.tobytes(), model.fit_report_["costs"]


# ---------------------------------------------------------------------------------- against the plain loop


def records_of(settings: Settings, size: int = 12, *, tokens: int = 300, scale: int = 1) -> NDArray[Any]:
    generator = np.random.default_rng(5)
    ids = (size * generator.random(tokens) ** 2).astype(np.int32)
    with Spools(2**28) as spools:
        counts = count_cooccurrences(np.tile(ids, scale), np.array([0, tokens * scale]), size, window=5, spools=spools)
        return shuffled_records(counts, settings, spools)


def trained(
    weights: Weights,
    records: NDArray[Any],
    options: Settings,
    *,
    epochs: int,
    workers: int = 1,
    progress: Any = None,
    started: float | None = None,
    clock: Any = time.perf_counter,
    **of_the_run: Any,
) -> RunResult:
    """A run of the training loop on records."""
    chosen = RunOptions(workers=workers, progress=progress, **of_the_run)
    with ThreadPoolExecutor(workers) as pool:
        stepper = GloVeStepper(weights, records, options, epochs=epochs, options=chosen, pool=pool, identity={})
        return run(stepper, chosen, started=started, clock=clock)


def costs_of(result: RunResult) -> list[float]:
    return [evaluation.loss for evaluation in result.history]


def plain_loop(
    records: NDArray[Any], weights: Weights, *, epochs: int, lr: float, clip: float, bias_update: str
) -> tuple[list[float], list[list[list[float]]]]:
    """The published algorithm, a number at a time; gives each epoch's cost and the vectors."""
    d = weights.dimension
    vectors = [[list(map(float, row[:d])) for row in side] for side in weights.vectors]
    biases = [[float(value) for value in side] for side in weights.biases[..., 0]]
    squares = [[[1.0] * d for _ in side] for side in vectors]
    bias_squares = [[1.0] * len(side) for side in vectors]
    costs = []
    for _ in range(epochs):
        total = 0.0
        for row, column, log_count, weight in records.tolist():
            word, context = vectors[0][row], vectors[1][column]
            diff = math.fsum(a * b for a, b in zip(word, context, strict=True))
            diff += biases[0][row] + biases[1][column] - log_count
            total += 0.5 * weight * diff * diff
            for k in range(d):
                gradients = weight * diff * context[k], weight * diff * word[k]
                for side, index, gradient in zip((0, 1), (row, column), gradients, strict=True):
                    step = lr * max(-clip, min(clip, gradient))
                    vectors[side][index][k] -= step / math.sqrt(squares[side][index][k])
                    squares[side][index][k] += step**2
            step = weight * diff
            if bias_update == "paper":
                step = lr * max(-clip, min(clip, step))
            for side, index in ((0, row), (1, column)):
                biases[side][index] -= step / math.sqrt(bias_squares[side][index])
                bias_squares[side][index] += step**2
        costs.append(total / len(records))
    return costs, vectors


@pytest.mark.slow
@pytest.mark.parametrize("bias_update", ["stanford", "paper"])
@pytest.mark.parametrize("clip", [100.0, 0.05])
def test_costs_and_vectors_equal_those_of_a_plain_loop(bias_update: str, clip: float) -> None:
    options = Settings(dimension=5, precision="float64", bias_update=bias_update, clip=clip, lr=0.3)
    records = records_of(options)
    weights = Weights.initial(12, options)
    costs, vectors = plain_loop(records, weights, epochs=6, lr=0.3, clip=clip, bias_update=bias_update)
    assert costs_of(trained(weights, records, options, epochs=6)) == pytest.approx(costs, rel=1e-9)
    assert costs[-1] < costs[0] / 2
    np.testing.assert_allclose(weights.vectors[..., :5], vectors, rtol=1e-6, atol=1e-9)
    assert not weights.vectors[..., 5:].any()


def test_the_clip_and_the_biases_make_a_difference() -> None:
    found = set()
    for clip in (100.0, 0.05):
        for bias_update in ("stanford", "paper"):
            options = Settings(dimension=5, precision="float64", bias_update=bias_update, clip=clip, lr=0.3)
            result = trained(Weights.initial(12, options), records_of(options), options, epochs=3)
            found.add(costs_of(result)[-1])
    assert len(found) == 4


def test_single_precision_costs_the_same() -> None:
    costs = []
    for precision in ("float32", "float64"):
        options = Settings(dimension=20, precision=precision)
        weights, records = Weights.initial(12, options), records_of(options)
        assert weights.vectors.dtype == records["weight"].dtype == precision
        costs.append(costs_of(trained(weights, records, options, epochs=10)))
    assert costs[0] == pytest.approx(costs[1], rel=1e-4)


def test_first_weights_are_uniform_and_do_not_depend_on_precision() -> None:
    double, single = (Weights.initial(5000, Settings(dimension=9, precision=name)) for name in ("float64", "float32"))
    drawn = np.concatenate([double.vectors[..., :9].ravel(), double.biases[..., 0].ravel()])
    assert np.abs(drawn).max() <= 0.5 / 9
    assert drawn.std() == pytest.approx(1 / 9 / math.sqrt(12), rel=0.01)
    assert len(np.unique(drawn)) == len(drawn)
    np.testing.assert_array_equal(double.vectors.astype(np.float32), single.vectors)
    assert (double.squares == 1).all()
    assert (double.biases[..., 1] == 1).all()


def test_weights_that_no_memory_holds_name_their_size() -> None:
    with pytest.raises(
        MemoryError,
        match=r"\d+\.\d GiB of memory are not available for vectors of 200000000000 words "
        r"in 10000",
    ):
        Weights.initial(200_000_000_000, Settings(dimension=10_000))


# --------------------------------------------------------------------------------------------- the records


@pytest.mark.parametrize("at_once", [1 << 24, 40])
def test_each_pair_is_a_record_once_in_any_memory(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glove_training, "_SHUFFLED_AT_ONCE", at_once)
    ids, offsets = np.random.default_rng(1).integers(0, 30, 500).astype(np.int32), np.array([0, 500])
    options = Settings(x_max=3.0, alpha=0.5, precision="float64")
    found = []
    for memory in (0, 2**28):
        with Spools(memory) as spools:
            counts = count_cooccurrences(ids, offsets, 30, window=4, spools=spools)
            rows, columns, values = counts.arrays()
            found.append(shuffled_records(counts, options, spools).copy())
            assert spools.spilled == (memory == 0)
    records = found[0]
    np.testing.assert_array_equal(records, found[1])
    assert not (np.diff(records["row"]) >= 0).all()
    records = np.sort(records, order=["row", "column"])
    np.testing.assert_array_equal(records["row"], rows)
    np.testing.assert_array_equal(records["column"], columns)
    np.testing.assert_allclose(records["log_count"], np.log(values), rtol=1e-15)
    np.testing.assert_allclose(records["weight"], np.minimum(1, np.sqrt(values / 3)), rtol=1e-15)


def test_the_seed_decides_the_order() -> None:
    orders = [records_of(Settings(seed=seed)).tobytes() for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


# ------------------------------------------------------------------------------------------- the component


def test_topics_come_apart() -> None:
    model = GloVe(dimension=10, epochs=60, x_max=5).fit(TEXT)
    costs = model.fit_report_["costs"]
    assert len(costs) == 60
    assert costs == sorted(costs, reverse=True)
    within = np.mean([model.similarity("king", other) for other in KINGDOM[1:]])
    across = np.mean([model.similarity("king", other) for other in FARM])
    assert within > across + 0.2


def test_ids_go_by_count_and_then_alphabetically() -> None:
    model = GloVe(**SMALL).fit(["b a c c", "c é b a d"])
    assert model.vocabulary_.words[3:] == ("c", "a", "b", "d", "é")
    assert model.vocabulary_.counts.tolist() == [0, 0, 2, 3, 2, 2, 1, 1]


def test_words_left_out_are_skipped_without_a_place() -> None:
    # Without "x", "a" and "b" are neighbours; the count of the pair is 2 in each order.
    model = GloVe(**SMALL, min_count=2, window=1).fit(["a x b", "a y b"])
    assert model.vocabulary_.words[3:] == ("a", "b")
    assert model.fit_report_["records"] == 2
    assert model.fit_report_["skipped_tokens"] == 2


def test_unknown_is_the_mean_of_the_hundred_rarest() -> None:
    lines = [" ".join(f"w{number:03}" for number in range(start, start + 60)) for start in range(0, 180, 20)]
    model = GloVe(**SMALL).fit(lines)
    assert len(model.vocabulary_) == 223
    np.testing.assert_allclose(model.matrix[0], model.matrix[-100:].mean(axis=0), rtol=1e-4, atol=1e-7)
    assert not model.matrix[1:3].any()
    few = GloVe(**SMALL).fit(TEXT)
    np.testing.assert_allclose(few.matrix[0], few.matrix[3:].mean(axis=0), rtol=1e-4, atol=1e-7)


def test_a_literal_unknown_is_a_word_like_any_other() -> None:
    named = GloVe(**SMALL).fit(["a <unk> b", "b <unk> a c"])
    assert named.vocabulary_.words[3:] == ("a", "b", "c")
    assert named.fit_report_["records"] == 12
    assert named.matrix[0].any()
    assert not np.allclose(named.matrix[0], named.matrix[3:].mean(axis=0))
    # Rarer than the limit, it is skipped.
    rare = GloVe(**SMALL, min_count=2).fit(["a <unk> b", "b a"])
    assert rare.fit_report_["skipped_tokens"] == 1
    np.testing.assert_allclose(rare.matrix[0], rare.matrix[3:].mean(axis=0), rtol=1e-4, atol=1e-7)


def test_a_vocabulary_file_decides(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("cow\nking\nthe\nunseen\n", encoding="utf-8")
    model = GloVe(**SMALL, vocabulary_file=str(tmp_path / "words.txt")).fit([*TEXT, ["<unk>", "king"]])
    assert set(model.vocabulary_.words[3:]) == {"cow", "king", "the", "unseen"}
    assert model.vocabulary_.words[-1] == "unseen"
    assert np.isfinite(model.matrix).all()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ([], "the training text has no words"),
        (["", ""], "the training text has no words"),
        (["a"], "no sentence has two words"),
        (["a", "b", "c"], "no sentence has two words"),
    ],
)
def test_a_text_without_pairs_is_refused(text: list[str], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        GloVe(**SMALL).fit(text)


def test_limits_that_leave_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="min_count=9 removes all words"):
        GloVe(min_count=9).fit(["a b"])


@pytest.mark.parametrize("text", [["a b"], ["a a"], ["<unk> <unk>"], ["a b c d e f g h " * 3]])
@pytest.mark.parametrize("bias_update", ["stanford", "paper"])
def test_tiny_texts_stay_finite(text: list[str], bias_update: str) -> None:
    model = GloVe(dimension=3, epochs=300, bias_update=bias_update).fit(text)
    assert np.isfinite(model.matrix).all()
    costs = model.fit_report_["costs"]
    assert costs[-1] < costs[0]


@settings(max_examples=25)
@given(
    st.lists(st.lists(st.sampled_from("abcde"), max_size=6), min_size=1, max_size=6),
    st.sampled_from([1, 7, 16, 33]),
    st.integers(0, 2**63 - 1),
)
def test_any_text_gives_finite_vectors_or_a_reason(text: list[list[str]], dimension: int, seed: int) -> None:
    model = GloVe(dimension=dimension, epochs=3, seed=seed)
    if all(len(sentence) < 2 for sentence in text):
        with pytest.raises(DataError):
            model.fit(text)
        return
    model.fit(text)
    assert model.matrix.shape == (len(model.vocabulary_), dimension)
    assert np.isfinite(model.matrix).all()
    assert model.matrix[3:].any(axis=1).all()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_equal_seeds_give_equal_bytes(precision: str) -> None:
    one, same, other = (GloVe(**SMALL, precision=precision, seed=seed).fit(TEXT) for seed in (1, 1, 2))
    assert bits(one) == bits(same)
    assert one.digest == same.digest
    assert bits(one) != bits(other)


def test_memory_does_not_change_the_vectors() -> None:
    tight = GloVe(**SMALL, memory=1e-9).fit(TEXT)
    assert tight.fit_report_["used_files"]
    assert bits(tight) == bits(GloVe(**SMALL).fit(TEXT))


def test_several_workers_learn_the_same() -> None:
    options = Settings(dimension=8)
    records = records_of(options, 300, tokens=20_000)
    costs = []
    for workers in (1, 3):
        weights = Weights.initial(300, options)
        result = trained(weights, records, options, epochs=10, workers=workers)
        costs.append(costs_of(result))
        assert result.speed > 0
    # Lock-free, the order is another one, and an update may be lost.
    assert costs[1] == pytest.approx(costs[0], rel=0.1)


def test_a_saved_model_comes_back(tmp_path: Path) -> None:
    model = GloVe(**SMALL).fit(Corpus.read(["The cat sat", "The dog sat"], TextPipeline(lowercase=True)))
    model.save(tmp_path / "model")
    loaded = nlmkit.load(tmp_path / "model")
    assert isinstance(loaded, GloVe)
    assert loaded.get_params() == model.get_params()
    assert loaded.matrix.tobytes() == model.matrix.tobytes()
    assert loaded.digest == model.digest
    assert loaded.fit_report_["costs"] == model.fit_report_["costs"]
    assert not [key for key in loaded.fit_report_ if "second" in key]
    np.testing.assert_array_equal(loaded.vectors(["The"]), model.vectors(["the"]))


def test_the_report_tells_what_was_done() -> None:
    report = GloVe(**SMALL).fit(TEXT).fit_report_
    assert (report["sentences"], report["tokens"], report["words"]) == (60, 420, 11)
    assert report["records"] == 70  # two topics of five words, and one word beside all of them: 25 + 25 + 20
    assert report["epochs"] == len(report["costs"]) == len(report["epoch_seconds"]) == 4
    assert report["cost"] == report["costs"][-1]
    assert report["records_per_second"] > 0
    json.dumps(report, allow_nan=False)


# --------------------------------------------------------------------------------------------------- the run


class Watcher:
    """Notes stages, and lets something happen after so many rounds of training; each takes ``tick`` seconds."""

    def __init__(self, after: int | None = None, *, interrupts: bool = False) -> None:
        self.stages: list[tuple[str, float | None]] = []
        self.done: dict[str, float] = {}
        self.notes: list[str] = []
        self.now, self.tick = 0.0, 1.0
        self._after, self._interrupts, self._rounds = after, interrupts, 0
        self._begins = False

    def start(self, description: str, total: float | None = None) -> None:
        self.stages.append((description, total))
        self._begins = description == "training"

    def advance(self, amount: float) -> None:
        stage = self.stages[-1][0]
        self.done[stage] = self.done.get(stage, 0) + amount
        if stage not in ("training", "measuring speed") or self._begins:
            self._begins = False  # what had been done before
            return
        self.now += self.tick
        self._rounds += 1
        if self._rounds == self._after:
            if not self._interrupts:
                raise RuntimeError("killed")
            os.kill(os.getpid(), signal.SIGINT)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rounds an epoch."""
    monkeypatch.setattr(glove_stepper, "_ROUND", 8 * 25)


def test_rounds_change_nothing_with_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = GloVe(**SMALL).fit(TEXT)
    monkeypatch.setattr(glove_stepper, "_ROUND", 8 * 10)
    cut = GloVe(**SMALL).fit(TEXT)
    assert cut.matrix.tobytes() == whole.matrix.tobytes()
    assert cut.fit_report_["costs"] == pytest.approx(whole.fit_report_["costs"], rel=1e-12)


def test_a_finished_run_goes_on_with_more_epochs(tmp_path: Path) -> None:
    run = RunOptions(checkpoint=tmp_path / "checkpoint", resume=True)
    GloVe(dimension=8, epochs=2).fit(TEXT, run=run)
    longer = GloVe(dimension=8, epochs=5).fit(TEXT, run=run)
    assert bits(longer) == bits(GloVe(dimension=8, epochs=5).fit(TEXT))
    again = GloVe(dimension=8, epochs=5).fit(TEXT, run=run)
    assert bits(again) == bits(longer)
    with pytest.raises(SavedModelError, match="has already trained 5 epochs, but epochs=3 are requested"):
        GloVe(dimension=8, epochs=3).fit(TEXT, run=run)


def test_context_vectors_are_added_or_left_out(tmp_path: Path) -> None:
    """Of one run: whether they are added changes no step of it, so that a checkpoint serves both."""
    settings = Settings(dimension=2)
    weights = Weights.initial(3, settings)
    np.testing.assert_array_equal(weights.rows(with_contexts=False), weights.vectors[0, :, :2])
    np.testing.assert_array_equal(weights.rows(with_contexts=True), weights.vectors[:, :, :2].sum(axis=0))

    run = RunOptions(checkpoint=tmp_path / "checkpoint", resume=True)
    added = GloVe(**SMALL).fit(TEXT, run=run)
    alone = GloVe(**SMALL, add_contexts=False).fit(TEXT, run=run)
    assert bits(alone) == bits(GloVe(**SMALL, add_contexts=False).fit(TEXT))
    assert alone.fit_report_["costs"] == added.fit_report_["costs"]
    assert not np.array_equal(alone.matrix, added.matrix)
    np.testing.assert_allclose(alone.matrix[0], alone.matrix[3:].mean(axis=0), rtol=1e-4, atol=1e-7)
    assert "add_contexts" not in added.saved_params()


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    run = RunOptions(checkpoint=folder, resume=True)
    GloVe(**SMALL).fit(TEXT, run=run)
    manifest = folder / "manifest.json"
    sound = json.loads(manifest.read_text(encoding="utf-8"))
    for key, value in (
        ("position", 7),
        ("position", -1),
        ("position", True),
        ("epoch", 3),
        ("epoch", "x"),
        ("cost", None),
        ("mean", -1.0),
    ):
        manifest.write_text(json.dumps(sound | {"stepper": sound["stepper"] | {key: value}}), encoding="utf-8")
        with pytest.raises(SavedModelError, match="the checkpoint is damaged"):
            GloVe(**(SMALL | {"epochs": 9})).fit(TEXT, run=run)
    manifest.write_text(json.dumps(sound | {"kind": "representation"}), encoding="utf-8")
    with pytest.raises(SavedModelError, match="not a checkpoint"):
        GloVe(**SMALL).fit(TEXT, run=run)


def timed(watcher: Watcher, **of_the_run: Any) -> RunResult:
    """A run in which every round takes the watcher's time."""
    options = Settings(dimension=8)
    weights = Weights.initial(12, options)
    now = {"started": -10.0, "clock": lambda: watcher.now}
    return trained(weights, records_of(options), options, epochs=3, progress=watcher, **now, **of_the_run)


def test_a_budget_decides_the_number_of_epochs() -> None:
    # Ten seconds before the training, and an epoch a second; 1.5 % of a hundred are kept back.
    result = timed(Watcher(), budget_seconds=100)
    assert len(costs_of(result)) == result.epochs == 88
    assert not result.notes
    # However small, it is one epoch at least.
    result = timed(Watcher(), budget_seconds=0.1)
    assert 1 <= len(costs_of(result)) <= 2
    assert "the work before the first step takes 10000% of it" in result.notes[-1]


@pytest.mark.usefixtures("short_rounds")
def test_a_budget_may_end_within_an_epoch() -> None:
    watcher = Watcher()
    result = timed(watcher, budget_seconds=43)
    assert 41 <= 10 + watcher.now <= 45
    assert result.epochs % 1
    costs = costs_of(result)
    assert len(costs) == int(result.epochs) + 1
    assert costs[-1] < costs[0]


@pytest.mark.slow
def test_a_checkpoint_made_by_hand_goes_on_or_is_refused(tmp_path: Path) -> None:
    options: dict[str, Any] = {"budget_seconds": 40, "checkpoint": tmp_path / "checkpoint"}
    with pytest.raises(KeyboardInterrupt):
        timed(Watcher(12, interrupts=True), **options)

    class Briefly(Watcher):
        def note(self, text: str) -> None:
            super().note(text)
            if len(self.notes) == 3:
                raise Enough

    def resume() -> None:
        timed(Briefly(), **options, resume=True)

    with pytest.raises(Enough):
        resume()
    check_every_mutation(tmp_path / "checkpoint", resume, fewest=80)


@pytest.mark.parametrize("clip", [100.0, 1e12])
def test_a_rate_that_is_far_too_high_is_an_error(clip: float) -> None:
    with pytest.raises(
        NlmkitError, match=r"training diverged at step \d+ \(epoch \d\): the cost is .*try a lower lr \(now 1000\)"
    ):
        GloVe(**SMALL, lr=1000.0, clip=clip).fit(TEXT)


def test_training_that_diverges_says_where_and_what_to_try() -> None:
    options = Settings(dimension=8)
    records = records_of(options)
    records["log_count"][5] = np.inf
    with pytest.raises(
        NlmkitError, match=r"at step \d+ \(epoch 1\): the cost is (nan|inf); try a lower lr \(now 0.05\)"
    ):
        trained(Weights.initial(12, options), records, options, epochs=2)


def test_log_and_notes_have_a_line_an_epoch(tmp_path: Path) -> None:
    watcher = Watcher()
    log = tmp_path / "log.jsonl"
    model = GloVe(**SMALL).fit(TEXT, run=RunOptions(progress=watcher, log=log))
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line["cost"] for line in lines] == model.fit_report_["costs"]
    assert [(line["step"], line["epoch"]) for line in lines] == [(70, 1), (140, 2), (210, 3), (280, 4)]
    assert len(watcher.notes) == 4
    assert watcher.notes[0].startswith(f"epoch 1.00 · cost {lines[0]['cost']:.5f} · ")
    stages = [stage for stage, _ in watcher.stages]
    assert any("compiles" in stage for stage in stages)
    assert watcher.done["counting co-occurrences"] == 420
    assert watcher.done["training"] == 280


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"device": "cuda"}, "device=cuda: glove computes on the CPU only"),
        ({"precision": "bfloat16"}, "precision=bfloat16: glove has the hyper-parameter precision"),
    ],
)
def test_what_it_cannot_do_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(HyperParameterError, match=problem):
        GloVe(**SMALL).fit(TEXT, run=RunOptions(**options))


def test_validation_text_is_refused() -> None:
    with pytest.raises(HyperParameterError, match="does not use validation text"):
        GloVe(**SMALL).fit(TEXT, valid=TEXT)


@pytest.mark.parametrize(
    "values",
    [{"dimension": 0}, {"window": 128}, {"lr": 0.0}, {"lr": math.nan}, {"x_max": -1}, {"bias_update": "none"}],
)
def test_impossible_hyper_parameters_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(HyperParameterError):
        GloVe(**values)


def test_without_numba_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(NlmkitError, match=r"glove needs numba: pip install 'nlmkit\[representations\]'"):
        GloVe(**SMALL).fit(TEXT)


def test_code_that_cannot_be_kept_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def njit(*, cache: bool = False, **options: Any) -> Any:
        calls.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(glove_training.numba, "njit", njit)
    assert glove_training._compiled(len) is len
    assert calls == [True, False]


def test_penn_treebank_gives_the_known_number_of_pairs(shared_data: Path) -> None:
    corpus = Corpus.read(shared_data / "ptb" / "valid.txt")
    model = GloVe(dimension=10, epochs=1).fit(corpus)
    assert model.fit_report_["tokens"] == 70_390
    assert 0.05 < model.fit_report_["cost"] < 0.2
