"""Closed vocabularies: ``<unk>`` has no probability, and the rest sums to one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import NGram, load
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.language_models.ngram.smoothing import METHODS
from nlmkit.text import UNK_ID

pytestmark = pytest.mark.slow

TEXT = [line.split() for line in ("a b a c", "b b", "", "a b d a b", "c", "d a b a c", "e a b")] * 3
VALID = [["a", "b"], ["c", "e", "b"]]
PROBABILITIES = [name for name in METHODS if name != "stupid-backoff"]

texts = st.lists(st.lists(st.sampled_from([*"abcdefg"]), max_size=6), min_size=1, max_size=12)


def closed(text: Any, **options: Any) -> NGram:
    return NGram(**{"order": 3, "closed": True, **options}).fit(text)


@settings(max_examples=120, deadline=None)
@given(texts, st.integers(1, 4), st.sampled_from(PROBABILITIES), st.sampled_from([None, (0, 1)]))
def test_the_words_of_the_vocabulary_share_all_probability(
    text: list[list[str]], order: int, smoothing: str, prune: tuple[int, ...] | None
) -> None:
    prune = None if smoothing in ("add-k", "mle") or order == 1 else prune
    model = NGram(order=order, smoothing=smoothing, closed=True, prune=prune).fit(text, valid=text)
    for row in model.distributions([*text, ["a", "zz", "b"], ["zz"]]):
        assert np.exp(row).sum(axis=1) == pytest.approx(1.0, abs=1e-9)
        assert (row[:, UNK_ID] == -math.inf).all()


@pytest.mark.parametrize("smoothing", ["modified-kneser-ney", "kneser-ney", "absolute", "witten-bell"])
def test_the_uniform_share_of_unk_goes_to_all_words_equally(smoothing: str) -> None:
    options: dict[str, Any] = {"order": 1, "smoothing": smoothing}
    is_open, is_closed = (np.exp(NGram(**options, closed=flag).fit(TEXT).next_log_probs(())) for flag in (False, True))
    share = is_open[UNK_ID] / (len(is_open) - 2)
    assert is_closed[2:] == pytest.approx(is_open[2:] + share, abs=1e-12)


def test_an_unknown_word_has_probability_zero_as_does_a_literal_unk() -> None:
    model = closed(TEXT)
    for word in ("zz", "<unk>"):
        values = model.log_probs([["a", word, "b"]])
        assert values[1] == -math.inf
        assert np.isfinite(values[[0, 2, 3]]).all()
    report = model.report([["a", "zz"]])
    assert (report.perplexity, report.oov) == (math.inf, 1)
    assert report.perplexity_excluding_oov is not None
    assert math.isfinite(report.perplexity_excluding_oov)
    assert "|unk:closed|" in report.signature


def test_stupid_backoff_scores_unknown_words_minus_infinity() -> None:
    values = closed(TEXT, smoothing="stupid-backoff").log_probs([["zz", "a"]])
    assert values[0] == -math.inf
    assert np.isfinite(values[1:]).all()


def test_training_text_with_unknown_words_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a b\n\na c b\n")
    (tmp_path / "words").write_text("a\nb\n")
    with pytest.raises(DataError, match=r"text, line 3: 'c' is not in the vocabulary, and closed=true leaves"):
        NGram(closed=True, vocabulary_file=str(tmp_path / "words")).fit(tmp_path / "text")
    with pytest.raises(DataError, match=r"line 2: '<unk>' is not in the vocabulary"):
        NGram(closed=True).fit([["a"], ["b", "<unk>"]])
    (tmp_path / "more").write_text("b c\n")
    (tmp_path / "first").write_text("a b\n\na b\n")
    files = [tmp_path / "first", tmp_path / "more"]
    with pytest.raises(DataError, match=r"sentence 4: 'c' is not in the vocabulary"):
        NGram(closed=True, vocabulary_file=str(tmp_path / "words")).fit(files)


def test_validation_text_with_unknown_words_cannot_weigh_orders() -> None:
    with pytest.raises(HyperParameterError, match="outside the closed vocabulary"):
        NGram(closed=True, smoothing="jelinek-mercer").fit(TEXT, valid=[["zz"]])
    model = NGram(closed=True).fit(TEXT, valid=[["zz"]])
    assert "no finite perplexity" in model.fit_report_["notes"][-1]


def test_words_of_a_vocabulary_file_that_the_text_lacks_have_probability(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("a\nb\nzz\n")
    for smoothing in ("modified-kneser-ney", "katz", "stupid-backoff"):
        model = NGram(closed=True, vocabulary_file=str(tmp_path / "words"), smoothing=smoothing)
        assert np.isfinite(model.fit([["a", "b", "a"], ["b"]]).log_probs([["zz", "a"]])).all()


@pytest.mark.parametrize("smoothing", ["modified-kneser-ney", "katz", "jelinek-mercer"])
def test_arpa_files_have_the_unk_of_srilm_and_agree_with_kenlm(smoothing: str, tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    model = NGram(order=3, smoothing=smoothing, closed=True).fit(TEXT, valid=VALID)
    model.save(tmp_path / "saved")
    load(tmp_path / "saved", NGram).export(tmp_path / "lm.arpa")
    assert "-99\t<unk>\t0\n" in (tmp_path / "lm.arpa").read_text()
    peer, back = kenlm.Model(str(tmp_path / "lm.arpa")), NGram.from_arpa(tmp_path / "lm.arpa")
    text = [["a", "b", "e"], ["d"], ["c", "a", "b", "a"], []]
    for sentence in text:
        scores = [score * math.log(10) for score, *_ in peer.full_scores(" ".join(sentence))]
        assert model.log_probs([sentence]) == pytest.approx(scores, abs=1e-5)
    assert back.log_probs(text) == pytest.approx(model.log_probs(text), abs=1e-6)
    assert peer.score("zz", bos=False, eos=False) == pytest.approx(-99, abs=1e-3)


def test_pruning_of_a_closed_model_keeps_its_sums() -> None:
    model = NGram(order=3, closed=True, entropy_prune=0.01).fit(TEXT)
    for smaller in (model, NGram(order=3, closed=True).fit(TEXT).pruned(0.02)):
        assert smaller.unknown_rule == "closed"
        for row in smaller.distributions(TEXT[:4]):
            assert np.exp(row).sum(axis=1) == pytest.approx(1.0, abs=1e-9)
