"""Vectors from files, mappings, arrays and gensim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit.core.run import RunOptions
from nlmkit.core.storage import load
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.vectors import Vectors
from nlmkit.text import Corpus, TextPipeline, Vocabulary

WORDS = {"cat": [1.0, 0.0], "</s>": [0.25, 0.25], "dog": [0.5, 0.75]}
EXPECTED = [[0, 0], [0, 0], [0.25, 0.25], [1, 0], [0.5, 0.75]]


def keyed() -> Any:
    from gensim.models import KeyedVectors

    made = KeyedVectors(vector_size=2)
    made.add_vectors(list(WORDS), np.array(list(WORDS.values()), np.float32))
    return made


def test_every_way_in_gives_the_same(tmp_path: Path) -> None:
    file = tmp_path / "v.txt"
    file.write_text("cat 1 0\n</s> .25 .25\ndog .5 .75\n")
    ways = {
        "mapping": Vectors().fit(WORDS),
        "path": Vectors().fit(file),
        "name": Vectors().fit(str(file)),
        "file": Vectors.from_file(file),
        "arrays": Vectors.from_arrays(list(WORDS), list(WORDS.values())),
        "vocabulary": Vectors.from_arrays(Vocabulary(["cat", "dog"]), EXPECTED),
        "gensim": Vectors().fit(keyed()),
    }
    for way, vectors in ways.items():
        assert vectors.vocabulary_.words == ("<unk>", "<s>", "</s>", "cat", "dog"), way
        np.testing.assert_array_equal(vectors.matrix, np.array(EXPECTED, np.float32))
        assert vectors.dimension == 2
        assert not vectors.vocabulary_.counts.any()
        assert vectors.pipeline_ == TextPipeline()
    assert ways["file"].fit_report_ == {"format": "glove", "words": 2, "dimension": 2}
    assert ways["gensim"].fit_report_ == {"words": 2, "dimension": 2, "format": "gensim"}


def test_keyed_vectors_may_repeat_a_word(caplog: pytest.LogCaptureFixture) -> None:
    made = keyed()
    made.set_vecattr("cat", "count", 7)
    made.index_to_key[2] = "cat"
    vectors = Vectors().fit(made)
    assert vectors.vocabulary_.words[3:] == ("cat",)
    assert vectors.vocabulary_.counts.tolist() == [0, 0, 0, 7]
    np.testing.assert_array_equal(vectors.matrix, np.array(EXPECTED[:4], np.float32))
    (message,) = caplog.messages
    assert message.startswith("1 of 3 KeyedVectors repeat a word; the first vector of each word was kept (first:")
    assert "(first: 'cat', number 3, which was number 1 already)" in message
    with pytest.raises(DataError, match="duplicate word in the KeyedVectors: 'cat', number 3"):
        Vectors.from_keyed_vectors(made, repeated="error")


def test_counts_go_with_their_words() -> None:
    vectors = Vectors.from_arrays(list(WORDS), list(WORDS.values()), counts=[4, 6, 5])
    assert vectors.vocabulary_.counts.tolist() == [0, 0, 6, 4, 5]


def test_the_pipeline_is_kept_and_the_stage_named(tmp_path: Path) -> None:
    file = tmp_path / "v.vec"
    file.write_text("1 2\ncat 1 0\n")
    stages: list[tuple[str, float | None]] = []

    class Watches:
        def start(self, description: str, total: float | None = None) -> None:
            stages.append((description, total))

        def advance(self, amount: float) -> None:
            stages.append(("advance", amount))

    pipeline = TextPipeline(lowercase=True, tokenizer="word")
    vectors = Vectors.from_file(file, pipeline=pipeline, run=RunOptions(progress=Watches()))
    assert vectors.pipeline_ == pipeline
    assert vectors.similarity("CAT", "cat") == 1
    assert stages == [(f"reading {file}", 12), ("advance", 12)]
    vectors.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert isinstance(again, Vectors)
    assert (again.pipeline_, again.digest, again.hyper_parameters()) == (pipeline, vectors.digest, {})
    np.testing.assert_array_equal(again.matrix, vectors.matrix)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([["a", "cat"]], "`vectors` does not train on text"),
        (Corpus.read([["a", "cat"]]), "`vectors` does not train on text"),
        ({}, "no vectors"),
        ({"a": [1.0, 2.0], "b": [1.0]}, r"the vector of 'b' has shape \[1\], expected \[2\]"),
        ({"a": 1.0}, r"the vector of 'a' has shape \[\], expected \["),
        ({"a": [[1.0]]}, r"the vector of 'a' has shape \[1, 1\], expected \["),
        ({"a": ["x"]}, "'a' has an invalid vector: could not convert"),
        ({"a": [1.0], "b": [float("nan")]}, "the vector of 'b' contains NaN or an infinite value"),
        ({"a": [1e39]}, "the vector of 'a' contains NaN or an infinite value"),
        ({"a": []}, r"shape \[1, 0\]"),
        ({"a": [1.0], "": [1.0]}, "is empty"),
    ],
)
def test_what_is_no_vectors_is_refused(given: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        Vectors().fit(given)


@pytest.mark.parametrize(
    ("words", "matrix", "problem"),
    [
        (["a", "b"], [[1.0]], r"the matrix has shape \[1, 1\], expected \[2, d\]"),
        (["a"], [1.0], r"shape \[1\]"),
        (["a", "b"], [[1.0], [2.0, 3.0]], "not a matrix of numbers:"),
        (["a", "a"], [[1.0], [2.0]], "duplicate word in the matrix"),
        (["</s>", "</s>", "a"], [[1.0], [2.0], [3.0]], "duplicate word in the matrix"),
        ([], np.zeros((0, 2)), "no words"),
        (Vocabulary(["a"]), [[1.0]], r"the matrix has shape \[1, 1\], expected \[4, d\]"),
    ],
)
def test_wrong_arrays_are_refused(words: Any, matrix: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        Vectors.from_arrays(words, matrix)


@pytest.mark.parametrize("counts", [[1], [1, 2, 3], []])
def test_counts_of_other_words_are_refused(counts: list[int]) -> None:
    with pytest.raises(DataError, match=f"{len(counts)} counts for 2 words"):
        Vectors.from_arrays(["a", "b"], [[1.0], [2.0]], counts=counts)


def test_validation_text_and_other_objects_are_refused() -> None:
    with pytest.raises(HyperParameterError, match="vectors does not use validation text"):
        Vectors().fit(WORDS, valid=[["a"]])
    with pytest.raises(DataError, match="expected KeyedVectors, not dict"):
        Vectors.from_keyed_vectors(WORDS)
