"""Fits by tasks in processes, on a cluster and in a shared folder have the bytes of a fit in memory."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from toys.clusters import Cluster

from nlmkit import NGram
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError, NlmkitError
from nlmkit.language_models.ngram.external.engines import Serial, Task
from nlmkit.language_models.ngram.external.outside import fit_model
from nlmkit.language_models.ngram.external.planning import Plan
from nlmkit.language_models.ngram.external.store import Store

PLAN = Plan(chunk_events=700, part_windows=900)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = np.random.default_rng(5)
    words = np.array([f"w{number}" for number in range(40)])
    lines = [" ".join(words[generator.zipf(1.4, generator.integers(0, 12)) % 40]) for _ in range(400)]
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture(scope="module")
def expected(text: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in NGram(order=4).fit(text).table_.arrays().items()}


def fitted(text: Any, **options: Any) -> dict[str, bytes]:
    _, found = fit_model(NGram(order=4), text, RunOptions(**options), planned=PLAN)
    return {name: array.tobytes() for name, array in found.table.arrays().items()}


class Counting(Serial):
    """Runs tasks in turn, and fails at the task of a number in all."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.tasks = 0
        self._fails_at = fails_at

    def run(
        self, stage: str, function: Task, store: Store, settings: Any, numbers: Iterable[int], **options: Any
    ) -> list[Any]:
        def counted(store: Store, settings: Any, number: int) -> Any:
            if self.tasks == self._fails_at:
                raise KeyboardInterrupt
            self.tasks += 1
            return function(store, settings, number)

        return super().run(stage, counted, store, settings, numbers, **options)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("fails_at", [0, 2, 4, 7, 9])
def test_a_second_run_goes_on_from_the_finished_tasks(
    fails_at: int, text: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    pytest.importorskip("fsspec")
    url = tmp_path.as_uri()
    everything = Counting()
    assert fitted(text, engine=everything, temporary_folder=url) == expected
    assert files(tmp_path) == []
    with pytest.raises(KeyboardInterrupt):
        fitted(text, engine=Counting(fails_at), temporary_folder=url)
    assert files(tmp_path)
    rest = Counting()
    assert fitted(text, engine=rest, temporary_folder=url) == expected
    assert rest.tasks == everything.tasks - fails_at
    assert files(tmp_path) == []


def test_tasks_of_another_text_are_not_used(text: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    changed = tmp_path / "text.txt"
    changed.write_text(text.read_text().replace("w3", "w4"))
    url = (tmp_path / "shared").as_uri()
    with pytest.raises(KeyboardInterrupt):
        fitted(changed, engine=Counting(6), temporary_folder=url)
    changed.write_text(text.read_text())
    assert fitted(changed, engine=Serial(), temporary_folder=url) == expected


@pytest.mark.slow
def test_processes_have_the_same_bytes(text: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    assert fitted(text, workers=2, memory="1G", temporary_folder=tmp_path) == expected
    assert files(tmp_path) == []


def test_a_cluster_needs_a_folder_that_its_workers_reach(text: Path) -> None:
    engine = Serial()
    engine.is_shared = True  # type: ignore[attr-defined]
    with pytest.raises(HyperParameterError, match=r"^engine: the workers of a cluster exchange files: add a temporary"):
        fitted(text, engine=engine)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_has_the_same_bytes_also_if_it_is_lost(
    text: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    shared = tmp_path / "shared"
    cluster = Cluster(tmp_path)

    def kill(process: Any, stage: str) -> None:
        end = time.monotonic() + 30
        while not list(shared.glob(f"nlmkit-run-*/done/{stage}/*.done")) and time.monotonic() < end:
            time.sleep(0.002)
        process.kill()

    try:
        killer = Thread(target=kill, args=(cluster.workers[0], "windows"))
        killer.start()
        assert fitted(text, engine=cluster.url, temporary_folder=shared) == expected
        killer.join()
        assert cluster.workers[0].wait() < 0
        assert files(shared) == []

        Thread(target=kill, args=(cluster.scheduler, "windows")).start()
        with pytest.raises(NlmkitError, match=r"^the connection to the Dask scheduler was lost in stage "):
            fitted(text, engine=cluster.url, temporary_folder=shared)
    finally:
        cluster.close()
    assert list(shared.glob("nlmkit-run-*/done/windows/*.done"))
    cluster = Cluster(tmp_path)
    try:
        assert fitted(text, engine=cluster.url, temporary_folder=shared) == expected
    finally:
        cluster.close()
    assert files(shared) == []


def test_a_table_is_limited_after_pruning(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pruned = NGram(order=3, prune=(0, 1, 3)).fit(text)
    sizes = pruned.fit_report_["ngrams"]
    limit = "nlmkit.language_models.ngram.external.fitting.MOST_NGRAMS"
    assert max(pruned.fit_report_["ngrams_before_pruning"]) > max(sizes)
    monkeypatch.setattr(limit, max(sizes))
    _, found = fit_model(NGram(order=3, prune=(0, 1, 3)), text, RunOptions(memory="1G"), planned=PLAN)
    assert found.table.sizes == sizes
    for k in (2, 3):
        monkeypatch.setattr(limit, sizes[k - 1] - 1)
        with pytest.raises(HyperParameterError, match=r"n-grams of order \d, and a table holds at most"):
            fit_model(NGram(order=3, prune=(0, 1, 3)), text, RunOptions(memory="1G"), planned=PLAN)
