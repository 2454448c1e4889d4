"""Options of ``fit`` for components that train in steps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nlmkit.errors import SavedModelError
from nlmkit.training.checkpoint_folders import beside

from .conftest import Run

SMALL = ("-p", "hidden=8", "-p", "embedding=4", "-p", "epochs=2", "-p", "batch=2", "-p", "bptt=5")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.set_num_threads(1)


@pytest.mark.slow
def test_a_neural_model_is_fitted_logged_drawn_and_scored(run: Run, texts: Path) -> None:
    train, test = texts / "train.txt", texts / "test.txt"
    result = run(
        *("fit", "lstm", train, "--valid", test, "-o", "lstm", "--seed", "7", "--log", "log.jsonl"),
        *("--plot", "curve.png", "--device", "cpu", "--precision", "float32", "--json", *SMALL),
    )
    facts = json.loads(result.stdout)
    assert facts["resolved"]["params"]["seed"] == 7
    assert Path("curve.png").read_bytes().startswith(b"\x89PNG")
    assert all(json.loads(line) for line in Path("log.jsonl").read_text(encoding="utf-8").splitlines())
    assert not Path("lstm.checkpoint").exists()
    for context in ("sentence", "stream"):
        report = json.loads(run("perplexity", "lstm", test, "--context", context, "--json").stdout)
        assert report["context"] == context
        assert report["events"] == 8


@pytest.mark.slow
def test_a_budget_is_a_duration(run: Run, texts: Path) -> None:
    train = texts / "train.txt"
    assert "invalid duration" in run("fit", "lstm", train, "-o", "m", "--budget", "soon", code=2).stderr
    run("fit", "lstm", train, "-o", "m", "--budget", "2s", "-q", *SMALL)
    assert Path("m", "manifest.json").exists()


def test_what_does_not_train_in_steps_refuses_the_options(run: Run, texts: Path) -> None:
    result = run("fit", "ngram", texts / "train.txt", "-o", "m", "--budget", "2s", "--resume", code=2)
    assert "--budget, --resume: ngram does not train in steps" in result.stderr
    assert not Path("m").exists()


def test_a_picture_that_cannot_be_drawn_is_refused_before_training(run: Run, texts: Path) -> None:
    for name in ("curve.nonsense", "nowhere/curve.png"):
        run("fit", "lstm", texts / "train.txt", "-o", "m", "--plot", name, *SMALL, code=1)
    assert not Path("m").exists()
    assert not Path("m.checkpoint").exists()


def test_one_rate_of_dropout_stands_for_several(run: Run, texts: Path) -> None:
    options = ("-p", "dropout=0.4", "-p", "layers=2", "-p", "dropout_output=0.1", *SMALL)
    facts = json.loads(run("fit", "lstm", texts / "train.txt", "-o", "m", "--json", *options).stdout)
    params = facts["resolved"]["params"]
    assert [params[f"dropout{name}"] for name in ("", "_input", "_hidden", "_output")] == [0.4, 0.4, 0.4, 0.1]
    manifest = json.loads(Path("m", "manifest.json").read_text(encoding="utf-8"))
    assert manifest["hyper_parameters"]["dropout_hidden"] == 0.4


@pytest.mark.parametrize(
    ("model", "option", "reason"),
    [
        ("nnlm", "weight_drop=0.5", "weight_drop is not for nnlm: it has no recurrent weights"),
        ("gru", "forget_bias=1", "forget_bias is not for gru: it has no forget gate"),
        ("lstm", "order=3", "order is not for lstm: it reads the whole history"),
    ],
)
def test_an_option_of_another_model_is_refused_with_the_reason(
    model: str, option: str, reason: str, run: Run, texts: Path
) -> None:
    assert reason in run("fit", model, texts / "train.txt", "-o", "m", "-p", option, code=1).stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGINT")
def test_ctrl_c_says_how_to_go_on_and_going_on_gives_the_same_model(
    run: Run, texts: Path, environment: dict[str, str]
) -> None:
    args = ["fit", "lstm", str(texts / "train.txt"), "--device", "cpu", *SMALL, "-p", "epochs=100"]
    command = [sys.executable, "-m", "nlmkit", *args, "-o", "cut", "--log", "log.jsonl"]
    process = subprocess.Popen(
        command,
        env=environment | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background ignores it, and children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    try:
        deadline = time.monotonic() + 60
        while not (Path("log.jsonl").exists() and Path("log.jsonl").read_text()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    step = json.loads(Path("cut.checkpoint", "manifest.json").read_text(encoding="utf-8"))["step"]
    assert process.returncode == 130
    assert stderr == (
        f"nlmkit: interrupted: cut.checkpoint contains a checkpoint of step {step}: "
        "repeat the command with --resume to continue\n"
    )
    resumed = run(*args, "-o", "cut", "--log", "log.jsonl", "--resume", "--json")
    assert "replaces" not in resumed.stderr
    through = json.loads(run(*args, "-o", "through", "--json").stdout)
    assert 0 < step < through["fit"]["steps"]
    assert json.loads(resumed.stdout)["digest"] == through["digest"]


def test_a_checkpoint_that_a_new_run_replaces_is_told_of(
    run: Run, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlmkit.training.run import Loop

    def interrupted(loop: Loop) -> None:
        if loop.step == 3:
            raise KeyboardInterrupt
        original(loop)

    original = Loop._take_step
    args = ("fit", "lstm", texts / "train.txt", "-o", "m", "--device", "cpu", *SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_take_step", interrupted)
        assert "m.checkpoint contains a checkpoint of step 3: repeat" in run(*args, code=130).stderr
        patch.setattr(Loop, "run", lambda *_, **__: signal.raise_signal(signal.SIGINT))
        result = run(*args, code=130)  # before this run has left anything
    replaced = "note: m.checkpoint contains a checkpoint of step 3, which this run replaces"
    assert result.stderr == f"{replaced}; use --resume to continue from it\nnlmkit: interrupted\n"
    assert replaced in run(*args).stderr
    assert not Path("m.checkpoint").exists()
    assert "replaces" not in run(*args).stderr


def test_sigterm_saves_says_how_to_go_on_and_exits_with_143(
    run: Run, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlmkit.training.run import Loop

    def terminated(loop: Loop) -> None:
        if loop.step == 3:
            signal.raise_signal(signal.SIGTERM)
        original(loop)

    original = Loop._take_step
    args = ("fit", "lstm", texts / "train.txt", "-o", "m", "--device", "cpu", *SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_take_step", terminated)
        assert run(*args, code=143).stderr == (
            "nlmkit: terminated: m.checkpoint contains a checkpoint of step 4: "
            "repeat the command with --resume to continue\n"
        )
    assert (
        json.loads(run(*args, "--resume", "--json").stdout)["digest"]
        == json.loads(run(*args, "--json").stdout)["digest"]
    )


def test_resume_without_a_checkpoint_is_noted(run: Run, texts: Path) -> None:
    result = run("fit", "lstm", texts / "train.txt", "-o", "m", "--device", "cpu", "--resume", *SMALL)
    assert "note: m.checkpoint contains no checkpoint to resume from: training starts at the first step\n" in (
        result.stderr
    )


@pytest.mark.parametrize("output", [".", "./", "../inner/.", "{here}"])
def test_a_folder_of_any_name_has_its_checkpoint_beside_it(
    output: str, run: Run, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = Path("outer").absolute()
    (outer / "inner").mkdir(parents=True)
    monkeypatch.chdir(outer / "inner")
    seen = []
    from nlmkit.training.run import Loop

    original = Loop._save

    def saved(loop: Loop) -> None:
        original(loop)
        seen.append(Path(loop._options.checkpoint or "").absolute().resolve())

    monkeypatch.setattr(Loop, "_save", saved)
    there = output.format(here=outer / "inner")
    run("fit", "lstm", texts / "train.txt", "-o", there, "--device", "cpu", *SMALL)
    assert (outer / "inner" / "manifest.json").exists()
    assert sorted(path.name for path in outer.iterdir()) == ["inner"]
    assert set(seen) == {outer.resolve() / "inner.checkpoint"}


def test_what_is_beside_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "outer" / "inner")
    assert beside(Path("m"), ".checkpoint") == Path("m.checkpoint")
    assert beside(Path("a/m"), ".checkpoint") == Path("a/m.checkpoint")
    assert beside(Path(), ".checkpoint") == Path("../inner.checkpoint")
    assert beside(Path(".."), ".checkpoint") == Path("../../outer.checkpoint")
    with pytest.raises(SavedModelError, match="/: is the root folder"):
        beside(Path("/"), ".checkpoint")


def test_a_link_in_place_of_the_checkpoint_is_refused(run: Run, texts: Path) -> None:
    Path("elsewhere").mkdir()
    Path("elsewhere", "thesis.tex").touch()
    Path("m.checkpoint").symlink_to("elsewhere")
    for more in ((), ("--resume",)):
        result = run("fit", "lstm", texts / "train.txt", "-o", "m", "--device", "cpu", *more, *SMALL, code=1)
        assert "m.checkpoint: is a symbolic link" in result.stderr
    assert [path.name for path in Path("elsewhere").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("lr", ["1e4", "100"])
@pytest.mark.parametrize("valid", [True, False])
def test_diverged_training_saves_no_model(lr: str, valid: bool, run: Run, texts: Path) -> None:
    train = texts / "train.txt"
    given = ("--valid", train) if valid else ()
    result = run("fit", "lstm", train, *given, "-o", "x", "--device", "cpu", *SMALL, "-p", f"lr={lr}", code=1)
    assert "nlmkit: training diverged at step " in result.stderr
    assert "try a lower lr" in result.stderr
    assert not Path("x").exists()
