"""Compact tables: packing, quantisation, equality with exact ones, damage, and the ways to get one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toys.ngram_reference import Gram
from toys.ngrams import assert_batch_is_state, event_ids, small, texts

from nlmkit import NGram, load
from nlmkit.cli.group import nlmkit
from nlmkit.errors import HyperParameterError, NlmkitError, SavedModelError
from nlmkit.language_models.ngram import scoring
from nlmkit.language_models.ngram.compact.codebooks import codebook, encode
from nlmkit.language_models.ngram.compact.packing import Offsets, Packed
from nlmkit.language_models.ngram.compact.quantising import quantised
from nlmkit.language_models.ngram.compact.table import CompactTable
from nlmkit.language_models.ngram.compact.values import Values

TEXT = ["the cat sat on the mat", "the dog sat", "a cat ran to the dog", "", "the mat", "a dog sat on a cat"] * 2


# ------------------------------------------------------------------------------------------------------ packing


@given(st.integers(0, 48).flatmap(lambda width: st.tuples(st.just(width), st.lists(st.integers(0, 2**width - 1)))))
def test_packed_values_come_back(given: tuple[int, list[int]]) -> None:
    width, values = given
    packed = Packed.of(np.array(values, np.int64), width)
    packed.check("values")
    assert packed.range(0, len(packed)).tolist() == values
    assert [packed[index] for index in range(len(values))] == values
    assert packed.take(np.arange(len(values))).tolist() == values
    assert packed.range(len(values) // 3, len(values)).tolist() == values[len(values) // 3 :]
    assert len(packed.words) == -(-len(values) // 64) * width + 1


@given(st.lists(st.integers(0, 2**33), min_size=1, max_size=300))
def test_offsets_come_back(steps: list[int]) -> None:
    values = np.cumsum(np.array([0, *steps]))
    offsets = Offsets.of(values)
    offsets.check("offsets", int(values[-1]))
    assert offsets.all().tolist() == values.tolist()
    assert [offsets[index] for index in range(len(values))] == values.tolist()
    assert offsets.take(np.arange(len(values))).tolist() == values.tolist()


# ------------------------------------------------------------------------------------------------- quantisation


@given(st.lists(st.floats(-30, 0, width=32) | st.just(-np.inf), max_size=200), st.integers(2, 6))
def test_codes_are_of_the_nearest_value_and_exact_ones_stay(values: list[float], bits: int) -> None:
    logs = np.array(values, np.float64)
    book = codebook(logs, bits)
    assert len(book) <= 1 << bits
    found = book[encode(logs, book)].astype(np.float64)
    exact = np.isinf(logs) | (logs == 0.0)
    assert np.array_equal(found[exact], logs[exact])
    if not exact.all():
        inside = book[np.isfinite(book) & (book != 0.0)].astype(np.float64)
        least = np.abs(logs[~exact][:, None] - inside).min(axis=1)
        np.testing.assert_allclose(np.abs(found[~exact] - logs[~exact]), least)


@given(st.lists(st.floats(-30, 0, width=32), max_size=4))
def test_few_values_are_not_rounded(values: list[float]) -> None:
    assert Values.of(np.array(values), 2).all().tolist() == values


# ------------------------------------------------------------------------------------------------------- tables


def assert_same(compact: CompactTable, exact: Any, text: list[Gram]) -> None:
    scores, lengths = compact.score(event_ids(text))
    wanted, wanted_lengths = exact.score(event_ids(text))
    assert np.array_equal(scores, wanted)
    assert np.array_equal(lengths, wanted_lengths)
    assert_batch_is_state(compact, text)  # type: ignore[arg-type]


@settings(max_examples=40)
@given(texts(), st.integers(1, 4), st.sampled_from(["modified-kneser-ney", "stupid-backoff", "mle"]), st.data())
def test_packed_table_is_the_float32_table(
    given: tuple[dict[Gram, int], int], order: int, method: str, data: st.DataObject
) -> None:
    sentences, size = given
    exact = small(method, sentences, order, size).table.as_float32()
    packed = CompactTable.of(exact, None)
    again = CompactTable.from_arrays(packed.arrays(), order, size, exact.unseen_backoff, None)
    words = st.lists(st.sampled_from([0, *range(3, size)]), max_size=5).map(tuple)
    assert_same(again, exact, [*sentences, *data.draw(st.lists(words, max_size=3))])
    for name, array in again.expanded().arrays().items():
        assert np.array_equal(array, exact.arrays()[name]), name


@settings(max_examples=30)
@given(texts(), st.integers(1, 4), st.integers(2, 16))
def test_quantised_table_is_its_expanded_table(given: tuple[dict[Gram, int], int], order: int, bits: int) -> None:
    sentences, size = given
    exact = small("modified-kneser-ney", sentences, order, size).table
    table = quantised(exact, bits)
    again = CompactTable.from_arrays(table.arrays(), order, size, 0.0, bits)
    assert_same(again, table.expanded(), list(sentences))


def assert_equal(found: scoring.Scored, expected: scoring.Scored) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("precision", ["float64", "float32", "packed", "q5"])
def test_machine_code_and_threads_give_the_same(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = NGram(order=3, precision=precision).fit(TEXT)
    ids = model.encode([*TEXT, "unseen cat ran"] * 400).event_ids(model.vocabulary_)
    expected = scoring.score_by_arrays(model.table_, ids)
    assert_equal(scoring.score_by_kernels(model.table_, ids), expected)
    monkeypatch.setattr(scoring, "COMPILED_EVENTS", 0)
    assert_equal(model.table_.score(ids, threads=3), expected)


@pytest.mark.parametrize("method", ["stupid-backoff", "mle"])
def test_machine_code_knows_unseen_contexts_and_zeros(method: str) -> None:
    sentences = {(3, 4, 5): 2, (4, 4): 1, (): 1}
    table = small(method, sentences, 4, 6).table
    ids = event_ids([*sentences, (5, 5, 3, 4), (0, 4)])
    expected = scoring.score_by_arrays(table, ids)
    assert_equal(scoring.score_by_kernels(table, ids), expected)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # of NumPy's scalars; machine code wraps
@pytest.mark.parametrize("precision", ["float64", "packed", "q5"])
def test_the_source_of_the_machine_code_gives_the_same(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python, line by line, where a difference can be traced."""
    from nlmkit.language_models.ngram import kernels

    for name, value in vars(kernels).copy().items():
        if hasattr(value, "py_func"):
            monkeypatch.setattr(kernels, name, value.py_func)
    model = NGram(order=3, precision=precision).fit(TEXT)
    ids = model.encode([*TEXT, "unseen cat ran"]).event_ids(model.vocabulary_)
    assert_equal(scoring.score_by_kernels(model.table_, ids), scoring.score_by_arrays(model.table_, ids))


