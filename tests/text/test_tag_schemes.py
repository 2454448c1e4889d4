"""Tag schemes: spans read and written, conversions, detection, and what may follow what."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.column import Column
from nlmkit.text.tag_bounds import bounds
from nlmkit.text.tag_schemes import (
    ROLES,
    SCHEMES,
    Span,
    check_scheme,
    convert,
    detect_scheme,
    inner_scheme,
    legal,
    read_spans,
    write_spans,
)
from nlmkit.text.tagged import TaggedSentences

WITH_SPANS = [scheme for scheme in SCHEMES if scheme != "plain"]
SPANS = [Span("X", 0, 1), Span("X", 1, 4), Span("Y", 4, 6), Span("X", 7, 9), Span("X", 9, 10)]
WRITTEN = {
    "IOB1": "I-X B-X I-X I-X I-Y I-Y O I-X I-X B-X",
    "IOB2": "B-X B-X I-X I-X B-Y I-Y O B-X I-X B-X",
    "BIOES": "S-X B-X I-X E-X B-Y E-Y O B-X E-X S-X",
    "BMES": "S-X B-X M-X E-X B-Y E-Y O B-X E-X S-X",
    "BILOU": "U-X B-X I-X L-X B-Y L-Y O B-X L-X U-X",
}


@st.composite
def sentences(draw: st.DrawFn, types: tuple[str, ...] = ("X", "Y-Z")) -> tuple[list[Span], int]:
    """Spans without overlap, and the length of their sentence."""
    spans, place = [], 0
    for gap, length, type_ in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(types)), max_size=5)
    ):
        spans.append(Span(type_, place + gap, place + gap + length))
        place += gap + length
    return spans, place + draw(st.integers(0, 2))


def tags_of(scheme: str, types: tuple[str, ...] = ("X", "Y")) -> list[str]:
    """Every tag of a scheme."""
    return ["O", *(f"{letter}-{type_}" for letter in ROLES[scheme] for type_ in types)]


def any_tags(scheme: str, most: int = 9) -> st.SearchStrategy[list[str]]:
    """Tags in any order, mostly malformed."""
    return st.lists(st.sampled_from(tags_of(scheme)), max_size=most)


def chunks(tags: list[str]) -> list[Span]:
    """Spans by definition, as ``conlleval`` has them: which neighbours belong together, and nothing else.

    Two tags belong together if both are inside, of one type, the second is not B (S, U), and the first not E (S, L, U).
    """
    letters, types = [tag[0] for tag in tags], [tag[2:] for tag in tags]
    together = [
        "O" not in (one, two) and same and two not in "BSU" and one not in "ESLU"
        for (one, two), same in zip(
            itertools.pairwise(letters), (a == b for a, b in itertools.pairwise(types)), strict=True
        )
    ]
    found = []
    for start, letter in enumerate(letters):
        if letter != "O" and not (start and together[start - 1]):
            end = next((end for end in range(start + 1, len(tags)) if not together[end - 1]), len(tags))
            found.append(Span(types[start], start, end))
    return found


# ------------------------------------------------------------------------------------------------ reading and writing


@pytest.mark.parametrize("scheme", WITH_SPANS)
def test_spans_by_hand(scheme: str) -> None:
    tags = WRITTEN[scheme].split()
    assert write_spans(reversed(SPANS), 10, scheme) == tags
    assert read_spans(tags, scheme) == (SPANS, 0)
    assert detect_scheme([tags]) == scheme


@given(sentences(), st.sampled_from(WITH_SPANS), st.sampled_from(WITH_SPANS))
@settings(max_examples=40)
def test_conversion_is_inverse(sentence: tuple[list[Span], int], one: str, two: str) -> None:
    spans, length = sentence
    tags = write_spans(spans, length, one)
    assert read_spans(tags, one) == (spans, 0)
    converted, repairs = convert(tags, one, two)
    assert (converted, repairs) == (write_spans(spans, length, two), 0)
    assert convert(converted, two, one) == (tags, 0)


@given(sentences(types=("",)), st.sampled_from(WITH_SPANS))
@settings(max_examples=20)
def test_spans_without_type(sentence: tuple[list[Span], int], scheme: str) -> None:
    spans, length = sentence
    tags = write_spans(spans, length, scheme)
    assert all(len(tag) == 1 for tag in tags)
    assert read_spans(tags, scheme) == (spans, 0)


@pytest.mark.parametrize(
    ("scheme", "tags", "spans", "repairs"),
    [
        ("IOB2", "I-X I-X O I-X", [("X", 0, 2), ("X", 3, 4)], 2),
        ("IOB2", "B-X I-Y I-Y B-Y", [("X", 0, 1), ("Y", 1, 3), ("Y", 3, 4)], 1),
        ("IOB1", "B-X O I-X I-Y B-Y", [("X", 0, 1), ("X", 2, 3), ("Y", 3, 4), ("Y", 4, 5)], 1),
        ("BIOES", "B-X O E-X E-X S-X I-X", [("X", 0, 1), ("X", 2, 3), ("X", 3, 4), ("X", 4, 5), ("X", 5, 6)], 4),
        ("BIOES", "B-X I-X B-X E-X", [("X", 0, 2), ("X", 2, 4)], 1),
        ("BIOES", "E-X B-X E-X", [("X", 0, 1), ("X", 1, 3)], 1),  # conlleval's script would join them
        ("BIOES", "B-X E-Y", [("X", 0, 1), ("Y", 1, 2)], 2),
        ("BMES", "M E B B M", [("", 0, 2), ("", 2, 3), ("", 3, 5)], 3),
        ("BILOU", "L-X U-X I-X L-X", [("X", 0, 1), ("X", 1, 2), ("X", 2, 4)], 2),
        ("IOB2", "", [], 0),
    ],
)
def test_malformed_sequences_by_hand(scheme: str, tags: str, spans: list[tuple[str, int, int]], repairs: int) -> None:
    assert read_spans(tags.split(), scheme) == (spans, repairs)


@given(st.sampled_from(WITH_SPANS).flatmap(lambda scheme: st.tuples(st.just(scheme), any_tags(scheme))))
@settings(max_examples=100)
def test_reading_agrees_with_the_definition(given: tuple[str, list[str]]) -> None:
    scheme, tags = given
    spans, repairs = read_spans(tags, scheme)
    assert spans == chunks(tags)
    written = write_spans(spans, len(tags), scheme)
    assert repairs == sum(a != b for a, b in zip(tags, written, strict=True))
    assert read_spans(written, scheme) == (spans, 0)


@pytest.mark.slow  # seqeval imports scikit-learn
def test_reading_agrees_with_seqeval() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labeling = pytest.importorskip("seqeval.metrics.sequence_labeling")
    for length in range(5):
        for tags in itertools.product(tags_of("IOB2"), repeat=length):
            found = [Span(type_, start, end + 1) for type_, start, end in labeling.get_entities(list(tags))]
            assert read_spans(tags, "IOB2").spans == found


@given(st.sampled_from(WITH_SPANS).flatmap(lambda name: st.tuples(st.just(name), st.lists(any_tags(name), min_size=1))))
@settings(max_examples=40)
def test_many_sentences_at_once(given: tuple[str, list[list[str]]]) -> None:
    scheme, sequences = given
    data = TaggedSentences([["w"] * len(tags) for tags in sequences], sequences, scheme=scheme)
    assert data.tags is not None
    read = bounds(data.tags.types, data.tags.ids, data.offsets, scheme)
    places = [
        Span(read.types[read.kinds[start]], start, end + 1)
        for start, end in zip(np.flatnonzero(read.starts).tolist(), np.flatnonzero(read.ends).tolist(), strict=True)
    ]
    expected = [read_spans(tags, scheme) for tags in sequences]
    begins = data.offsets.tolist()
    assert places == [
        Span(span.type, span.start + begin, span.end + begin)
        for begin, reading in zip(begins, expected, strict=False)
        for span in reading.spans
    ]
    for target in WITH_SPANS:
        converted, repairs = data.in_scheme(target)
        assert converted.tag_lists() == [convert(tags, scheme, target)[0] for tags in sequences]
        assert repairs == sum(reading.repairs for reading in expected)
        assert converted.scheme == target


def test_spans_that_no_sentence_has() -> None:
    for spans in ([Span("X", 0, 0)], [Span("X", 2, 4)], [Span("X", -1, 1)], [Span("X", 0, 2), Span("Y", 1, 3)]):
        with pytest.raises(DataError, match="is empty, overlaps another, or is not inside the sentence of 3 tokens"):
            write_spans(spans, 3, "IOB2")


def test_tags_of_another_scheme() -> None:
    with pytest.raises(DataError, match=r"^S-X is not a tag of the scheme IOB2 \(B, I, O\)$"):
        read_spans(["B-X", "S-X"], "IOB2")
    for tag in ("", "B-", "BX", "b-X", "X", "O-X"):
        with pytest.raises(DataError, match="is not a tag of the scheme BIOES"):
            read_spans([tag], "BIOES")
    assert read_spans(["B-X-Y", "I-X-Y", "B--"], "IOB2").spans == [Span("X-Y", 0, 2), Span("-", 2, 3)]


def test_plain_tags_form_no_spans() -> None:
    assert convert(["NN", "VB"], "plain", "plain") == (["NN", "VB"], 0)
    with pytest.raises(DataError, match="plain tags form no spans"):
        read_spans(["NN"], "plain")
    with pytest.raises(DataError, match="plain tags form no spans"):
        write_spans([], 1, "plain")
    with pytest.raises(DataError, match="plain tags form no spans"):
        convert(["B-X"], "IOB2", "plain")
    assert [inner_scheme(scheme) for scheme in SCHEMES] == [*["BIOES"] * 5, "plain"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("iob2", "did you mean IOB2"), ("BIO", "did you mean IOB2"), ("IOBES", "did you mean BIOES"), ("BIOE", "BIOES")],
)
def test_names_of_schemes(name: str, hint: str) -> None:
    with pytest.raises(HyperParameterError, match=f"must be one of IOB1, IOB2, BIOES, BMES, BILOU, plain.*{hint}"):
        check_scheme(name)
    with pytest.raises(HyperParameterError, match="not None"):
        check_scheme(None)


# ------------------------------------------------------------------------------------------------------- detection


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("", "plain"),
        ("NN VB .", "plain"),
        ("M NN", "plain"),  # measure words of the Penn Chinese Treebank
        ("O PER", "plain"),
        ("O", "IOB2"),
        ("O B-X I-X", "IOB2"),
        ("O I-X I-X O", "IOB1"),
        ("I-X B-X I-X", "IOB1"),
        ("I-X I-Y", "IOB1"),
        ("B-X B-X I-X", "IOB2"),
        ("B-X O I-X", "IOB2"),  # as many of one as of the other
        ("I-X O I-X B-Y", "IOB1"),
        ("B I O", "IOB2"),
        ("B E S", "BMES"),
        ("S S", "BMES"),
        ("S O", "BIOES"),
        ("B-X E-X O", "BIOES"),
        ("B-X I-X E-X", "BIOES"),
        ("B M E", "BMES"),
        ("B-X L-X", "BILOU"),
        ("U-X O", "BILOU"),
    ],
)
def test_detection(tags: str, scheme: str) -> None:
    assert detect_scheme([tags.split()]) == scheme
    assert detect_scheme([[tag] for tag in tags.split()] + [[]]) in (scheme, "IOB1", "IOB2")
    data = TaggedSentences([tags.split()], [tags.split()])
    assert data.scheme == scheme


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ("B-X M-X I-X", "the tag I-X does not belong to a scheme with B-X, M-X"),
        ("S-X U-X", "the tag U-X does not belong to a scheme with S-X"),
        ("B-X NN", "the tag NN is not a tag of spans, as B-X is"),
        ("NN O B-X", "the tag NN is not a tag of spans, as O is"),
        ("B I-X", "the tag I-X has a type, unlike B"),
        ("B-X I", "the tag I has no type, unlike B-X"),
    ],
)
def test_mixed_schemes(tags: str, message: str) -> None:
    with pytest.raises(DataError, match=f"mixed tag schemes: {message}: correct the tags, or state the scheme") as one:
        detect_scheme([tags.split()])
    assert one.value.source is None
    with pytest.raises(DataError, match=f"sentence 2, token [123]: mixed tag schemes: {message}"):
        TaggedSentences([[], tags.split()], [[], tags.split()])
    assert TaggedSentences([tags.split()], [tags.split()], scheme="plain").scheme == "plain"


# --------------------------------------------------------------------------------------------- what may follow what


@pytest.mark.parametrize("scheme", WITH_SPANS)
def test_legal_sequences_are_those_without_repairs(scheme: str) -> None:
    tags = tags_of(scheme)
    start, transitions, end = legal(tags, scheme)
    assert (start.dtype, transitions.dtype, end.dtype) == (np.bool_, np.bool_, np.bool_)
    for length in (1, 2, 3):
        for ids in itertools.product(range(len(tags)), repeat=length):
            allowed = start[ids[0]] and end[ids[-1]] and all(transitions[pair] for pair in itertools.pairwise(ids))
            assert allowed == (read_spans([tags[id_] for id_ in ids], scheme).repairs == 0)


def test_everything_is_legal_among_plain_tags() -> None:
    start, transitions, end = legal(["NN", "B-X"], "plain")
    assert start.all()
    assert transitions.all()
    assert end.all()
    assert [part.shape for part in legal([], "BIOES")] == [(0,), (0, 0), (0,)]
    with pytest.raises(DataError, match="NN is not a tag"):
        legal(["NN"], "BIOES")


def test_column() -> None:
    column = Column.of(["b", "a", "b"])
    assert (column.types, column.ids.tolist(), len(column)) == (("b", "a"), [0, 1, 0], 3)
    assert column.values() == ["b", "a", "b"]
    other = Column(("unused", "a", "b"), np.array([2, 1, 2]))
    assert other.counts().tolist() == [0, 1, 2]
    assert (other.compact().types, other.compact().ids.tolist()) == (("b", "a"), [0, 1, 0])
    assert other.take(np.array([1])).types == ("a",)
    assert Column.of([]).compact().types == ()
    for types, ids in ((("a",), [1]), (("a",), [-1]), (("a", "a"), [0]), ((), [[0]])):
        with pytest.raises(DataError, match="column must"):
            Column(types, np.array(ids))
