from __future__ import annotations

import gzip
import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import BOS_ID, EOS_ID, UNK_ID, Corpus, TextPipeline, Vocabulary

LINES = ["b a b", "c a b", "", "d <unk> d a e"]  # b 3, a 3, d 2, c 1, e 1, <unk> 1


def test_ids_are_the_three_and_then_the_words_in_order() -> None:
    vocabulary = Vocabulary(["b", "a"])
    assert vocabulary.words == ("<unk>", "<s>", "</s>", "b", "a")
    assert (UNK_ID, BOS_ID, EOS_ID) == (0, 1, 2)
    assert [vocabulary.id(word) for word in ("<unk>", "<s>", "</s>", "b", "a", "z")] == [0, 1, 2, 3, 4, 0]
    assert [vocabulary.word(id_) for id_ in range(5)] == list(vocabulary) == list(vocabulary.words)
    assert (len(vocabulary), vocabulary.size_predictable) == (5, 4)
    assert "a" in vocabulary
    assert "</s>" in vocabulary
    assert "z" not in vocabulary
    assert vocabulary.counts.tolist() == [0, 0, 0, 0, 0]


def test_ids_of_many_words_are_int32() -> None:
    ids = Vocabulary(["b", "a"]).ids(["a", "z", "b", "<unk>"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [4, 0, 3, 0]
    assert Vocabulary([]).ids([]).shape == (0,)


@pytest.mark.parametrize("id_", [-1, 5, 10**12])
def test_there_is_no_word_without_an_id(id_: int) -> None:
    with pytest.raises(IndexError, match="the size of the vocabulary is 5"):
        Vocabulary(["b", "a"]).word(id_)


def test_unk_among_the_words_is_id_zero_and_all_words_may_be_given() -> None:
    assert Vocabulary(["b", "<unk>", "a"]) == Vocabulary(["b", "a"])
    whole = Vocabulary(["b", "a"], [1, 0, 2, 3, 4])
    again = Vocabulary(whole.words, whole.counts)
    assert again == whole
    assert again.counts.tolist() == [1, 0, 2, 3, 4]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b", "a"], "duplicate word 'a'"),
        (["a", ""], "word 2 of the vocabulary is empty"),
        (["a\nb"], "LF or NUL"),
        (["a\0"], "LF or NUL"),
        (["a", "<s>"], "word 2 of the vocabulary is <s>"),
        (["</s>"], "</s>"),
        (["<unk>", "<s>", "a"], "word 2 of the vocabulary is <s>"),
        (["<unk>", "<s>", "</s>", "<s>"], "word 4 of the vocabulary is <s>"),
        (["\ud800"], "surrogate"),
        ([3], "int, not a string"),
    ],
)
def test_what_cannot_be_a_word_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Vocabulary(words)


@given(st.lists(st.sampled_from(["a", "é", "<unk>", "<s>", "", "b\n", "c\0", "\ud800", 3]), max_size=4))
def test_words_are_refused_together_as_they_are_alone(words: list[Any]) -> None:
    bad = any(not isinstance(word, str) or word not in {"a", "é", "<unk>"} for word in words)
    own = [word for word in words if word != "<unk>"]
    if bad or len(own) != len(set(own)):
        with pytest.raises(DataError):
            Vocabulary(words)
        return
    assert Vocabulary(words).words == ("<unk>", "<s>", "</s>", *own)


@pytest.mark.parametrize("counts", [[1, 2], [0, 0, 0, -1], [0.0, 0.0, 0.0, 0.5], [[0, 0, 0, 1]], ["a"] * 4])
def test_counts_must_fit(counts: object) -> None:
    with pytest.raises(DataError, match="counts must be 4 integers"):
        Vocabulary(["a"], counts)  # type: ignore[arg-type]


