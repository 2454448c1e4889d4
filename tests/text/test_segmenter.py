"""A fitted segmenter as a tokenizer: what it splits, what it is called, what it refuses."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.language_models import Bigram
from toys.segmenters import SEGMENTED, TEXT, segmenter
from toys.taggers import ToyTagger

from nlmkit.contract import MAX_NESTING
from nlmkit.errors import HyperParameterError, UnknownComponentError
from nlmkit.testing import run_checks
from nlmkit.text import Corpus, TextPipeline, Tokenization, Vocabulary
from nlmkit.text.segmenter import SegmenterTokenizer
from nlmkit.text.tagged import TaggedSentences

SEGMENTER = segmenter()
TOKENIZER = SegmenterTokenizer(SEGMENTER)
WORDS = [line.split() for line in SEGMENTED]


def tagger(words: list[list[str]], tags: list[list[str]], **more: Any) -> ToyTagger:
    return ToyTagger().fit(TaggedSentences(words, tags, **more))


# ------------------------------------------------------------------------------------------------ what it splits


def test_text_without_spaces_becomes_words() -> None:
    pipeline = TextPipeline(tokenizer=SEGMENTER)
    corpus = Corpus.read(TEXT, pipeline)
    assert [corpus.sentence(index) for index in range(corpus.sentences)] == WORDS
    assert [pipeline.tokenize(line) for line in TEXT] == WORDS
    assert corpus.characters == sum(len(line) + 1 for line in TEXT)
    assert corpus.pipeline == pipeline


def test_white_space_ends_words_and_is_none() -> None:
    assert TOKENIZER.tokenize("大 海\u3000很\t蓝 \r") == ["大", "海", "很", "蓝"]
    assert TOKENIZER.tokenize("  ") == TOKENIZER.tokenize("") == []
    assert TOKENIZER.tokenize_lines(["", " 大海 ", ""]) == [[], ["大海"], []]


def test_the_whole_line_is_the_context() -> None:
    """One tagging of the characters without white space, whose words are divided where there was some."""
    seen: list[list[str]] = []

    def tag_ids(data: TaggedSentences) -> Any:
        seen.extend(data.token_lists())
        return SEGMENTER.tag_ids(data)

    watched = copy.copy(SEGMENTER)
    vars(watched)["tag_ids"] = tag_ids
    assert SegmenterTokenizer(watched).tokenize_lines(["船长 看着 大海", "", "他"])[0] == ["船长", "看着", "大海"]
    assert seen == [list("船长看着大海"), ["他"]]


@settings(max_examples=15)
@given(lines=st.lists(st.text(alphabet="老船长看大海a 1，\u3000\t\u2028e\u0301\0", max_size=12), max_size=4))
def test_no_character_is_lost_and_batches_change_nothing(lines: list[str]) -> None:
    found = TOKENIZER.tokenize_lines(lines)
    for line, words in zip(lines, found, strict=True):
        assert "".join(words) == "".join(line.split())
        assert all(words)
        assert words == TOKENIZER.tokenize(line)
        assert all(any(word in run for run in line.split()) for word in words)


def test_many_characters_are_tagged_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.text.segmenter._CHARACTERS", 9)
    lines = [*TEXT, "", "".join(TEXT), *TEXT]
    assert TOKENIZER.tokenize_lines(lines) == [TOKENIZER.tokenize(line) for line in lines]


def test_unicode_form_and_case_come_first() -> None:
    pipeline = TextPipeline(tokenizer=SEGMENTER, unicode_form="NFKC", lowercase=True)
    assert "".join(pipeline.tokenize("Ａ大海")) == "a大海"
    assert "".join(TextPipeline(tokenizer=SEGMENTER).tokenize("Ａ大海")) == "Ａ大海"


def test_words_are_joined_as_chinese_is_set() -> None:
    assert TextPipeline(tokenizer=SEGMENTER).detokenize(["船长", "，", "大海"]) == "船长，大海"
    assert TOKENIZER.detokenize(["iPhone", "12", "船"]) == "iPhone 12 船"


@pytest.mark.slow
def test_the_conformance_kit_of_tokenizers_passes() -> None:
    """With a segmenter that is fast in Python and heeds no transitions, so that some of its sequences are illegal."""
    hasty = copy.copy(SEGMENTER)
    vars(hasty)["tag_ids"] = lambda data: hasty.scores(data).argmax(axis=1)
    outcomes = run_checks(SegmenterTokenizer(hasty))
    assert {outcome.name for outcome in outcomes} >= {"many_lines_have_the_tokens_of_each", "no_character_is_lost"}
    assert [outcome.message for outcome in outcomes if not outcome.passed] == []


def test_tags_of_any_scheme_and_columns_of_characters_will_do() -> None:
    bmes = TaggedSentences.read(iter(SEGMENTED), format="segmented")
    for scheme in ("IOB2", "BIOES", "BILOU"):
        data, _ = bmes.in_scheme(scheme)
        words, tags = data.token_lists(), data.tag_lists()
        assert SegmenterTokenizer(tagger(words, tags, scheme=scheme)).tokenize_lines(TEXT[:3]) == WORDS[:3]


def test_the_words_of_a_list_are_not_divided(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Alone a word may be divided otherwise than in its line; only white space cannot be in one."""
    corpus = Corpus.read(TEXT, TextPipeline(tokenizer=SEGMENTER, lowercase=True))
    (tmp_path / "words.txt").write_text("大海\n看着老船\nＡb\n老 船\n", encoding="utf-8")
    assert len(TOKENIZER.tokenize("看着老船")) > 1
    vocabulary = Vocabulary.from_corpus(corpus, file=tmp_path / "words.txt")
    assert vocabulary.words[3:] == ("大海", "看着老船", "ａb", "老 船")
    (message,) = [record.getMessage() for record in caplog.records]
    assert "1 of its words cannot occur" in message
    assert "'老 船' is read as 老 船" in message


