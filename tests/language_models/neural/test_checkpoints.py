import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys.neural import Clock, TimedModule, TinyModule, text, tiny, tiny_module, vocabulary

from nlmkit.core.run import RunOptions
from nlmkit.errors import SavedModelError
from nlmkit.language_models.neural.settings import LanguageModelSettings
from nlmkit.language_models.neural.task import LanguageTask
from nlmkit.language_models.neural.training import TrainingResult, train
from nlmkit.saving import load_folder, save_folder
from nlmkit.training.checkpoint import CheckpointStore
from nlmkit.training.checkpoint_folders import remove_checkpoint
from nlmkit.training.distributed import Processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.interruption import Interruption, Terminated
from nlmkit.training.options import Optimization

pytestmark = pytest.mark.slow

EVENTS, VALID = text(), text(300, seed=1)

EVERYTHING = {
    "bptt": 7,
    "bptt_random": True,
    "noising": 0.2,
    "noising_scheme": "kneser-ney",
    "state_reset": 0.1,
    "averaging": "ema",
    "weight_decay": 0.01,
    "clip_value": 0.1,
    "epochs": 2,
}
"""Options by which everything that a run carries along has an influence on its result."""


def fit(
    folder: Any = None, *, options: Any = None, module: Any = None, resume: Any = False, valid: Any = VALID, **run: Any
) -> Any:
    module = module or TinyModule()
    if folder:
        run |= {"checkpoint": folder, "checkpoint_seconds": 1e9, "resume": resume}
    result = train(module, EVENTS, valid, options or tiny(**EVERYTHING), vocabulary(EVENTS), RunOptions(**run))
    return module, result


def same_bytes(one: Any, other: Any) -> Any:
    first, second = one.state_dict(), other.state_dict()
    return list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)


def same_history(one: Any, other: Any) -> Any:
    def facts(result: Any) -> Any:
        return [(entry.step, entry.metrics, entry.loss, entry.averaged) for entry in result.history]

    return facts(one) == facts(other)


class PressesCtrlC(TinyModule):
    """Ctrl-C is pressed in the middle of a step, or in the middle of an evaluation."""

    def __init__(self, step: Any = None, evaluation: Any = None) -> None:
        super().__init__()
        self.steps, self.evaluations = 0, 0
        self.at = {True: step, False: evaluation}

    def forward(self, ids: Any, state: Any) -> Any:
        if self.training:
            self.steps += 1
        else:
            self.evaluations += 1
        if (self.steps if self.training else self.evaluations) == self.at[self.training]:
            signal.raise_signal(signal.SIGINT)
        return super().forward(ids, state)


