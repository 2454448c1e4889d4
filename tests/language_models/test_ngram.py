"""What only the n-gram component does; contracts are checked in test_conformance.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nlmkit import NGram, NotFittedError, SavedModelError, load

TEXT = [["the", "cat", "sat"], ["the", "dog", "sat"], ["a", "dog", "ran"]]


def test_another_setting_drops_what_was_fitted_with_the_old_one() -> None:
    model = NGram(order=3).fit(TEXT)
    model.order = 3
    assert model.is_fitted
    model.order = 2
    assert not model.is_fitted
    with pytest.raises(NotFittedError):
        model.perplexity(TEXT)
    assert model.fit(TEXT).table_.order == 2


def test_an_id_that_no_word_has_is_refused() -> None:
    model = NGram(order=3).fit(TEXT)
    for word_id in (-1, len(model.vocabulary_)):
        with pytest.raises(IndexError, match="no word has the id"):
            model.advance(model.start(), word_id)


def test_an_edited_backoff_is_refused(tmp_path: Path) -> None:
    NGram(order=2).fit(TEXT).save(tmp_path / "m")
    manifest = tmp_path / "m" / "manifest.json"
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    facts["metadata"]["unseen_backoff"] = 5.0
    manifest.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(SavedModelError, match="unseen_backoff"):
        load(tmp_path / "m")


def test_an_imported_model_that_is_no_distribution_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "bad.arpa"
    lines = ["\\data\\", "ngram 1=4", "", "\\1-grams:", "-0.01\t<unk>", "0\t<s>", "-0.01\t</s>", "-1\ta", "", "\\end\\"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (note,) = NGram.from_arpa(path).fit_report_["notes"]
    assert "sum to 2.05" in note
    NGram(order=2).fit(TEXT).export(tmp_path / "good.arpa")
    assert NGram.from_arpa(tmp_path / "good.arpa").fit_report_["notes"] == []


def test_a_pruned_copy_is_smaller_and_sums_to_one() -> None:
    model = NGram(order=3).fit(TEXT)
    smaller = model.pruned(0.05)
    assert sum(smaller.table_.sizes) < sum(model.table_.sizes)
    for context in ((), ("the",), ("the", "cat")):
        state = smaller.start()
        for word in context:
            state = smaller.advance(state, smaller.vocabulary_.id(word))
        assert np.exp(smaller.next_log_probs(state)).sum() == pytest.approx(1, abs=1e-9)
    assert sum(model.table_.sizes) == sum(NGram(order=3).fit(TEXT).table_.sizes)