# ------------------------------------------------------------------------------------------------ what it is called


def test_it_is_called_by_component_and_digest() -> None:
    name = f"model(kit-correct-tagger {SEGMENTER.digest})"
    tokenization = Tokenization(SEGMENTER, lowercase=True)
    assert tokenization.tokenizer == name
    assert tokenization.signature == f"tok:{name}|lc:yes|nf:none"
    pipeline = TextPipeline(tokenizer=SEGMENTER, lowercase=True, encoding="gb18030")
    assert pipeline.tokenization == tokenization
    assert hash(pipeline.tokenization) == hash(tokenization)
    assert pipeline.to_dict()["tokenizer"] == pipeline.tokenizer == name
    assert pipeline.signature == tokenization.signature
    assert repr(pipeline.resolved_tokenizer) == f"<{name}>"


def test_equal_segmenters_make_equal_tokenizations_and_others_do_not() -> None:
    assert Tokenization(SEGMENTER) == Tokenization(segmenter()) == Tokenization(TOKENIZER)
    assert Tokenization(SEGMENTER) != Tokenization(segmenter(SEGMENTED[:4]))
    assert Tokenization(SEGMENTER) != Tokenization("char")


def test_a_pipeline_with_another_decoding_keeps_it() -> None:
    pipeline = TextPipeline(tokenizer=SEGMENTER)
    for changed in (pipeline.with_marks("skip"), pipeline.with_decoding(TextPipeline(encoding="gb18030").decoding)):
        assert changed.resolved_tokenizer is pipeline.resolved_tokenizer
    assert TextPipeline(lowercase=True).with_tokenization(pipeline.tokenization) == pipeline
    assert TextPipeline(tokenizer=TOKENIZER).resolved_tokenizer is TOKENIZER


def test_its_name_alone_leads_nowhere() -> None:
    pipeline = dataclasses.replace(TextPipeline(tokenizer=SEGMENTER), lowercase=True)
    with pytest.raises(UnknownComponentError, match=r"model\(kit-correct-tagger .*: use the tokenization of the model"):
        pipeline.tokenize("大海")


def test_pipelines_are_copied_and_pickled_with_it_and_used_in_threads() -> None:
    pipeline = TextPipeline(tokenizer=SEGMENTER)
    for copied in (copy.copy(pipeline), copy.deepcopy(pipeline), pickle.loads(pickle.dumps(pipeline))):
        assert copied == pipeline
        assert [copied.tokenize(line) for line in TEXT] == WORDS
    with ThreadPoolExecutor(4) as pool:
        assert all(found == WORDS for found in pool.map(TOKENIZER.tokenize_lines, [TEXT] * 20))


# ------------------------------------------------------------------------------------------------ what it refuses


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Bigram().fit(["a b"]), "tokenizer: toy-bigram is a language model; expected a segmenter, a tagger fitted to"),
        (ToyTagger(), "tokenizer: this kit-correct-tagger is not fitted: fit it to segmented text first"),
        (
            tagger([["他", "去", "北", "京"]], [["O", "O", "B-LOC", "I-LOC"]]),
            "kit-correct-tagger is a tagger of the scheme IOB2 with the tags O, B-LOC, E-LOC; expected a segmenter",
        ),
        (tagger([["他", "去"]], [["O", "B"]]), "of the scheme IOB2 with the tags O, S; expected"),
        (
            tagger([list("一二三四五六七")], [list("abcdefg")]),
            "scheme plain with the tags a, b, c, d, e, f, …; expected",
        ),
        (
            tagger([["two", "words"]], [["B", "E"]]),
            "is a tagger of the tokens of the tokenizer space, not of characters",
        ),
        (
            tagger([["他", "去"]], [["S", "S"]], features=[[["x", "y"]]], feature_names=["pinyin"]),
            r"is a tagger of tokens with feature columns \(pinyin\), which raw text does not have",
        ),
        (ToyTagger, "tokenizer must be the name of a tokenizer, not <class"),
    ],
)
def test_anything_but_a_segmenter_is_refused(model: Any, message: str) -> None:
    for make in (Tokenization, lambda tokenizer: TextPipeline(tokenizer=tokenizer)):
        with pytest.raises(HyperParameterError, match=message):
            make(model)


def test_one_that_nests_as_deeply_as_components_can_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def inside(depth: int) -> Any:
        model = copy.copy(SEGMENTER)
        members = {"inner": inside(depth - 1)} if depth else {}
        vars(model)["members"] = lambda: members
        return model

    assert SegmenterTokenizer(inside(MAX_NESTING - 2)).tokenize("大海") == ["大海"]
    with pytest.raises(HyperParameterError, match=f"more than {MAX_NESTING} components inside one another"):
        SegmenterTokenizer(inside(MAX_NESTING - 1))


@pytest.mark.parametrize("given", [3, None, b"char", ["char"], ""])
def test_values_that_are_no_tokenizers_are_refused_as_before(given: Any) -> None:
    with pytest.raises(HyperParameterError, match="tokenizer must be the name of a tokenizer, not"):
        Tokenization(given)
