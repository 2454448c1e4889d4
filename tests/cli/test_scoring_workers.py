"""``--workers`` of ``nlmkit perplexity`` and ``nlmkit score``: threads that change no figure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import Run
from nlmkit import NGram
from nlmkit.core.storage import load
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.base import LanguageModel

WORKERS = 3


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """4,000 lines of words by a power law, from a fixed seed: several batches for each thread."""
    draws = np.random.default_rng(5).zipf(1.4, (4000, 8)) % 500
    path = tmp_path / "many.txt"
    path.write_text("".join(" ".join(f"w{number}" for number in line) + "\n" for line in draws.tolist()))
    return path


@pytest.fixture
def ngram(run: Run, text: Path, tmp_path: Path) -> Path:
    """A trigram model of the first 2,000 lines."""
    train = tmp_path / "train.txt"
    train.write_text("".join(text.read_text().splitlines(keepends=True)[:2000]))
    run("fit", "ngram", train, "-p", "order=3", "-o", "kn3")
    return tmp_path / "kn3"


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of threads of each pool that scoring makes."""
    made: list[int] = []

    def counted(threads: int) -> ThreadPoolExecutor:
        made.append(threads)
        return ThreadPoolExecutor(threads)

    monkeypatch.setattr("nlmkit.language_models.ngram.scoring.ThreadPoolExecutor", counted)
    return made


@pytest.mark.parametrize(
    "command",
    [
        ["perplexity", "--json"],
        ["perplexity", "--json", "--context", "stream"],
        ["perplexity", "--per-line"],
        ["perplexity", "--per-token", "--format", "jsonl"],
        ["perplexity", "--max-perplexity", "100"],
        ["score", "--json"],
    ],
)
def test_figures_do_not_depend_on_workers(
    command: list[str], run: Run, ngram: Path, text: Path, pools: list[int]
) -> None:
    name, *options = command
    one = run(name, ngram, text, *options).stdout
    assert one
    assert run(name, ngram, text, *options, "--workers", "1").stdout == one
    assert pools == []
    assert run(name, ngram, text, *options, "--workers", str(WORKERS)).stdout == one
    assert set(pools) == {WORKERS}


@pytest.mark.parametrize("command", ["perplexity", "score"])
def test_models_scored_by_one_thread_refuse_workers(command: str, run: Run, model: str, texts: Path) -> None:
    result = run(command, model, texts / "test.txt", "--workers", "2", code=2)
    assert f"--workers: toy-recency, which {model} is, is scored by one thread, unlike ngram" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("workers", ["0", "-1", "1.5", "many"])
def test_workers_are_a_whole_number_of_at_least_one(workers: str, run: Run, model: str, texts: Path) -> None:
    assert "--workers" in run("perplexity", model, texts / "test.txt", "--workers", workers, code=2).stderr


def test_in_python(ngram: Path, model: str, text: Path) -> None:
    lm, toy = load(ngram, NGram), load(model, LanguageModel)
    assert lm.score(text, threads=WORKERS) == lm.score(text)
    assert lm.report(text, threads=WORKERS) == lm.report(text)
    for scored in (toy.score, toy.report):
        with pytest.raises(HyperParameterError, match="threads=2: toy-recency is scored by one thread, unlike ngram"):
            scored(text, threads=2)
    with pytest.raises(HyperParameterError, match="threads must be a whole number"):
        lm.report(text, threads=0)
