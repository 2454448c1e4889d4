"""``compare_pairs``: what it refuses; what it ranks is checked beside the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlmkit import NGram, OneHot, ParallelTexts, compare_pairs
from nlmkit.errors import DataError, HyperParameterError, SavedModelError

PAIRS = ParallelTexts(["a b", "b"], ["x y", "y"])


@pytest.fixture(scope="module")
def lm() -> NGram:
    return NGram(order=1).fit(["x y", "y y"])


@pytest.mark.parametrize(
    ("models", "problem"),
    [
        ([], "no models to compare"),
        ("lm", "models must be a list of models or a mapping"),
        ([3], "model 1 is int: expected a sequence-to-sequence or language model or the folder"),
        ({"x": OneHot()}, "model 'x' is a representation: expected a sequence-to-sequence or language model"),
    ],
)
def test_what_is_no_such_model_is_refused(models: object, problem: str) -> None:
    with pytest.raises(HyperParameterError, match=problem):
        compare_pairs(models, PAIRS)  # type: ignore[arg-type]


def test_options_are_checked_before_models_are_read(lm: NGram) -> None:
    with pytest.raises(HyperParameterError, match="samples must be a whole number"):
        compare_pairs([lm], PAIRS, samples=-1)
    with pytest.raises(HyperParameterError, match="by"):
        compare_pairs([lm], PAIRS, by="accuracy")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no pairs"):
        compare_pairs([lm], PAIRS.subset([]))


def test_folders_and_models_of_one_name_are_numbered(lm: NGram, tmp_path: Path) -> None:
    lm.save(tmp_path / "lm")
    found = compare_pairs([lm, lm, tmp_path / "lm"], PAIRS, samples=0, progress=None)
    assert [row.model for row in found.ranked] == ["ngram", "ngram (2)", str(tmp_path / "lm")]
    assert len({row.report.perplexity for row in found.ranked}) == 1
    assert found.ranked[0].report.perplexity == pytest.approx(lm.perplexity(["x y", "y"]))


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    OneHot().fit(["a b"]).save(tmp_path / "vectors")
    with pytest.raises(SavedModelError, match="one-hot is a representation, expected a sequence-to-sequence or"):
        compare_pairs([tmp_path / "vectors"], PAIRS)
