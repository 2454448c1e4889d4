import json
import math
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from toys.neural import TinyModule, text, tiny, vocabulary

from nlmkit.core.processes import is_main_process, process_count
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError, NlmkitError
from nlmkit.language_models.neural.training import train
from nlmkit.training.distributed import Processes, processes
from nlmkit.training.records import read_log

pytestmark = pytest.mark.slow

EVENTS, VALID = text(), text(300, seed=1)
VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def options(**values: Any) -> Any:
    """All that both processes must draw alike, and no masks, which each process draws for its own columns."""
    return tiny(**{"epochs": 2, "noising": 0.2, "state_reset": 0.1, "bptt_random": True, **values})


def fit(folder: Any, module: Any, chosen: Any, valid: Any, **run: Any) -> Any:
    return train(module, EVENTS, valid, chosen, vocabulary(EVENTS), RunOptions(**run))


def gradients(module: Any, chosen: Any) -> Any:
    """What one step of SGD at rate 1 without clipping takes from the first weights of process 0."""
    before = {name: weight.detach() for name, weight in TinyModule(dropout=0.0).named_parameters()}
    ids = EVENTS[: 4 * 5]
    train(module, ids, None, chosen, vocabulary(ids), RunOptions())
    return {name: before[name] - weight.detach() for name, weight in module.named_parameters()}


ONE_STEP = {"optimizer": "sgd", "lr": 1.0, "clip_norm": None, "schedule": "constant", "epochs": 1}


def main(folder: Any) -> Any:
    """What each of the two processes does."""
    folder, rank = Path(folder), int(os.environ["RANK"])
    torch.set_num_threads(1)
    # Process 1 begins with other weights: those of process 0 must win.
    found = {"gradients": gradients(TinyModule(dropout=0.0, seed=rank), tiny(**ONE_STEP))}

    module = TinyModule(dropout=0.0)
    result = fit(folder, module, options(), VALID, checkpoint=folder / "run", log=folder / "log")
    found["weights"] = dict(module.state_dict())
    report = {"history": [entry.metrics["perplexity"] for entry in result.history], "steps": result.steps}

    # Masks differ from process to process; Ctrl-C in one of them stops both, at a step on which they agree.
    class Interrupted(TinyModule):
        def forward(self, ids: Any, state: Any) -> Any:
            self.calls = getattr(self, "calls", 0) + self.training
            if rank == 1 and self.calls == 20:
                import signal

                signal.raise_signal(signal.SIGINT)
            return super().forward(ids, state)

    chosen = options(averaging="ema")
    try:
        fit(folder, Interrupted(), chosen, VALID, checkpoint=folder / "stopped", checkpoint_seconds=1e9)
        report["interrupted"] = False
    except KeyboardInterrupt:
        report["interrupted"] = True
    if rank == 0:
        report["stopped_at"] = json.loads((folder / "stopped" / "manifest.json").read_text())["step"]
    resumed, whole = TinyModule(), TinyModule()
    fit(folder, resumed, chosen, VALID, checkpoint=folder / "stopped", checkpoint_seconds=1e9, resume=True)
    fit(folder, whole, chosen, VALID)
    report["resumed_like_uninterrupted"] = all(
        torch.equal(tensor, whole.state_dict()[name]) for name, tensor in resumed.state_dict().items()
    )
    budget = fit(folder, TinyModule(), options(), VALID, budget_seconds=0.5)
    report["budget_steps"] = budget.steps
    report["main"] = is_main_process()
    (folder / f"report{rank}.json").write_text(json.dumps(report))
    torch.save(found, folder / f"tensors{rank}")


@pytest.fixture(scope="module")
def run(tmp_path_factory: Any) -> Any:
    """Two processes that talk by gloo, as torchrun starts them."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    code = "import sys; from training.test_distributed import main; main(sys.argv[1])"
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, str(folder)],
            cwd=Path(__file__).parents[1],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        ends = [process.communicate(timeout=120)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], "\n".join(ends)
    return folder


def report(run: Any, rank: Any) -> Any:
    return json.loads((run / f"report{rank}.json").read_text())


def tensors(run: Any, rank: Any) -> Any:
    return torch.load(run / f"tensors{rank}", weights_only=True)


@pytest.mark.slow
def test_gradients_equal_those_of_one_process_with_the_joint_batch(run: Path) -> None:
    expected = gradients(TinyModule(dropout=0.0), tiny(**ONE_STEP))
    assert max(gradient.abs().max() for gradient in expected.values()) > 0.01
    for rank in range(2):
        found = tensors(run, rank)["gradients"]
        for name, gradient in expected.items():
            if name != "frozen":
                torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-6, msg=name)


@pytest.mark.slow
def test_training_equals_that_of_one_process(run: Path) -> None:
    module = TinyModule(dropout=0.0)
    result = fit(run, module, options(), VALID)
    for rank in range(2):
        for name, tensor in module.state_dict().items():
            torch.testing.assert_close(tensors(run, rank)["weights"][name], tensor, rtol=1e-4, atol=1e-5, msg=name)
        assert report(run, rank)["history"] == pytest.approx(
            [entry.metrics["perplexity"] for entry in result.history], rel=1e-4
        )
    assert report(run, 0)["history"] == report(run, 1)["history"]


def test_process_0_alone_logs_and_saves_for_all(run: Path) -> None:
    steps = [record.step for record in read_log(run / "log")]
    assert steps == sorted(set(steps))
    assert steps[-1] == report(run, 0)["steps"]
    assert [report(run, rank)["main"] for rank in range(2)] == [True, False]
    arrays = json.loads((run / "run" / "manifest.json").read_text())
    assert arrays["run"]["processes"] == 2


def test_all_processes_stop_together_and_resume_as_if_they_had_not(run: Path) -> None:
    for rank in range(2):
        assert report(run, rank)["interrupted"]
        assert report(run, rank)["resumed_like_uninterrupted"]
    assert report(run, 0)["stopped_at"] == 25


def test_one_clock_decides_for_all(run: Path) -> None:
    assert report(run, 0)["budget_steps"] == report(run, 1)["budget_steps"]


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert process_count() == 1
    assert is_main_process()
    alone = processes()
    assert (alone.rank, alone.count, alone.is_main) == (0, 1, True)
    tensor = torch.ones(2)
    assert alone.gathered(tensor) is tensor
    assert alone.total([1.5, 2]) == [1.5, 2]
    assert alone.decided([math.inf]) == [math.inf]
    monkeypatch.setenv("RANK", "1")  # some schedulers set it without meaning it
    assert is_main_process()


def test_an_environment_that_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "x")
    with pytest.raises(NlmkitError, match="WORLD_SIZE is 'x', not a number: start nlmkit with torchrun"):
        processes()


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.language_models.neural import training

    monkeypatch.setattr(training, "processes", lambda device: Processes(0, 3))
    with pytest.raises(HyperParameterError, match="batch=4 is not divisible by the number of processes, 3"):
        fit(None, TinyModule(), tiny(), None)
