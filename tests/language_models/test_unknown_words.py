"""When ``<unk>`` counts as a cheap word, and who is told."""

from __future__ import annotations

import logging
import math
from typing import Any

import pytest

from nlmkit import Cache, NGram
from nlmkit.core.notes import LOGGER
from nlmkit.language_models.unknown_words import note_cheap_unknown, unknown_word

NOISE = ["zzz qqq vvv www"]


@pytest.fixture(scope="module")
def trained() -> NGram:
    """A model whose ``<unk>`` was trained on the words seen once."""
    return NGram(order=2, min_count=2).fit("corpus:english")


@pytest.fixture(scope="module")
def shared() -> NGram:
    """A model whose ``<unk>`` has a share of the uniform distribution."""
    return NGram(order=2).fit("corpus:english")


def test_the_cost_by_hand() -> None:
    lm = NGram(order=1, smoothing="add-k", vocabulary_size=1).fit(iter(["a a b c d"]))
    # Unigram of <unk> 3 + 1, </s> 1 + 1, a 2 + 1 of 9 events.
    mean = sum(p * math.log(p) for p in (4 / 9, 2 / 9, 3 / 9))
    cost = unknown_word(lm)
    assert cost.probability == pytest.approx(4 / 9)
    assert cost.ratio == pytest.approx(4 / 9 / math.exp(mean))
    assert not cost.is_cheap


def test_a_trained_unknown_word_is_cheap_and_a_share_of_the_uniform_is_not(trained: NGram, shared: NGram) -> None:
    assert trained.perplexity(iter(NOISE)) < trained.perplexity("corpus:english/test")
    assert unknown_word(trained).is_cheap
    assert shared.perplexity(iter(NOISE)) > shared.perplexity("corpus:english/test")
    assert not unknown_word(shared).is_cheap


def test_it_is_judged_by_the_distribution_so_that_an_imported_model_is_too(trained: NGram, tmp_path: Any) -> None:
    trained.export(tmp_path / "m.arpa")
    imported = NGram.from_arpa(tmp_path / "m.arpa")
    assert not imported.vocabulary_.counts.any()
    assert unknown_word(imported).ratio == pytest.approx(unknown_word(trained).ratio, rel=1e-4)


def test_a_cache_is_judged_by_the_first_unknown_word(shared: NGram) -> None:
    assert not unknown_word(Cache(model=shared, weight=0.5, decay=0.9).fit()).is_cheap


@pytest.mark.parametrize(("text", "noted"), [(NOISE, True), (["the house"] * 20 + NOISE[:1], True), (["the"], False)])
def test_a_report_with_many_unknown_words_has_a_note(
    text: list[str], noted: bool, trained: NGram, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, LOGGER):
        trained.report(iter(text))
    assert [
        "unknown words lower the perplexity of this model: <unk> has" in message for message in caplog.messages
    ] == [True] * noted


def test_few_unknown_words_and_scorers_that_are_no_distribution_have_none(
    trained: NGram, caplog: pytest.LogCaptureFixture
) -> None:
    note_cheap_unknown(trained, 4, 100)
    scorer = NGram(order=2, min_count=2, smoothing="stupid-backoff").fit("corpus:english")
    note_cheap_unknown(scorer, 4, 4)
    assert not caplog.messages
    note_cheap_unknown(trained, 5, 100, name="kn")
    assert "the perplexity of kn: " in caplog.messages[0]
