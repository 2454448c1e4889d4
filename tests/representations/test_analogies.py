"""Analogies: answers against the contract's own `analogy`, coverage counted, files refused by line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.representations import Sparse, toy

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations import analogies
from nlmkit.representations.analogies import AnalogySet, evaluate_analogies, read_questions, standard_questions

ROYAL = {"man": (1, 0, 0), "woman": (1, 1, 0), "king": (1, 0, 1), "queen": (1, 1, 1), "far": (-3, 0, -1)}


def questions(**sections: list[str]) -> AnalogySet:
    return AnalogySet(
        name="made-up",
        sections={name: tuple(tuple(line.split()) for line in lines) for name, lines in sections.items()},  # type: ignore[misc]
    )


def random_vectors(words: int = 40, dimension: int = 6) -> dict[str, Any]:
    return {f"w{n}": row for n, row in enumerate(np.random.default_rng(5).normal(size=(words, dimension)))}


def random_questions(words: int = 40, n: int = 60) -> list[str]:
    random = np.random.default_rng(6)
    return [" ".join(f"w{m}" for m in random.choice(words, 4, replace=False)) for _ in range(n)]


def test_accuracy_and_coverage_by_section_and_in_total() -> None:
    asked = questions(
        royal=["man king woman queen", "woman queen man king", "man king woman far", "man king woman missing"],
        other=["a b c d", "man woman king queen"],
        none=["a b c d"],
    )
    report = evaluate_analogies(toy(ROYAL), asked)
    figures = {each.name: (each.correct, each.n, each.questions) for each in report.sections}
    assert figures == {"royal": (2, 3, 4), "other": (1, 1, 2), "none": (0, 0, 1)}
    assert (report.sections[0].accuracy, report.sections[0].coverage) == (2 / 3, 3 / 4)
    assert math.isnan(report.sections[2].accuracy)
    assert (report.total.correct, report.total.n, report.total.questions) == (3, 4, 7)
    assert report.total.accuracy == 3 / 4
    assert report.candidates == 5
    printed = report.to_dict()
    assert (printed["accuracy"], printed["coverage"], printed["n"]) == (3 / 4, 4 / 7, 4)
    assert [section["name"] for section in printed["sections"]] == ["royal", "other", "none"]


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
@pytest.mark.parametrize("limit", [None, 15])
def test_answers_are_those_of_the_contract(method: Any, limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.random.default_rng(1).permutation(40).tolist()
    representation = toy(random_vectors(), counts=counts)
    frequent = {f"w{n}" for n in range(40) if limit is None or counts[n] >= 40 - limit}
    lines = random_questions(n=200)
    expected = []
    for line in lines:
        a, b, c, answer = line.split()
        if frequent.issuperset((a, b, c, answer)):
            expected.append(representation.analogy(a, b, c, 1, method=method, restrict=limit)[0][0] == answer)
    for block in (1 << 22, 100):
        monkeypatch.setattr(analogies, "_ENTRIES", block)
        report = evaluate_analogies(representation, questions(all=lines), method=method, restrict_vocabulary=limit)
        assert (report.total.correct, report.total.n) == (sum(expected), len(expected))
        assert report.candidates == (limit or 40)
    assert len(expected) > 0


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_every_answer_is_the_contracts(method: Any) -> None:
    representation = toy(random_vectors())
    rows = np.array([[int(word[1:]) for word in line.split()[:3]] for line in random_questions()])
    unit = np.array([vector / np.linalg.norm(vector) for vector in random_vectors().values()], np.float32)
    found = analogies._answers(unit, rows, method)
    expected = [
        representation.analogy(*(f"w{n}" for n in row), 1, method=method)[0][0]  # type: ignore[misc]
        for row in rows.tolist()
    ]
    assert [f"w{n}" for n in found.tolist()] == expected


def test_words_keep_what_is_no_space(tmp_path: Path) -> None:
    """Only space, tab and CR separate, as in the text that the vectors were learned from."""
    path = tmp_path / "odd.txt"
    path.write_text(": odd\x0c \r\na\xa0b\tc\x0bd e\u3000f g\x85h\r\n\x0c", encoding="utf-8", newline="\n")
    with pytest.raises(DataError, match="line 3: expected four words"):
        read_questions(path)
    path.write_text(path.read_text("utf-8").removesuffix("\x0c"), encoding="utf-8", newline="\n")
    assert read_questions(path).sections == {"odd\x0c": (("a\xa0b", "c\x0bd", "e\u3000f", "g\x85h"),)}


def test_methods_differ() -> None:
    representation = toy(random_vectors())
    rows = np.array([[int(word[1:]) for word in line.split()[:3]] for line in random_questions()])
    unit = representation.normalized("unit").matrix[3:]
    assert analogies._answers(unit, rows, "3cosadd").tolist() != analogies._answers(unit, rows, "3cosmul").tolist()


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_sparse_representations_answer_alike(method: Any) -> None:
    pytest.importorskip("scipy", reason="one-hot matrices are scipy's")
    dense, sparse = toy(random_vectors()), Sparse().set_vectors(random_vectors())
    asked = questions(all=random_questions(n=300))
    assert evaluate_analogies(sparse, asked, method=method) == evaluate_analogies(dense, asked, method=method)


def test_words_are_in_the_case_of_the_text() -> None:
    asked = questions(royal=["Man KING Woman Queen"])
    assert evaluate_analogies(toy(ROYAL, lowercase=True), asked).total.correct == 1
    assert evaluate_analogies(toy(ROYAL), asked).total.n == 0


def test_vectors_of_zeros_are_no_hindrance() -> None:
    report = evaluate_analogies(toy({**ROYAL, "nothing": (0, 0, 0)}), questions(r=["man king woman queen"]))
    assert report.total.correct == 1


def test_wrong_options_are_refused() -> None:
    asked = questions(royal=["man king woman queen"])
    for options in ({"method": "3cos"}, {"restrict_vocabulary": 0}, {"restrict_vocabulary": True}):
        with pytest.raises(HyperParameterError, match=next(iter(options))):
            evaluate_analogies(toy(ROYAL), asked, **options)  # type: ignore[arg-type]


def test_the_standard_questions_are_googles() -> None:
    pytest.importorskip("gensim", reason="the standard questions come with gensim")
    standard = standard_questions()
    assert len(standard.sections) == 14
    assert sum(map(len, standard.sections.values())) == 19544
    assert standard.sections["capital-common-countries"][0] == ("Athens", "Greece", "Baghdad", "Iraq")
    assert len(standard.sections["family"]) == 506
    report = evaluate_analogies(toy(ROYAL))
    assert report.name == "google"
    assert (report.total.questions, report.sections[4].name) == (19544, "family")
    # man : woman :: king : queen and king : queen :: man : woman, and nothing else of these words
    assert (report.total.n, report.total.correct) == (2, 2)


def test_a_file_of_questions(tmp_path: Path) -> None:
    path = tmp_path / "q.txt"
    path.write_text("# c\n: 皇家\r\n男 王 女 后\n\n: b\na\tb c  d\n", encoding="utf-8")
    found = read_questions(path)
    assert found.sections == {"皇家": (("男", "王", "女", "后"),), "b": (("a", "b", "c", "d"),)}
    assert evaluate_analogies(toy(ROYAL), path).digest == found.digest


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("a b c d\n", ", line 1", "before the first section"),
        (": s\na b c\n", ", line 2", "found 3 words"),
        (": s\na b c d\n:\n", ", line 3", "section without a name"),
        (": s\na b c d\n: s\n", ", line 3", "duplicate section 's'"),
        ("", "", "no questions: expected ': section' and lines of four words"),
        (": s\n: t\na b c d\n", "", "section 's' has no questions: remove it"),
    ],
)
def test_malformed_questions_are_refused(text: str, place: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "q.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_questions(path)
    assert str(caught.value).startswith(f"{path}{place}: ")
    assert problem in str(caught.value)
