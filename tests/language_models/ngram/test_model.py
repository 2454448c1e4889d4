"""What only the n-gram component does; contracts are checked in test_conformance.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit import NGram, NotFittedError, SavedModelError, load
from nlmkit.saving.state import FittedState

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
        with pytest.raises(IndexError, match="is out of range: the vocabulary has 9 entries"):
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


@pytest.mark.parametrize("settings", [{}, {"precision": "float32"}, {"smoothing": "katz"}, {"smoothing": "mle"}])
def test_a_changed_table_does_not_load(settings: dict[str, Any]) -> None:
    """Whatever value of whatever array is another one: what loads after all still sums to one."""
    model = NGram(order=3, **settings).fit(TEXT)
    state = model.fitted_state()
    contexts = [(), *((word,) for word in range(3, 8)), *((a, b) for a in range(3, 8) for b in range(3, 8))]
    refused = 0
    for name, array in state.arrays.items():
        for place in range(len(array)):
            changed = np.array(array)
            changed[place] += -0.25 if array.dtype.kind == "f" else 1
            if (changed == array).all():  # an infinite one
                continue
            again = NGram(order=3, **settings)
            again.vocabulary_, again.pipeline_ = model.vocabulary_, model.pipeline_
            try:
                again.restore(FittedState({**state.arrays, name: changed}, state.metadata))
            except SavedModelError:
                refused += 1
                continue
            for context in contexts:
                sums = float(np.exp(again.table_.distribution(context)).sum())
                assert sums == pytest.approx(1, abs=1e-5), (name, place)
    assert refused > 50


def test_a_changed_sum_is_named_and_that_of_an_imported_model_noted(caplog: pytest.LogCaptureFixture) -> None:
    model = NGram(order=2).fit(TEXT)
    state = model.fitted_state()
    changed = np.array(state.arrays["backoff.1"])
    changed[model.vocabulary_.id("the")] -= 0.5
    arrays = {**state.arrays, "backoff.1": changed}
    fitted, imported = NGram(order=2), NGram(order=2, smoothing="imported")
    for again in (fitted, imported):
        again.vocabulary_, again.pipeline_ = model.vocabulary_, model.pipeline_
    with pytest.raises(SavedModelError, match=r"the probabilities after 'the' sum to 0\.\d+, not to 1"):
        fitted.restore(FittedState(arrays, state.metadata))
    caplog.clear()  # of the notes of the fit
    imported.restore(FittedState(arrays, state.metadata))
    (message,) = caplog.messages
    assert message.startswith("the probabilities after 'the' sum to 0.")
