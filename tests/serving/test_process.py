"""A server as a process of its own, and a client: slow and malformed requests, signals, several workers."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from nlmkit import NGram, load

pytestmark = pytest.mark.slow

posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
TRAIN = ["the cat sat on the mat", "the dog sat", "the cat ran"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "kn"
    NGram(order=3).fit(TRAIN * 50).save(folder)
    return folder


@contextmanager
def server(model: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "nlmkit", "serve", str(model), "--port", "0", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[:1]])}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"note: serving kn at (http://127\.0\.0\.1:\d+)/", line)
        assert found is not None, line
        yield process, found[1]
    finally:
        process.kill()
        process.wait()
        for stream in (process.stderr, process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture(scope="module")
def url(model: Path) -> Iterator[str]:
    with server(model, "--upload-limit", "1.5", "--max-body", "2000") as (_, address):
        yield address


def raw(url: str, *parts: bytes, wait: float = 0.0) -> bytes:
    """What the server sends back until it closes the connection."""
    port = int(url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(wait)
        received = b""
        while piece := connection.recv(1 << 16):
            received += piece
    return received


def whole_answer(connection: socket.socket) -> bytes:
    """One answer, whose body is JSON."""
    received = b""
    while not received.endswith(b"}"):
        piece = connection.recv(1 << 16)
        assert piece, received
        received += piece
    return received


def status_and_error(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


def test_scores_over_kept_connections_equal_those_of_the_saved_model(url: str, model: Path) -> None:
    lm: Any = load(model)
    with httpx.Client(base_url=url) as client:
        for text in [*TRAIN, "the unicorn ran"]:
            (found,) = client.post("/v1/surprisal", json={"text": text}).json()["results"]
            assert [each["log_prob"] for each in found["tokens"]] == lm.log_probs([text]).tolist()
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/v1/models").json()["models"][0]["digest"] == lm.digest
        assert client.post("/v1/score", content=b"{", headers={"content-type": "application/json"}).status_code == 400
        assert "server" not in client.get("/health").headers


def test_requests_that_do_not_arrive(url: str) -> None:
    late = (408, "the request did not arrive within 1.5 s")
    assert status_and_error(raw(url)) == late
    assert status_and_error(raw(url, b"GET /health HTTP/1.1\r\nHost:")) == late
    head = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"
    assert status_and_error(raw(url, head + b'{"text"')) == (408, "the body did not arrive within 1.5 s")
    after = raw(url, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\r\n", wait=0.1)
    assert after.count(b"HTTP/1.1 200") == 1
    assert after.count(b"HTTP/1.1 408") == 1


@pytest.mark.parametrize(
    "nonsense", [b"\x16\x03\x01\x02\x00\x01", b"HELO\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"]
)
def test_what_is_not_http(url: str, nonsense: bytes) -> None:
    assert status_and_error(raw(url, nonsense)) == (400, "the request is not HTTP/1.1")


def test_long_headers_and_bodies(url: str) -> None:
    long = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000
    assert status_and_error(raw(url, long)) == (431, "the headers are longer than 32768 bytes")
    head = (
        b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2001\r\n\r\n"
    )
    assert status_and_error(raw(url, head)) == (413, "the body is longer than 2000 bytes")
    chunked = head.replace(b"Content-Length: 2001", b"Transfer-Encoding: chunked")
    assert status_and_error(raw(url, chunked, b"7d1\r\n" + b" " * 2001 + b"\r\n"))[0] == 413


def test_host_names_of_others(url: str) -> None:
    assert httpx.get(f"{url}/health", headers={"host": "evil.example"}).status_code == 421


def wait_until_closed(port: int) -> None:
    """Wait until the server accepts no more connections."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
        except OSError:
            return
        time.sleep(0.05)


@posix
@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_lets_requests_finish(model: Path, workers: int) -> None:
    with server(model, "--workers", str(workers), "--upload-limit", "100") as (process, url):
        body = json.dumps({"text": "the cat"}).encode()
        head = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
        request = head + str(len(body)).encode() + b"\r\n\r\n" + body
        port = int(url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(request)
            assert b"HTTP/1.1 200" in whole_answer(connection)  # it has started
            connection.sendall(request[:-5])
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            if workers == 1:
                wait_until_closed(port)
            connection.sendall(request[-5:])
            answer = whole_answer(connection)
        assert b"HTTP/1.1 200" in answer
        assert workers > 1 or b"connection: close" in answer
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@posix
def test_ctrl_c_exits_with_130(model: Path) -> None:
    with server(model) as (process, url):
        assert httpx.get(f"{url}/health").is_success
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == "nlmkit: interrupted\n"
