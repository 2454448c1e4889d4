"""The note on text whose script has no spaces, under a tokenizer that splits at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nlmkit import NGram
from nlmkit.classifiers.linear.nbsvm import NBSVM
from nlmkit.classifiers.linear.tfidf_logreg import TfidfLogReg
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.representations.lsa.model import LSA
from nlmkit.representations.one_hot import OneHot
from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.unspaced import note_unspaced

CHINESE = ["老船长喜欢听雨。", "小猫看见一只狗。", "老船长在码头等着那条船。", "我们喜欢春天的雨。"]
JAPANESE = ["吾輩は猫である。", "名前はまだ無い。", "どこで生れたかとんと見当がつかぬ。"]
THAI = ["ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอน หรือวรรณยุกต์เช่นเดียวกับภาษาจีน", "และออกเสียงแยกคำต่อคำ"]
KHMER = ["ភាសាខ្មែរគឺជាភាសាកំណើតរបស់ជនជាតិខ្មែរ"]
MYANMAR = ["မြန်မာဘာသာစကားသည်မြန်မာနိုင်ငံ၏ရုံးသုံးဘာသာစကား"]
LAO = ["ພາສາລາວສາມາດໄດ້ຮັບຄວາມນິຍົມຫຼາຍໃນປະເທດລາວ"]
KOREAN_UNSPACED = ["나는오늘학교에가서친구들과공부를했다"]


def noted(lines: Any, caplog: pytest.LogCaptureFixture, **options: Any) -> list[str]:
    caplog.clear()
    note_unspaced(Corpus.read(iter(lines), TextPipeline(**options)))
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("lines", [CHINESE, JAPANESE, THAI, KHMER, MYANMAR, LAO, KOREAN_UNSPACED])
def test_unsplit_text_is_noted_once_and_names_the_remedy(lines: list[str], caplog: pytest.LogCaptureFixture) -> None:
    (message,) = noted(lines, caplog)
    assert f"most lines ({len(lines)} of {len(lines)} looked at)" in message
    assert "--tokenizer char" in message
    assert 'TextPipeline(tokenizer="char")' in message
    assert ("jieba" in message) == (lines in (CHINESE, JAPANESE))
    assert "segmenter (model:FOLDER)" in message


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        (CHINESE, {"tokenizer": "char"}),
        (CHINESE, {"tokenizer": "word"}),
        (JAPANESE, {"tokenizer": "word"}),
        (THAI, {"tokenizer": "char"}),
        (["老 船长 喜欢 听 雨 。", "中华人民共和国 的 小 猫 看见 一 只 狗 。"], {}),
        (["苹果", "香蕉", "梨"], {}),
        (["ภาษา ไทย เป็น ภาษา ที่ มี ระดับ เสียง ของ คำ แน่นอน หรือ วรรณยุกต์ เช่นเดียวกับ ภาษา จีน"], {}),
        (["나는 학교에 갔다", "오늘은 날씨가 좋습니다"], {}),
        (["the old captain", "Donaudampfschifffahrtsgesellschaft", CHINESE[0]], {}),
        (["", "", "12345678901234567890"], {}),
        ([], {}),
    ],
)
def test_other_text_is_not(lines: list[str], options: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    assert noted(lines, caplog, **options) == []


def test_thai_under_word_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    (message,) = noted(THAI, caplog, tokenizer="word")
    assert "the tokenizer word does not split" in message


def test_the_sample_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    (message,) = noted(CHINESE * 5000, caplog)
    assert "(1000 of 1000 looked at)" in message
    assert len(noted(["中" * 200_000 + " a" * 200_000], caplog)) == 1


def test_token_lists_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    note_unspaced(Corpus.read([[line] for line in CHINESE]))
    assert not caplog.records


FITS: dict[str, Callable[[], object]] = {
    "n-gram": lambda: NGram(order=1).fit(CHINESE),
    "neural": lambda: NNLM(hidden=2, embedding=2, epochs=1, batch=4).fit(CHINESE),
    "one-hot": lambda: OneHot().fit(CHINESE),
    "lsa": lambda: LSA(dimension=1, min_count=1, variant="tf-idf").fit(CHINESE),
    "nbsvm": lambda: NBSVM(tokenizer="space", calibration=0).fit(CHINESE, [1, 2, 1, 2]),
    "tfidf-logreg": lambda: TfidfLogReg(tokenizer="space").fit(CHINESE, [1, 2, 1, 2]),
}


@pytest.mark.parametrize("kind", FITS)
def test_every_kind_notes_it_once_in_fit(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    FITS[kind]()
    assert [record.getMessage()[:10] for record in caplog.records if "--tokenizer char" in record.getMessage()] == [
        "most lines"
    ]


def test_scoring_notes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    model = NGram(order=1).fit(["a b"])
    caplog.clear()  # of the notes of the fit
    model.perplexity(CHINESE)
    assert not caplog.records
