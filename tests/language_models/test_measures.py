"""Ranking by bits per character: models of words, characters and subwords in one table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nlmkit import NGram, compare
from nlmkit.errors import HyperParameterError
from nlmkit.text import Corpus, TextPipeline

TRAIN = ["the cat sat", "the mat", "a cat and a mat", "that cat sat on that mat"] * 2
TEST = ["the cat", "", "a mat sat on the cat", "the dog", "猫\u3000"] * 2


def model(tokenizer: str, **values: Any) -> NGram:
    return NGram(order=2, smoothing="witten-bell", **values).fit(Corpus.read(TRAIN, TextPipeline(tokenizer=tokenizer)))


WORDS, CHARACTERS = model("space"), model("char")


def test_models_of_other_tokens_are_ranked_by_bits_per_character() -> None:
    result = compare({"words": WORDS, "characters": CHARACTERS}, TEST, by="bits-per-character")
    characters = sum(len(line) + 1 for line in TEST)
    bits = {
        name: -each.log_probs(TEST).sum() / math.log(2) / characters
        for name, each in (("words", WORDS), ("characters", CHARACTERS))
    }
    names = sorted(bits, key=bits.__getitem__)
    assert [row.model for row in result.ranked] == names
    for row in result.ranked:
        assert row.report.bits_per_character == pytest.approx(bits[row.model])
        assert row.interval is not None
        assert row.interval[0] < bits[row.model] < row.interval[1]
    (pair,) = result.differences
    assert pair.ratio == pytest.approx(bits[names[1]] / bits[names[0]])
    assert pair.interval is not None
    assert pair.interval[0] <= pair.ratio <= pair.interval[1]
    assert result.to_dict()["by"] == "bits-per-character"
    assert any("OOV words count without their spelling" in note for note in result.notes)
    head = result.render().splitlines()[2].split()
    assert head[:3] == ["RANK", "MODEL", "BITS/CHARACTER"]
    assert "OOV" in head


def test_intervals_are_of_the_bits_of_resampled_lines() -> None:
    result = compare([CHARACTERS], TEST, by="bits-per-character", samples=390, seed=5)
    lines = -np.array([CHARACTERS.log_probs([line]).sum() for line in TEST]) / math.log(2)
    lengths = np.array([len(line) + 1 for line in TEST])
    drawn = np.random.Generator(np.random.PCG64(5)).integers(0, len(TEST), (390, len(TEST)))
    sampled = lines[drawn].sum(axis=1) / lengths[drawn].sum(axis=1)
    wanted = np.quantile(sampled, [0.025, 0.975], method="inverted_cdf")
    np.testing.assert_allclose(np.array(result.ranked[0].interval), wanted)


def test_subwords_are_ranked_with_characters() -> None:
    pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")
    result = compare({"bpe": model("bpe:300"), "characters": CHARACTERS}, TEST, by="bits-per-character")
    assert {row.model for row in result.ranked} == {"bpe", "characters"}
    assert {row.model: row.report.oov for row in result.ranked}["bpe"] == 0


def test_by_perplexity_the_note_leads_there() -> None:
    result = compare([WORDS, CHARACTERS], TEST)
    assert result.by == "perplexity"
    assert any("--by bits-per-character" in note for note in result.notes)


def test_tokens_have_no_characters() -> None:
    result = compare([WORDS, CHARACTERS], [line.split() for line in TEST], by="bits-per-character")
    assert not result.ranked
    assert all("was given tokens, not raw text" in reason for row in result.refused for reason in row.reasons)


def test_an_iterator_is_read_once_and_has_no_intervals() -> None:
    result = compare([WORDS], iter(TEST), by="bits-per-character")
    assert result.ranked[0].interval is None
    assert result.ranked[0].report.bits_per_character


def test_another_reading_of_the_text_is_not_comparable(tmp_path: Any) -> None:
    path = tmp_path / "test.txt"
    path.write_bytes("caté the mat\n".encode("latin-1"))
    latin, replaced = (
        NGram(order=1).fit(Corpus.read(TRAIN, TextPipeline(**values)))
        for values in ({"encoding": "latin-1"}, {"errors": "ignore"})
    )
    result = compare([latin, replaced, latin], path, by="bits-per-character")
    assert len(result.ranked) == 2
    assert "they read different characters (13 and 12)" in result.refused[0].reasons[0]


def test_other_measures_are_refused() -> None:
    with pytest.raises(HyperParameterError, match=r"by must be one of perplexity, .*bits-per-byte, not 'bits'"):
        compare([WORDS], TEST, by="bits")  # type: ignore[arg-type]
