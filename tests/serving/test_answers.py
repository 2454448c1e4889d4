"""Answers over HTTP are those of the Python API and the command line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from nlmkit import Cache, HMMTagger, NGram
from nlmkit.cli.group import nlmkit
from nlmkit.core.kinds import KINDS
from nlmkit.serving.models import Served, all_questions
from serving.conftest import REVIEWS, TEXTS, TRAIN, Served_


def asked(client: TestClient, question: str, **body: Any) -> list[dict[str, Any]]:
    response = client.post(f"/v1/{question}", json=body)
    assert response.status_code == 200, response.text
    found = response.json()
    assert list(found) == ["model", "results"]
    results: list[dict[str, Any]] = found["results"]
    return results


def printed(tmp_path: Path, component: Any, command: str, *options: str, texts: list[str]) -> list[dict[str, Any]]:
    """What a command prints of texts, as JSON lines."""
    component.save(tmp_path / "model")
    file = tmp_path / "texts.txt"
    file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    result = CliRunner().invoke(nlmkit, [command, str(tmp_path / "model"), str(file), *options])
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_scores_are_those_of_log_probs_and_of_the_command(
    client: TestClient, components: dict[str, Any], tmp_path: Path
) -> None:
    results = asked(client, "score", model="kn", texts=TEXTS)
    lm = components["kn"]
    assert [each["log_prob"] for each in results] == [float(np.add.reduce(lm.log_probs([text]))) for text in TEXTS]
    lines = printed(tmp_path, lm, "perplexity", "--per-line", "--format", "jsonl", texts=TEXTS)
    assert [{**each, "text": text} for each, text in zip(results, TEXTS, strict=True)] == [
        {name: line[name] for name in line} for line in lines
    ]
    assert asked(client, "score", model="kn", text=TEXTS[1]) == results[1:2]


def test_figures_are_those_of_a_report(client: TestClient, components: dict[str, Any]) -> None:
    texts = [" ".join(["the cat sat on", "a dog"][number % 3 == 1] for number in range(length)) for length in (9, 50)]
    for text, result in zip(texts, asked(client, "score", model="kn", texts=texts), strict=True):
        report = components["kn"].report(iter([text])).to_dict()
        assert result == {name: report[name] for name in result}


def test_many_texts_are_scored_as_each_alone(client: TestClient, components: dict[str, Any]) -> None:
    texts = [" ".join(TRAIN[index % 4].split()[: index % 7]) for index in range(100)]
    results = asked(client, "score", model="kn", texts=texts)
    assert results == [asked(client, "score", model="kn", text=text)[0] for text in texts]
    assert results[0]["events"] == 1  # an empty sentence has </s>


def test_surprisal_is_that_of_the_command(client: TestClient, components: dict[str, Any], tmp_path: Path) -> None:
    results = asked(client, "surprisal", model="kn", texts=TEXTS)
    lines = printed(tmp_path, components["kn"], "perplexity", "--per-token", "--format", "jsonl", texts=TEXTS)
    rows = [
        {"sentence": sentence, "position": position, **token}
        for sentence, result in enumerate(results, start=1)
        for position, token in enumerate(result["tokens"], start=1)
    ]
    assert rows == lines
    assert [token["token"] for token in results[1]["tokens"]] == ["猫", "ran", "away", "</s>"]
    values = [token["log_prob"] for result in results for token in result["tokens"]]
    assert values == components["kn"].log_probs(TEXTS).tolist()


def test_next_words_are_the_most_probable(client: TestClient, components: dict[str, Any]) -> None:
    (found,) = asked(client, "next", model="kn", text="the cat", top=4)
    lm = components["kn"]
    state = lm.advance(lm.advance(lm.start(), lm.vocabulary_.id("the")), lm.vocabulary_.id("cat"))
    values = lm.next_log_probs(state)
    best = sorted(range(len(values)), key=lambda place: (-values[place], place))[:4]
    assert [each["word"] for each in found["words"]] == [lm.vocabulary_.word(place) for place in best]
    assert [each["log_prob"] for each in found["words"]] == values[best].tolist()
    assert found["words"][0]["probability"] == math.exp(values[best[0]])
    (every,) = asked(client, "next", model="kn", text="", top=1000)
    assert sum(each["probability"] for each in every["words"]) == pytest.approx(1)
    assert len(every["words"]) == lm.vocabulary_.size_predictable


def test_scores_that_are_not_probabilities_have_no_perplexity(client: TestClient) -> None:
    (found,) = asked(client, "score", model="stupid", text="the cat")
    assert list(found) == ["log_prob", "events", "oov"]
    for question in ("surprisal", "next"):
        response = client.post(f"/v1/{question}", json={"model": "stupid", "text": "the cat"})
        assert response.json() == {"error": f"stupid does not answer {question}, but score"}


def test_numbers_that_json_lacks_are_null(serve: Served_) -> None:
    closed = NGram(order=2, closed=True, smoothing="witten-bell").fit(TRAIN)
    client = serve({"closed": closed})
    (found,) = asked(client, "score", text="the unicorn")
    assert found["log_prob"] is None
    assert found["perplexity"] is None
    assert found["oov"] == 1


def test_a_model_that_adapts_does_not_remember_other_texts(serve: Served_) -> None:
    cache = Cache(model=NGram(order=2).fit(TRAIN), weight=0.5, decay=0.9).fit()
    texts = ["the dog ran", "the dog ran"]
    results = asked(serve({"cache": cache}), "score", texts=texts)
    assert results[0] == results[1]
    assert results[0]["log_prob"] == float(np.add.reduce(cache.log_probs(texts[:1])))


def test_labels_are_those_of_the_command(client: TestClient, components: dict[str, Any], tmp_path: Path) -> None:
    texts = [*REVIEWS[0], "", "two\twords"]
    results = asked(client, "classify", model="logreg", texts=texts, highlights=True)
    lines = printed(tmp_path, components["logreg"], "classify", "--json", "--highlights", texts=texts)
    for line in lines:
        line["highlights"] = [{"token": token, "weight": weight} for token, weight in line["highlights"]]
    assert results == lines
    assert "highlights" not in asked(client, "classify", model="logreg", text="good")[0]


def test_trees_are_classified(client: TestClient, components: dict[str, Any]) -> None:
    tree = "(neg (neg bad) (neu film))"
    (found,) = asked(client, "classify", model="trees", text=tree)
    assert found["label"] == components["trees"].predict([tree])[0]
    response = client.post("/v1/classify", json={"model": "trees", "texts": [tree, "not a tree"]})
    assert response.status_code == 422
    assert "2" in response.json()["error"]


def test_numbers_are_those_of_the_command(client: TestClient, components: dict[str, Any], tmp_path: Path) -> None:
    results = asked(client, "predict", texts=REVIEWS[0], highlights=True)
    lines = printed(tmp_path, components["ridge"], "predict", "--json", "--highlights", texts=REVIEWS[0])
    for line in lines:
        line["highlights"] = [{"token": token, "weight": weight} for token, weight in line["highlights"]]
    assert results == lines


@pytest.mark.parametrize("options", [(), ("--marginals",)])
@pytest.mark.parametrize(("name", "texts"), [("people", ["He saw Ann Lee", "", "Bo"]), ("segmenter", ["abcd cd", "x"])])
def test_tags_are_those_of_the_command(
    client: TestClient, components: dict[str, Any], tmp_path: Path, name: str, texts: list[str], options: tuple[str]
) -> None:
    results = asked(client, "tag", model=name, texts=texts, marginals=bool(options))
    words = [result.pop("words", None) for result in results]
    assert results == printed(tmp_path, components[name], "tag", "--json", *options, texts=texts)
    if name == "segmenter":
        file = tmp_path / "texts.txt"
        shown = CliRunner().invoke(nlmkit, ["tag", str(tmp_path / "model"), str(file), "--format", "words"]).stdout
        assert [" ".join(each or []) for each in words] == shown.splitlines()


def test_plain_tags_have_no_spans(serve: Served_) -> None:
    tagger = HMMTagger().fit([["a", "b"], ["b", "a"]], [["N", "V"], ["V", "N"]])
    client = serve({"plain": tagger})
    (found,) = asked(client, "tag", text="a b", marginals=True)
    assert (found["tags"], "spans" in found) == (["N", "V"], False)
    assert found["probabilities"] == [row[tag] for row, tag in zip(found["marginals"], ["N", "V"], strict=True)]


def test_translations_are_those_of_the_model(client: TestClient, components: dict[str, Any]) -> None:
    results = asked(client, "translate", texts=["a b", " ", "c"], n_best=2)
    wanted = components["toy"].n_best(["a b", "c"], 2)
    assert results[1] == {"translation": "", "tokens": [], "log_prob": None, "score": None, "n_best": []}
    for result, best in zip([results[0], results[2]], wanted, strict=True):
        assert result["translation"] == best[0].text
        assert (result["tokens"], result["score"]) == (list(best[0].tokens), best[0].score)
        assert [each["log_prob"] for each in result["n_best"]] == [each.log_prob for each in best]
    assert "n_best" not in asked(client, "translate", text="a")[0]
    assert asked(client, "translate", text="")[0]["translation"] == ""


def test_vectors_are_described(client: TestClient, components: dict[str, Any]) -> None:
    results = asked(client, "describe", vectors=[[0, 1], [1.0, 0.0]])
    assert [each["translation"] for each in results] == components["describer"].predict(np.eye(2)[::-1])
    response = client.post("/v1/describe", json={"vector": [1, 2, 3]})
    assert response.status_code == 422


def test_neighbours_are_those_of_the_model(client: TestClient, components: dict[str, Any]) -> None:
    results = asked(client, "similar", words=["cat", "unicorn"], top=2)
    wanted = components["one-hot"].most_similar("cat", 2)
    assert [(each["word"], each["similarity"]) for each in results[0]["neighbours"]] == wanted
    assert results[1]["neighbours"] == []
    assert "unicorn" in results[1]["reason"]


def test_a_backward_model_predicts_the_word_before(serve: Served_) -> None:
    from toys.language_models import Bigram

    class Backward(Bigram):
        @property
        def reads_backward(self) -> bool:
            return True

    model = Backward().fit(TRAIN)
    (found,) = asked(serve({"backward": model}), "next", text="cat sat", top=1)
    state = model.advance(model.advance(model.start(), model.vocabulary_.id("sat")), model.vocabulary_.id("cat"))
    assert found["words"][0]["word"] == model.vocabulary_.word(int(model.next_log_probs(state).argmax()))


def test_every_kind_answers_something(components: dict[str, Any]) -> None:
    answered = {name for component in components.values() for name in Served.of("x", component).questions}
    assert answered == set(all_questions())
    assert {component.kind for component in components.values()} == {kind.name for kind in KINDS}
