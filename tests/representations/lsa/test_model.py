"""LSA: weights by hand, vectors against a dense decomposition, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from numpy.typing import NDArray

from nlmkit import DataError, HyperParameterError, SavedModelError, load
from nlmkit.representations.lsa import truncated_svd as svd_module
from nlmkit.representations.lsa.model import LSA
from nlmkit.representations.lsa.term_weights import log_entropy, ppmi, tf_idf
from nlmkit.representations.lsa.truncated_svd import RankError, truncated_svd
from nlmkit.saving.state import FittedState
from nlmkit.text import Corpus, TextPipeline

TEXT = [["red", "wine"], ["red", "beer"], ["old", "wine"], ["old", "beer"], ["new", "wine", "glass"]]


def sentences(count: int = 300, words: int = 40, seed: int = 0) -> list[list[str]]:
    """Sentences in which words of near numbers stand together."""
    random = np.random.default_rng(seed)
    starts = random.integers(0, words, count)
    return [[f"w{(start + step) % words}" for step in random.integers(0, 6, 8)] for start in starts]


def dense_ppmi(text: list[list[str]], words: tuple[str, ...], window: int, power: float, shift: float) -> NDArray[Any]:
    """PPMI by loops over tokens and pairs, straight from the formula."""
    place = {word: index for index, word in enumerate(words)}
    counts = np.zeros((len(words), len(words)))
    for sentence in text:
        for i, word in enumerate(sentence):
            for j, other in enumerate(sentence):
                if 0 < abs(i - j) <= window:
                    counts[place[word], place[other]] += 1
    total, smoothed = counts.sum(), counts.sum(axis=0) ** power
    result = np.zeros_like(counts)
    for i, j in zip(*np.nonzero(counts), strict=True):
        joint, word, context = counts[i, j] / total, counts[i].sum() / total, smoothed[j] / smoothed.sum()
        result[i, j] = max(0.0, math.log(joint / (word * context)) - math.log(shift))
    return result


def same_but_for_signs(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    signs = np.sign((found * expected).sum(axis=0))
    return bool(np.abs(found - expected * signs).max() < tolerance)


# ------------------------------------------------------------------------------------------------------ weights


def test_ppmi_of_a_small_text_is_that_computed_by_hand() -> None:
    # a b / a c: every pair once in either order; a occurs in two of four pairs, b and c in one.
    counts = scipy.sparse.csr_array(np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]]))
    plain = ppmi(counts, smoothing=1.0).toarray()
    assert np.allclose(plain, np.log(2) * (counts.toarray() > 0), atol=1e-15)
    # With power .75: 2^.75 = 1.68179 for a, 1 for b and c, 3.68179 together.
    smoothed = ppmi(counts, smoothing=0.75).toarray()
    assert smoothed[0] == pytest.approx([0, math.log(3.68179 / 2), math.log(3.68179 / 2)], abs=1e-5)
    assert smoothed[1:, 0] == pytest.approx([math.log(3.68179 / 1.68179)] * 2, abs=1e-5)
    shifted = ppmi(counts, smoothing=0.75, shift=2.0)
    assert shifted.nnz == 2
    assert shifted.toarray()[1:, 0] == pytest.approx([math.log(3.68179 / 1.68179 / 2)] * 2, abs=1e-5)


def test_log_entropy_of_a_small_text_is_that_computed_by_hand() -> None:
    # Of four documents, the terms are in all alike; in one; in two as 3 : 1; nowhere.
    counts = scipy.sparse.csr_array(np.array([[2, 2, 2, 2], [0, 5, 0, 0], [3, 0, 1, 0], [0, 0, 0, 0]]))
    weights = log_entropy(counts)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / math.log(4)
    expected = np.zeros((4, 4))
    expected[1, 1] = math.log(6)
    expected[2, [0, 2]] = math.log(4) * (1 - entropy), math.log(2) * (1 - entropy)
    assert np.allclose(weights.toarray(), expected, atol=1e-12)
    assert weights.nnz == 3
    one = log_entropy(scipy.sparse.csr_array(np.array([[1], [3]])))  # one document: nothing to tell terms apart by
    assert one.toarray().ravel() == pytest.approx([math.log(2), math.log(4)])


def test_tf_idf_of_a_small_text_is_that_computed_by_hand() -> None:
    counts = scipy.sparse.csr_array(np.array([[2, 2, 1, 2], [0, 5, 0, 0], [3, 0, 1, 0], [0, 0, 0, 0]]))
    weights = tf_idf(counts)
    expected = [[0, 0, 0, 0], [0, 5 * math.log(4), 0, 0], [3 * math.log(2), 0, math.log(2), 0], [0, 0, 0, 0]]
    assert np.allclose(weights.toarray(), expected, atol=1e-12)
    assert weights.nnz == 3


def test_weighting_leaves_the_counts_alone() -> None:
    counts = scipy.sparse.csr_array(np.array([[0, 1, 3], [1, 0, 1], [3, 1, 0]]))
    before = counts.toarray().copy()
    for weigh in (ppmi, log_entropy, tf_idf):
        weigh(counts)
        assert np.array_equal(counts.toarray(), before)


# ------------------------------------------------------------------------------------------------ decomposition


def matrix(rows: int, columns: int, seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    values = random.random((rows, columns)) * (random.random((rows, columns)) < 0.2)
    values[5] = 0.0
    values[:, 7] = 0.0
    return scipy.sparse.csr_array(values)


@pytest.mark.parametrize(("rows", "columns"), [(60, 60), (90, 40), (40, 90)])
def test_both_ways_of_decomposing_agree_with_numpy(rows: int, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = matrix(rows, columns)
    left, values, _ = np.linalg.svd(weights.toarray())
    found = [truncated_svd(weights, 10, seed=1)]
    monkeypatch.setattr(svd_module, "_DENSE_ENTRIES", 0)
    found.append(truncated_svd(weights, 10, seed=1))
    for vectors, singular in found:
        assert np.allclose(singular, values[:10], rtol=1e-12)
        assert same_but_for_signs(vectors, left[:, :10], 1e-9)
        assert not vectors[5].any()
    assert np.abs(found[0][0] - found[1][0]).max() < 1e-9  # signs included


@pytest.mark.parametrize("dense", [True, False])
def test_signs_are_fixed_and_seeds_make_no_difference_but_to_rounding(
    dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not dense:
        monkeypatch.setattr(svd_module, "_DENSE_ENTRIES", 0)
    weights = matrix(70, 50)
    first, again, other = (truncated_svd(weights, 8, seed)[0] for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert np.abs(first - other).max() < 1e-9
    largest = np.abs(first).argmax(axis=0)
    assert (first[largest, range(8)] > 0).all()
    negated, _ = truncated_svd(-weights, 8, 1)  # the same vectors, or their opposites: the sign rule settles it
    assert np.abs(negated - first).max() < 1e-9


@pytest.mark.parametrize("dense", [True, False])
def test_more_values_than_the_rank_are_refused(dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not dense:
        monkeypatch.setattr(svd_module, "_DENSE_ENTRIES", 0)
    random = np.random.default_rng(3)
    weights = scipy.sparse.csr_array(random.random((30, 4)) @ random.random((4, 25)))
    vectors, values = truncated_svd(weights, 4, 1)
    assert np.allclose(vectors.T @ vectors, np.eye(4), atol=1e-10)
    assert (values > 0).all()
    for k in (5, 12, 25, 26):
        with pytest.raises(RankError) as caught:
            truncated_svd(weights, k, 1)
        assert caught.value.rank == (4 if dense or k < 26 else 25)


# ---------------------------------------------------------------------------------------------------- component


def test_vectors_are_those_of_a_dense_decomposition_of_dense_ppmi() -> None:
    text = sentences()
    options = {"window": 3, "window_weight": "uniform", "context_smoothing": 0.6, "shift": 1.5}
    lsa = LSA(dimension=12, min_count=1, **options).fit(text)
    words = lsa.vocabulary_.words[3:]
    left, values, _ = np.linalg.svd(dense_ppmi(text, words, 3, 0.6, 1.5))
    assert lsa.matrix.dtype == np.float32
    assert lsa.matrix.shape == (len(words) + 3, 12)
    assert np.allclose(lsa.singular_values_, values[:12], rtol=1e-10)
    assert same_but_for_signs(lsa.matrix[3:], left[:, :12] * values[:12] ** 0.5, 1e-5)
    assert not lsa.matrix[:3].any()
    assert lsa.fit_report_["energy"] == pytest.approx((values[:12] ** 2).sum() / (values**2).sum())


@pytest.mark.parametrize("variant", ["ppmi", "log-entropy", "tf-idf"])
def test_words_that_stand_with_the_same_words_are_alike(variant: str) -> None:
    text = sentences()
    options = {} if variant == "ppmi" else {"document_lines": 1}
    lsa = LSA(variant=variant, dimension=10, min_count=1, **options).fit(text)
    near = np.mean([lsa.similarity(f"w{i}", f"w{i + 1}") for i in range(39)])
    far = np.mean([lsa.similarity(f"w{i}", f"w{i + 15}") for i in range(25)])
    assert near > far + 0.3
    assert lsa.fit_report_["variant"] == variant
    assert lsa.fit_report_["exponent"] == (0.5 if variant == "ppmi" else 1.0)


def test_documents_are_lines_taken_together() -> None:
    text = sentences(60)
    pairs = [one + two for one, two in zip(text[::2], text[1::2], strict=True)]
    options = {"variant": "tf-idf", "dimension": 5, "min_count": 1}
    single = LSA(**options).fit(text)
    assert single.fit_report_["matrix"][1] == 60
    assert np.array_equal(LSA(document_lines=2, **options).fit(text).matrix, LSA(**options).fit(pairs).matrix)
    assert not np.array_equal(single.matrix, LSA(**options).fit(pairs).matrix)


def test_linear_weights_are_a_setting_of_their_own() -> None:
    text = sentences()
    uniform, linear = (
        LSA(dimension=5, min_count=1, window_weight=weight).fit(text) for weight in ("uniform", "linear")
    )
    assert not np.allclose(uniform.matrix, linear.matrix)
    at_one = [
        LSA(dimension=5, min_count=1, window=1, window_weight=weight).fit(text) for weight in ("uniform", "linear")
    ]
    assert np.array_equal(at_one[0].matrix, at_one[1].matrix)


def test_vectors_of_two_exponents_differ_by_powers_of_the_singular_values() -> None:
    text = sentences()
    by_exponent = {p: LSA(dimension=6, min_count=1, exponent=p).fit(text) for p in (0, 0.25, 0.5, 1.0)}
    base = by_exponent[0]
    assert np.allclose((base.matrix**2).sum(axis=0), 1, atol=1e-5)
    for p, lsa in by_exponent.items():
        assert np.allclose(lsa.matrix, base.matrix * base.singular_values_**p, rtol=1e-5, atol=1e-6)
        assert lsa.fit_report_["exponent"] == p
    assert np.array_equal(LSA(dimension=6, min_count=1).fit(text).matrix, by_exponent[0.5].matrix)


def test_leading_components_are_left_out() -> None:
    text = sentences()
    whole = LSA(dimension=10, min_count=1).fit(text)
    rest = LSA(dimension=7, skip=3, min_count=1).fit(text)
    assert np.allclose(rest.matrix, whole.matrix[:, 3:], atol=1e-6)
    assert np.allclose(rest.singular_values_, whole.singular_values_[3:])
    assert rest.fit_report_["energy"] < whole.fit_report_["energy"]
    for options, message in (
        (
            {"dimension": 36, "skip": 10},
            "dimension=36 with skip=10 is too large .* rank 40; set dimension plus skip to",
        ),
        ({"dimension": 50}, "dimension=50 is too large .* rank 40; set dimension to at most"),
    ):
        with pytest.raises(HyperParameterError, match=message):
            LSA(min_count=1, **options).fit(text)


def test_vectors_of_words_as_contexts_are_added() -> None:
    text = sentences()
    options: dict[str, Any] = {"window": 3, "window_weight": "uniform", "context_smoothing": 0.6, "min_count": 1}
    lsa = LSA(dimension=8, skip=2, exponent=0.25, add_contexts=True, **options).fit(text)
    left, values, right = np.linalg.svd(dense_ppmi(text, lsa.vocabulary_.words[3:], 3, 0.6, 1.0))
    expected = ((left + right.T) * values**0.25)[:, 2:10]
    assert same_but_for_signs(lsa.matrix[3:], expected, 1e-5)
    with pytest.raises(HyperParameterError, match="add_contexts=True has no effect: it needs variant=ppmi"):
        LSA(variant="tf-idf", dimension=2, min_count=1, add_contexts=True).fit(text)


def test_contexts_of_a_symmetric_matrix_double_or_cancel() -> None:
    text = sentences()
    alone, both = (LSA(dimension=20, min_count=1, add_contexts=added).fit(text).matrix for added in (False, True))
    positive = np.abs(both).max(axis=0) > 1e-6
    assert 0 < positive.sum() < 20  # the others have negative eigenvalues
    assert np.allclose(both[:, positive], 2 * alone[:, positive], atol=1e-5)


def test_what_a_later_release_added_is_saved_where_it_is_used(tmp_path: Path) -> None:
    text = sentences()
    assert not {"skip", "add_contexts"} & LSA().saved_params().keys()
    lsa = LSA(dimension=4, skip=1, add_contexts=True, min_count=1).fit(text)
    lsa.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.get_params() == lsa.get_params()
    assert again.digest == lsa.digest


def test_equal_seeds_and_any_memory_give_equal_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svd_module, "_DENSE_ENTRIES", 0)
    text = sentences()
    first, again = (LSA(dimension=6, min_count=1, seed=7).fit(text) for _ in range(2))
    assert first.digest == again.digest
    small = LSA(dimension=6, min_count=1, seed=7, memory=0.001).fit(text)
    assert small.matrix.tobytes() == first.matrix.tobytes()
    other = LSA(dimension=6, min_count=1, seed=8).fit(text)
    assert np.allclose(other.matrix, first.matrix, atol=1e-5)


def test_unk_has_a_vector_if_it_stands_in_the_text() -> None:
    options = {"dimension": 2, "min_count": 2}
    literal = LSA(**options).fit([["a", "<unk>", "b"], ["b", "<unk>", "c"], ["c", "a", "b"]])
    assert literal.has_special() == (True, False, False)
    rare = LSA(**options).fit([["a", "<unk>", "b"], ["b", "c"], ["c", "a", "b"]])
    assert rare.has_special() == (False, False, False)


def test_a_word_that_is_always_alone_has_the_vector_zero() -> None:
    lsa = LSA(dimension=2, min_count=1).fit([*TEXT, ["hermit"]])
    assert not lsa.vectors(["hermit"]).any()
    assert lsa.vectors(["wine"]).any()


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    text = Corpus.read(["Red wine", "red beer", "Old wine", "old beer"], TextPipeline(lowercase=True))
    lsa = LSA(dimension=2, min_count=1).fit(text)
    lsa.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert isinstance(again, LSA)
    assert np.array_equal(again.matrix, lsa.matrix)
    assert np.array_equal(again.singular_values_, lsa.singular_values_)
    assert again.fit_report_ == lsa.fit_report_
    assert again.digest == lsa.digest
    assert again.similarity("RED", "old") == lsa.similarity("red", "old")


@pytest.mark.parametrize("values", [[1.0, 2.0], [2.0, 0.0], [float("nan"), 1.0], [2.0]])
def test_damaged_singular_values_are_refused(values: list[float]) -> None:
    lsa = LSA(dimension=2, min_count=1).fit(TEXT)
    state = lsa.fitted_state()
    broken = FittedState({**state.arrays, "singular_values": np.array(values)}, state.metadata)
    with pytest.raises(SavedModelError, match=r"singular.values"):
        lsa.restore(broken)


# ------------------------------------------------------------------------------------------------------ refusals


def test_a_dimension_beyond_the_rank_is_refused_and_the_rank_is_told() -> None:
    for variant in ("ppmi", "log-entropy", "tf-idf"):
        with pytest.raises(
            HyperParameterError, match=r"dimension=200 is too large for this text.* rank ([1-9])"
        ) as error:
            LSA(variant=variant, min_count=1).fit(TEXT)
        rank = int(str(error.value).partition("rank ")[2][0])
        assert LSA(variant=variant, min_count=1, dimension=rank).fit(TEXT).dimension == rank
        with pytest.raises(HyperParameterError, match=f"rank {rank}"):
            LSA(variant=variant, min_count=1, dimension=rank + 1).fit(TEXT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"document_lines": 5}, "document_lines=5 has no effect: it needs variant=log-entropy or tf-idf"),
        ({"variant": "tf-idf", "window": 3}, "window=3 has no effect: it needs variant=ppmi"),
        (
            {"variant": "tf-idf", "window_weight": "uniform"},
            "window_weight=uniform has no effect",
        ),
        ({"variant": "log-entropy", "shift": 5.0}, "shift=5.0 has no effect: it needs variant=ppmi"),
        (
            {"variant": "log-entropy", "context_smoothing": 0.75},
            "context_smoothing=0.75 has no effect",
        ),
    ],
)
def test_options_of_another_variant_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        LSA(dimension=2, min_count=1, **options).fit(TEXT)


@pytest.mark.parametrize(
    "options",
    [
        {"variant": "ppmi-svd"},
        {"dimension": 0},
        {"window": 0},
        {"exponent": -0.5},
        {"exponent": 1.5},
        {"context_smoothing": 0.0},
        {"shift": 0.0},
        {"shift": float("nan")},
        {"memory": 0.0},
        {"seed": -1},
        {"window_weight": "harmonic"},
    ],
)
def test_wrong_values_are_refused_when_they_are_set(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(HyperParameterError, match=f"^{name} must be"):
        LSA(**options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ([], "the training text has no words"),
        ([[], []], "the training text has no words"),
        ([["a"], ["b"]], "nothing to learn from"),
        ([["a", "b"]] * 3, "dimension=200 is too large .* rank 2"),
        ([["a", "a", "a"]], "no two words co-occur more often than by chance$"),
    ],
)
def test_texts_without_anything_to_learn_from_are_refused(text: list[list[str]], message: str) -> None:
    with pytest.raises((DataError, HyperParameterError), match=message):
        LSA(min_count=1).fit(text)


def test_further_reasons_why_there_is_nothing_to_learn_are_told() -> None:
    with pytest.raises(DataError, match="min_count=5 removes all words"):
        LSA().fit(TEXT)
    with pytest.raises(DataError, match="by chance: lower shift=1000"):
        LSA(min_count=1, shift=1000.0).fit(TEXT)
    with pytest.raises(DataError, match="lower document_lines"):
        LSA(min_count=1, variant="tf-idf", document_lines=9).fit(TEXT)
    with pytest.raises(HyperParameterError, match="validation text"):
        LSA(min_count=1).fit(TEXT, valid=TEXT)