def test_small_texts_start_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(table: object, event_ids: object) -> None:
        raise AssertionError

    model = NGram(order=2).fit(TEXT)
    monkeypatch.setattr(scoring, "score_by_kernels", refuse)
    monkeypatch.setattr(scoring, "_KERNELS", "nlmkit.not_there")
    assert len(model.log_probs(TEXT)) > 0
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(scoring, "COMPILED_EVENTS", 0)
    assert len(model.log_probs(TEXT)) > 0  # numba is not installed


def test_threads_are_at_least_one() -> None:
    with pytest.raises(NlmkitError, match="threads must be a whole number"):
        NGram(order=2).fit(TEXT).log_probs(TEXT, threads=0)


# ------------------------------------------------------------------------------------------ single words, samples


@pytest.mark.parametrize("precision", ["float64", "packed", "q4"])
@pytest.mark.parametrize("smoothing", ["modified-kneser-ney", "stupid-backoff"])
@pytest.mark.parametrize("order", [1, 3])
def test_single_words_are_the_distribution(order: int, smoothing: str, precision: str) -> None:
    model = NGram(order=order, smoothing=smoothing, precision=precision).fit(TEXT)
    state = model.start()
    for word in ["the", "cat", "sat", "on", "a", "xyz", "</s>", "the", "dog", "</s>"]:
        row = model.next_log_probs(state)
        for id_ in range(len(model.vocabulary_)):
            assert model.log_prob(state, id_) == (row[id_], model.advance(state, id_))
        value, after = model.log_prob(state, word)
        assert value == row[model.vocabulary_.id(word)]
        assert after == model.advance(state, model.vocabulary_.id(word))
        state = after
    sentence = ["the", "cat", "xyz"]
    assert model.sentence_log_prob(sentence) == pytest.approx(model.log_probs([sentence]).sum(), abs=1e-12)
    with pytest.raises(IndexError):
        model.log_prob(state, len(model.vocabulary_))
    with pytest.raises(NlmkitError, match="split it first"):
        model.sentence_log_prob("the cat")