@pytest.fixture(scope="module")
def uninterrupted() -> Any:
    return fit()


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: Any) -> Any:
    """A checkpoint after three steps."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    with pytest.raises(KeyboardInterrupt):
        fit(folder, module=PressesCtrlC(3))
    return folder


@pytest.fixture
def run(interrupted: Any, tmp_path: Path) -> Any:
    """A copy of it, to do with as one likes."""
    return shutil.copytree(interrupted, tmp_path / "run")


# ------------------------------------------------------------------------------------------------- interruption


@pytest.mark.parametrize("step", [1, 10, 11, 24])
def test_interrupted_and_resumed_training_gives_the_same_bytes(
    step: int, tmp_path: Path, uninterrupted: tuple[TinyModule, TrainingResult]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", module=PressesCtrlC(step))
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["step"] == step
    # The weights that the resumed run begins with do not matter.
    module, result = fit(tmp_path / "run", module=TinyModule(seed=99), resume=True)
    expected, reference = uninterrupted
    assert same_bytes(module, expected)
    assert same_history(result, reference)
    assert result.report().keys() == reference.report().keys()


@pytest.mark.parametrize(
    "change",
    [
        *({"optimizer": name} for name in ("adamw", "adam", "sgd", "rmsprop", "adagrad", "muon")),
        {"optimizer": "muon", "muon_every": 4, "weight_decay": 0.1},
    ],
)
def test_the_state_of_every_optimizer_is_kept(change: dict[str, Any], tmp_path: Path) -> None:
    options = tiny(lr=0.02, epochs=1, **change)
    expected, _ = fit(options=options)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", options=options, module=PressesCtrlC(6))
    assert same_bytes(fit(tmp_path / "run", options=options, resume=True)[0], expected)


@pytest.mark.parametrize(
    "change",
    [
        {"averaging": "asgd"},
        {"averaging": "tail", "averaging_share": 0.6, "partial_shuffle": True},
        {"averaging": "nt-asgd", "averaging_window": 1, "schedule": "plateau", "lr": 1.0, "epochs": 6},
        {"schedule": "cosine", "patience": 2, "lr": 0.5, "epochs": 8},
    ],
)
def test_averages_plateaus_and_patience_are_kept(change: dict[str, Any], tmp_path: Path) -> None:
    options = tiny(**change)
    expected, reference = fit(options=options)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", options=options, module=PressesCtrlC(47))
    module, result = fit(tmp_path / "run", options=options, resume=True)
    assert same_bytes(module, expected)
    assert same_history(result, reference)
    assert result.stopped == reference.stopped


def test_many_interruptions_in_a_row(tmp_path: Path, uninterrupted: tuple[TinyModule, TrainingResult]) -> None:
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "run", module=PressesCtrlC(5), resume=True)
    module, result = fit(tmp_path / "run", resume=True)
    assert same_bytes(module, uninterrupted[0])
    assert same_history(result, uninterrupted[1])


@pytest.mark.parametrize("evaluation", [1, 3])
def test_ctrl_c_while_evaluating_is_heard_and_repeats_the_evaluation(
    evaluation: int, tmp_path: Path, uninterrupted: tuple[TinyModule, TrainingResult]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", module=PressesCtrlC(evaluation=evaluation))
    module, result = fit(tmp_path / "run", resume=True)
    assert same_bytes(module, uninterrupted[0])
    assert same_history(result, uninterrupted[1])


def test_an_interruption_from_the_display_is_saved_too(
    tmp_path: Path, uninterrupted: tuple[TinyModule, TrainingResult]
) -> None:
    class Impatient:
        def __init__(self) -> None:
            self.done = 0

        def start(self, description: Any, total: Any = None) -> None:
            pass

        def advance(self, amount: Any) -> None:
            self.done += amount
            if self.done == 13:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", progress=Impatient())
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["step"] == 13
    assert same_bytes(fit(tmp_path / "run", resume=True)[0], uninterrupted[0])


def test_a_torn_step_is_never_saved(tmp_path: Path) -> None:
    class Torn(TinyModule):
        def forward(self, ids: Any, state: Any) -> Any:
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls == 6:
                raise KeyboardInterrupt
            return super().forward(ids, state)

    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", module=Torn())
    assert not (tmp_path / "run").exists()


def test_without_a_checkpoint_folder_ctrl_c_is_not_held_up() -> None:
    module = PressesCtrlC(3)
    with pytest.raises(KeyboardInterrupt):
        fit(module=module)
    assert module.steps == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_ctrl_c_does_not_wait() -> None:
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_is_left_to_others_where_it_is_theirs() -> None:
    seen = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGINT)
        assert seen == [signal.SIGINT]
        assert not interruption.asked
    finally:
        signal.signal(signal.SIGINT, before)
    with Interruption(wanted=False), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_training_in_another_thread_leaves_signals_alone(tmp_path: Path) -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(fit(tmp_path / "run", options=tiny(epochs=1))[1].steps))
    thread.start()
    thread.join()
    assert found == [20]


KILLED = """
import os, signal, sys
from pathlib import Path
from nlmkit.core.run import RunOptions
from nlmkit.language_models.neural.training import TrainingResult, train
from language_models.neural.test_checkpoints import EVENTS, EVERYTHING, VALID
from toys.neural import TinyModule, tiny, vocabulary

class Killed(TinyModule):
    def forward(self, ids, state):
        self.calls = getattr(self, "calls", 0) + self.training
        if self.calls == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(ids, state)

folder = Path(sys.argv[1])
run = RunOptions(checkpoint=folder / "run", checkpoint_seconds=1e-9, log=folder / "log")
train(Killed(), EVENTS, VALID, tiny(**EVERYTHING), vocabulary(EVENTS), run)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_run_resumes_with_the_same_bytes(
    tmp_path: Path, uninterrupted: tuple[TinyModule, TrainingResult]
) -> None:
    root = Path(__file__).parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["step"] == 12
    module, result = fit(tmp_path / "run", resume=True, log=tmp_path / "log")
    assert same_bytes(module, uninterrupted[0])
    assert same_history(result, uninterrupted[1])


