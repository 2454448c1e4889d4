"""Columns of pandas, Polars, Arrow and Hugging Face ``datasets``, and generators, give what lists give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nlmkit import NBSVM, NGram, OneHot, ParallelTexts, TaggedSentences, TfidfRidge, word_surprisals
from nlmkit.text import Corpus
from nlmkit.text.labelled import LabelledTexts

TEXTS = ["the cat sat", "a dog ran", "the dog sat", "a cat ran"]
DATA: dict[str, list[Any]] = {
    "text": TEXTS,
    "label": ["cat", "dog", "dog", "cat"],
    "number": [1.0, 2.0, 3.5, 4.0],
    "whole": [1, 0, 0, 1],
    "tokens": [text.split() for text in TEXTS],
    "tags": [["O", "B-X", "O"]] * 4,
    "vector": [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.5]],
}
Get = Callable[[str], Any]


def pandas_columns(**options: Any) -> Get:
    frame = pytest.importorskip("pandas").DataFrame(DATA)
    if options.get("arrow"):
        pytest.importorskip("pyarrow")
        frame = frame.convert_dtypes(dtype_backend="pyarrow")
    elif options.get("categories"):
        frame = frame.astype({"label": "category", "text": "category", "whole": "category"})
    return lambda name: frame[name]


def polars_columns(**options: Any) -> Get:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(DATA)
    if options.get("categories"):
        frame = frame.with_columns(frame["label"].cast(polars.Categorical))
    return lambda name: frame[name]


def arrow_columns(**options: Any) -> Get:
    table = pytest.importorskip("pyarrow").table(DATA)
    return lambda name: table[name].dictionary_encode() if options and name == "label" else table[name]


def dataset_columns(**options: Any) -> Get:
    dataset = pytest.importorskip("datasets").Dataset.from_dict(DATA)
    if options:
        stream = dataset.to_iterable_dataset()
        return lambda name: stream[name]
    return lambda name: dataset[name]


SOURCES: dict[str, Callable[[], Get]] = {
    "pandas": pandas_columns,
    "pandas with Arrow": lambda: pandas_columns(arrow=True),
    "pandas categories": lambda: pandas_columns(categories=True),
    "polars": polars_columns,
    "polars categories": lambda: polars_columns(categories=True),
    "arrow": arrow_columns,
    "arrow dictionary": lambda: arrow_columns(dictionary=True),
    "datasets": dataset_columns,
    "streamed datasets": lambda: dataset_columns(streamed=True),
    "generator": lambda: lambda name: (value for value in DATA[name]),
}
USES: dict[str, Callable[[Get], Any]] = {
    "corpus": lambda get: Corpus.read(get("text")).events_digest,
    "token lists": lambda get: Corpus.read(get("tokens")).events_digest,
    "language model": lambda get: NGram(order=1, smoothing="witten-bell").fit(get("text")).score(get("text")),
    "representation": lambda get: OneHot().fit(get("text")).vocabulary_.words,
    "classifier": lambda get: NBSVM(calibration=0).fit(get("text"), get("label")).predict(get("text")).tolist(),
    "labels": lambda get: LabelledTexts(get("text"), get("label")).digest,
    "whole numbers": lambda get: LabelledTexts(get("text"), get("whole")).digest,
    "regressor": lambda get: TfidfRidge().fit(get("text"), get("number")).score(get("text"), get("number")),
    "pairs": lambda get: ParallelTexts(get("text"), get("label")).digest,
    "tags": lambda get: TaggedSentences(get("tokens"), get("tags")).digest,
    "words": lambda get: word_surprisals(MODEL, get("text")).log_probs.tolist(),
    "given words": lambda get: word_surprisals(MODEL, get("tokens")).words,
}
MODEL = NGram(order=2, smoothing="witten-bell").fit(TEXTS)


@pytest.fixture(scope="module", params=SOURCES)
def get(request: pytest.FixtureRequest) -> Get:
    return SOURCES[request.param]()


@pytest.mark.parametrize("use", USES)
def test_a_column_is_read_as_a_list(use: str, get: Get) -> None:
    assert USES[use](get) == USES[use](DATA.__getitem__)


@pytest.mark.parametrize("source", ["polars", "arrow", "datasets"])
def test_a_column_of_vectors_is_the_sources_of_pairs(source: str) -> None:
    pairs = ParallelTexts(SOURCES[source]()("vector"), DATA["text"])
    assert pairs.dimension == 2
    np.testing.assert_array_equal(pairs.sources, np.array(DATA["vector"], np.float32))


def test_classes_may_be_whole_numbers_of_a_categorical() -> None:
    pandas = pytest.importorskip("pandas")
    for labels in (pandas.Categorical(DATA["label"]), pandas.Series(DATA["whole"], dtype="category")):
        classes = NBSVM(calibration=0).fit(TEXTS, labels).classes_
        assert classes.tolist() == sorted({*labels.tolist()})
