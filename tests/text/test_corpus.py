"""What a corpus says of itself, once it is there."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.errors import DataError
from nlmkit.text import Corpus, TextPipeline, Vocabulary

SENTENCES: list[list[str]] = [["b", "a", "b"], [], ["<unk>", "z", "a"]]

token_lists = st.lists(st.lists(st.text(st.sampled_from("ab<>/s é"), min_size=1), max_size=5)).filter(
    lambda sentences: not any(token in ("<s>", "</s>") for sentence in sentences for token in sentence)
)


def test_arrays_and_counts() -> None:
    corpus = Corpus.read(SENTENCES)
    assert corpus.types == ("b", "a", "<unk>", "z")
    assert corpus.ids.tolist() == [0, 1, 0, 2, 3, 1]
    assert corpus.offsets.tolist() == [0, 3, 3, 6]
    assert corpus.ids.dtype == np.dtype(np.int32)
    assert corpus.offsets.dtype == np.dtype(np.int64)
    assert (corpus.sentences, corpus.tokens, corpus.events) == (3, 6, 9)
    assert corpus.type_counts().tolist() == [2, 2, 1, 1]
    assert corpus.event_offsets.tolist() == [0, 4, 5, 9]
    assert (corpus.characters, corpus.bytes, corpus.pipeline, corpus.sources) == (None, None, None, ("<tokens>",))


def test_mapping_to_a_vocabulary_comes_afterwards() -> None:
    corpus = Corpus.read(SENTENCES)
    vocabulary = Vocabulary(["a", "b"])
    assert corpus.ids_for(vocabulary).tolist() == [4, 3, 4, 0, 0, 3]
    assert corpus.oov_mask(vocabulary).tolist() == [False, False, False, False, True, False]
    assert corpus.event_ids(vocabulary).tolist() == [4, 3, 4, 2, 2, 0, 0, 3, 2]
    assert corpus.ids_for(vocabulary).dtype == corpus.event_ids(vocabulary).dtype == np.int32
    assert corpus.oov_mask(vocabulary).dtype == np.bool_
    nothing_known = Vocabulary([])
    assert corpus.oov_mask(nothing_known).sum() == 5


def test_sentences_come_back() -> None:
    corpus = Corpus.read(SENTENCES)
    assert [corpus.sentence(index) for index in range(3)] == SENTENCES
    assert corpus.sentence(-1) == SENTENCES[-1]
    for index in (3, -4):
        with pytest.raises(IndexError, match="the number of sentences is 3"):
            corpus.sentence(index)


@pytest.mark.parametrize("source", [[], [""], ["", ""], [[]]])
def test_without_words_everything_still_works(source: list[Any]) -> None:
    corpus = Corpus.read(source)
    vocabulary = Vocabulary.from_corpus(corpus)
    assert corpus.tokens == len(corpus.types) == 0
    assert corpus.sentences == corpus.events == len(source)
    assert corpus.event_ids(vocabulary).tolist() == [2] * len(source)
    assert corpus.ids_for(vocabulary).shape == corpus.oov_mask(vocabulary).shape == (0,)
    assert len(corpus.event_offsets) == len(source) + 1


def test_nothing_can_be_changed() -> None:
    corpus = Corpus.read(SENTENCES)
    for array in (corpus.ids, corpus.offsets, corpus.event_offsets):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        corpus.types = ()  # type: ignore[misc]


def test_repr_is_short() -> None:
    assert repr(Corpus.read(SENTENCES)) == "<Corpus of 6 tokens of 4 types in 3 sentences>"


@pytest.mark.slow
@given(token_lists, token_lists)
def test_digest_tells_texts_apart_and_nothing_else(one: list[list[str]], other: list[list[str]]) -> None:
    assert (Corpus.read(one).events_digest == Corpus.read(other).events_digest) == (one == other)
    assert len(Corpus.read(one).events_digest) == 16


def test_digest_sees_where_sentences_and_words_end() -> None:
    texts: list[list[list[str]]] = [
        [["a", "b"]],
        [["a"], ["b"]],
        [["ab"]],
        [["a", "b"], []],
        [[], ["a", "b"]],
        [["b", "a"]],
        [],
        [[]],
    ]
    assert len({Corpus.read(text).events_digest for text in texts}) == len(texts)


def test_digest_is_the_same_however_the_text_was_read(tmp_path: Path) -> None:
    lines = ["b a b", "", "<unk> z a"]
    file = tmp_path / "text.txt"
    file.write_text("\r\n".join(lines), "utf-16")
    tuples: list[tuple[str, ...]] = [tuple(sentence) for sentence in SENTENCES]
    read = [
        Corpus.read(SENTENCES),
        Corpus.read(tuples),
        Corpus.read(lines),
        Corpus.read(iter([line + "\n" for line in lines])),
        Corpus.read(file, TextPipeline(encoding="utf-16")),
        Corpus.read(["B  a\tb", " ", "<UNK> z a "], TextPipeline(lowercase=True)),
    ]
    assert {corpus.events_digest for corpus in read} == {read[0].events_digest}


@pytest.mark.slow
@given(token_lists)
def test_views_against_a_plain_calculation(sentences: list[list[str]]) -> None:
    corpus = Corpus.read(sentences)
    vocabulary = Vocabulary(dict.fromkeys(token for sentence in sentences[::2] for token in sentence))
    events = [id_ for sentence in sentences for id_ in [*(vocabulary.id(token) for token in sentence), 2]]
    assert corpus.event_ids(vocabulary).tolist() == events
    assert corpus.ids_for(vocabulary).tolist() == [vocabulary.id(token) for sentence in sentences for token in sentence]
    assert corpus.oov_mask(vocabulary).tolist() == [
        token not in vocabulary for sentence in sentences for token in sentence
    ]
    ends = corpus.event_offsets[1:] - 1
    assert (corpus.event_ids(vocabulary)[ends] == 2).all()
    rebuilt = Corpus(corpus.types, corpus.ids, corpus.offsets)
    assert rebuilt.events_digest == corpus.events_digest


ARRAYS: dict[str, Any] = {"types": ("a", "b"), "ids": np.array([0, 1, 0], np.int32), "offsets": np.array([0, 2, 3])}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ids": np.array([0, 2, 1])}, "order of first appearance"),
        ({"ids": np.array([1, 0, 0])}, "order of first appearance"),
        ({"ids": np.array([0, -1, 1])}, "order of first appearance"),
        ({"ids": np.array([0, 1, 2])}, "2 types, of which its tokens use 3"),
        ({"ids": np.array([0, 0, 0])}, "2 types, of which its tokens use 1"),
        ({"ids": np.array([0.0, 1.0, 0.0])}, "ids as an array of integers"),
        ({"ids": [0, 1, 0]}, "ids as an array of integers"),
        ({"ids": np.array([[0, 1, 0]])}, "ids as an array of integers"),
        ({"types": ("a", "a")}, "must not contain a type twice"),
        ({"offsets": np.array([0, 2])}, "offsets of a corpus must start at 0"),
        ({"offsets": np.array([1, 3])}, "offsets of a corpus must start at 0"),
        ({"offsets": np.array([0, 3, 2, 3])}, "offsets of a corpus must start at 0"),
        ({"offsets": np.array([], np.int64)}, "offsets of a corpus must start at 0"),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(changed: dict[str, Any], message: str) -> None:
    Corpus(**ARRAYS)
    with pytest.raises(DataError, match=message):
        Corpus(**(ARRAYS | changed))


def test_the_order_of_types_is_checked_over_the_whole_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.text.corpus._PIECE", 2)
    Corpus(("a", "b", "c"), np.array([0, 1, 1, 0, 2, 0]), np.array([0, 6]))
    with pytest.raises(DataError, match="first appear"):
        Corpus(("a", "b", "c", "d"), np.array([0, 1, 1, 0, 3, 2]), np.array([0, 6]))


def test_penn_treebank(shared_data: Path) -> None:
    train, test = (Corpus.read(shared_data / "ptb" / f"{split}.txt") for split in ("train", "test"))
    vocabulary = Vocabulary.from_corpus(train)
    assert (train.events, train.sentences, train.characters) == (929_589, 42_068, 5_101_618)
    assert (test.events, test.tokens, test.sentences) == (82_430, 78_669, 3_761)
    assert vocabulary.size_predictable == 10_000
    assert vocabulary.counts[:3].tolist() == [45_020, 0, 42_068]
    assert not test.oov_mask(vocabulary).any()


def test_movie_reviews_in_latin_1_keep_their_lines(shared_data: Path) -> None:
    file = shared_data / "mr" / "rt-polarity.all"
    assert Corpus.read(file, TextPipeline(encoding="latin-1")).sentences == file.read_bytes().count(b"\n") == 10_662
    with pytest.raises(DataError, match="is not valid utf-8"):
        Corpus.read(file)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=4), max_size=6))
def test_words_and_sentence_ends_among_the_events(sentences: list[list[str]]) -> None:
    corpus = Corpus.read(iter([" ".join(sentence) for sentence in sentences]))
    assert corpus.is_word.tolist() == [flag for sentence in sentences for flag in (*[True] * len(sentence), False)]
    vocabulary = Vocabulary(["a", "c"])
    expected = [word == "b" for sentence in sentences for word in (*sentence, "</s>")]
    assert corpus.oov_events(vocabulary).tolist() == expected
    assert corpus.oov_events(vocabulary)[corpus.is_word].tolist() == corpus.oov_mask(vocabulary).tolist()


def test_the_mask_of_words_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus.read(["a b", "", "c", "a a a"])
    whole = corpus.is_word
    monkeypatch.setattr("nlmkit.text.corpus._PIECE", 2)
    assert (corpus.is_word == whole).all()


def test_types_are_counted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus.read(["a b a", "c a", "", "b d"])
    for piece in (1, 3, 100):
        monkeypatch.setattr("nlmkit.text.corpus._PIECE", piece)
        assert corpus.type_counts().tolist() == [3, 2, 1, 1]
    empty = Corpus.read([""]).type_counts()
    assert empty.dtype == np.int64
    assert len(empty) == 0