# ------------------------------------------------------------------------------------------------- when, and whose


def test_a_checkpoint_is_written_when_it_is_time_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    original = CheckpointStore.save

    def save(self: Any, facts: Any, arrays: Any) -> None:
        saved.append(facts["step"])
        original(self, facts, arrays)

    monkeypatch.setattr(CheckpointStore, "save", save)
    clock = Clock()
    run = RunOptions(checkpoint=tmp_path / "run", checkpoint_seconds=7)
    train(TimedModule(clock), EVENTS, None, tiny(epochs=1), vocabulary(EVENTS), run, clock=clock)
    assert saved == [7, 14, 20]


def test_a_full_disk_stops_the_run_but_not_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: tuple[TinyModule, TrainingResult]
) -> None:
    def full(self: Any, facts: Any, arrays: Any) -> None:
        raise SavedModelError(f"{self.folder}: cannot save the model (No space left on device)")

    monkeypatch.setattr(CheckpointStore, "save", full)
    module, result = fit(tmp_path / "run")
    assert same_bytes(module, uninterrupted[0])
    assert result.notes == (
        f"the last checkpoint was not written: {tmp_path / 'run'}: cannot save the model (No space left on device)",
    )
    often = RunOptions(checkpoint=tmp_path / "run", checkpoint_seconds=1e-9)
    with pytest.raises(SavedModelError, match="No space left"):
        train(TinyModule(), EVENTS, None, tiny(), vocabulary(EVENTS), often)


def test_a_new_run_replaces_an_old_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", module=PressesCtrlC(5))
    fit(tmp_path / "run", options=tiny(epochs=1))
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["step"] == 20


def test_the_frozen_number_of_steps_is_kept(tmp_path: Path) -> None:
    def run(module: Any, clock: Any, resume: Any = False) -> Any:
        options = RunOptions(budget_seconds=60, checkpoint=tmp_path / "run", checkpoint_seconds=1e9, resume=resume)
        even = tiny(**{**EVERYTHING, "bptt": 5, "bptt_random": False})  # a second a step is a steady pace then
        return train(module, EVENTS, VALID, even, vocabulary(EVENTS), options, clock=clock)

    clock = Clock()
    expected = TimedModule(clock)
    reference = run(expected, clock)
    remove_checkpoint(tmp_path / "run")

    class Stopped(TimedModule):
        def forward(self, ids: Any, state: Any) -> Any:
            if self.training and self.steps == 30:
                raise RuntimeError("the power fails")
            return super().forward(ids, state)

    clock = Clock()
    with pytest.raises(RuntimeError, match="the power fails"):
        run(Stopped(clock), clock)
    saved = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert saved["step"] < 20  # when the number was frozen, and never since
    assert saved["plan"]["steps"] == reference.steps == 59
    clock.now += 10_000  # a night later
    module = TimedModule(clock)
    result = run(module, clock, resume=True)
    assert result.steps == reference.steps
    assert 57 <= result.seconds < 60
    assert same_bytes(module, expected)


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_whose_plan_was_changed_is_resumed_with_the_same_bytes(signal_number: int, tmp_path: Path) -> None:
    class Uneven(TimedModule):
        stops: tuple[int, ...] = ()

        def forward(self, ids: Any, state: Any) -> Any:
            self.clock.now += 3.0 if self.training and 1020 < self.clock.now < 1060 else 0.0
            if self.training and self.steps in self.stops:
                self.stops = ()
                signal.raise_signal(signal_number)
            return super().forward(ids, state)

    def run(module: Any, folder: Any, resume: Any = False) -> Any:
        options = RunOptions(budget_seconds=150, checkpoint=folder, checkpoint_seconds=1e9, resume=resume)
        even = tiny(**{**EVERYTHING, "bptt": 5, "bptt_random": False})
        return train(module, EVENTS, VALID, even, vocabulary(EVENTS), options, clock=module.clock)

    expected = Uneven(Clock())
    reference = run(expected, tmp_path / "whole")
    assert reference.plan.bent_at >= 30
    assert reference.plan.steps != reference.plan.first_steps
    clock = Clock()
    for stop in (25, 20, 35):
        module = Uneven(clock)
        module.stops = (stop,)
        with pytest.raises(Terminated if signal_number == signal.SIGTERM else KeyboardInterrupt):
            run(module, tmp_path / "run", resume=stop != 25)
    module = Uneven(clock)
    result = run(module, tmp_path / "run", resume=True)
    assert result.steps == reference.steps
    assert same_bytes(module, expected)
    assert same_history(result, reference)


