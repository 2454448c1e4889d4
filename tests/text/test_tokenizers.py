from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.tokenizers import BUILT_IN, CharTokenizer, SpaceTokenizer, Tokenizer, WordTokenizer, word_pattern

from . import reference

# Every kind of character the rules speak of, common enough to meet often.
EMOJI = "❤🏴👍🏽🇩🇪\U000e0067\u20e3"
ALPHABET = EMOJI + "abZ_019 \t\r\v\f\xa0\u3000\u2028\x85'’-‐.,!\"()中々〇𠀀かé\u0301ि\u200d\ufe0f👩กا￼\x1c\u00ad\u2060"


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("", []),
        (" \t\r", []),
        ("a\tb  c\r", ["a", "b", "c"]),
        ("a\rb", ["a", "b"]),
        ("a\xa0b c\u3000d e\u2028f", ["a\xa0b", "c\u3000d", "e\u2028f"]),
        ("a\vb\fc\x85d\x1ce", ["a\vb\fc\x85d\x1ce"]),
        ("'a' </s>x", ["'a'", "</s>x"]),
    ],
)
def test_space_splits_on_space_tab_and_cr_only(line: str, tokens: list[str]) -> None:
    assert SpaceTokenizer().tokenize(line) == tokens


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("", []),
        ("Hello, world!", ["Hello", ",", "world", "!"]),
        ("1,000.50 dollars.", ["1,000.50", "dollars", "."]),
        ("3.14, 1,2,3 x.5", ["3.14", ",", "1,2,3", "x", ".", "5"]),
        ("don't well-known rock'n'roll", ["don't", "well-known", "rock'n'roll"]),
        ("it’s a non\u2011breaking one", ["it’s", "a", "non\u2011breaking", "one"]),
        ("'quoted' -dash- a--b", ["'", "quoted", "'", "-", "dash", "-", "a", "-", "-", "b"]),
        ("我有3.5个苹果。", ["我", "有", "3.5", "个", "苹", "果", "。"]),
        ("人々が〇", ["人", "々", "が", "〇"]),
        ("\U00020000\U000323af", ["\U00020000", "\U000323af"]),
        ("snake_case B2B 1980s", ["snake_case", "B2B", "1980s"]),
        ("हिन्दी", ["हिन्दी"]),
        ("cafe\u0301s", ["cafe\u0301s"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("a\xa0b\u3000c\u2028d\x85e\vf\x1cg", ["a", "b", "c", "d", "e", "f", "g"]),
        ("한국어 단어", ["한국어", "단어"]),
        ("!\u0301x", ["!\u0301", "x"]),
        ("<s>", ["<", "s", ">"]),
    ],
)
def test_word_splits_as_its_docstring_says(line: str, tokens: list[str]) -> None:
    assert WordTokenizer().tokenize(line) == tokens


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("", []),
        ("a b", ["a", "▁", "b"]),
        ("a\tb\r", ["a", "▁", "b"]),
        ("a\r\r", ["a", "\r"]),
        ("\ra", ["\r", "a"]),
        ("\xa0\v", ["\xa0", "\v"]),
        ("中e\u0301", ["中", "e", "\u0301"]),
    ],
)
def test_char_takes_every_character(line: str, tokens: list[str]) -> None:
    assert CharTokenizer().tokenize(line) == tokens


@given(st.text(st.one_of(st.sampled_from(ALPHABET), st.characters(exclude_categories=["Cs"], exclude_characters="\n"))))
def test_each_agrees_with_the_slow_reference(line: str) -> None:
    for name, tokenizer in BUILT_IN.items():
        assert tokenizer().tokenize(line) == reference.TOKENIZERS[name](line)


@given(st.lists(st.text(st.sampled_from(ALPHABET))))
def test_word_splits_a_block_like_its_lines(lines: list[str]) -> None:
    expected = [token for line in lines for token in [*reference.word(line), "\n"]]
    assert word_pattern(line_feed=True).findall("".join(line + "\n" for line in lines)) == expected


