"""Tests of the tokenizers: the contract, what they cut, and models that read text with them."""

from pathlib import Path
from typing import ClassVar

import pytest
from nlmkit import NGram, load
from nlmkit.plugin import TextPipeline, conformance, get_tokenizer

from nlmkit_chinese.tokenizers import Jieba, JiebaDictionary

SENTENCE = "他来到了网易杭研大厦"
TEXT = [
    "老船长喜欢听雨。",
    "小猫看见一只狗。",
    "老船长在码头等着那条船。",
    "我们喜欢春天的雨。",
]


class Terms(Jieba):
    """jieba with two words of its own, one with a frequency."""

    name = "terms"
    own_words: ClassVar[dict[str, int | None]] = {"网易杭研大厦": None, "来到了": 100_000_000}


test_contract = conformance(Jieba(), JiebaDictionary(), Terms())


def test_words_are_found() -> None:
    """The sentence of jieba's own documentation, in which only the Markov model knows one word."""
    assert Jieba().tokenize(SENTENCE) == ["他", "来到", "了", "网易", "杭研", "大厦"]
    assert JiebaDictionary().tokenize(SENTENCE) == ["他", "来到", "了", "网易", "杭", "研", "大厦"]


def test_words_of_ones_own_are_kept_and_stay_with_their_tokenizer() -> None:
    """Another tokenizer's dictionary is not changed by them."""
    assert Terms().tokenize(SENTENCE) == ["他", "来到了", "网易杭研大厦"]
    assert "网易杭研大厦" not in Jieba().tokenize(SENTENCE)


def test_other_scripts_and_marks() -> None:
    """Latin words and numbers stay whole, white space of every kind goes, marks stay with their character."""
    tokens = Jieba().tokenize("用Python\u30003.11 写cafe\u0301\t。")
    assert tokens == ["用", "Python", "3.11", "写", "cafe\u0301", "。"]


@pytest.mark.parametrize("line", [*TEXT, SENTENCE, "我爱 Python 和 C 语言"])
def test_detokenized_text_has_the_same_words(line: str) -> None:
    """Without spaces in Chinese, and with them around Latin words."""
    tokenizer = Jieba()
    text = tokenizer.detokenize(tokenizer.tokenize(line))
    assert text.replace(" ", "") == line.replace(" ", "")
    assert tokenizer.tokenize(text) == tokenizer.tokenize(line)


@pytest.mark.parametrize("name", ["jieba", "jieba-dictionary"])
def test_a_model_reads_text_with_it(name: str, tmp_path: Path) -> None:
    """By its name, also after saving and loading."""
    from nlmkit.plugin import Corpus

    assert get_tokenizer(name).name == name
    model = NGram(order=2).fit(Corpus.read(TEXT, TextPipeline(tokenizer=name)))
    assert {"喜欢", "老", "船长", "老船长"} & set(model.vocabulary_.words)
    model.save(tmp_path / "zh")
    again = load(tmp_path / "zh")
    assert again.perplexity(TEXT) == model.perplexity(TEXT)
    assert again.report(TEXT).oov == 0


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("我爱👩\u200d👩\u200d👧你", ["我", "爱", "👩\u200d👩\u200d👧", "你"]),
        ("👍🏽好吃", ["👍🏽", "好吃"]),
        ("🇩🇪队🇩", ["🇩🇪", "队", "🇩"]),
        ("1\ufe0f\u20e3第一", ["1\ufe0f\u20e3", "第一"]),
        ("❤\ufe0f\u200d🔥😂😂", ["❤\ufe0f\u200d🔥", "😂", "😂"]),
        ("写co\u00adoperate", ["写", "co\u00adoperate"]),
    ],
)
def test_emoji_and_soft_hyphens(line: str, tokens: list[str]) -> None:
    """An emoji with what belongs to it is one token, and so is a word that a soft hyphen could divide."""
    assert Jieba().tokenize(line) == JiebaDictionary().tokenize(line) == tokens


@pytest.mark.parametrize(
    "text", ["e" + "\u0301" * 300_000, "\u0301é" * 150_000, "co\u00ad" * 100_000, "👍🏽" * 150_000]
)
def test_a_long_line_takes_no_square_of_the_time(text: str) -> None:
    """Joining marks one by one would take minutes."""
    assert "".join(Jieba().tokenize(text)) == text