def test_an_interruption_while_the_speed_is_measured(tmp_path: Path) -> None:
    def run(module: Any, clock: Any, resume: Any = False) -> Any:
        options = RunOptions(budget_seconds=100, checkpoint=tmp_path / "run", checkpoint_seconds=1e9, resume=resume)
        return train(module, EVENTS, None, tiny(), vocabulary(EVENTS), options, clock=clock)

    class Interrupted(TimedModule):
        def forward(self, ids: Any, state: Any) -> Any:
            output = super().forward(ids, state)
            if self.steps == 4:
                signal.raise_signal(signal.SIGINT)
            return output

    clock = Clock()
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(clock), clock)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["plan"] is None
    result = run(TimedModule(clock), clock, resume=True)
    assert result.steps == 98
    assert result.seconds == 98


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"options": tiny(**{**EVERYTHING, "lr": 0.01})}, "lr=0.05 there, 0.01 here"),
        ({"options": tiny(**{**EVERYTHING, "epochs": 9})}, "epochs=2 there, 9 here"),
        ({"valid": VALID[:-1]}, "validation text [0-9a-f]{16} there, [0-9a-f]{16} here"),
        ({"valid": None}, "validation text [0-9a-f]{16} there, None here"),
        ({"module": TinyModule(width=7)}, "network [0-9a-f]{16} there"),
        ({"budget_seconds": 60.0}, "budget None there, 60.0 here"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(change: dict[str, Any], expected: Any, run: Path) -> None:
    before = (run / "manifest.json").read_bytes()
    with pytest.raises(SavedModelError, match=f"run: the checkpoint belongs to another run .*{expected}"):
        fit(run, resume=True, **change)
    assert (run / "manifest.json").read_bytes() == before


def stepper(events: Any = EVENTS, words: int = 12, **values: Any) -> GradientStepper[Any]:
    options = tiny(**values)
    settings = LanguageModelSettings.of(options)
    task = LanguageTask(tiny_module(), events, None, settings, vocabulary(words=words), Processes())
    return GradientStepper(task, Optimization.of(options), Processes())


def test_other_texts_and_vocabularies_make_another_run() -> None:
    assert stepper().identity() == stepper().identity()
    assert stepper(EVENTS[::-1]).identity() != stepper().identity()
    assert stepper(words=13).identity() != stepper().identity()


# ------------------------------------------------------------------------------------------------- the folder


def test_a_checkpoint_is_safetensors_and_strict_json(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", module=PressesCtrlC(21))
    names = {path.suffix or path.name for path in (tmp_path / "run").iterdir()}
    assert names - {".lock"} == {".json", ".safetensors"}
    arrays = load_folder(tmp_path / "run").arrays
    assert {name.partition(".")[0] for name in arrays} == {
        "module",
        "best",
        "optimizer",
        "average",
        "state",
        "generator",
        "pending",
    }
    assert arrays["optimizer.recurrent.weight.exp_avg"].shape == (6, 6)
    assert arrays["module.rank"].dtype == np.int64
    assert "optimizer.frozen.step" not in arrays


def test_a_saved_model_is_not_replaced_by_a_checkpoint(tmp_path: Path) -> None:
    save_folder(tmp_path / "model", {"kind": "language-model"}, arrays={})
    with pytest.raises(SavedModelError, match="contains a saved model, not a checkpoint"):
        fit(tmp_path / "model")
    with pytest.raises(SavedModelError, match="not a checkpoint of a training run"):
        fit(tmp_path / "model", resume=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("words")
    (tmp_path / "file").write_text("words")
    with pytest.raises(SavedModelError, match=r"contains .thesis.txt., which is not part of a checkpoint"):
        fit(tmp_path / "notes")
    with pytest.raises(SavedModelError, match="is a file"):
        fit(tmp_path / "file")
    for name in ("model", "notes", "file"):
        with pytest.raises(SavedModelError):
            remove_checkpoint(tmp_path / name)
    assert (tmp_path / "notes" / "thesis.txt").read_text() == "words"


def test_checkpoints_are_removed(tmp_path: Path) -> None:
    fit(tmp_path / "run", options=tiny(epochs=1))
    remove_checkpoint(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    remove_checkpoint(tmp_path / "run")


def damaged(
    folder: Any, change_manifest: Any = lambda manifest: None, change_arrays: Any = lambda arrays: None
) -> None:
    loaded = load_folder(folder)
    arrays = {name: np.array(array) for name, array in loaded.arrays.items()}
    manifest = {name: value for name, value in loaded.manifest.items() if name not in ("format_version", "payloads")}
    change_manifest(manifest)
    change_arrays(arrays)
    save_folder(folder, manifest, arrays=arrays)


def setting(name: Any, value: Any) -> Any:
    def change(values: Any) -> None:
        if value is None:
            del values[name]
        else:
            values[name] = value

    return change


def within(name: str, value: Any) -> Any:
    """A change of what the stepper wrote."""
    return lambda manifest: setting(name, value)(manifest["stepper"])


@pytest.mark.parametrize(
    "change",
    [
        *({"change_manifest": setting(name, None)} for name in ("step", "plan", "history", "seconds", "stepper")),
        {"change_manifest": within("epoch_loss", None)},
        {"change_manifest": setting("step", -1)},
        {"change_manifest": setting("step", "3")},
        {"change_manifest": within("index", 10_000)},
        {"change_manifest": setting("plan", {"steps": 3})},
        {"change_manifest": setting("history", [{"step": 1}])},
        {"change_manifest": setting("history", [{"steppe": 1}])},
        {"change_manifest": within("averaging", 1)},
        {"change_arrays": setting("state.0", None)},
        {"change_arrays": setting("state.1", np.zeros((1, 4, 6), np.float32))},
        {"change_arrays": setting("module.recurrent.weight", None)},
        {"change_arrays": setting("module.recurrent.weight", np.zeros((5, 6), np.float32))},
        {"change_arrays": setting("optimizer.recurrent.weight.exp_avg", np.zeros((5, 6), np.float32))},
        {"change_arrays": setting("average.0", np.zeros((2, 2), np.float32))},
        {"change_arrays": setting("state.0", np.zeros((1, 3, 6), np.float32))},
        {"change_arrays": setting("pending", np.zeros((1, 2)))},
        {"change_arrays": setting("generator.data", None)},
        {"change_arrays": setting("generator.module", np.zeros((1, 3), np.uint8))},
    ],
)
def test_damage_is_one_clear_error(change: dict[str, Any], run: Path) -> None:
    damaged(run, **change)
    with pytest.raises(SavedModelError, match=r"run: the checkpoint is damaged: ") as caught:
        fit(run, resume=True)
    assert "\n" not in str(caught.value)


def test_not_a_number_in_the_best_weights_is_refused(run: Path) -> None:
    best = np.array(load_folder(run).arrays["module.recurrent.weight"])
    best[0, 0] = np.nan
    damaged(run, change_arrays=setting("module.recurrent.weight", best))
    with pytest.raises(SavedModelError, match=r"array 'module\.recurrent\.weight' contains NaN or infinity"):
        fit(run, resume=True)


def test_a_checkpoint_without_a_plan_is_of_a_run_with_a_budget(run: Path) -> None:
    def without_plan(manifest: Any) -> None:
        manifest["plan"] = None

    damaged(run, without_plan)
    with pytest.raises(SavedModelError, match="number of steps is missing"):
        fit(run, resume=True)


def test_a_restored_run_outlives_its_checkpoint(run: Path) -> None:
    saved = load_folder(run)
    restored = stepper(**EVERYTHING)
    restored.restore(saved.manifest["stepper"], saved.arrays, step=3, has_best=False)
    expected = np.array(saved.arrays["module.recurrent.weight"])
    del saved
    remove_checkpoint(run)
    weight = restored.task.module.state_dict()["recurrent.weight"]
    weight += 1
    np.testing.assert_array_equal(weight.numpy(), expected + 1)
