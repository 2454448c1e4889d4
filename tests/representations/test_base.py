"""What every representation does with its vectors, against hand-made figures and NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.broken_representations import Correct, Subwords

from nlmkit.core.storage import load
from nlmkit.errors import DataError, HyperParameterError, NlmkitError, SavedModelError
from nlmkit.representations import neighbours
from nlmkit.representations.vectors import Vectors
from nlmkit.saving.state import FittedState
from nlmkit.text import TextPipeline, Vocabulary

# A small world: royalty to the right, women upwards, and a fruit.
WORLD = {
    "king": [4.0, 1.0, 0.0],
    "queen": [4.0, 3.0, 0.0],
    "man": [1.0, 1.0, 0.0],
    "woman": [1.0, 3.0, 0.0],
    "apple": [0.0, 0.0, 2.0],
}


@pytest.fixture
def world() -> Vectors:
    return Vectors().fit(WORLD)


def cosine(a: str, b: str) -> float:
    one, two = np.array(WORLD[a]), np.array(WORLD[b])
    return float(one @ two / np.sqrt((one @ one) * (two @ two)))


# ------------------------------------------------------------------------------------------------------- lookup


def test_words_are_looked_up_as_spelt_and_then_as_the_pipeline_spells_them() -> None:
    cased = {"the": [1.0], "The": [2.0], "ﬁsh": [3.0], "fish": [4.0]}
    exact = Vectors.from_arrays(list(cased), list(cased.values()))
    assert exact.ids(["the", "The", "THE", "ﬁsh"]).tolist() == [3, 4, -1, 5]
    folded = Vectors.from_arrays(
        list(cased), list(cased.values()), pipeline=TextPipeline(lowercase=True, unicode_form="NFKC")
    )
    assert folded.vectors(["the", "The", "THE", "ﬁsh", "ﬁSH"])[:, 0].tolist() == [1, 2, 1, 3, 4]
    assert "THE" in folded
    assert "THE" not in exact
    assert 7 not in exact
    assert exact.ids([]).dtype == np.int64


def test_special_words_have_a_vector_where_their_row_is_not_zero() -> None:
    vectors = Vectors().fit({"a": [1.0, 0.0], "</s>": [0.0, 1.0]})
    assert vectors.has_special() == (False, False, True)
    assert vectors.ids(["<unk>", "<s>", "</s>", "a"]).tolist() == [-1, -1, 2, 3]
    with pytest.raises(DataError, match="'<unk>' has no vector"):
        vectors.vectors(["<unk>"])


def test_rules_for_words_without_a_vector(world: Vectors) -> None:
    asked = ["king", "kign", "king"]
    with pytest.raises(
        DataError, match=r"the word 'kign' has no vector in this vectors representation; did you mean king"
    ):
        world.vectors(asked)
    king = WORLD["king"]
    assert world.vectors(asked, oov="zero").tolist() == [king, [0, 0, 0], king]
    mean = np.mean(list(WORLD.values()), axis=0, dtype=np.float32)
    np.testing.assert_allclose(world.vectors(asked, oov="mean-rare")[1], mean, rtol=1e-6)
    with pytest.raises(DataError, match="has no vector for <unk>: choose another oov rule"):
        world.vectors(asked, oov="unk")
    with_unknown = Vectors().fit({**WORLD, "<unk>": [7.0, 8.0, 9.0]})
    assert with_unknown.vectors(asked, oov="unk").tolist() == [king, [7, 8, 9], king]
    with pytest.raises(
        HyperParameterError, match="oov must be one of error, zero, unk, mean-rare, not 'zeros'; did you"
    ):
        world.vectors(asked, oov="zeros")
    with pytest.raises(DataError, match=r"given as one string, 'king': put it in a list"):
        world.vectors("king")


def test_the_rarest_words_are_those_of_the_smallest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "RAREST", 2)
    words, rows = ["a", "b", "c", "d"], [[1.0], [10.0], [100.0], [1000.0]]
    counted = Vectors.from_arrays(words, rows, counts=[5, 1, 9, 2])
    assert counted.vectors(["x"], oov="mean-rare")[0, 0] == 505
    uncounted = Vectors.from_arrays(words, rows)
    assert uncounted.vectors(["x"], oov="mean-rare")[0, 0] == 550
    assert neighbours.most_frequent(counted).tolist() == [5, 3, 6, 4]
    assert neighbours.most_frequent(counted, 2).tolist() == [5, 3]
    assert neighbours.most_frequent(uncounted, 2).tolist() == [3, 4]


def test_vectors_made_of_parts_are_used_everywhere() -> None:
    representation = Subwords().fit([["a", "b", "c", "a"]])
    assert "abcabc" in representation
    assert representation.ids(["abcabc"]).tolist() == [-1]
    made = representation.vectors(["a", "abcabc"])[1]
    assert made.tolist() == [np.float32(3 / 7)] * 5
    assert representation.similarity("abcabc", "xyzzy") == pytest.approx(1)
    assert representation.most_similar("abcabc", 1)[0][0] in {"a", "b", "c"}
    aligned = representation.align(Vocabulary(["abcabc", "a"]))
    assert aligned.known.tolist() == [False, False, False, True, True]
    assert aligned.matrix is not None
    assert aligned.matrix[3].tolist() == made.tolist()


# --------------------------------------------------------------------------------------------------- comparison


def test_similarity(world: Vectors) -> None:
    assert world.similarity("king", "woman") == pytest.approx(cosine("king", "woman"), abs=1e-15)
    assert world.similarity("king", "king") == 1
    assert world.similarity("king", "apple") == 0
    assert world.similarity("king", "woman", "euclidean") == pytest.approx(1 / (1 + 13**0.5), abs=1e-15)
    assert world.similarity("king", "king", "euclidean") == 1
    with pytest.raises(
        HyperParameterError, match="measure must be one of cosine, euclidean, not 'cosin'; did you mean c"
    ):
        world.similarity("king", "man", "cosin")  # type: ignore[arg-type]
    zero = Vectors().fit({"a": [0.0, 0.0], "b": [1.0, 1.0]})
    assert zero.similarity("a", "b") == 0


def test_most_similar(world: Vectors) -> None:
    found = world.most_similar("king")
    assert [word for word, _ in found] == ["queen", "man", "woman", "apple"]
    assert [value for _, value in found] == pytest.approx([cosine("king", word) for word, _ in found], abs=1e-15)
    assert world.most_similar("king", 2, exclude=["queen"])[0][0] == "man"
    assert world.most_similar("king", 2, exclude="queen") == world.most_similar("king", 2, exclude=["queen"])
    assert [word for word, _ in world.most_similar("king", 9, restrict=2)] == ["queen"]
    assert [word for word, _ in world.most_similar("man", 2, measure="euclidean")] == ["woman", "apple"]
    assert world.most_similar("man", 1, measure="euclidean")[0][1] == pytest.approx(1 / 3)
    assert world.most_similar(np.array([0, 0, 9]), 1) == [("apple", 1.0)]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ([1.0, 2.0], r"the vector has shape \[2\], expected \[3\]"),
        (np.zeros((1, 3)), r"the vector has shape \[1, 3\], expected \["),
        ([1.0, float("nan"), 2.0], "the vector contains NaN or an infinite value"),
        (["king", "queen"], "expected a word or a vector:"),
        (None, "shape|neither"),
    ],
)
def test_what_is_no_vector_is_refused(query: Any, problem: str, world: Vectors) -> None:
    with pytest.raises(DataError, match=problem):
        world.most_similar(query)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True])
def test_wrong_numbers_of_words_are_refused(wrong: Any, world: Vectors) -> None:
    with pytest.raises(HyperParameterError, match="n must be a whole number of at least 1"):
        world.most_similar("king", wrong)
    with pytest.raises(HyperParameterError, match="restrict must be a whole number of at least 1"):
        world.analogy("man", "king", "woman", restrict=wrong)


def test_equal_words_come_in_the_order_of_their_ids() -> None:
    vectors = Vectors().fit({word: [1.0, float(word == "odd")] for word in ("d", "odd", "b", "c", "a")})
    assert [word for word, _ in vectors.most_similar([1.0, 0.0], 3)] == ["d", "b", "c"]


def test_analogies(world: Vectors) -> None:
    assert [word for word, _ in world.analogy("man", "king", "woman", 1)] == ["queen"]
    assert [word for word, _ in world.analogy("man", "king", "woman", 9)] == ["queen", "apple"]
    units = {word: np.array(row) / np.linalg.norm(row) for word, row in WORLD.items()}
    target = units["king"] - units["man"] + units["woman"]
    expected = float(units["queen"] @ target / np.linalg.norm(target))
    assert world.analogy("man", "king", "woman", 1)[0][1] == pytest.approx(expected, abs=1e-12)
    moved = {word: (1 + cosine("queen", word)) / 2 for word in ("king", "woman", "man")}
    expected = moved["king"] * moved["woman"] / (moved["man"] + 0.001)
    found = world.analogy("man", "king", "woman", 1, method="3cosmul")
    assert found[0][0] == "queen"
    assert found[0][1] == pytest.approx(expected, abs=1e-12)
    assert world.analogy("man", "king", "woman", restrict=1) == []
    with pytest.raises(HyperParameterError, match="method must be one of 3cosadd, 3cosmul, not '3cos'"):
        world.analogy("man", "king", "woman", method="3cos")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="'boy' has no vector"):
        world.analogy("boy", "king", "woman")


def test_analogies_are_those_of_gensim() -> None:
    random = np.random.default_rng(3)
    words = [f"w{index}" for index in range(40)]
    vectors = Vectors.from_arrays(words, random.normal(size=(40, 6)).astype(np.float32))
    keyed = vectors.to_keyed_vectors()
    for a, b, c in (("w1", "w2", "w3"), ("w4", "w4", "w9"), ("w39", "w0", "w7")):
        expected = keyed.most_similar(positive=[b, c], negative=[a], topn=5)
        found = vectors.analogy(a, b, c, 5)
        assert [word for word, _ in found] == [word for word, _ in expected]
        np.testing.assert_allclose([v for _, v in found], [v for _, v in expected], atol=1e-6)
    expected = keyed.most_similar("w5", topn=7)
    assert [word for word, _ in vectors.most_similar("w5", 7)] == [word for word, _ in expected]
    assert vectors.doesnt_match(words[:6]) == keyed.doesnt_match(words[:6])


def test_the_word_that_does_not_match(world: Vectors) -> None:
    assert world.doesnt_match(["king", "apple", "queen", "man"]) == "apple"
    with pytest.raises(DataError, match="a list of at least three words"):
        world.doesnt_match(["king", "man"])
    with pytest.raises(DataError, match="'pear' has no vector"):
        world.doesnt_match(["king", "apple", "pear"])


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(8)
    vectors = Vectors.from_arrays([f"w{i}" for i in range(50)], random.normal(size=(50, 4)).astype(np.float32))

    def figures() -> list[Any]:
        return [
            vectors.most_similar("w3", 50),
            vectors.most_similar("w3", 50, measure="euclidean"),
            vectors.analogy("w1", "w2", "w3", 50),
            vectors.normalized("rescale_std").matrix.tolist(),
        ]

    whole = figures()
    monkeypatch.setattr(neighbours, "_BLOCK_VALUES", 12)
    for found, expected in zip(figures()[:3], whole[:3], strict=True):
        assert [word for word, _ in found] == [word for word, _ in expected]
        np.testing.assert_allclose([v for _, v in found], [v for _, v in expected], atol=1e-14)
    np.testing.assert_allclose(figures()[3], whole[3], rtol=1e-6)


@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=2, max_size=9), st.integers(1, 9))
def test_most_similar_sorts_all_similarities(rows: list[list[int]], n: int) -> None:
    words = [f"w{index}" for index in range(len(rows))]
    vectors = Vectors.from_arrays(words, np.array(rows, np.float32))
    for measure in ("cosine", "euclidean"):
        every = [(word, vectors.similarity("w0", word, measure)) for word in words[1:]]  # type: ignore[arg-type]
        found = vectors.most_similar("w0", n, measure=measure)  # type: ignore[arg-type]
        assert len(found) == min(n, len(every))
        wanted = sorted((value for _, value in every), reverse=True)[:n]
        np.testing.assert_allclose([value for _, value in found], wanted, atol=1e-12)


# -------------------------------------------------------------------------------------------------- normalising


def test_ways_of_normalising(world: Vectors) -> None:
    rows = np.array(list(WORLD.values()))
    none = world.normalized("none")
    np.testing.assert_array_equal(none.matrix, world.matrix)
    assert none.matrix is not world.matrix
    unit = world.normalized("unit")
    np.testing.assert_allclose(unit.matrix[3:], rows / np.linalg.norm(rows, axis=1, keepdims=True), rtol=1e-6)
    centred = world.normalized("centre")
    np.testing.assert_allclose(centred.matrix[3:], rows - rows.mean(axis=0), rtol=1e-6)
    for scaled, std in ((world.normalized("rescale_std"), 1.0), (world.normalized("rescale_std", std=0.1), 0.1)):
        assert scaled.matrix[3:].std() == pytest.approx(std, rel=1e-6)
        np.testing.assert_allclose(scaled.matrix[3:], rows * std / rows.std(), rtol=1e-6)
    for made in (none, unit, centred):
        assert not made.matrix[:3].any()
        assert made.vocabulary_ == world.vocabulary_
    assert unit.fit_report_ == {"words": 5, "dimension": 3, "made_from": "vectors", "normalized": "unit"}


def test_normalising_keeps_counts_and_pipeline() -> None:
    vectors = Vectors.from_arrays(["a", "b"], [[1.0], [3.0]], counts=[4, 2], pipeline=TextPipeline(lowercase=True))
    copy = vectors.normalized("centre")
    assert copy.vocabulary_.counts.tolist() == [0, 0, 0, 4, 2]
    assert copy.pipeline_ == vectors.pipeline_


def test_normalising_refuses_what_cannot_be(world: Vectors) -> None:
    with pytest.raises(
        HyperParameterError,
        match="how must be one of none, unit, centre, rescale_std, all-but-the-top, not 'center'; did",
    ):
        world.normalized("center")  # type: ignore[arg-type]
    for std in (0, -1.0, float("nan"), float("inf"), True, "x"):
        with pytest.raises(HyperParameterError, match="std must be a positive number"):
            world.normalized("rescale_std", std=std)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="all values of the vectors are equal"):
        Vectors().fit({"a": [2.0, 2.0]}).normalized("rescale_std")


def test_all_but_the_top_leaves_out_the_directions_of_greatest_variance() -> None:
    random = np.random.default_rng(3)
    rows = random.normal(size=(60, 6)) * [9, 5, 1, 1, 1, 1] + 2
    vectors = Vectors.from_arrays([f"w{i}" for i in range(60)], rows)
    centred = rows - rows.mean(axis=0)
    right = np.linalg.svd(centred)[2]
    for components, expected in ((None, 1), (1, 1), (2, 2), (5, 5)):
        found = vectors.normalized("all-but-the-top", components=components)
        kept = centred - centred @ right[:expected].T @ right[:expected]
        np.testing.assert_allclose(found.matrix[3:], kept, atol=1e-4)
        assert not found.matrix[:3].any()  # <unk> is missing, and not added
    wide = Vectors.from_arrays([f"w{i}" for i in range(400)], random.normal(size=(400, 300)))
    assert np.linalg.matrix_rank(wide.normalized("all-but-the-top").matrix[3:], tol=1e-3) == 297
    single = Vectors.from_arrays(["a", "b"], [[1.0], [3.0]])
    assert single.normalized("all-but-the-top").matrix[3:].ravel().tolist() == [-1, 1]  # nothing else would be left
    for components in (0, 6, True, 1.0):
        with pytest.raises(HyperParameterError, match="components must be a whole number from 1 to 5, not"):
            vectors.normalized("all-but-the-top", components=components)  # type: ignore[arg-type]
    with pytest.raises(HyperParameterError, match="components=2 has no effect: it needs how=all-but-the-top"):
        vectors.normalized("centre", components=2)


# ------------------------------------------------------------------------------------------- gensim, saving


def test_keyed_vectors_have_the_words_and_counts() -> None:
    vectors = Vectors.from_arrays(["a", "</s>", "b"], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], counts=[7, 8, 9])
    keyed = vectors.to_keyed_vectors()
    assert keyed.index_to_key == ["</s>", "a", "b"]
    assert keyed["a"].tolist() == [1, 2]
    assert [keyed.get_vecattr(word, "count") for word in keyed.index_to_key] == [8, 7, 9]
    again = Vectors.from_keyed_vectors(keyed)
    assert again.vocabulary_ == vectors.vocabulary_
    assert again.vocabulary_.counts.tolist() == [0, 0, 8, 7, 9]
    np.testing.assert_array_equal(again.matrix, vectors.matrix)
    assert "count" not in Vectors().fit(WORLD).to_keyed_vectors().expandos


def test_without_gensim_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, world: Vectors) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gensim.models", None)
    with pytest.raises(NlmkitError, match=r"pip install 'nlmkit\[gensim\]'"):
        world.to_keyed_vectors()


def test_seconds_are_reported_and_not_saved(tmp_path: Path) -> None:
    fitted = Correct().fit([["a", "b"]])
    fitted.fit_report_ = {"words": 2, "seconds": 1.5, "records_per_second": 3.0, "training_seconds": 2.0}
    assert fitted.fitted_state().metadata == {"fit_report": {"words": 2}}


@pytest.mark.parametrize(
    ("arrays", "metadata", "problem"),
    [
        ({}, {"fit_report": {}}, "'matrix' is missing"),
        ({"matrix": np.zeros((5, 4), np.float32)}, {"fit_report": {}}, r"shape \[5, 4\], expected \[5, 5\]"),
        ({"matrix": np.zeros((4, 5), np.float32)}, {"fit_report": {}}, r"shape \[4, 5\], expected \[5, 5\]"),
        ({"matrix": np.zeros((5, 5))}, {"fit_report": {}}, "dtype float64"),
        ({"matrix": np.full((5, 5), np.nan, np.float32)}, {"fit_report": {}}, "vectors are not finite"),
        ({"matrix": np.zeros((5, 5), np.float32)}, {}, "fit_report is missing from its metadata"),
    ],
)
def test_a_damaged_state_is_refused(arrays: dict[str, Any], metadata: dict[str, Any], problem: str) -> None:
    fitted = Correct().fit([["a", "b"]])
    with pytest.raises(SavedModelError, match=problem):
        fitted.restore(FittedState(arrays, metadata))


def test_vectors_without_values_are_refused(world: Vectors) -> None:
    with pytest.raises(SavedModelError, match="its vectors have no values"):
        world.restore(FittedState({"matrix": np.zeros((8, 0), np.float32)}, {"fit_report": {}}))


def test_what_is_not_finite_is_never_fitted() -> None:
    fitted = Correct().fit([["a", "b"]])
    with pytest.raises(NlmkitError, match="kit-correct-vectors returned vectors that are not finite"):
        fitted._set_fitted(
            vocabulary=fitted.vocabulary_,
            pipeline=fitted.pipeline_,
            matrix=np.full((5, 5), np.inf, np.float32),
            report={},
        )
    for matrix in (np.zeros((5, 5)), np.zeros((4, 5), np.float32), np.zeros((5, 4), np.float32)):
        with pytest.raises(ValueError, match="the matrix is"):
            fitted._set_fitted(vocabulary=fitted.vocabulary_, pipeline=fitted.pipeline_, matrix=matrix, report={})


def test_a_model_without_vocabulary_is_refused(tmp_path: Path, world: Vectors) -> None:
    import json

    world.save(tmp_path / "m")
    file = tmp_path / "m" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["pipeline"] = None
    file.write_text(json.dumps(manifest))
    with pytest.raises(SavedModelError, match="a representation without a text pipeline"):
        load(tmp_path / "m")
