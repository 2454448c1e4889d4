"""Subword tokenizers: training, splitting and joining lines exactly, what they are called, what they refuse."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.core import registry
from nlmkit.errors import DataError, HyperParameterError, UnknownComponentError
from nlmkit.testing import check_registered, run_checks
from nlmkit.text import Corpus, TextPipeline, Tokenization, stream_blocks
from nlmkit.text.subword_models import BYTES
from nlmkit.text.subwords import SubwordTokenizer, is_trained, is_untrained
from nlmkit.text.tokenization import trained_jointly

pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")

LINES = [
    "the cat sat on the mat; the cats don't mind.",
    "the other cat, 12 years old, isn't that other cat.",
    "猫坐在垫子上,那只猫很老。",
    "the theory of the other mother",
] * 5
BPE = Tokenization("bpe:400").trained(LINES)
BOTH = [BPE, Tokenization("unigram:400").trained(LINES)]
each_kind = pytest.mark.parametrize("tokenization", BOTH, ids=["bpe", "unigram"])


def tokenizer_of(tokenization: Any) -> SubwordTokenizer:
    found = tokenization.resolved_tokenizer
    assert isinstance(found, SubwordTokenizer)
    return found


# ------------------------------------------------------------------------------------------------ splitting, joining


def test_merges_by_hand() -> None:
    """Of ``aab aab aab ab``: ``▁a`` and ``ab`` come up four times, ``▁`` first in order; then ``▁a`` + ``ab``."""
    tokenization = Tokenization(f"bpe:{len(BYTES) + 3 + 2}").trained(["aab aab aab ab"])
    assert tokenizer_of(tokenization).model.merges == ((" ", "a"), ("a", "b"))
    assert tokenization.tokenize("aab ab b") == ["▁a", "ab", "▁a", "b", "▁", "b"]


@pytest.mark.parametrize("line", ["", " ", "  ", " the cat ", "the  cat", "the cat\t", "▁the▁", "\u3000猫", "<s> </s>"])
@each_kind
def test_lines_come_back_exactly(tokenization: Tokenization, line: str) -> None:
    tokens = tokenization.tokenize(line)
    assert tokenization.detokenize(tokens) == line
    assert not any(character.isspace() for token in tokens for character in token)
    assert not {"<s>", "</s>", "<unk>"} & {*tokens}


@each_kind
@settings(max_examples=60)
@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]) | st.sampled_from(" ▁<猫a"))))
def test_any_text_comes_back_exactly(tokenization: Tokenization, lines: list[str]) -> None:
    lines = [line.rstrip("\r") for line in lines]
    tokenizer = tokenizer_of(tokenization)
    split = tokenizer.tokenize_lines(lines)
    assert [tokenization.detokenize(tokens) for tokens in split] == lines
    assert split == [tokenization.tokenize(line) for line in lines]
    assert {token for tokens in split for token in tokens} <= {*tokenizer.tokens}
    assert not any(character.isspace() for tokens in split for token in tokens for character in token)


def test_a_carriage_return_before_the_line_feed_is_a_part_of_it() -> None:
    assert BPE.tokenize("the cat\r") == BPE.tokenize("the cat")
    assert BPE.tokenize("the\rcat") != BPE.tokenize("thecat")


@each_kind
def test_unseen_characters_are_spelt_in_bytes(tokenization: Tokenization) -> None:
    assert tokenization.tokenize("é") == ["▁", "<0xC3>", "<0xA9>"]
    assert "<0xC3>" not in tokenization.tokenize("<0xC3>")
    assert tokenization.detokenize(["<0xC3>", "x", "<0xA9>"]) == "\ufffdx\ufffd"


def test_characters_that_are_rare_in_training_are_spelt_in_bytes() -> None:
    common, rare = "ab " * 1000, "é"
    tokenization = Tokenization("bpe:400").trained([common + rare])
    assert "é" not in tokenizer_of(tokenization).tokens
    assert tokenization.tokenize("abé")[-2:] == ["<0xC3>", "<0xA9>"]


def test_case_and_form_are_normalized_before() -> None:
    tokenization = Tokenization("bpe:400", lowercase=True, unicode_form="NFC").trained(["The E\u0301te\u0301 été"] * 2)
    tokens = tokenization.tokenize("E\u0301te\u0301 THE")
    assert tokenization.detokenize(tokens) == "été the"
    assert tokens[0] == "▁été"


@each_kind
def test_a_corpus_has_the_tokens_of_tokenize(tokenization: Tokenization) -> None:
    text = [*LINES, "", " two  words ", "<s> ▁é"]
    corpus = Corpus.read(text, TextPipeline(tokenizer=tokenizer_of(tokenization)))
    wanted = [tokenization.tokenize(line) for line in text]
    assert [corpus.sentence(index) for index in range(corpus.sentences)] == wanted
    assert corpus.tokenization == tokenization
    assert corpus.characters == sum(len(line) + 1 for line in text)
    blocks = list(stream_blocks(text, corpus.pipeline, max_lines=3))
    assert [block.corpus.sentence(i) for block in blocks for i in range(block.corpus.sentences)] == wanted


@pytest.mark.parametrize("marks", ["skip", "literal"])
def test_sentence_marks_are_ordinary_characters(marks: Any) -> None:
    pipeline = TextPipeline(tokenizer="bpe:400", marks=marks)
    corpus = Corpus.read([*LINES, "<s> a\0b </s>"], pipeline)
    assert corpus.pipeline is not None
    shown = {"skip": "<s> a b </s>", "literal": "<s> a␀b </s>"}[marks]
    assert corpus.pipeline.detokenize(corpus.sentence(-1)) == shown


def test_threads_share_a_tokenizer() -> None:
    tokenizer = SubwordTokenizer(tokenizer_of(BPE).model)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(tokenizer.tokenize_lines, [LINES] * 8))
    assert found == [[BPE.tokenize(line) for line in LINES]] * 8


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.text.subwords._REMEMBERED", 5)
    tokenizer = SubwordTokenizer(tokenizer_of(BPE).model)
    assert [tokenizer.tokenize(line) for line in LINES] == [BPE.tokenize(line) for line in LINES]
    assert len(tokenizer._known) <= 5


# ------------------------------------------------------------------------------------------------ training


def test_reading_a_text_trains_the_tokenizer_on_it() -> None:
    corpus = Corpus.read(iter(LINES), TextPipeline(tokenizer="bpe:400"))
    assert corpus.pipeline is not None
    assert corpus.tokenization == BPE
    assert not corpus.pipeline.needs_training
    assert TextPipeline(tokenizer="bpe:400").trained(LINES) == corpus.pipeline


@each_kind
def test_the_order_of_lines_makes_no_difference(tokenization: Tokenization) -> None:
    kind = tokenizer_of(tokenization).model.kind
    assert Tokenization(f"{kind}:400").trained(reversed(LINES)) == tokenization


@pytest.mark.slow
def test_another_process_with_other_threads_trains_the_same() -> None:
    code = (
        "from nlmkit.text import Corpus, TextPipeline;"
        "names = 'bpe:600', 'unigram:600';"
        "print([Corpus.read('corpus:english', TextPipeline(tokenizer=name)).tokenization.tokenizer for name in names])"
    )
    found = set()
    for parallel, threads in (("true", "3"), ("false", "1")):
        more = {"TOKENIZERS_PARALLELISM": parallel, "RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        more["PYTHONHASHSEED"] = threads
        done = subprocess.run([sys.executable, "-c", code], env=os.environ | more, capture_output=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


def test_two_texts_can_share_a_tokenizer() -> None:
    sources, targets = Tokenization("bpe:400", lowercase=True), Tokenization("bpe:400")
    joint = trained_jointly((sources, ["THE CAT"] * 3), (targets, LINES))
    assert joint[0].resolved_tokenizer is joint[1].resolved_tokenizer
    assert [each.lowercase for each in joint] == [True, False]
    assert joint[1] == Tokenization("bpe:400").trained(["the cat"] * 3 + LINES)
    with pytest.raises(HyperParameterError, match="must be the same, not bpe:400 and bpe"):
        trained_jointly((sources, LINES), (Tokenization("bpe"), LINES))


@pytest.mark.parametrize("name", ["bpe:", "bpe:x", "bpe:0", "bpe:-3", "bpe:1000001", "bpe:²", "bpe:9999999999"])
def test_the_number_of_tokens_must_be_one(name: str) -> None:
    with pytest.raises(HyperParameterError, match=f"the tokenizer {name}: expected the number of its tokens"):
        Tokenization(name)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_too_few_tokens_for_the_text(kind: str) -> None:
    least = len(BYTES) + len(set("".join(LINES)))
    with pytest.raises(HyperParameterError, match=f"{kind}:260 is too small for .* use {kind}:{least} at least"):
        Tokenization(f"{kind}:260").trained(LINES)
    assert len(tokenizer_of(Tokenization(f"{kind}:{least}").trained(LINES)).tokens) == least


def test_a_text_that_repeats_little_gives_fewer_tokens() -> None:
    assert Tokenization("bpe").trained(["ab"]).tokenizer.startswith(f"bpe({len(BYTES) + 3} ")


@pytest.mark.parametrize("text", [[], [""], [" \t", "▁"]])
def test_no_text_to_train_on(text: list[str]) -> None:
    with pytest.raises(DataError, match="<lines>: there is no text to train the tokenizer bpe on"):
        Corpus.read(iter(text), TextPipeline(tokenizer="bpe"))


def test_token_lists_train_no_tokenizer() -> None:
    with pytest.raises(DataError, match="bpe is trained on lines of text, but these are lists of tokens"):
        Corpus.read([["a", "b"]], TextPipeline(tokenizer="bpe"))


def test_an_untrained_tokenizer_splits_nothing() -> None:
    for use in (lambda: Tokenization("bpe").tokenize("a"), lambda: Tokenization("bpe").detokenize(["a"])):
        with pytest.raises(HyperParameterError, match="the tokenizer bpe is not trained yet: fit a model"):
            use()
    with pytest.raises(HyperParameterError, match="not trained yet"):
        list(stream_blocks(["a"], TextPipeline(tokenizer="bpe")))
    with pytest.raises(HyperParameterError, match="the tokenizer word is not one to be trained"):
        Tokenization("word").trained(["a"])
    with pytest.raises(DataError, match="a line must not hold a line feed"):
        Tokenization("bpe").trained(["a\nb"])


# ------------------------------------------------------------------------------------------------ names


def test_names() -> None:
    assert is_untrained("bpe")
    assert is_untrained("unigram:99")
    assert is_trained(BPE.tokenizer)
    assert not any(map(is_untrained, ("word", "my-bpe", "bpes", BPE.tokenizer, None)))
    assert not any(map(is_trained, ("bpe", "bpe:400", "bpe(400)", None)))
    with pytest.raises(UnknownComponentError, match="is trained on a text, and its name alone does not lead to it"):
        _ = Tokenization(BPE.tokenizer).resolved_tokenizer


@pytest.mark.parametrize("name", ["BPE:500", "x:500", "word:500"])
def test_other_tokenizers_have_no_number_of_tokens(name: str) -> None:
    with pytest.raises(UnknownComponentError, match=f"no tokenizer named '{name}': those with a number of tokens are"):
        _ = Tokenization(name).resolved_tokenizer


def test_equality_and_copies() -> None:
    again = Tokenization("bpe:400").trained(LINES)
    assert again == BPE
    assert hash(again) == hash(BPE)
    assert Tokenization("bpe:400").trained([*LINES, "zzz zzz zzz"]) != BPE
    for copied in (copy.deepcopy(BPE), pickle.loads(pickle.dumps(BPE))):
        assert copied == BPE
        assert copied.tokenize("the other") == BPE.tokenize("the other")
    assert repr(BPE.resolved_tokenizer) == f"<{BPE.tokenizer}>"
    assert repr(Tokenization("bpe").resolved_tokenizer) == "<bpe, not trained>"


@pytest.mark.slow
@each_kind
def test_contract(tokenization: Tokenization) -> None:
    assert [outcome for outcome in run_checks(tokenizer_of(tokenization)) if not outcome.passed] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_registered_tokenizers_are_trained_before_they_are_checked(kind: str) -> None:
    if not any((entry.kind, entry.name) == ("tokenizer", kind) for entry in registry.entries()):
        pytest.skip("the installed metadata is older than this tokenizer")
    assert registry.get_tokenizer(kind).name == kind
    assert all(outcome.passed for outcome in check_registered(kind, "tokenizer"))
