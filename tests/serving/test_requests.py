"""Requests that are refused: one line of JSON, a 4xx status, no path and no traceback."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from nlmkit import NGram
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.serving.application import bare_host
from nlmkit.serving.errors import RequestError, refusal, without_options
from nlmkit.serving.models import Served, choose, loaded, named
from serving.conftest import Served_

JSON = {"content-type": "application/json"}
GOOD = b'{"model": "kn", "text": "the cat"}'


def refused(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    assert list(found) == ["error"]
    message: str = found["error"]
    assert message
    assert "\n" not in message
    assert not any(secret in message for secret in ("/secret", "Traceback", ".py", "/work", "/tmp", " --", "(--"))
    return message


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not UTF-8"),
        (b"[1]", 400, "a JSON object"),
        (b"[" * 70 + b"]" * 70, 400, "nested deeper"),
        (b'{"model": "kn", "text": "a", "text": "b"}', 400, "twice"),
        (b'{"model": "kn", "text": "a", "top": NaN}', 400, "NaN"),
        (b'{"model": "kn", "text": "\\ud800"}', 400, "surrogate"),
        (b'{"model": "kn", "text": ' + b"9" * 5000 + b"}", 400, "too many digits"),
        (b'{"model": "kn"}', 422, "either text or texts"),
        (b'{"model": "kn", "text": "a", "texts": ["b"]}', 422, "either text or texts"),
        (b'{"model": "kn", "texts": []}', 422, "texts is empty"),
        (b'{"model": "kn", "texts": "the cat"}', 422, "must be a list"),
        (b'{"model": "kn", "texts": ["a", 3]}', 422, "text 2 must be a string"),
        (b'{"model": "kn", "text": {"a": "b"}}', 422, "text 1 must be a string"),
        (b'{"model": 3, "text": "a"}', 422, "model must be the name"),
        (b'{"model": "stupit", "text": "a"}', 404, "did you mean stupid?"),
        (b'{"model": "logreg", "text": "a"}', 404, "logreg does not answer score, but classify"),
        (b'{"text": "a"}', 422, "name one as model: kn, stupid"),
        (b'{"model": "kn", "text": "a", "tpo": 3}', 422, "no option 'tpo'"),
        (b'{"model": "kn", "texts": ["a", "b\\nc"]}', 422, "text 2: has a line feed"),
        (b'{"model": "kn", "texts": ["a", "b </s>"]}', 422, "text 2: the token </s> is the mark"),
        (b'{"model": "kn", "text": "a\\u0000"}', 422, "text 1: NUL byte"),
    ],
)
def test_malformed_bodies(client: TestClient, body: bytes, status: int, part: str) -> None:
    assert part in refused(client.post("/v1/score", content=body, headers=JSON), status)


@pytest.mark.parametrize(
    ("question", "body", "part"),
    [
        ("next", {"model": "kn", "text": "a", "top": 0}, "top must be a whole number from 1 to 1000"),
        ("next", {"model": "kn", "text": "a", "top": True}, "top must be"),
        ("next", {"model": "kn", "text": "a", "top": 10**400}, "top must be"),
        ("next", {"model": "kn", "text": "a\nb"}, "text 1: has a line feed"),
        ("next", {"model": "kn", "text": "</s>"}, "text 1: "),
        ("classify", {"model": "logreg", "text": "a", "highlights": 1}, "highlights must be true or false"),
        ("classify", {"model": "trees", "text": "(pos good)", "highlights": True}, "omit highlights"),
        ("similar", {"word": "cat", "measure": "angle"}, "measure must be cosine or euclidean"),
        ("similar", {"word": "cat", "measure": []}, "measure must be"),
        ("describe", {"vector": [True, False]}, "vector 1 must be a list of numbers"),
        ("describe", {"vector": [10**400, 0]}, "vector 1 must be a list of numbers"),
        ("describe", {"vector": [1e31, 0]}, "vector 1 must be a list of numbers"),
        ("describe", {"vectors": [[1, 0], []]}, "vector 2 must be a list of numbers"),
        ("describe", {"vectors": [[1, 0], [1]]}, "vector 2: has 1 numbers, but the model takes 2"),
    ],
)
def test_wrong_values(client: TestClient, question: str, body: dict[str, Any], part: str) -> None:
    assert part in refused(client.post(f"/v1/{question}", content=json.dumps(body), headers=JSON), 422)


def test_large_requests(serve: Served_, components: dict[str, Any]) -> None:
    some = {name: components[name] for name in ("kn", "describer")}
    client = serve(some, body_bytes=200, items=2, characters=10)
    assert "3 texts are more than 2" in refused(client.post("/v1/score", json={"texts": ["a"] * 3}), 413)
    assert "text 2 has 11 characters" in refused(client.post("/v1/score", json={"texts": ["a", "b" * 11]}), 413)
    assert "11 numbers, more than 10" in refused(client.post("/v1/describe", json={"vector": [0] * 11}), 413)
    assert "longer than 200 bytes" in refused(client.post("/v1/score", content=b" " * 201, headers=JSON), 413)
    endless = {**JSON, "content-length": "9" * 300}
    assert "longer than 200" in refused(client.post("/v1/score", content=b"{}", headers=endless), 413)
    chunks = client.post("/v1/score", content=iter([b" " * 150] * 2), headers=JSON)
    assert "longer than 200 bytes" in refused(chunks, 413)
    assert chunks.headers["connection"] == "close"


@pytest.mark.parametrize("kind", ["text/plain", "", "application/jsonp"])
def test_a_body_must_be_said_to_be_json(client: TestClient, kind: str) -> None:
    refused(client.post("/v1/score", content=GOOD, headers={"content-type": kind}), 415)
    assert client.post(
        "/v1/score", content=GOOD, headers={"content-type": "Application/JSON; charset=utf-8"}
    ).is_success


def test_unknown_addresses_and_methods(client: TestClient) -> None:
    for path in ("/nothing", "/v1/nothing", "/static/", "/static/../__init__.py", "/static/%2e%2e/errors.py"):
        refused(client.get(path), 404)
    assert "GET is not allowed" in refused(client.get("/v1/score"), 405)
    refused(client.post("/v1/models", content=GOOD, headers=JSON), 405)


def test_no_model_answers(serve: Served_, components: dict[str, Any]) -> None:
    client = serve({"only": components["logreg"]})
    assert "no served model answers score" in refused(client.post("/v1/score", json={"text": "a"}), 404)
    assert client.post("/v1/classify", json={"text": "good"}).json()["model"] == "only"


def test_host_names(serve: Served_, components: dict[str, Any]) -> None:
    client = serve({"kn": components["kn"]}, hosts=frozenset({"localhost", "::1"}))
    refused(client.get("/health"), 421)  # its host is testserver
    for host in ("localhost", "LocalHost:8000", "[::1]:80", "localhost."):
        assert client.get("/health", headers={"host": host}).json() == {"status": "ok"}
    for host in ("evil.example", "localhost.evil.example", "", "[::2]"):
        refused(client.get("/health", headers={"host": host}), 421)
    assert bare_host("a:1") == "a"


class Slow(NGram):
    """Waits until it is let go, then scores; or fails."""

    go_ = threading.Event()
    problem_: BaseException | None = None
    calls_ = 0

    def log_probs(self, *given: Any, **named: Any) -> Any:
        if self.problem_ is not None:
            raise self.problem_
        self.calls_ += 1
        self.go_.wait(10)
        return super().log_probs(*given, **named)


@pytest.fixture
def slow() -> Any:
    model = Slow(order=2, smoothing="add-k").fit(["the cat"])
    model.go_ = threading.Event()  # type: ignore[misc]
    yield model
    model.go_.set()


def test_an_answer_that_takes_too_long(serve: Served_, slow: Slow) -> None:
    client = serve({"slow": slow}, seconds=0.5, threads=1)
    message = refused(client.post("/v1/score", json={"text": "the"}), 413)
    assert message == "the answer takes longer than 0.5 s: send fewer or shorter texts"
    waiting = client.post("/v1/score", json={"text": "the"})  # while the thread is still at the first
    assert "waiting" in refused(waiting, 503)
    assert waiting.headers["retry-after"] == "1"
    slow.go_.set()
    while not client.post("/v1/score", json={"text": "the"}).is_success:  # on a busy machine, it is too slow again
        time.sleep(0.01)


def test_the_time_is_checked_between_texts(serve: Served_, slow: Slow) -> None:
    client = serve({"slow": slow}, seconds=0.5, threads=1)
    refused(client.post("/v1/score", json={"texts": ["the"] * 200}), 413)
    slow.go_.set()
    time.sleep(0.1)
    assert slow.calls_ == 1  # the first 32 texts were the last


def test_too_many_requests_at_a_time(serve: Served_, slow: Slow) -> None:
    client = serve({"slow": slow}, concurrency=1, threads=1)
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(client.post("/v1/score", json={"text": "the"})))
    thread.start()
    while not slow.calls_:
        time.sleep(0.001)
    response = client.post("/v1/score", json={"text": "the"})
    assert "1 requests are being answered" in refused(response, 503)
    slow.go_.set()
    thread.join(10)
    assert first[0].is_success
    assert client.get("/health").is_success


@pytest.mark.parametrize(
    ("problem", "status", "message"),
    [
        (RuntimeError("/secret/place in a.py"), 500, "internal error"),
        (MemoryError(), 413, "too little memory: send fewer or shorter texts"),
        (HyperParameterError("/secret/place/slow: not today"), 422, "slow: not today"),
        (DataError("no such thing", source="/secret/place"), 422, "text 1: no such thing"),
    ],
)
def test_faults_of_models(
    serve: Served_, slow: Slow, problem: BaseException, status: int, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    slow.problem_ = problem
    assert refused(serve({"slow": slow}).post("/v1/score", json={"text": "the"}), status) == message
    assert [record.getMessage() for record in caplog.records] == (
        ["internal error: RuntimeError while answering score"] if status == 500 else []
    )


def test_faults_of_the_server(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("/secret/place")

    monkeypatch.setattr("nlmkit.serving.application.call_of", broken)
    assert refused(client.post("/v1/score", content=GOOD, headers=JSON), 500) == "internal error"


def test_errors_name_the_text_of_the_request() -> None:
    def message(error: Any, first: int, count: int) -> str:
        return refusal(error, item="text", first=first, count=count, folders=[("kn", "/models/kn")]).message

    assert message(DataError("odd", line=3), 32, 32) == "text 35: odd"
    assert message(DataError("odd", line=40), 32, 32) == "odd"
    assert message(DataError("odd\nand long"), 4, 1) == "text 5: odd and long"
    assert message(HyperParameterError("/models/kn: odd"), 0, 5) == "kn: odd"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("no models (--model FOLDER): add one, or use --valid FILE", "no models: add one"),
        ("odd (a, b): use x (with --y; in Python, Z(y=True)), or z", "odd (a, b): use x, or z"),
        ("odd: use --x (in Python, X(y))", "odd"),
        ("a-b -- c--d, (e", "a-b -- c--d, (e"),
    ],
)
def test_options_of_the_command_line_are_not_shown(message: str, shown: str) -> None:
    assert without_options(message) == shown


def test_names_of_models(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    assert named(["models/kn5", "x=models/kn5", "a=b", "./c/d=e"]) == (
        ("kn5", "models/kn5"),
        ("x", "models/kn5"),
        ("a=b", "a=b"),
        ("d=e", "./c/d=e"),
    )
    for wrong in (["a", "x/a"], ["=a"], ["a="], ["n" * 101 + "=a"], ["a\x1bb=c"], ["/"]):
        with pytest.raises(HyperParameterError, match="NAME=FOLDER"):
            named(wrong)


def test_models_are_loaded_by_name(components: dict[str, Any], tmp_path: Any) -> None:
    components["kn"].save(tmp_path / "kn")
    found = loaded([("lm", str(tmp_path / "kn"))], verify=True)
    assert list(found["lm"].questions) == ["score", "surprisal", "next"]
    assert choose(found, "score", None) is found["lm"]
    with pytest.raises(RequestError):
        choose(found, "tag", "lm")


def test_a_tagger_with_columns_is_refused(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Columns:
        name, kind = "crf-tagger", "tagger"
        feature_names_ = ("shape",)

    monkeypatch.setattr("nlmkit.serving.models.load", lambda *_, **__: Columns())
    with pytest.raises(Exception, match="/place: crf-tagger reads columns beside the words"):
        loaded([("tagger", "/place")], verify=True)
    assert not Served.of("tagger", Columns()).questions
