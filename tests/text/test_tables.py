"""Tables: refused with the mend where a text is wanted; their columns are read like lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nlmkit import NGram
from nlmkit.classifiers.linear.nbsvm import NBSVM
from nlmkit.errors import DataError
from nlmkit.plots.projection import plot_projection
from nlmkit.representations.one_hot import OneHot
from nlmkit.representations.stability import neighbour_stability
from nlmkit.representations.vectors import Vectors
from nlmkit.text import Corpus, Vocabulary, stream_blocks
from nlmkit.text.labelled import LabelledTexts

TEXTS = ["the cat sat", "a dog ran", "the dog sat", "a cat ran"]
LABELS = ["cat", "dog", "dog", "cat"]


class Frame:
    """Like a frame of pandas or Polars: iterates over the names of its columns."""

    ndim = 2
    columns = ("id", "text")
    shape = (4, 2)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return 4


class Narrow(Frame):
    """A frame whose one column nothing tells to be the text."""

    columns = ("what",)  # type: ignore[assignment]


class LazyFrame:
    """Like a lazy frame of Polars: asking for its columns is costly."""

    def collect(self) -> Frame:
        raise AssertionError("nothing is computed")

    def collect_schema(self) -> Any:
        raise AssertionError("nothing is computed")

    @property
    def columns(self) -> Any:
        raise AssertionError("nothing is computed")


class ArrowArray:
    """Like a column of Arrow: iterates over scalars that are not strings."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def __iter__(self) -> Iterator[Any]:
        return iter([object()] * len(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def slice(self, start: int, length: int) -> ArrowArray:
        return ArrowArray(self._values[start : start + length])

    def to_pylist(self) -> list[Any]:
        return list(self._values)


class PolarsColumn:
    """Like a column of Polars with lists: iterates over columns again."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def __iter__(self) -> Iterator[Any]:
        return iter([PolarsColumn(value) if isinstance(value, list) else value for value in self._values])

    def __len__(self) -> int:
        return len(self._values)

    def slice(self, start: int, length: int) -> PolarsColumn:
        return PolarsColumn(self._values[start : start + length])

    def to_list(self) -> list[Any]:
        return list(self._values)


class ArrowReader:
    """Like a stream of Arrow: it gives tables, once."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("nothing is read")

    def read_next_batch(self) -> Any:
        raise AssertionError("nothing is read")


class ArrowTable:
    """Like a table of Arrow: its `columns` are the columns, and so are its items."""

    column_names = ("text",)
    columns = (ArrowArray(TEXTS),)
    shape = (4, 1)

    def __iter__(self) -> Iterator[ArrowArray]:
        return iter(self.columns)

    def to_pylist(self) -> list[dict[str, str]]:
        return [{"text": text} for text in TEXTS]

    def slice(self, start: int, length: int) -> ArrowTable:
        return self


class Dataset:
    """Like a data set of Hugging Face, of which a streamed one may not know its columns."""

    def __init__(self, names: list[str] | None) -> None:
        self.column_names = names
        self.features = None

    def __iter__(self) -> Iterator[dict[str, str]]:
        return iter([{"text": text} for text in TEXTS])


class Series:
    """Like a column of pandas or Polars."""

    ndim = 1
    shape = (4,)

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


TABLES: dict[str, tuple[Callable[[], Any], str]] = {
    "frame": (Frame, r"one column, as in data\['text'\]"),
    "frame of one column": (Narrow, r"one column, as in data\['what'\]"),
    "lazy frame": (LazyFrame, r"one column, as in data\.collect\(\)\['text'\]"),
    "stream of Arrow": (ArrowReader, r"one column, as in data\.read_all\(\)\['text'\]"),
    "arrow table": (ArrowTable, r"one column, as in data\['text'\]"),
    "data set": (lambda: Dataset(["label", "text"]), r"one column, as in data\['text'\]"),
    "streamed data set": (lambda: Dataset(None), r"one column, as in data\['text'\]"),
    "mapping": (lambda: {"sentence": TEXTS, "label": LABELS}, r"one of its values, as in data\['sentence'\]"),
    "structured": (lambda: np.array([("a", 1)], [("text", "U9"), ("n", "i8")]), r"as in data\['text'\]"),
    "matrix": (lambda: np.array([[text] for text in TEXTS]), r"2 dimensions: pass one column, as in data\[:, 0\]"),
    "scalar": (lambda: np.array("a"), "0 dimensions: put it in a list"),
    "set": (lambda: set(TEXTS), "no order: pass a list"),
    "bytes": (lambda: b"the cat", "bytes: decode it first"),
    "bytearray": (lambda: bytearray(b"the cat"), "bytearray: decode it first"),
}
COLUMNS: dict[str, Callable[[], Any]] = {
    "list": lambda: TEXTS,
    "tuple": lambda: tuple(TEXTS),
    "generator": lambda: (text for text in TEXTS),
    "series": lambda: Series(TEXTS),
    "array": lambda: np.array(TEXTS),
    "array of objects": lambda: np.array(TEXTS, object),
    "arrow column": lambda: ArrowArray(TEXTS),
    "values of a mapping": lambda: dict(enumerate(TEXTS)).values(),
}
MODEL = NGram(order=1).fit(TEXTS)
WORDS = OneHot().fit(TEXTS)
CLASSIFIER = NBSVM(calibration=0).fit(TEXTS, LABELS)
USES: dict[str, Callable[[Any], object]] = {
    "Corpus.read": Corpus.read,
    "Corpus.read_files": Corpus.read_files,
    "stream_blocks": lambda table: list(stream_blocks(table)),
    "NGram.fit": lambda table: NGram().fit(table),
    "NGram.fit(valid=)": lambda table: NGram().fit(TEXTS, valid=table),
    "perplexity": MODEL.perplexity,
    "score": MODEL.score,
    "representation.fit": lambda table: OneHot().fit(table),
    "classifier.fit": lambda table: NBSVM().fit(table, LABELS),
    "classifier.fit without labels": lambda table: NBSVM().fit(table),
    "classifier.fit(labels=)": lambda table: NBSVM().fit(TEXTS, table),
    "classifier.fit(valid=)": lambda table: NBSVM().fit(TEXTS, LABELS, valid=table),
    "predict": CLASSIFIER.predict,
    "predict_proba": CLASSIFIER.predict_proba,
    "classifier.score": CLASSIFIER.score,
    "vectors": WORDS.vectors,
    "ids": WORDS.ids,
    "vocabulary.ids": MODEL.vocabulary_.ids,
    "doesnt_match": WORDS.doesnt_match,
}


@pytest.mark.slow
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", TABLES)
def test_a_table_is_refused_with_the_mend(use: str, kind: str) -> None:
    make, mend = TABLES[kind]
    with pytest.raises(DataError, match=mend):
        USES[use](make())


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_is_read_like_a_list(kind: str) -> None:
    column = COLUMNS[kind]
    assert Corpus.read(column()).events_digest == Corpus.read(TEXTS).events_digest
    assert [line for block in stream_blocks(column()) for line in block.lines] == TEXTS
    assert LabelledTexts(column(), LABELS).texts == tuple(TEXTS)
    assert CLASSIFIER.predict(column()).tolist() == CLASSIFIER.predict(TEXTS).tolist()


@pytest.mark.parametrize(
    "make", [list, tuple, Series, ArrowArray, PolarsColumn, np.array, lambda labels: np.array(labels, object)]
)
def test_labels_and_words_may_be_a_column_too(make: Callable[[list[str]], Any]) -> None:
    assert LabelledTexts(TEXTS, make(LABELS)).labels.tolist() == LABELS
    assert WORDS.ids(make(["dog", "no-such-word"])).tolist() == [WORDS.vocabulary_.id("dog"), -1]
    assert MODEL.vocabulary_.ids(make(["dog", "no-such-word"])).tolist() == [MODEL.vocabulary_.id("dog"), 0]
    assert Vocabulary(make(["a", "b"])).words[3:] == ("a", "b")


@pytest.mark.parametrize(
    "use",
    [
        Vocabulary,
        MODEL.vocabulary_.ids,
        WORDS.ids,
        WORDS.vectors,
        WORDS.doesnt_match,
        lambda words: Vectors.from_arrays(words, np.eye(3)),
        lambda words: neighbour_stability([WORDS, WORDS], k=1, words=words),
        lambda words: plot_projection(WORDS, "words.png", words),
    ],
)
def test_one_string_is_not_taken_for_its_letters(use: Callable[[Any], object]) -> None:
    with pytest.raises(DataError, match="given as one string, 'cat': put it in a list, or split it into words"):
        use("cat")
    with pytest.raises(DataError, match="given as int: pass a list of strings"):
        use(3)


@pytest.mark.parametrize("word", [None, 3, b"cat", ["cat"]])
def test_a_word_of_many_is_a_string(word: Any) -> None:
    for use in (MODEL.vocabulary_.ids, WORDS.ids, WORDS.vectors):
        with pytest.raises(DataError, match="word 2 is "):
            use(["cat", word])


@pytest.mark.parametrize("words", ["cat", ["cat"]])
def test_vectors_are_aligned_with_a_vocabulary(words: Any) -> None:
    for representation in (WORDS, Vectors().fit({"cat": [1.0, 2.0]})):
        with pytest.raises(
            DataError, match=r"align expects a Vocabulary, not .*: pass Vocabulary\(words\), or use vec"
        ):
            representation.align(words)


def test_a_long_column_of_arrow_is_read_in_pieces() -> None:
    texts = [f"w{number}" for number in range(10_000)]
    assert Corpus.read(ArrowArray(texts)).types == tuple(texts)


@pytest.mark.parametrize("make", [list, tuple, Series, ArrowArray, PolarsColumn])
@pytest.mark.parametrize("tokens", [list, tuple, np.array, lambda words: np.array(words, object), PolarsColumn])
def test_columns_of_token_lists(make: Callable[[Any], Any], tokens: Callable[[Any], Any]) -> None:
    corpus = Corpus.read(make([tokens(["a", "b"]), tokens(["c"])]))
    assert [corpus.sentence(0), corpus.sentence(1)] == [["a", "b"], ["c"]]
    assert all(type(word) is str for word in corpus.types)


def test_rows_of_a_table_that_are_taken_for_token_lists_are_noted(caplog: pytest.LogCaptureFixture) -> None:
    for rows in (list(zip(TEXTS, LABELS, strict=True)), [[text] for text in TEXTS]):
        Corpus.read(rows)
        (record,) = caplog.records
        assert "such as 'the cat sat', and each is one word: if these are rows of a table" in record.getMessage()
        caplog.clear()
    Corpus.read([["New York", "is", "large"], ["ad hoc", "a b c", "and", "so", "on", "and", "on"]])
    assert not caplog.records


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (None, "is missing"),
        (float("nan"), "is missing"),
        (b"a", r"is bytes: decode it first, as in item\.decode"),
        ({"text": "a"}, r"a dict, a row of a table: .*row\['text'\] for row"),
        (3, "is int"),
    ],
)
def test_an_item_that_is_no_text_is_named_with_the_mend(item: object, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        Corpus.read(iter(["a", item]))  # type: ignore[arg-type]
    assert caught.value.line == 2
    with pytest.raises(DataError, match=f"text 2 .*{problem.split(':', maxsplit=1)[0].removeprefix('a ')}"):
        LabelledTexts(["a", item], LABELS[:2])  # type: ignore[list-item]


def test_pairs_of_words_are_no_table() -> None:
    with pytest.raises(DataError, match=r"pass its rows, as \(word, word, judgement\)"):
        WORDS.score(Frame())


def test_a_word_is_a_string() -> None:
    for word in (None, 3, Frame()):
        with pytest.raises(DataError, match="word 1 "):
            WORDS.similarity(word, "cat")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="pass a word or a vector"):
        WORDS.most_similar(Frame())  # type: ignore[arg-type]