@pytest.mark.parametrize("precision", ["float64", "q4"])
@pytest.mark.parametrize("allow_unk", [False, True])
def test_sampled_words_are_those_of_the_whole_distribution(allow_unk: bool, precision: str) -> None:
    model = NGram(order=3, precision=precision).fit([*TEXT, "the <unk> sat"])
    state = model.start()
    places = np.random.default_rng(1).random(60).tolist()
    for word in ["the", "cat", "sat", "on", "the", "<unk>", "a", "</s>"]:
        probs = np.exp(model.next_log_probs(state))
        if not allow_unk:
            probs[0] = 0.0
        sums = probs.cumsum()
        wanted = [int(np.searchsorted(sums, place * sums[-1], side="right")) for place in places]
        assert [model.word_at(state, place, allow_unk=allow_unk) for place in places] == wanted
        state = model.advance(state, model.vocabulary_.id(word))


# ------------------------------------------------------------------------------------------- saved and converted


def test_fitted_and_converted_models_are_equal_and_come_back(tmp_path: Path) -> None:
    exact = NGram(order=3).fit(TEXT)
    for precision in ("packed", "q6"):
        model = NGram(order=3, precision=precision).fit(TEXT)
        converted = exact.converted(precision)
        assert model.digest != exact.digest
        assert np.array_equal(model.log_probs(TEXT), converted.log_probs(TEXT))
        model.save(tmp_path / precision)
        again = load(tmp_path / precision)
        assert isinstance(again, NGram)
        assert again.digest == model.digest
        assert np.array_equal(again.log_probs(TEXT), model.log_probs(TEXT))
        assert again.generate(seed=3) == model.generate(seed=3)
        assert again.most_probable()[0].words == model.most_probable()[0].words
        again.export(tmp_path / "again.arpa")
        assert NGram.from_arpa(tmp_path / "again.arpa").perplexity(TEXT) == pytest.approx(model.perplexity(TEXT))
        assert sum(again.pruned(0.1).table_.sizes) < sum(model.table_.sizes)
    with pytest.raises(HyperParameterError, match="q4 cannot be converted to float64"):
        exact.converted("q4").converted("float64")
    back = exact.converted("packed").converted("float32")
    assert np.array_equal(back.log_probs(TEXT), exact.converted("float32").log_probs(TEXT))
    assert exact.converted("q8").report(TEXT).labels["precision"] == "q8"


def test_quantised_perplexity_is_near() -> None:
    exact = NGram(order=4).fit("corpus:english")
    perplexity = exact.perplexity("corpus:english/test")
    model = exact.converted("q8")
    assert model.perplexity("corpus:english/test") == pytest.approx(perplexity, rel=0.005)
    assert 0.0 < model.fit_report_["sum_gap"] < 0.05
    size = sum(array.nbytes for array in model.table_.arrays().values())
    assert size < 6 * sum(model.table_.sizes)  # codebooks included


