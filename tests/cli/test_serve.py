"""``nlmkit serve``: options, and errors before anything is served."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Run
from nlmkit import NGram
from nlmkit.errors import NlmkitError
from nlmkit.serving import server as server_module
from nlmkit.serving.server import address, listening, serve
from nlmkit.serving.settings import Settings


@pytest.fixture
def model(tmp_path: Path) -> Path:
    NGram(order=2, smoothing="add-k").fit(["the cat sat"]).save(tmp_path / "kn")
    return tmp_path / "kn"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would have been served."""
    found: list[Any] = []
    monkeypatch.setattr(server_module, "serve", lambda *given: found.append(given))
    return found


def test_options_become_settings(run: Run, model: Path, served: list[Any]) -> None:
    options = (
        "--port 0 --max-body 2048 --max-texts 3 --max-characters 9 --time-limit 1.5 --upload-limit 2 --concurrency 4"
    )
    result = run("serve", f"lm={model}", *options.split(), "--threads", "5")
    assert result.stderr.startswith("note: serving lm at http://127.0.0.1:")
    assert result.stdout == ""
    ((settings, _, models),) = served
    limits = settings.limits
    assert (limits.body_bytes, limits.items, limits.characters, limits.concurrency) == (2048, 3, 9, 4)
    assert (limits.seconds, limits.upload_seconds, limits.threads) == (1.5, 2.0, 5)
    assert settings.models == (("lm", str(model)),)
    assert settings.hosts == {"localhost", "127.0.0.1", "::1"}
    assert (list(models), settings.workers, settings.verify, settings.debug) == (["lm"], 1, True, False)


def test_workers_load_models_themselves(run: Run, model: Path, served: list[Any]) -> None:
    result = run("serve", str(model), "--port", "0", "--workers", "2", "--quiet", "--debug")
    assert result.stderr == ""
    ((settings, _, models),) = served
    assert (models, settings.workers, settings.verify, settings.debug) == ({}, 2, False, True)


@pytest.mark.parametrize(
    ("options", "hosts"),
    [
        (["--allow-host", "Models.example"], {"localhost", "127.0.0.1", "::1", "models.example"}),
        (["--allow-host", "*"], None),
        (["--host", "0.0.0.0"], None),
        (["--host", "0.0.0.0", "--allow-host", "[::2]"], {"localhost", "127.0.0.1", "::1", "0.0.0.0", "::2"}),
    ],
)
def test_host_names(run: Run, model: Path, served: list[Any], options: list[str], hosts: set[str] | None) -> None:
    run("serve", str(model), "--port", "0", *options)
    assert served[0][0].hosts == hosts


@pytest.mark.parametrize("name", ["https://a", "a:80", "a b", ""])
def test_a_host_name_has_no_port_and_scheme(run: Run, model: Path, name: str) -> None:
    result = run("serve", str(model), "--port", "0", "--allow-host", name, code=1)
    assert "expected a host name without scheme and port" in result.stderr


def test_errors_come_before_serving(run: Run, model: Path, tmp_path: Path, served: list[Any]) -> None:
    assert "nowhere" in run("serve", str(tmp_path / "nowhere"), "--port", "0", code=1).stderr
    assert "two models are named kn" in run("serve", str(model), str(model), code=1).stderr
    assert "MODEL" in run("serve", code=2).stderr
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        message = run("serve", str(model), "--port", port, code=1).stderr
    assert message.startswith(f"nlmkit: cannot listen on 127.0.0.1, port {port}: Address already in use")
    assert "cannot listen on" in run("serve", str(model), "--host", "a..b", code=1).stderr
    assert served == []


def test_addresses() -> None:
    with listening("localhost", 0) as listener:
        assert address(listener).startswith("http://")
    if socket.has_ipv6:
        try:
            with listening("::1", 0) as listener:
                assert address(listener) == f"http://[::1]:{listener.getsockname()[1]}/"
        except NlmkitError:
            pytest.skip("the machine has no IPv6")


@pytest.mark.parametrize(
    ("interrupted", "terminated", "error"),
    [(False, True, None), (True, False, KeyboardInterrupt), (False, False, NlmkitError)],
)
def test_how_workers_end(
    monkeypatch: pytest.MonkeyPatch, interrupted: bool, terminated: bool, error: type[BaseException] | None
) -> None:
    class Supervisor(server_module._Supervisor):
        def __init__(self, config: Any, sockets: Any) -> None:
            self.should_exit = type("Event", (), {"set": lambda self: None})()

        def run(self) -> None:
            if interrupted:
                self.handle_int()
            if terminated:
                self.handle_term()

    monkeypatch.setattr(server_module, "_Supervisor", Supervisor)
    settings = Settings(models=(), workers=2)
    with listening("127.0.0.1", 0) as listener:
        if error is None:
            serve(settings, listener, {})
            return
        with pytest.raises(error):
            serve(settings, listener, {})


def test_answers_do_not_wait_for_acknowledgements() -> None:
    with listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
