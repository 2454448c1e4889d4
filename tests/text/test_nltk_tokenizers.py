"""NLTK's tokenizers under names: their tokens, and one line where NLTK or its data are missing."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from nlmkit import NGram
from nlmkit.errors import NlmkitError
from nlmkit.testing import run_checks
from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.nltk_tokenizers import PunktTokenizer, TreebankTokenizer, TweetTokenizer

pytest.importorskip("nltk", reason="NLTK is not installed")

LINE = 'He said "don\'t" (to $5.50 us), "no". OK. :-) @you #tag'


def test_tokens_are_those_of_nltk() -> None:
    from nltk.tokenize import TreebankWordTokenizer
    from nltk.tokenize import TweetTokenizer as Tweets

    assert TreebankTokenizer().tokenize(LINE) == TreebankWordTokenizer().tokenize(LINE)
    assert TweetTokenizer().tokenize(LINE) == Tweets().tokenize(LINE)
    assert TweetTokenizer().tokenize(":-) @you #tag") == [":-)", "@you", "#tag"]
    assert TreebankTokenizer().detokenize(["Do", "n't", "go", "."]) == "Don't go."
    assert TweetTokenizer().detokenize(["Hi", ",", "you"]) == "Hi, you"


def test_they_pass_the_kit() -> None:
    for tokenizer in (TreebankTokenizer(), TweetTokenizer()):
        assert [outcome.message for outcome in run_checks(tokenizer) if not outcome.passed] == []
    assert TweetTokenizer().tokenize("a &lt;s&gt; b &lt;/s&gt;") == ["a", "<", "s>", "b", "<", "/s>"]


def test_spans_are_where_the_tokens_come_from() -> None:
    tokenizer = TreebankTokenizer()
    spans = tokenizer.spans(LINE)
    assert len(spans) == len(tokenizer.tokenize(LINE))
    for token, (begin, end) in zip(tokenizer.tokenize(LINE), spans, strict=True):
        assert LINE[begin:end] == token or token in ("``", "''")
    assert [begin for begin, _ in spans] == sorted(begin for begin, _ in spans)


def test_punkt_needs_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk.data

    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(
        NlmkitError, match=r"nltk-punkt needs NLTK's data punkt_tab: python -m nltk.downloader punkt_tab"
    ):
        PunktTokenizer().tokenize("A b. C d.")
    with pytest.raises(NlmkitError, match=r"^the tokenizer nltk-punkt needs NLTK's data"):
        Corpus.read(["A b. C d."], TextPipeline(tokenizer="nltk-punkt"))


def test_punkt_splits_sentences_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sentences:
        def tokenize(self, line: str) -> list[str]:
            return line.split("|")

    tokenizer = PunktTokenizer()
    monkeypatch.setitem(vars(tokenizer), "_sentences", Sentences())
    assert tokenizer.tokenize("It ends.|It goes on.") == ["It", "ends", ".", "It", "goes", "on", "."]


def test_the_names_lead_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {cls.name: cls() for cls in (TreebankTokenizer, TweetTokenizer, PunktTokenizer)}
    monkeypatch.setattr("nlmkit.text.tokenization.tokenizer_called", named.__getitem__)
    corpus = Corpus.read(["Don't go."], TextPipeline(tokenizer="nltk-treebank"))
    declared = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text("utf-8"))
    points = declared["project"]["entry-points"]["nlmkit.tokenizers"]
    for name, cls in named.items():
        assert points[name] == f"{type(cls).__module__}:{type(cls).__qualname__}"
    assert [*corpus.sentence(0)] == ["Do", "n't", "go", "."]
    assert NGram(order=1).fit(corpus).report(corpus).bits_per_character is not None


def test_without_nltk_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nltk.tokenize.casual", None)
    with pytest.raises(NlmkitError, match=r"the tokenizer nltk-tweet needs NLTK: pip install 'nlmkit\[nltk\]'"):
        TweetTokenizer().tokenize("a")