def test_nothing_can_be_changed() -> None:
    given_counts = np.array([0, 0, 1, 2])
    vocabulary = Vocabulary(["a"], given_counts)
    given_counts[3] = 99
    assert vocabulary.counts.tolist() == [0, 0, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.counts[0] = 1
    with pytest.raises(AttributeError):
        vocabulary.words = ()  # type: ignore[misc]


def test_digest_is_of_the_set_of_words() -> None:
    expected = hashlib.sha256(b"</s>\n<s>\n<unk>\na\nb").hexdigest()[:16]
    assert Vocabulary(["b", "a"]).digest == Vocabulary(["a", "b"]).digest == expected
    assert Vocabulary(["a", "b", "c"]).digest != expected


def test_equality_is_of_ids() -> None:
    assert Vocabulary(["b", "a"]) != Vocabulary(["a", "b"])
    assert Vocabulary(["a"], [0, 0, 1, 1]) == Vocabulary(["a"])
    assert hash(Vocabulary(["a"], [0, 0, 1, 1])) == hash(Vocabulary(["a"]))
    assert Vocabulary([]) != ()


def test_all_types_of_a_corpus_by_first_appearance() -> None:
    vocabulary = Vocabulary.from_corpus(Corpus.read(LINES))
    assert vocabulary.words[3:] == ("b", "a", "c", "d", "e")
    assert vocabulary.counts.tolist() == [1, 0, 4, 3, 3, 1, 2, 1]
    assert vocabulary.counts.dtype == np.int64


def test_size_keeps_the_most_frequent_and_of_equals_the_first() -> None:
    corpus = Corpus.read(LINES)
    sized = [Vocabulary.from_corpus(corpus, size=size) for size in (1, 2, 3, 4, 5, 99)]
    assert [vocabulary.words[3:] for vocabulary in sized] == [
        ("b",),
        ("b", "a"),
        ("b", "a", "d"),
        ("b", "a", "c", "d"),
        ("b", "a", "c", "d", "e"),
        ("b", "a", "c", "d", "e"),
    ]
    assert sized[2].counts.tolist() == [3, 0, 4, 3, 3, 2]
    # The order is that of the text, not that of frequency.
    assert Vocabulary.from_corpus(Corpus.read(["x y y"]), size=2).words[3:] == ("x", "y")


def test_minimum_count() -> None:
    corpus = Corpus.read(LINES)
    assert Vocabulary.from_corpus(corpus, min_count=2).words[3:] == ("b", "a", "d")
    assert Vocabulary.from_corpus(corpus, min_count=2, size=2).words[3:] == ("b", "a")
    with pytest.raises(
        DataError,
        match=r"min_count=4 removes all words: the count of the most frequent one is 3",
    ):
        Vocabulary.from_corpus(corpus, min_count=4)


def test_a_corpus_without_words_has_the_three_whatever_the_minimum() -> None:
    assert len(Vocabulary.from_corpus(Corpus.read([]), min_count=5)) == 3
    only_unk = Vocabulary.from_corpus(Corpus.read(["<unk> <unk>"]), min_count=5)
    assert only_unk.counts.tolist() == [2, 0, 1]


@pytest.mark.parametrize("limits", [{"size": 0}, {"size": -1}, {"size": True}, {"size": 2.0}, {"min_count": 0}])
def test_limits_must_be_positive_integers(limits: dict[str, Any]) -> None:
    with pytest.raises(HyperParameterError, match="positive integer"):
        Vocabulary.from_corpus(Corpus.read(LINES), **limits)


def test_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "words.txt.gz"
    file.write_bytes(gzip.compress("\ufeff<s>\r\n d \r\nnew\tword\n<unk>\né\nb".encode()))
    vocabulary = Vocabulary.from_corpus(Corpus.read(LINES), file=file)
    assert vocabulary.words[3:] == ("d", "new\tword", "é", "b")
    assert vocabulary.counts.tolist() == [6, 0, 4, 2, 0, 0, 3]


@pytest.mark.parametrize(
    ("pipeline", "line", "listed", "words", "apart"),
    [
        (TextPipeline(lowercase=True), "The cat", "The\ncat\nDog", ["the", "cat", "dog"], ""),
        (TextPipeline(lowercase=True), "The cat", "the\nThe\nCAT", ["the", "cat"], ""),
        (TextPipeline(lowercase=True), "a </S>", "a\n</S>\n<S>\n<UNK>", ["a"], ""),
        (TextPipeline(unicode_form="NFC"), "e\u0301 a", "e\u0301\na", ["é", "a"], ""),
        (TextPipeline(unicode_form="NFD"), "é", "é", ["e\u0301"], ""),
        (TextPipeline(unicode_form="NFKC", lowercase=True), "ﬁne", "ﬁne\nＡ", ["fine", "a"], ""),
        (TextPipeline(), "The cat", "the\nThe", ["the", "The"], ""),
        (TextPipeline(), "a", "a\nNew York\nSan José", ["a", "New York", "San José"], "2 .*'New York' is read as New"),
        (
            TextPipeline(tokenizer="word", lowercase=True),
            "The cat",
            "The\nDon't\nU.S.\n\u00a0",
            ["the", "don't", "u.s.", "\u00a0"],
            "2 .* the tokenizer word .*'U.S.' is read as u . s .",
        ),
        (TextPipeline(tokenizer="char"), "你好", "你\n你好", ["你", "你好"], "1 .*'你好' is read as 你 好"),
    ],
)
def test_a_file_is_read_as_the_text_is(
    pipeline: TextPipeline,
    line: str,
    listed: str,
    words: list[str],
    apart: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    text, file = tmp_path / "text.txt", tmp_path / "words.txt"
    text.write_text(line.replace(" </S>", "") + "\n", encoding="utf-8")
    file.write_text(listed + "\n", encoding="utf-8")
    vocabulary = Vocabulary.from_corpus(Corpus.read(text, pipeline=pipeline), file=file)
    assert list(vocabulary.words[3:]) == words
    if apart:
        (message,) = caplog.messages
        assert re.search(f"{re.escape(str(file))}: {apart}", message)
    else:
        assert caplog.messages == []


def test_a_word_that_the_text_has_is_left_as_it_is(tmp_path: Path) -> None:
    """Though lower-casing may not give the form that it had: the same words give the same vocabulary as ever."""
    text, file = tmp_path / "text.txt", tmp_path / "words.txt"
    pipeline = TextPipeline(lowercase=True, unicode_form="NFC")
    text.write_text("J\u030c\n", encoding="utf-8")  # no composed capital, but a composed small letter
    corpus = Corpus.read(text, pipeline=pipeline)
    assert pipeline.normalize(corpus.types[0]) != corpus.types[0]
    file.write_text(corpus.types[0] + "\n", encoding="utf-8")
    assert Vocabulary.from_corpus(corpus, file=file).words[3:] == corpus.types
    tokens = Corpus.read([["The", "New York"]])
    file.write_text("The\nNew York\n", encoding="utf-8")
    assert Vocabulary.from_corpus(tokens, file=file).words[3:] == ("The", "New York")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"b\n\na\n", "line 2: blank line"),
        (b"b\na\nb\n", "line 3: duplicate word 'b', first at line 1"),
        (b"b\n\xff\n", "line 2, byte 2: byte 0xFF"),
        (b"b 3\na 3\n", "no word of this vocabulary occurs in the text: 2 of its words .*'b 3' is read as b 3"),
        (b"x\n", "no word of this vocabulary occurs in the text: expected one word per line"),
        (b"", "no word of this vocabulary occurs in the text"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        Vocabulary.from_corpus(Corpus.read(LINES), file=str(file))
    assert caught.value.source == str(file)


def test_a_file_is_no_directory_and_stands_alone(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="directory"):
        Vocabulary.from_corpus(Corpus.read(LINES), file=tmp_path)
    with pytest.raises(DataError, match="no such file"):
        Vocabulary.from_corpus(Corpus.read(LINES), file=tmp_path / "none")
    for size, min_count in ((3, 1), (None, 2)):
        with pytest.raises(HyperParameterError, match="cannot be combined with size or min_count"):
            Vocabulary.from_corpus(Corpus.read(LINES), file=tmp_path / "none", size=size, min_count=min_count)


@pytest.mark.slow
@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "c", "<unk>", "é"]), max_size=6), max_size=6),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_limits_against_a_plain_calculation(sentences: list[list[str]], size: int, min_count: int) -> None:
    frequencies = Counter(word for sentence in sentences for word in sentence)
    unk = frequencies.pop("<unk>", 0)
    enough = [word for word in frequencies if frequencies[word] >= min_count]
    chosen = set(sorted(enough, key=lambda word: -frequencies[word])[:size])
    corpus = Corpus.read(sentences)
    if frequencies and not enough:
        with pytest.raises(DataError, match=f"the count of the most frequent one is {max(frequencies.values())}$"):
            Vocabulary.from_corpus(corpus, size=size, min_count=min_count)
        return
    vocabulary = Vocabulary.from_corpus(corpus, size=size, min_count=min_count)
    kept = [word for word in frequencies if word in chosen]
    assert list(vocabulary.words[3:]) == kept
    lost = sum(frequencies.values()) - sum(frequencies[word] for word in kept)
    assert vocabulary.counts.tolist() == [unk + lost, 0, len(sentences), *(frequencies[word] for word in kept)]
