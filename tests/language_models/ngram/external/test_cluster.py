from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toys import store_tasks as tasks
from toys.clusters import Cluster

from nlmkit.errors import DataError, HyperParameterError, NlmkitError
from nlmkit.language_models.ngram.external.choice import engine_of
from nlmkit.language_models.ngram.external.cluster import Dask
from nlmkit.language_models.ngram.external.engines import Serial
from nlmkit.language_models.ngram.external.processes import Processes
from nlmkit.language_models.ngram.external.store import Store


def test_an_engine_is_chosen_by_the_options() -> None:
    assert isinstance(engine_of(None), Serial)
    assert isinstance(engine_of(None, 3), Processes)
    serial = Serial()
    assert engine_of(serial) is serial
    with pytest.raises(HyperParameterError, match=r"^engine must be dask://HOST:PORT or .*, not 'ray://x'$"):
        engine_of("ray://x")
    with pytest.raises(HyperParameterError, match="workers=2: an engine has workers of its own"):
        engine_of("dask://127.0.0.1:1", 2)


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("nlmkit.language_models.ngram.external.cluster.CONNECT_SECONDS", 0.3)
    with pytest.raises(NlmkitError, match=r"^no Dask scheduler answers at tcp://127\.0\.0\.1:1: start one with dask"):
        engine_of("dask://127.0.0.1:1")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_killed_worker_changes_nothing_and_a_lost_scheduler_is_one_line(cluster: Cluster, tmp_path: Path) -> None:
    store, here = Store((tmp_path / "store").as_uri()), Store(tmp_path / "here")
    engine = engine_of(cluster.url)
    steps: list[float] = []
    mark = str(tmp_path / "killed")
    results = engine.run("count", tasks.killed_once, store, mark, range(5), advance=steps.append)
    assert (tmp_path / "killed").exists()
    assert results == Serial().run("count", tasks.killed_once, here, mark, range(5))
    assert len(steps) == 5
    assert store.names() == here.names()
    for name in store.names():
        assert store.read(name)["values"].tolist() == here.read(name)["values"].tolist()
    with pytest.raises(DataError, match=r"text\.txt, line 3: has no words"):
        engine.run("fails", tasks.fails, store, None, [1])
    with pytest.raises(NlmkitError, match=r"^task 0 of stage bug failed on the Dask cluster: KeyError: 'no'$"):
        engine.run("bug", tasks.raises_key_error, store, None, [0])

    threading.Thread(target=_kill_later, args=(cluster, store)).start()
    with pytest.raises(NlmkitError, match=r"^the connection to the Dask scheduler was lost in stage sleep: "):
        engine.run("sleep", tasks.sleeps, store, None, range(2))
    engine.close()
    assert Serial().run("count", tasks.fails, store, None, range(5)) == results  # their markers are kept


def test_a_connection_lost_while_a_result_is_fetched_is_one_line(tmp_path: Path) -> None:
    comm: Any = pytest.importorskip("distributed.comm")

    class Future:
        def add_done_callback(self, function: Any) -> None:
            function(self)

        def result(self) -> Any:
            raise self.error

    class Client:
        status = "running"

        def submit(self, *arguments: Any, **options: Any) -> Future:
            return Future()

        def cancel(self, futures: Any, force: bool) -> None: ...

    engine = Dask(Client())
    for Future.error, problem in (
        (comm.CommClosedError("in <TCP (closed)>"), "^the connection to the Dask scheduler was lost in stage count: "),
        (OSError(28, "No space left on device"), "No space left on device"),  # of a task
    ):
        with pytest.raises((NlmkitError, OSError), match=problem) as raised:
            engine.run("count", tasks.count, Store(tmp_path), 3, [1])
        assert isinstance(raised.value, NlmkitError) == problem.startswith("^")


def _kill_later(cluster: Cluster, store: Store) -> None:
    end = time.monotonic() + 20
    while not store.names("begun/") and time.monotonic() < end:
        time.sleep(0.05)
    cluster.scheduler.send_signal(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_of_a_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed: Any = pytest.importorskip("distributed")
    store = Store(tmp_path / "store")
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):
        engine = Dask(client, worker_seconds=0.1)
        with pytest.raises(NlmkitError, match=r"has had no workers for 0\.1 seconds \(stage count\)"):
            engine.run("count", tasks.count, store, 3, [1])
        local.scale(1)
        assert [result["sum"] for result in engine.run("count", tasks.count, store, 3, [2, 1])] == [15, 3]
        elsewhere = Store("memory://elsewhere")  # a process's own, as a local disk is a machine's own
        monkeypatch.setattr(Store, "done", lambda self, name: False)
        with pytest.raises(
            DataError, match=r"^memory://elsewhere: a worker of the Dask cluster does not see this folder"
        ):
            engine.run("count", tasks.count, elsewhere, 3, [1])
        engine.close()
        assert client.status == "running"
