"""Lists, the OpenAPI document and the pages: what they say, and that nothing in them is run."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from starlette.testclient import TestClient

from nlmkit.serving.models import all_questions
from nlmkit.serving.pages import kind_in_words
from serving.conftest import Served_

HOSTILE = "<script>alert(1)</script>\"'&amp;"


class Tags(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_models_are_listed_with_their_facts(client: TestClient, components: dict[str, Any]) -> None:
    listed = {each["name"]: each for each in client.get("/v1/models").json()["models"]}
    assert list(listed) == list(components)
    for name, component in components.items():
        assert listed[name]["digest"] == component.digest
        assert listed[name]["kind"] == component.kind
        assert listed[name]["questions"]
    assert listed["kn"]["vocabulary_size"] == components["kn"].vocabulary_.size_predictable
    assert listed["logreg"]["classes"] == ["neg", "pos"]
    assert listed["segmenter"]["segments"] is True
    assert (listed["describer"]["dimension"], listed["toy"]["takes"]) == (2, "texts")
    assert listed["one-hot"]["dimension"] == components["one-hot"].dimension
    assert "/secret" not in client.get("/v1/models").text


def test_the_document_has_every_question(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {*(f"/v1/{name}" for name in all_questions()), "/v1/models", "/health"}
    bodies = {
        name: document["paths"][f"/v1/{name}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        for name in ("score", "next", "similar")
    }
    assert bodies["score"]["properties"]["model"]["enum"] == ["kn", "stupid"]
    assert [bodies[name]["required"] for name in bodies] == [["model"], [], []]
    assert bodies["next"]["properties"]["top"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 1000,
        "default": 10,
        "description": "how many words",
    }


def test_answers_have_the_documented_keys(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    bodies: dict[str, dict[str, Any]] = {
        "score": {"model": "kn", "text": "the cat"},
        "surprisal": {"model": "kn", "text": "the cat"},
        "next": {"model": "kn", "text": "the cat"},
        "classify": {"model": "logreg", "text": "good", "highlights": True},
        "predict": {"text": "good", "highlights": True},
        "tag": {"model": "segmenter", "text": "abcd", "marginals": True},
        "translate": {"text": "a", "n_best": 2},
        "describe": {"vector": [0, 1], "n_best": 2},
        "similar": {"words": ["unicorn"]},
    }
    assert set(bodies) == set(all_questions())
    for name, body in bodies.items():
        answer = paths[f"/v1/{name}"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        documented = answer["properties"]["results"]["items"]["properties"]
        (result,) = client.post(f"/v1/{name}", json=body).json()["results"]
        assert set(result) == set(documented)


def test_the_document_has_only_questions_that_are_answered(serve: Served_, components: dict[str, Any]) -> None:
    client = serve({"ridge": components["ridge"]})
    assert set(client.get("/openapi.json").json()["paths"]) == {"/v1/predict", "/v1/models", "/health"}
    assert "/v1/score" not in client.get("/docs").text


def test_pages_load_nothing_from_elsewhere_and_run_no_script_of_their_own(client: TestClient) -> None:
    for path in ("/", "/docs"):
        response = client.get(path)
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        page = Tags(response.text)
        for tag, attributes in page.elements:
            assert not any(name.startswith("on") or name == "style" for name in attributes)
            assert tag != "style"
            assert tag != "script" or attributes.get("src") == "/static/try.js"
        found = {attributes.get(name) or "" for _, attributes in page.elements for name in ("src", "href")} - {""}
        assert all(address[0] in "/#" for address in found)
        assert all(client.get(address).is_success for address in found if address[0] == "/")
    script = client.get("/static/try.js").text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|https?:", script)
    assert "http" not in client.get("/static/style.css").text


def test_names_and_labels_are_shown_as_text(serve: Served_, components: dict[str, Any]) -> None:
    client = serve({HOSTILE: components["kn"]})
    page = client.get("/docs").text
    assert "<script>alert" not in page
    assert HOSTILE in Tags(page).text
    answer = client.post("/v1/surprisal", json={"text": HOSTILE})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["results"][0]["tokens"][0]["token"] == HOSTILE


def test_every_page_has_a_title_a_language_and_labels(client: TestClient) -> None:
    for path in ("/", "/docs"):
        elements = Tags(client.get(path).text).elements
        assert ("html", {"lang": "en"}) in elements
        assert any(tag == "title" for tag, _ in elements)
        labelled = {attributes.get("for") for tag, attributes in elements if tag == "label"}
        fields = {attributes["id"] for tag, attributes in elements if tag in ("select", "textarea", "input")}
        assert fields == labelled


def test_types_are_named_in_words() -> None:
    assert kind_in_words({"type": ["number", "null"]}) == "number or null"
    assert kind_in_words({"type": "array", "items": {"type": "string"}}) == "list of string"
    assert kind_in_words({"type": "integer", "minimum": 1, "maximum": 3, "default": 2}) == (
        "integer from 1 to 3, by default 2"
    )
    assert kind_in_words({"type": "object", "properties": {"a": {}, "b": {}}}) == "object with a, b"
    assert kind_in_words({"type": "boolean", "default": False}) == "boolean, by default false"
    assert kind_in_words({"enum": ["a", "b"]}) == "one of a, b"
