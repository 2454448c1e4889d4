from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nlmkit.core.registry
from nlmkit.errors import DataError, HyperParameterError, SavedModelError, UnknownComponentError
from nlmkit.text import Corpus, TextPipeline


def test_form_comes_before_case_before_tokens() -> None:
    # U+2126 OHM SIGN has a lower case only once it is a Greek letter; NFKC makes an ASCII space of U+3000.
    pipeline = TextPipeline(unicode_form="NFKC", lowercase=True)
    assert pipeline.tokenize("Ａ\u3000\u2126B") == ["a", "ωb"]
    assert TextPipeline(unicode_form="NFD").tokenize("é") == ["e\u0301"]
    assert TextPipeline(lowercase=True, tokenizer="char").tokenize("ΟΔΟΣ Ab\r") == [*"οδος", "▁", "a", "b"]


def test_signature_names_what_changes_the_events() -> None:
    assert TextPipeline().signature == "tok:space|lc:no|nf:none"
    assert TextPipeline(encoding="latin-1").signature == "tok:space|lc:no|nf:none"
    assert TextPipeline(tokenizer="word", lowercase=True, unicode_form="NFC").signature == "tok:word|lc:yes|nf:nfc"
    assert TextPipeline(errors="ignore").signature == "tok:space|lc:no|nf:none|err:ignore"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"encoding": "utf-99"}, "encoding 'utf-99'"),
        ({"encoding": "base64"}, "encoding"),
        ({"encoding": "rot13"}, "encoding"),
        ({"encoding": "idna"}, "encoding"),
        ({"encoding": "undefined"}, "encoding"),
        ({"encoding": "a\0"}, "encoding"),
        ({"encoding": "../../etc"}, "encoding"),
        ({"encoding": None}, "encoding"),
        ({"errors": "surrogateescape"}, "strict, replace or ignore"),
        ({"unicode_form": "nfc"}, "NFC, NFD, NFKC, NFKD"),
        ({"lowercase": 1}, "lowercase"),
        ({"tokenizer": ""}, "tokenizer"),
        ({"tokenizer": 3}, "tokenizer"),
    ],
)
def test_bad_values_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(HyperParameterError, match=words):
        TextPipeline(**values)  # type: ignore[arg-type]
    with pytest.raises(SavedModelError, match=words):
        TextPipeline.from_dict(TextPipeline().to_dict() | values)


@pytest.mark.parametrize("encoding", ["utf8", "UTF-16", "latin1", "gb18030", "cp1252", "utf-8-sig", "shift_jis"])
def test_encodings_of_text_files_are_taken(encoding: str) -> None:
    assert TextPipeline(encoding=encoding).encoding == encoding


def test_is_utf8_knows_its_names() -> None:
    assert [TextPipeline(encoding=name).is_utf8 for name in ("utf8", "U8", "utf-8-sig", "utf-16", "ascii")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_survives_json() -> None:
    pipeline = TextPipeline("latin-1", "replace", "NFKC", True, "char")
    assert TextPipeline.from_dict(json.loads(json.dumps(pipeline.to_dict()))) == pipeline


def test_from_dict_is_strict_about_keys() -> None:
    values = TextPipeline().to_dict()
    with pytest.raises(SavedModelError, match="unknown keys: stemmer"):
        TextPipeline.from_dict(values | {"stemmer": "porter"})
    with pytest.raises(SavedModelError, match="missing keys: lowercase"):
        TextPipeline.from_dict({key: value for key, value in values.items() if key != "lowercase"})
    with pytest.raises(SavedModelError, match="JSON object"):
        TextPipeline.from_dict([])  # type: ignore[arg-type]


def test_a_line_holds_no_line_feed() -> None:
    with pytest.raises(DataError, match="line feed"):
        TextPipeline().tokenize("a\nb")


class _Halves:
    """A plugin's tokenizer."""

    def tokenize(self, line: str) -> list[str]:
        middle = len(line) // 2
        return [part for part in (line[:middle], line[middle:]) if part]

    def detokenize(self, tokens: Sequence[str]) -> str:
        return "".join(tokens)


def test_a_plugin_is_asked_for_once_and_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def get_tokenizer(name: str) -> _Halves:
        asked.append(name)
        return _Halves()

    monkeypatch.setattr(nlmkit.core.registry, "get_tokenizer", get_tokenizer)
    pipeline = TextPipeline(tokenizer="halves", lowercase=True)
    assert asked == []
    assert pipeline.tokenize("ABCD") == ["ab", "cd"]
    assert pipeline.detokenize(["ab", "cd"]) == "abcd"
    corpus = Corpus.read(["AB", "", "CDEF"], pipeline)
    assert [corpus.sentence(number) for number in range(3)] == [["a", "b"], [], ["cd", "ef"]]
    assert asked == ["halves"]


def test_an_unknown_tokenizer_is_an_error_when_used() -> None:
    with pytest.raises(UnknownComponentError):
        TextPipeline(tokenizer="no-such-tokenizer").tokenize("a")


def test_built_in_tokenizers_need_no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nlmkit.core.registry", None)  # importing it would fail
    assert TextPipeline(tokenizer="word").detokenize(TextPipeline(tokenizer="word").tokenize("A b.")) == "A b."


def test_no_character_becomes_a_line_end_or_nul() -> None:
    """What allows blocks of many lines to be normalized in one go."""
    every = "".join(chr(code) for code in [*range(0xD800), *range(0xE000, 0x110000)] if chr(code) not in "\n\0")
    for text in (every.lower(), unicodedata.normalize("NFKC", every), unicodedata.normalize("NFKD", every)):
        assert len(text) > len(every) // 2
        assert "\n" not in text
        assert "\0" not in text


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))))
def test_normalizing_a_block_equals_normalizing_its_lines(lines: list[str]) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        pipeline = TextPipeline(unicode_form=form, lowercase=True)
        block = "".join(line + "\n" for line in ["Σ\u0301", *lines, "ΑΣ"])
        assert pipeline.normalize(block).split("\n")[:-1] == [
            pipeline.normalize(line) for line in ["Σ\u0301", *lines, "ΑΣ"]
        ]