@pytest.mark.parametrize("unit", ["a-", "1.", "a'", "-", "e\u0301", "\u0301", "中", " ", "a" * 7 + "."])
def test_word_is_linear_on_lines_made_to_backtrack(unit: str) -> None:
    line = unit * 100_000
    assert "".join(WordTokenizer().tokenize(line)) == line.replace(" ", "")


def test_space_and_char_undo_themselves() -> None:
    for tokenizer in (SpaceTokenizer(), CharTokenizer()):
        assert tokenizer.detokenize(tokenizer.tokenize("one two  three".replace("  ", " "))) == "one two three"
    assert CharTokenizer().detokenize(["<unk>", "▁", "b"]) == "<unk> b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello, world! It's well-known (really).",
        'She said "yes" and left.',
        "我有3.5个苹果。",
        "한국어 단어 입니다.",
        "It costs $5; 20% off.",
    ],
)
def test_word_sets_tokens_as_text_is_set(text: str) -> None:
    assert WordTokenizer().detokenize(WordTokenizer().tokenize(text)) == text.replace("我有3.5个", "我有 3.5 个")


def test_each_has_a_name_and_keeps_the_protocol() -> None:
    assert list(BUILT_IN) == ["space", "word", "char"]
    for name, tokenizer in BUILT_IN.items():
        assert tokenizer.name == name
        assert isinstance(tokenizer(), Tokenizer)
        assert tokenizer.__doc__


def test_importing_tokenizers_and_pipeline_loads_no_numpy() -> None:
    code = "import sys, nlmkit.text.tokenizers, nlmkit.text.pipeline; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("👩\u200d👩\u200d👧 hi", ["👩\u200d👩\u200d👧", "hi"]),
        ("🧑🏽\u200d🚀🧑🏽\u200d🚀!", ["🧑🏽\u200d🚀", "🧑🏽\u200d🚀", "!"]),
        ("👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏻", ["👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏻"]),
        ("❤\ufe0f\u200d🔥, ❤", ["❤\ufe0f\u200d🔥", ",", "❤"]),
        ("👍🏽👍☝🏿", ["👍🏽", "👍", "☝🏿"]),
        ("🇩🇪🇫🇷 🇩", ["🇩🇪", "🇫🇷", "🇩"]),
        ("🇩🇪🇫", ["🇩🇪", "🇫"]),
        (
            "1\ufe0f\u20e32\ufe0f\u20e3#\ufe0f\u20e3*\u20e3",
            ["1\ufe0f\u20e3", "2\ufe0f\u20e3", "#\ufe0f\u20e3", "*\u20e3"],
        ),
        ("#1 *3", ["#", "1", "*", "3"]),
        (
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f.",
            ["🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "."],
        ),
        ("👁\ufe0f\u200d🗨\ufe0f", ["👁\ufe0f\u200d🗨\ufe0f"]),
        ("😂😂a👍b", ["😂", "😂", "a", "👍", "b"]),
        ("👩\u200da", ["👩\u200d", "a"]),
        ("👩\u200d.", ["👩\u200d", "."]),
        ("co\u00adop\u00aderate", ["co\u00adop\u00aderate"]),
        ("well-known\u00adly don't", ["well-known\u00adly", "don't"]),
        ("point\u00ad x \u00ady", ["point", "\u00ad", "x", "\u00ad", "y"]),
        ("e\u0301\u00ade", ["e\u0301\u00ade"]),
        ("a\u2060b ᠠ\u180eᠠ", ["a\u2060b", "ᠠ\u180eᠠ"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("क\u094d\u200dष क\u094dष\u093f", ["क\u094d\u200dष", "क\u094dष\u093f"]),
        ("葛\U000e0100飾区", ["葛\U000e0100", "飾", "区"]),
        ("©2020™ 5€ 2×3 → a", ["©", "2020", "™", "5", "€", "2", "×", "3", "→", "a"]),
    ],
)
def test_sequences_that_are_one_character_to_a_reader_are_one_token(line: str, tokens: list[str]) -> None:
    assert WordTokenizer().tokenize(line) == tokens
    assert Corpus.read(iter([line]), TextPipeline(tokenizer="word")).sentence(0) == tokens
