"""Sentence marks and NUL in a text: an error, white space, or ordinary words."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit import NGram, load
from nlmkit.classifiers.linear.nbsvm import NBSVM
from nlmkit.errors import DataError, HyperParameterError, SavedModelError
from nlmkit.representations.one_hot import OneHot
from nlmkit.text import BOS_ID, EOS_ID, Corpus, TextPipeline, stream_blocks
from nlmkit.text.labelled import LabelledTexts
from nlmkit.text.marks import LITERAL, NUL_SYMBOL

from . import reference

MARKED = b"a <s> b\n</s>\nc\0d <S>\n\0\n"
SKIPPED = [["a", "b"], [], ["c", "d", "<S>"], []]
WORDS = [["a", "&lt;s&gt;", "b"], ["&lt;/s&gt;"], [f"c{NUL_SYMBOL}d", "<S>"], [NUL_SYMBOL]]
PIECES = ["<s>", "</s>", "<S>", "\0", " ", "\t", "\n", "a", "é", "<", "s>", "&lt;s&gt;"]

texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def sentences_of(corpus: Corpus) -> list[list[str]]:
    return [corpus.sentence(number) for number in range(corpus.sentences)]


def test_an_error_is_the_default_and_names_the_remedy() -> None:
    with pytest.raises(
        DataError, match=r"--marks skip.*--marks literal.*in Python, with TextPipeline\(marks=\"skip\"\)"
    ) as caught:
        Corpus.read(io.BytesIO(b"a\nb <s>\n"))
    assert caught.value.line == 2
    with pytest.raises(DataError, match=r"NUL byte: .*--marks skip") as caught:
        Corpus.read(io.BytesIO(b"a\nb\0\n"))
    assert (caught.value.line, caught.value.byte) == (2, 3)


def test_skip_takes_them_for_white_space() -> None:
    corpus = Corpus.read(io.BytesIO(MARKED), TextPipeline(marks="skip"))
    assert sentences_of(corpus) == SKIPPED
    assert (corpus.bytes, corpus.characters) == (len(MARKED), len(MARKED))


def test_literal_takes_them_for_words() -> None:
    assert sentences_of(Corpus.read(io.BytesIO(MARKED), TextPipeline(marks="literal"))) == WORDS


@given(texts, st.sampled_from(["skip", "literal"]), st.sampled_from(["space", "word", "char"]), st.booleans())
def test_agrees_with_the_slow_reference(text: str, marks: Any, tokenizer: str, lowercase: bool) -> None:
    pipeline = TextPipeline(marks=marks, tokenizer=tokenizer, lowercase=lowercase)
    expected = []
    for line in reference.lines_of(text):
        clean = line.replace("\0", " " if marks == "skip" else NUL_SYMBOL)
        tokens = reference.TOKENIZERS[tokenizer](clean.lower() if lowercase else clean)
        if marks == "skip":
            expected.append([token for token in tokens if token not in ("<s>", "</s>")])
        else:
            expected.append([LITERAL.get(token, token) for token in tokens])
    data = text.encode()
    assert sentences_of(Corpus.read(io.BytesIO(data), pipeline)) == expected
    assert sentences_of(Corpus.read(iter(reference.lines_of(text)), pipeline)) == expected
    blocks = list(stream_blocks(io.BytesIO(data), pipeline, max_lines=2))
    assert [sentence for block in blocks for sentence in sentences_of(block.corpus)] == expected
    assert [line for block in blocks for line in block.lines] == reference.lines_of(text)


def test_single_lines() -> None:
    assert TextPipeline().tokenize("a <s>\0b") == ["a", "<s>\0b"]
    assert TextPipeline(marks="skip").tokenize("a <s>\0b") == ["a", "b"]
    assert TextPipeline(marks="literal").tokenize("a <s> \0b") == ["a", "&lt;s&gt;", f"{NUL_SYMBOL}b"]


def test_a_prompt() -> None:
    model = NGram(order=2).fit(["a b c"])
    with pytest.raises(DataError, match="the token <s>"):
        model.generate(prompt="<s> a", temperature=0)
    assert model.generate(prompt="<s> a", temperature=0, marks="skip") == ["b", "c"]
    assert model.generate(prompt="<s> a", temperature=0, marks="literal") == ["b", "c"]


def test_a_prompt_may_name_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_text("x")
    assert NGram(order=2).fit(iter(["a b c"])).generate(prompt="a", temperature=0) == ["b", "c"]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-16-le", "gb18030"])
def test_in_every_encoding(encoding: str) -> None:
    data = MARKED.decode().encode(encoding)
    for marks, expected in (("skip", SKIPPED), ("literal", WORDS)):
        pipeline = TextPipeline(encoding=encoding, marks=marks)  # type: ignore[arg-type]
        assert sentences_of(Corpus.read(io.BytesIO(data), pipeline)) == expected


def test_token_lists_are_treated_alike() -> None:
    lists = [["a", "<s>", "b"], ["</s>"], ["c\0d", "<S>"], ["\0"]]
    with pytest.raises(DataError, match="sentence mark <s>"):
        Corpus.read(lists)
    assert sentences_of(Corpus.read(lists, TextPipeline(marks="skip"))) == SKIPPED
    assert sentences_of(Corpus.read(lists, TextPipeline(marks="literal"))) == WORDS
    (block,) = stream_blocks(iter(lists), TextPipeline(marks="skip"))
    assert sentences_of(block.corpus) == SKIPPED
    for bad in (["a", ""], ["a", 3], ["a", "b\nc"], ["a\0", ""]):
        with pytest.raises(DataError, match=r"token 2|token 1"):
            Corpus.read([["x"], bad], TextPipeline(marks="literal"))  # type: ignore[list-item]


def test_literal_words_never_meet_the_marks_of_a_model() -> None:
    """Their ids are not those of the marks, in training and at scoring, and they are unknown where never seen."""
    literal = TextPipeline(marks="literal")
    corpus = Corpus.read(io.BytesIO(MARKED), literal)
    model = NGram(order=2).fit(corpus)
    ids = corpus.ids_for(model.vocabulary_)
    assert not {BOS_ID, EOS_ID} & set(ids.tolist())
    assert not corpus.oov_mask(model.vocabulary_).any()
    other = NGram(order=2).fit(["a b"])
    assert corpus.oov_mask(other.vocabulary_).tolist() == [False, True, False, True, True, True, True]
    assert other.perplexity(corpus) > 0


def test_a_model_does_not_change_by_how_its_text_was_read(tmp_path: Path) -> None:
    plain = NGram(order=2).fit([" ".join(sentence) for sentence in SKIPPED])
    read = NGram(order=2).fit(Corpus.read(io.BytesIO(MARKED), TextPipeline(marks="skip")))
    assert (read.digest, read.pipeline_, hash(read.pipeline_)) == (plain.digest, plain.pipeline_, hash(plain.pipeline_))
    read.save(tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert "marks" not in manifest["pipeline"]
    again = load(tmp_path / "model")
    for model in (read, again):  # in memory and saved they treat text alike
        with pytest.raises(DataError, match="the token <s>"):
            model.perplexity(["a <s> b"])  # type: ignore[attr-defined]
        corpus = Corpus.read(["a <s> b"], model.pipeline_.with_marks("skip"))  # type: ignore[attr-defined]
        assert model.perplexity(corpus) == plain.perplexity(["a b"])  # type: ignore[attr-defined]


def test_the_pipeline_and_its_marks() -> None:
    skip = TextPipeline(marks="skip")
    assert skip == TextPipeline()
    assert skip.signature == TextPipeline().signature
    assert skip.to_dict() == TextPipeline().to_dict()
    assert skip.with_marks("skip") is skip
    assert (skip.with_marks("literal").marks, skip.marks) == ("literal", "skip")
    with pytest.raises(HyperParameterError, match="error, skip or literal"):
        TextPipeline(marks="keep")  # type: ignore[arg-type]
    with pytest.raises(HyperParameterError, match="error, skip or literal"):
        skip.with_marks("keep")  # type: ignore[arg-type]
    with pytest.raises(SavedModelError, match="unknown keys: marks"):
        TextPipeline.from_dict({**skip.to_dict(), "marks": "skip"})


def test_a_changed_pipeline_keeps_the_tokenizer_that_was_looked_up() -> None:
    pipeline = TextPipeline(tokenizer="word")
    found = pipeline.resolved_tokenizer
    assert pipeline.with_marks("skip").resolved_tokenizer is found


def test_a_text_that_is_half_nul_is_binary_even_under_literal() -> None:
    wide = "one line of text in UTF-16\n".encode("utf-16-le")
    with pytest.raises(DataError, match="NUL byte") as caught:
        Corpus.read(io.BytesIO(wide), TextPipeline(marks="literal"))
    assert (caught.value.line, caught.value.byte) == (1, 1)
    assert Corpus.read(io.BytesIO(wide), TextPipeline(marks="skip")).tokens > 0


def test_representations_put_no_marks_and_take_them_for_words() -> None:
    for data in (["a <s> b", "c\0"], [["a", "<s>", "b"], ["c\0"]]):
        assert OneHot().fit(data).vocabulary_.words[3:] == ("a", "&lt;s&gt;", "b", f"c{NUL_SYMBOL}")
    with pytest.raises(DataError, match="the token <s>"):
        OneHot().fit(Corpus.read(["a <s> b"]))


def test_classifiers_put_no_marks_and_take_them_for_words(tmp_path: Path) -> None:
    texts, labels = ["good <s>", "bad \0x", "good", "bad"], ["p", "n", "p", "n"]
    classifier = NBSVM(tokenizer="space", calibration=0).fit(texts, labels)
    assert set(classifier.vocabulary_.words[3:]) == {"good", "&lt;s&gt;", "bad", f"{NUL_SYMBOL}x"}
    classifier.save(tmp_path / "model")
    again: Any = load(tmp_path / "model")
    assert again.predict(["<s> good </s>", "bad \0", "\0"]).tolist()[:2] == ["p", "n"]
    assert dict(again.highlights("good <s>")).keys() == {"good", "&lt;s&gt;"}


def test_labelled_files_hold_them(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"p\tgood <s>\nn\tbad \0x\np\tgood\nn\tbad\n")
    for marks, words in (("literal", {"&lt;s&gt;", f"{NUL_SYMBOL}x"}), ("skip", {"x"})):
        data = LabelledTexts.read(path, marks=marks)  # type: ignore[arg-type]
        assert data.texts == ("good <s>", "bad \0x", "good", "bad")
        assert data.take([0, 1]).marks == data.with_labels([1, 2, 1, 2]).marks == marks
        classifier = NBSVM(tokenizer="space", calibration=0).fit(data)
        assert set(classifier.vocabulary_.words[3:]) == {"good", "bad"} | words
    with pytest.raises(DataError, match="line 2, byte 17: NUL"):
        LabelledTexts.read(path, marks="error")
