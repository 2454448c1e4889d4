"""Tagged sentences: in memory, and from files of every form, whose faults are named by file and line."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.errors import DataError, HyperParameterError, MissingFileError
from nlmkit.text import Corpus, TextPipeline, catalog
from nlmkit.text.column import Column
from nlmkit.text.tagged import TaggedSentences

TREE = """\
# sent_id = 1
# text = Don't go.
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\tSpaceAfter=No
3.1\tgone\tgo\tVERB\tVBN\t_\t_\t_\t_\t_
4\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_

1\tNew York\tNew York\tPROPN\tNNP\t_\t0\troot\t_\t_
"""


def write(folder: Path, content: str | bytes, name: str = "data.txt") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def read(folder: Path, content: str | bytes, **options: Any) -> TaggedSentences:
    return TaggedSentences.read(write(folder, content), **options)


def refusal(folder: Path, content: str | bytes, **options: Any) -> str:
    """What is said of a file, which begins with its name and is one line."""
    with pytest.raises(DataError) as caught:
        read(folder, content, **options)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'data.txt'}")
    assert "\n" not in message
    return message.removeprefix(f"{folder / 'data.txt'}").removeprefix(", ").removeprefix(": ")


def pairs(data: TaggedSentences) -> list[list[tuple[str, str]]]:
    both = zip(data.token_lists(), data.tag_lists(), strict=True)
    return [list(zip(words, tags, strict=True)) for words, tags in both]


# ------------------------------------------------------------------------------------------------------ in memory


def test_lists_of_tokens_and_tags() -> None:
    data = TaggedSentences([["a", "b"], [], ["b"]], [["B-X", "I-X"], [], ["O"]], features=[[["n", "v"], [], ["v"]]])
    assert (len(data), data.tokens, data.scheme, data.feature_names) == (3, 3, "IOB2", ("feature 1",))
    assert (data.sentence(0), data.tags_of(-1), data.feature_of(0, 0)) == (["a", "b"], ["O"], ["n", "v"])
    assert data.token_lists() == [["a", "b"], [], ["b"]]
    assert (data.words.types, data.words.ids.dtype, data.offsets.dtype) == (("a", "b"), np.int32, np.int64)
    assert data.offsets.tolist() == [0, 2, 2, 3]
    assert (data.source, data.lines, data.layout, data.tokenizer) == ("<sentences>", None, None, "space")
    assert repr(data) == "<TaggedSentences: 3 sentences, 3 tokens, 3 tags (IOB2), from <sentences>>"
    with pytest.raises(IndexError, match="sentence 3 is out of range"):
        data.sentence(3)
    for array in (data.offsets, data.words.ids):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    empty = TaggedSentences([], [])
    assert (len(empty), empty.tokens, empty.scheme, empty.token_lists()) == (0, 0, "plain", [])


def test_sentences_without_tags() -> None:
    data = TaggedSentences(iter([("a", "b"), np.array(["c"])]))
    assert (data.tags, data.scheme, data.token_lists()) == (None, None, [["a", "b"], ["c"]])
    assert repr(data) == "<TaggedSentences: 2 sentences, 3 tokens, no tags, from <sentences>>"
    for use in (data.tag_lists, data.required_tags, lambda: data.in_scheme("IOB2")):
        with pytest.raises(DataError, match=r"^<sentences>: the sentences have no tags$"):
            use()


def test_a_corpus() -> None:
    corpus = Corpus.read(["the cat", "", "the"], TextPipeline())
    data = TaggedSentences(corpus, [["D", "N"], [], ["D"]])
    assert data.token_lists() == [["the", "cat"], [], ["the"]]
    back = data.subset([2, 1]).corpus(TextPipeline())
    assert (back.types, back.sentences, back.pipeline) == (("the",), 2, TextPipeline())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (([["a"]], [["X"], ["X"]]), "<sentences>: 1 sentences, and tags of 2"),
        (([[], ["a", "b"]], [[], ["X"]]), "<sentences>, sentence 2: 2 tokens, and tags of 1: expected one per token"),
        (([["a", ""]], None), "<sentences>, sentence 1, token 2: this token is empty"),
        (([["a", 3]], None), "<sentences>, sentence 1, token 2: this token is int, not a string"),
        (([["a"]], [[None]]), "<sentences>, sentence 1, token 1: this token is NoneType, not a string"),
        (([["a\nb"]], None), "contains LF or NUL"),
        ((["a b"], None), "sentence 1: expected a list of tokens, but the item is str"),
        (("a b", None), "expected a sequence of lists, one per sentence, not str"),
        ((5, None), "expected a sequence of lists, one per sentence, not int"),
        (({"words": [["a"]]}, None), "the list of sentences was given as a dict"),
        (([["\ud800"]], None), "lone surrogate"),
    ],
)
def test_lists_that_do_not_fit(arguments: Any, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        TaggedSentences(*arguments)
    assert problem in str(caught.value)


def test_features_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="2 tokens, and feature 2 of 1"):
        TaggedSentences([["a", "b"]], features=[[["x", "y"]], [["x"]]])
    with pytest.raises(DataError, match="1 features and 2 names"):
        TaggedSentences([["a"]], features=[[["x"]]], feature_names=["x", "y"])
    data = TaggedSentences([["a"]], features=[[["x"]]], feature_names=["pos"])
    assert data.feature_names == ("pos",)


def test_columns_that_do_not_fit() -> None:
    words, offsets = Column.of(["a", "b"]), np.array([0, 2])
    for arguments, problem in (
        ((words, np.array([0, 1])), "from 0 to the number of tokens"),
        ((words, np.array([1, 2])), "from 0 to the number of tokens"),
        ((words, np.array([0, 3, 2])), "must not decrease"),
        ((words, offsets, Column.of(["X"])), "2 tokens, and tags of 1"),
    ):
        with pytest.raises(DataError, match=problem):
            TaggedSentences.of_columns(*arguments)
    with pytest.raises(DataError, match="2 tokens, and a feature of 1"):
        TaggedSentences.of_columns(words, offsets, features=[Column.of(["X"])], feature_names=["x"])
    with pytest.raises(DataError, match="1 sentences and 2 lines"):
        TaggedSentences.of_columns(words, offsets, lines=np.array([1, 2]))


def test_the_stated_scheme() -> None:
    assert TaggedSentences([["a"]], [["B-X"]], scheme="BIOES").scheme == "BIOES"
    assert TaggedSentences([["a"]], [["B-X"]], scheme="plain").scheme == "plain"
    with pytest.raises(DataError, match=r"^<sentences>, sentence 2, token 1: S-X is not a tag of the scheme IOB2"):
        TaggedSentences([["a"], ["b"]], [["B-X"], ["S-X"]], scheme="IOB2")
    with pytest.raises(HyperParameterError, match="the tag scheme must be one of"):
        TaggedSentences([["a"]], [["B-X"]], scheme="iob2")


def test_parts_and_changes() -> None:
    data = TaggedSentences(
        [["a", "b"], [], ["c"], ["b", "c"]],
        [["B-X", "I-X"], [], ["O"], ["B-Y", "B-Y"]],
        features=[[["1", "2"], [], ["3"], ["4", "5"]]],
    )
    part = data.subset([3, 1, 0])
    assert part.token_lists() == [["b", "c"], [], ["a", "b"]]
    assert part.tag_lists() == [["B-Y", "B-Y"], [], ["B-X", "I-X"]]
    assert part.split(part.features[0]) == [["4", "5"], [], ["1", "2"]]
    assert (part.words.types, part.scheme) == (("b", "c", "a"), "IOB2")
    assert data.subset([]).token_lists() == []
    same = TaggedSentences(part.token_lists(), part.tag_lists(), features=[part.split(part.features[0])])
    assert same.digest == part.digest
    digests = {
        each.digest for each in (data, part, data.without_tags(), data.subset([0, 1]), data.in_scheme("BMES")[0])
    }
    assert len(digests) == 5
    assert data.without_tags().scheme is None
    tags = Column(("unused", "N", "V"), np.array([1, 2, 1, 1, 1]))
    changed = data.with_tags(tags, "plain")
    assert changed.tag_lists() == [["N", "V"], [], ["N"], ["N", "N"]]
    assert changed.tags is tags
    with pytest.raises(DataError, match="N is not a tag of the scheme IOB2"):
        data.with_tags(tags, "IOB2")
    with pytest.raises(DataError, match="of the scheme IOB2 cannot be converted to plain"):
        data.in_scheme("plain")
    assert changed.in_scheme("plain") == (changed, 0)


def test_sentence_marks_are_words() -> None:
    data = TaggedSentences([["<s>", "a\0b", "&lt;s&gt;"]], [["X", "Y", "Z"]])
    assert data.token_lists() == [["&lt;s&gt;", "a␀b", "&lt;s&gt;"]]


# --------------------------------------------------------------------------------------------------------- columns


def test_columns_separated_by_spaces(tmp_path: Path) -> None:
    data = read(tmp_path, "a N B-X\nb  V\tO \n\n \t\nc N I-X\n", feature_columns=[1])
    assert pairs(data) == [[("a", "B-X"), ("b", "O")], [("c", "I-X")]]
    assert data.split(data.features[0]) == [["N", "V"], ["N"]]
    assert (data.feature_names, data.scheme, data.source) == (("column 1",), "IOB2", str(tmp_path / "data.txt"))
    assert data.lines is not None
    assert data.lines.tolist() == [1, 5]
    assert data.layout == {"format": "columns", "word_column": 0, "tag_column": -1, "feature_columns": [1]}
    assert data.tokenizer == "space"


def test_columns_separated_by_tabs(tmp_path: Path) -> None:
    content = "New York\tN\tB-X\n \u3000\tV\tO\n# a\tN\tO\n\nc\tN\tO"
    data = read(tmp_path, content, word_column=-3, tag_column=1)
    assert pairs(data) == [[("New York", "N"), (" \u3000", "V"), ("# a", "N")], [("c", "N")]]
    assert data.scheme == "plain"


def test_spaces_other_than_ascii_are_letters(tmp_path: Path) -> None:
    content = "a\u00a0b X\n\u3000 Y\nc\x0bd\x85e X\n"
    assert pairs(read(tmp_path, content)) == [[("a\u00a0b", "X"), ("\u3000", "Y"), ("c\x0bd\x85e", "X")]]


def test_documents_and_comments(tmp_path: Path) -> None:
    content = (
        "-DOCSTART- -X- O\n\na N O\n-DOCSTART-\n# one = 1\nb N O\n# SYM O\n#\n\n# two\n\n-DOCSTART- -X- -X- X\nc N O\n"
    )
    data = read(tmp_path, content)
    assert data.token_lists() == [["a"], ["b", "#"], ["c"]]
    assert data.lines is not None
    assert data.lines.tolist() == [3, 6, 13]
    (note,) = data.reading_notes
    assert note.endswith(
        "line 8 inside a sentence, which begins with # and has another number of columns, was read as a comment"
    )
    with_tabs = read(tmp_path, "# global\n#\n# id = 1\na\tX\n# 2\nb\tX\n")
    assert (with_tabs.token_lists(), with_tabs.reading_notes) == ([["a", "b"]], ())
    assert read(tmp_path, "# X\n500 Y\n").token_lists() == [["#", "500"]]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [" ", "\t"])
def test_line_ends_and_byte_order_marks(tmp_path: Path, end: str, separator: str) -> None:
    content = "\ufeffa N X\nb N Y\n\nc N X\n".replace("\n", end).replace(" ", separator)
    data = read(tmp_path, content)
    assert pairs(data) == [[("a", "X"), ("b", "Y")], [("c", "X")]]
    assert data.notes == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a N X\nb N\n", "line 2: 2 columns, expected 3 as on line 1"),
        ("\n\na N X\nb\n", "line 4: 1 column, expected 3 as on line 3"),
        ("a N X\nNew York N X\n", "line 2: 4 columns, expected 3 as on line 1: separate columns by tabs if words hold"),
        ("a\tX\nb\tX\t\n", "line 2: 3 columns, expected 2 as on line 1"),
        ("a\tX\n#b\n", "line 2: 1 column, expected 2"),
        ("a\tX\n# b\tX\tY\n\nc\tX\n", None),
        ("a\tN\tX\n\tN\tX\n", "line 2: an empty cell: each token must have its word, tag and features"),
        ("a\tN\tX\nb\tN\t\n", "line 2: an empty cell"),
        ("a\tN\tX\nb\t\tX\n", None),
        ("a\nb\n", "line 1: one column, expected a word and its tag, separated by a tab or spaces"),
        ("", "no sentences"),
        ("\n\n# nothing\n-DOCSTART- -X- O\n", "no sentences"),
        ("a B-X\nb I-X\nc S-X\nd U-X\n", "line 4: mixed tag schemes: the tag U-X does not belong to a scheme with"),
        ("a B-X\n\nb NN\n", "line 3: mixed tag schemes: the tag NN is not a tag of spans, as B-X is"),
        (b"a X\nb\xff X\n", "line 2, byte 5: "),
        ("a X\n".encode("utf-16"), "line 1, byte 0: the text begins with the byte order mark of utf-16"),
        ("a long line of words X\n".encode("utf-16-le"), "line 1, byte 1: "),
        (gzip.compress(b"a X\n", mtime=0), "byte 0: this is .gz compressed data"),
    ],
)
def test_malformed_columns(tmp_path: Path, content: str | bytes, problem: str | None) -> None:
    if problem is None:
        read(tmp_path, content)
    else:
        assert refusal(tmp_path, content).startswith(problem)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"word_column": 3}, "line 2: no column 3: this line has 3 columns, 0 to 2"),
        ({"tag_column": -4}, "line 2: no column -4: this line has 3 columns"),
        ({"feature_columns": [1, 9]}, "line 2: no column 9"),
        ({"scheme": "BIOES"}, "line 3: X is not a tag of the scheme BIOES (B, I, E, S, O)"),
    ],
)
def test_columns_that_are_not_there(tmp_path: Path, options: dict[str, Any], problem: str) -> None:
    assert refusal(tmp_path, "\na N O\nb N X\n", **options).startswith(problem)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"word_column": "form"}, "only CoNLL-U has names of columns: give the number of 'form', from 0"),
        ({"word_column": True}, "give the number of True"),
        ({"tag_column": 0}, "words, tags and features must be different columns, not 0, 0"),
        ({"feature_columns": [2]}, "words, tags and features must be different columns, not 0, -1, 2"),
        ({"format": "column"}, "must be one of columns, conllu, segmented, not 'column'.*columns"),
        ({"scheme": "bio"}, "did you mean IOB2"),
        ({"scheme": "IOB2", "tag_column": None}, "the tag scheme is IOB2, but there is no column of tags to read"),
        ({"encoding": "utf-99"}, "unknown text encoding"),
        ({"format": "conllu", "tag_column": "upo"}, "no column 'upo' in CoNLL-U, whose columns are id, form.*upos"),
        ({"format": "conllu", "feature_columns": [10]}, "no column 10 in CoNLL-U, which has 10, 0 to 9"),
        ({"format": "conllu", "tag_column": "form"}, "must be different columns, not 0, form"),
        ({"format": "segmented", "feature_columns": [1]}, "segmented text has no columns"),
        ({"format": "segmented", "scheme": "IOB2"}, "the tags of segmented text are BMES, not IOB2"),
    ],
)
def test_settings_that_are_not_valid(tmp_path: Path, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(HyperParameterError, match=problem):
        read(tmp_path, "a N X\n", **options)


def test_columns_without_tags(tmp_path: Path) -> None:
    data = read(tmp_path, "a\nb\n\nc\n", tag_column=None)
    assert (data.token_lists(), data.tags, data.scheme) == ([["a", "b"], ["c"]], None, None)
    data = read(tmp_path, "a N X\n", tag_column=None, feature_columns=[-2], word_column=2)
    assert (data.token_lists(), data.split(data.features[0])) == ([["X"]], [["N"]])
    assert data.feature_names == ("column 1",)
    assert len(read(tmp_path, "", tag_column=None)) == 0
    assert len(read(tmp_path, "\n", tag_column=None, feature_columns=[1])) == 0


@pytest.mark.parametrize(
    ("marks", "sentences"),
    [("literal", [["&lt;s&gt;", "a"], ["&lt;/s&gt;"]]), ("skip", [["a"], []])],
)
def test_sentence_marks(tmp_path: Path, marks: Any, sentences: list[list[str]]) -> None:
    content = "<s> X\na Y\n\n</s> X\n"
    data = read(tmp_path, content, marks=marks)
    assert data.token_lists() == sentences
    assert [len(tags) for tags in data.tag_lists()] == [len(tokens) for tokens in sentences]
    assert data.lines is not None
    assert data.lines.tolist() == [1, 4]
    message = refusal(tmp_path, "b X\n" + content, marks="error")
    assert message.startswith("line 2: the token <s> is the mark that models put around sentences")


def test_nul(tmp_path: Path) -> None:
    content = "a X\nb\0c X\n"
    data = read(tmp_path, content)
    assert data.token_lists() == [["a", "b␀c"]]
    assert data.notes == [f"{data.source}: 1 token contains NUL or its symbol ␀, probably from a damaged file"]
    assert refusal(tmp_path, content, marks="error").startswith("line 2, byte 5: ")
    assert refusal(tmp_path, content, marks="skip").startswith("line 2: 3 columns, expected 2")


def test_undecodable_bytes(tmp_path: Path) -> None:
    assert read(tmp_path, b"caf\xe9 X\n", encoding="latin-1").token_lists() == [["café"]]
    assert read(tmp_path, b"caf\xe9 X\n", errors="replace").token_lists() == [["caf\ufffd"]]
    assert read(tmp_path, "你 X\n".encode("gb18030"), encoding="gb18030").token_lists() == [["你"]]


def test_a_sentence_of_100_000_tokens(tmp_path: Path) -> None:
    data = read(tmp_path, "a B-X\nb I-X\n" * 50_000)
    assert (len(data), data.tokens, data.scheme) == (1, 100_000, "IOB2")
    assert data.in_scheme("BIOES")[0].tags_of(0)[:2] == ["B-X", "E-X"]
    assert data.notes == [f"{data.source}: one sentence of 100000 tokens: a blank line must end each sentence"]


def test_blocks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (
        "-DOCSTART- X\n\n" + "".join(f"w{n % 7} B-X\n" + "\n" * (n % 3 == 0) for n in range(300)) + "# b c\nc S-X\n"
    )
    whole = read(tmp_path, content)
    segmented = read(tmp_path, content, format="segmented")
    monkeypatch.setattr("nlmkit.text.tagged_reading._BLOCK_BYTES", 20)
    for one, other in ((read(tmp_path, content), whole), (read(tmp_path, content, format="segmented"), segmented)):
        assert one.digest == other.digest
        assert one.lines is not None
        assert other.lines is not None
        assert one.lines.tolist() == other.lines.tolist()


# --------------------------------------------------------------------------------------------------------- CoNLL-U


def test_conllu(tmp_path: Path) -> None:
    file = write(tmp_path, TREE.replace("\n", "\r\n"), "tree.conllu")
    data = TaggedSentences.read(file)
    assert data.token_lists() == [["Do", "n't", "go", "."], ["New York"]]
    assert data.tag_lists() == [["AUX", "PART", "VERB", "PUNCT"], ["PROPN"]]
    assert data.lines is not None
    assert (data.lines.tolist(), data.scheme) == ([4, 10], "plain")
    assert data.layout is not None
    assert data.layout["format"] == "conllu"
    data = TaggedSentences.read(file, word_column="lemma", tag_column=4, feature_columns=["UPOS", -3])
    assert data.sentence(0) == ["do", "not", "go", "."]
    assert data.tags_of(0) == ["VB", "RB", "VB", "."]
    assert data.feature_names == ("upos", "deprel")
    assert data.feature_of(1, 1) == ["root"]
    untagged = TaggedSentences.read(file, tag_column=None)
    assert (untagged.tags, untagged.token_lists()[1]) == (None, ["New York"])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("1 Do do AUX VB _ 3 aux _ _\n", "line 1: 1 columns separated by tabs, expected the 10 of CoNLL-U"),
        ("# a\na\tX\n", "line 2: 2 columns separated by tabs"),
        (TREE.replace("3\tgo", "x\tgo"), "line 6: the ID is 'x', not a number"),
        (TREE.replace("4\t.", "٤\t."), "line 8: the ID is '٤', not a number"),
        (TREE.replace("\tgo\tgo\t", "\t\tgo\t"), "line 6: an empty cell"),
        ("# a\n\n", "no sentences"),
    ],
)
def test_malformed_conllu(tmp_path: Path, content: str, problem: str) -> None:
    assert refusal(tmp_path, content, format="conllu").startswith(problem)


# -------------------------------------------------------------------------------------------------- segmented text


def test_segmented_text(tmp_path: Path) -> None:
    content = "\ufeff我们  喜欢\u3000自然语言\t。\r\n\n 好 \n中"
    data = read(tmp_path, content, format="segmented")
    assert data.token_lists() == [list("我们喜欢自然语言。"), [], ["好"], ["中"]]
    assert ["".join(tags) for tags in data.tag_lists()] == ["BEBEBMMES", "", "S", "S"]
    assert data.lines is not None
    assert (data.lines.tolist(), data.scheme, data.tokenizer) == ([1, 2, 3, 4], "BMES", "char")
    assert data.layout == {"format": "segmented", "word_column": 0, "tag_column": -1, "feature_columns": []}
    untagged = read(tmp_path, content, format="segmented", tag_column=None)
    assert (untagged.tags, untagged.token_lists()) == (None, data.token_lists())
    assert refusal(tmp_path, " \n\n", format="segmented") == "no sentences"
    assert refusal(tmp_path, b"\xe6\x88\n", format="segmented").startswith("line 1, byte 0: ")


@given(st.lists(st.lists(st.text("中国人a😀\u0301", min_size=1, max_size=4), max_size=4), min_size=1, max_size=4))
@settings(max_examples=25)
def test_segmented_words_come_back(sentences: list[list[str]]) -> None:
    lines = [" ".join(words) for words in sentences]
    if not any(lines):
        return
    data = TaggedSentences.read(iter(lines), format="segmented")
    for index, words in enumerate(sentences):
        expected = ["S" if len(word) == 1 else f"B{'M' * (len(word) - 2)}E" for word in words]
        assert "".join(data.sentence(index)) == "".join(words)
        assert "".join(data.tags_of(index)) == "".join(expected)


# --------------------------------------------------------------------------------------------------------- sources


def test_several_files(tmp_path: Path) -> None:
    one, two = write(tmp_path, "a B-X\nb I-X", "one"), write(tmp_path, "c O\n", "two")
    for names in ([str(one), str(two)], [one, two], tmp_path):
        data = TaggedSentences.read(names)  # type: ignore[arg-type]
        assert (data.token_lists(), data.lines) == ([["a", "b"], ["c"]], None)
        assert data.source == f"{one}, {two}"
    write(tmp_path, "\n", "two")
    with pytest.raises(DataError, match=f"^{two}: no sentences$"):
        TaggedSentences.read([one, two])
    write(tmp_path, "c O\nd NN\n", "two")
    with pytest.raises(DataError, match=f"^{two}, line 2: mixed tag schemes: the tag NN"):
        TaggedSentences.read([one, two])
    write(tmp_path, "c 1 2 3 O\n", "two")
    write(tmp_path, "a 1 O\n", "one")
    with pytest.raises(DataError, match=f"^{two}: the features are column 3, not column 1"):
        TaggedSentences.read([one, two], feature_columns=[-2])
    tree = write(tmp_path, TREE, "tree.conllu")
    with pytest.raises(DataError, match=f"^{tree}: the format is conllu, and that of {one} is columns"):
        TaggedSentences.read([one, tree])
    with pytest.raises(DataError, match="no sentences: pass at least one file"):
        TaggedSentences.read([])
    with pytest.raises(MissingFileError):
        TaggedSentences.read(tmp_path / "none")


def test_compressed_files_streams_and_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"a B-X\n\nb O\n"
    expected = TaggedSentences.read(io.BytesIO(content)).digest
    for suffix, pack in ((".gz", gzip.compress), (".bz2", bz2.compress)):
        assert TaggedSentences.read(write(tmp_path, pack(content), f"data{suffix}")).digest == expected
    assert TaggedSentences.read(write(tmp_path, gzip.compress(TREE.encode()), "t.conllu.gz")).tokens == 5
    assert TaggedSentences.read(iter(["a B-X", "", "b O"])).digest == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    data = TaggedSentences.read("-")
    assert (data.digest, data.source) == (expected, "-")
    with pytest.raises(DataError, match="tagged sentences are read from files or lines, not from token lists"):
        TaggedSentences.read([["a", "b"]])  # type: ignore[list-item]


ENTRY = """
title = "Title"
language = "en"
licence = "none"
source = "here"
size = "small"
tokenizer = "space"
provider = "bundled"
"""


def test_corpora_of_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = f"""
[chunks]{ENTRY}
task = "tagging"
format = "columns"
splits = {{ train = ["chunks.txt"], test = ["chunks.txt", "chunks.txt"] }}