@pytest.mark.parametrize(("precision", "noted"), [("q2", True), ("q12", False)])
def test_loading_says_that_perplexities_are_not_comparable(
    precision: str, noted: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = NGram(order=3, precision=precision).fit("corpus:english")
    assert (model.fit_report_["sum_gap"] > 0.05) == noted
    model.save(tmp_path / "model")
    with caplog.at_level("WARNING"):
        load(tmp_path / "model")
    assert ("are not comparable with others" in caplog.text) == noted


def changed(name: str, change: Callable[[NDArray[Any]], NDArray[Any]], bits: int | None) -> dict[str, NDArray[Any]]:
    arrays = NGram(order=3, precision="packed" if bits is None else f"q{bits}").fit(TEXT).table_.arrays()
    return {**arrays, name: change(arrays[name].copy())}


def ones(array: NDArray[Any]) -> NDArray[Any]:
    array[:] = np.uint64(2**64 - 1)
    return array


@pytest.mark.parametrize(
    ("name", "change", "bits"),
    [
        ("sizes", lambda array: array + 1, None),
        ("sizes", lambda array: array.astype(np.int32), None),
        ("first.2", lambda array: array[:-1], None),
        ("first.2", ones, None),
        ("first.3", lambda array: array * 0, None),
        ("children.1", ones, None),
        ("children_bases.1", lambda array: array + np.uint32(1), None),
        ("children_starts.2", lambda array: array[::-1].copy(), None),
        ("children_starts.2", lambda array: array.astype(np.int64), None),
        ("log_prob.2", lambda array: array + np.float32(100), None),
        ("log_prob.3", lambda array: array[:-1], None),
        ("log_prob.3", lambda array: array[:-1], 4),
        ("log_prob_values.3", lambda array: array * np.float32("nan"), 4),
        ("backoff_values.1", lambda array: array, 4),
        ("backoff_values.2", lambda array: array[:-1], 4),
    ],
)
def test_damage_is_refused(name: str, change: Callable[[NDArray[Any]], NDArray[Any]], bits: int | None) -> None:
    size = len(NGram(order=3).fit(TEXT).vocabulary_)
    if name == "backoff_values.1":  # unigrams have no codebook
        arrays = {**changed("backoff.2", lambda array: array, bits), name: np.zeros(16, np.float32)}
    else:
        arrays = changed(name, change, bits)
    with pytest.raises(SavedModelError, match="the saved model is damaged"):
        CompactTable.from_arrays(arrays, 3, size, 0.0, bits)


def test_changed_codes_change_sums_and_are_refused() -> None:
    model = NGram(order=3, precision="q4").fit(TEXT)
    state = model.fitted_state()
    arrays = {**state.arrays, "log_prob.2": np.roll(state.arrays["log_prob.2"], 1)}
    arrays["log_prob.2"][-1] = 0
    again = NGram(order=3, precision="q4")
    again.pipeline_, again.vocabulary_ = model.pipeline_, model.vocabulary_
    with pytest.raises(SavedModelError, match="sums of its probabilities differ from 1"):
        again.restore(type(state)(arrays, state.metadata))


# -------------------------------------------------------------------------------------------------- command line


def test_convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = NGram(order=3).fit(TEXT)
    model.save("kn3")
    model.export("kn3.arpa")

    def run(*args: str, code: int = 0) -> str:
        result = CliRunner().invoke(nlmkit, ["convert", *args])
        assert result.exit_code == code, result.output
        return result.output

    run("kn3", "-o", "small", "--precision", "q6")
    assert load("small").digest == model.converted("q6").digest
    run("kn3.arpa", "-o", "packed", "--precision", "packed")
    packed = load("packed")
    assert isinstance(packed, NGram)
    assert packed.perplexity(TEXT) == pytest.approx(model.perplexity(TEXT), rel=1e-5)
    assert "precision must be one of" in run("kn3", "-o", "x", "--precision", "q17", code=1).replace("\n", " ")
    run("kn3", "--precision", "q6", code=2)
