from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toys import store_tasks as tasks

from nlmkit.errors import DataError, NlmkitError
from nlmkit.language_models.ngram.external.engines import Engine, Serial
from nlmkit.language_models.ngram.external.processes import Processes
from nlmkit.language_models.ngram.external.store import Store

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    engine = Processes(2)
    yield engine
    engine.close()


@pytest.fixture(params=["serial", pytest.param("processes", marks=pytest.mark.slow)])
def engine(request: pytest.FixtureRequest) -> Engine:
    return Serial() if request.param == "serial" else request.getfixturevalue("processes")


def test_results_come_in_order(engine: Engine, tmp_path: Path) -> None:
    store, steps = Store(tmp_path), list[float]()
    results = engine.run("count", tasks.count, store, 3, [3, 1, 2], advance=steps.append)
    assert [result["sum"] for result in results] == [36, 3, 15]
    assert steps == [1, 1, 1]
    assert engine.run("total", tasks.total, store, 3, [0]) == [54]


def test_a_task_with_a_marker_does_not_run(engine: Engine, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.commit("done/count/2", {"sum": -1})
    results = engine.run("count", tasks.count, store, 3, [1, 2])
    assert [result["sum"] for result in results] == [3, -1]
    assert store.names() == ["runs/1"]
    assert engine.run("count", tasks.killed_always, store, 3, [1, 2]) == results


def test_an_error_of_a_task_is_that_of_the_run(engine: Engine, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(DataError, match=r"text\.txt, line 3: has no words") as raised:
        engine.run("fails", tasks.fails, Store(tmp_path), None, [1, 2, 3])
    assert raised.value.line == 3
    assert time.monotonic() - began < 20
    assert not Store(tmp_path).done("done/fails/1")


@pytest.mark.slow
def test_tasks_run_in_other_processes(processes: Processes, tmp_path: Path) -> None:
    results = processes.run("count", tasks.count, Store(tmp_path), 1, range(6))
    assert os.getpid() not in {result["process"] for result in results}


@pytest.mark.slow
def test_a_task_whose_process_is_killed_runs_again(processes: Processes, tmp_path: Path) -> None:
    store, here = Store(tmp_path / "store"), Store(tmp_path / "here")
    results = processes.run("count", tasks.killed_once, store, str(tmp_path / "killed"), range(5))
    assert (tmp_path / "killed").exists()
    assert results == Serial().run("count", tasks.killed_once, here, str(tmp_path / "killed"), range(5))
    assert store.names() == here.names()
    for name in store.names():
        np.testing.assert_array_equal(store.read(name)["values"], here.read(name)["values"])


@pytest.mark.slow
def test_a_task_that_kills_its_process_is_given_up(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(NlmkitError, match=r"^task 7 of stage bad was begun 3 times, and its process was killed each"):
        processes.run("bad", tasks.killed_always, Store(tmp_path), None, [7])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert processes.run("count", tasks.count, Store(tmp_path), 3, [2])[0]["sum"] == 15


SCRIPT = """
import sys
from nlmkit.language_models.ngram.external.processes import Processes
from nlmkit.language_models.ngram.external.store import Store
from toys import store_tasks as tasks

if __name__ == "__main__":
    Processes(2).run("sleep", tasks.sleeps, Store(sys.argv[1]), None, range(4))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_processes_end_with_their_parent(number: int, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    store = Store(tmp_path / "store")
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "script.py", store.location],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: len(store.names("begun/")) == 2 or parent.poll() is not None)
    workers = [int(store.read(name)["process"][0]) for name in store.names("begun/")]
    assert len(workers) == 2
    os.killpg(parent.pid, number) if number == signal.SIGINT else parent.kill()
    _, errors = parent.communicate(timeout=20)
    assert errors.count("Traceback") <= 1, errors  # that of the script's own KeyboardInterrupt
    wait_until(lambda: not any(is_running(worker) for worker in workers))
    assert not any(is_running(worker) for worker in workers)


def wait_until(condition: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