[words]{ENTRY}
task = "tagging"
format = "segmented"
splits = {{ train = ["words.txt"] }}

[text]{ENTRY}
task = "language-modelling"
splits = {{ train = ["words.txt"] }}
"""
    write(tmp_path, entries, "catalog.toml")
    write(tmp_path, "a N B-X\nb N I-X\n\nc N O\n", "chunks.txt")
    write(tmp_path, "我们 好\n", "words.txt")
    monkeypatch.setattr(catalog, "folder", lambda: tmp_path)
    chunks = TaggedSentences.read("corpus:chunks")
    assert (chunks.token_lists(), chunks.scheme) == ([["a", "b"], ["c"]], "IOB2")
    assert Corpus.read("corpus:chunks").sentence(0) == ["a", "b"]
    assert len(TaggedSentences.read(["corpus:chunks/test", "corpus:chunks"])) == 6
    words = TaggedSentences.read("corpus:words/train")
    assert ("".join(words.tags_of(0)), words.tokenizer) == ("BES", "char")
    assert Corpus.read("corpus:words").sentence(0) == ["我们", "好"]
    with pytest.raises(DataError, match="corpus:text has no tags, it is a corpus for language-modelling: set a format"):
        TaggedSentences.read("corpus:text")
    assert TaggedSentences.read("corpus:text", format="segmented").digest == words.digest
    with pytest.raises(DataError, match=r"the format is segmented, and that of .* is columns: read them apart"):
        TaggedSentences.read(["corpus:chunks", "corpus:words"])


@pytest.mark.parametrize(
    ("name", "scheme", "sizes"),
    [("chunks-en", "IOB2", (246, 2793, 1523)), ("segments-zh", "BMES", (329, 4030, 3034))],
)
def test_bundled_corpora(name: str, scheme: str, sizes: tuple[int, int, int]) -> None:
    parts = [TaggedSentences.read(f"corpus:{name}/{split}") for split in ("train", "valid", "test")]
    chunks = [part.in_scheme("IOB2") for part in parts]
    assert {part.scheme for part in parts} == {scheme}
    assert [part.notes for part in parts] == [[], [], []]
    assert sum(repairs for _, repairs in chunks) == 0
    spans = sum(tag.startswith("B") for part, _ in chunks for tag in part.required_tags().values())
    assert (sum(map(len, parts)), sum(part.tokens for part in parts), spans) == sizes
    sentences = ["".join(tokens) for part in parts for tokens in part.token_lists()]
    assert len(set(sentences)) == len(sentences)


# ----------------------------------------------------------------------------------------------------------- notes


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ([(f"w{n}", "NV"[n % 2]) for n in range(60)], None),
        ([("NV"[n % 2], f"w{n}") for n in range(60)], "60 different tags, and 2 different words"),
        ([(f"w{n}", "N") for n in range(60)], "every token has the tag 'N': is it the column of tags?"),
        ([("a", "B_X"), ("b", "I_X"), ("c", "O")], "tags such as 'B_X', 'I_X' are read as plain tags, without spans"),
        ([("a", "b-np"), ("b", "i-np")], "tags such as 'b-np', 'i-np' are read as plain tags"),
        ([("a", "PER-B"), ("b", "PER-E")], "tags such as 'PER-B', 'PER-E' are read as plain tags"),
        ([("a", "PER"), ("b", "O")], "without spans, although O is one of them"),
        ([("a", "N "), ("b", "N")], "tags begin or end with a space, which makes them tags of their own: 'N '"),
        ([("\ufeffa", "N"), ("b", "V")], "1 token contains a byte-order mark"),
        ([("a", "B-X"), ("b", "O"), ("a", "I-X"), ("b", "O")] * 5, "5 spans begin with I, as in IOB1, and 5 with B"),
        ([("a", "B-X"), ("b", "O")] * 20 + [("a", "I-X")], None),
    ],
)
def test_what_looks_odd_is_noted(rows: list[tuple[str, str]], note: str | None) -> None:
    data = TaggedSentences([[word for word, _ in rows]], [[tag for _, tag in rows]])
    if note is None:
        assert data.notes == []
    else:
        (found,) = data.notes
        assert found.startswith("<sentences>: ")
        assert note in found


# ------------------------------------------------------------------------------------------------------- real files


@pytest.mark.slow
def test_real_files_have_the_published_sizes(shared_data: Path) -> None:
    train = TaggedSentences.read(shared_data / "conll2000" / "train.txt", feature_columns=[1])
    test = TaggedSentences.read(shared_data / "conll2000" / "test.txt")
    assert [(len(part), part.tokens, part.scheme) for part in (train, test)] == [
        (8936, 211727, "IOB2"),
        (2012, 47377, "IOB2"),
    ]
    assert train.features[0].compact().types[:3] == ("NN", "IN", "DT")
    assert sum(tag[0] == "B" for tag in test.required_tags().values()) == 23852
    converted, repairs = train.in_scheme("BIOES")
    assert repairs == 0
    assert converted.in_scheme("IOB2")[0].digest == train.without_tags().with_tags(train.required_tags(), "IOB2").digest
    trees = TaggedSentences.read(shared_data / "ud-ewt" / "dev.tsv", tag_column=1)
    assert (len(trees), trees.tokens, trees.scheme) == (2001, 25147, "plain")
    assert len(trees.required_tags().types) == 17
    names = TaggedSentences.read(shared_data / "resume-ner" / "train.bmes")
    assert (len(names), names.tokens, names.scheme) == (3821, 124099, "BMES")
    assert names.in_scheme("BIOES")[1] == 4
    words = TaggedSentences.read(shared_data / "pku" / "test.txt", format="segmented")
    assert (len(words), words.tokens) == (1944, 172733)
    assert sum(tag in "BS" for tag in words.required_tags().values()) == 104372
    assert all(part.notes == [] for part in (train, test, trees, names, words))


def test_words_that_begin_with_a_hash_are_words() -> None:
    data = TaggedSentences.read(iter(["# a comment of more columns", "#tag O", "#\tB-X"]), scheme="IOB2")
    assert (data.token_lists(), data.tag_lists()) == ([["#tag", "#"]], [["O", "B-X"]])
