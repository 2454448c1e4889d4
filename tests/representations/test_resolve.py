"""What a hyper-parameter that takes a representation can hold, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit import LSTM, Corpus, HyperParameterError, NGram, NlmkitError, RunOptions
from nlmkit.classifiers.neural.cnn import CNN
from nlmkit.representations.lsa.model import LSA
from nlmkit.representations.resolve import fitted_representation
from nlmkit.representations.vectors import Vectors

TEXT = ["the cat sees the dog", "the dog sees a cat", "a bird sings", "the bird sees the cat"] * 3
CORPUS = Corpus.read(TEXT)
RUN = RunOptions(progress=None)


def test_a_fitted_one_is_taken_as_it_is() -> None:
    vectors = Vectors().fit({"cat": [1.0, 2.0]})
    assert fitted_representation(vectors, CORPUS, RUN) is vectors


def test_a_folder_is_loaded(tmp_path: Path) -> None:
    fitted = LSA(dimension=3, min_count=1).fit(TEXT)
    fitted.save(tmp_path / "lsa")
    assert fitted_representation(str(tmp_path / "lsa"), CORPUS, RUN).digest == fitted.digest
    NGram(order=2).fit(TEXT).save(tmp_path / "ngram")
    with pytest.raises(HyperParameterError, match=r"augment_vectors=.* is a language-model \(ngram\); expected a rep"):
        fitted_representation(str(tmp_path / "ngram"), CORPUS, RUN, name="augment_vectors")


def test_an_unfitted_one_is_fitted_in_a_copy_and_watched() -> None:
    stages: list[str] = []

    class Display:
        def start(self, description: str, total: float | None = None) -> None:
            stages.append(description)

        def advance(self, amount: float = 1) -> None:
            pass

    unfitted = LSA(dimension=3, min_count=1)
    found = fitted_representation(unfitted, CORPUS, RunOptions(progress=Display()))
    assert not unfitted.is_fitted
    assert np.array_equal(found.matrix, LSA(dimension=3, min_count=1).fit(TEXT).matrix)
    assert stages[0] == "fitting lsa"


def test_one_that_does_not_learn_from_text_is_refused_unfitted() -> None:
    with pytest.raises(HyperParameterError, match="this vectors is not fitted and does not learn from text"):
        fitted_representation(Vectors(), CORPUS, RUN)


@pytest.mark.parametrize(
    "fit",
    [
        lambda given: CNN(representation=given, epochs=1, maps=2).fit(TEXT, ["x", "y"] * 6),
        lambda given: LSTM(representation=given, epochs=1, hidden=3, batch=2).fit(TEXT),
    ],
)
def test_classifiers_and_language_models_treat_all_of_them_alike(fit: Any) -> None:
    """The same report of the same vectors, and the same refusals."""
    found = [fit(given).fit_report_["input"] for given in (LSA(dimension=3, min_count=1),)]
    assert found[0]["representation"] == "lsa"
    assert found[0]["dimension"] == 3
    with pytest.raises(HyperParameterError, match="this vectors is not fitted"):
        fit(Vectors())
    with pytest.raises(NlmkitError, match="no-such-folder"):
        fit("no-such-folder")
