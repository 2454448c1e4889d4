"""BLEU and chrF: by sacrebleu and by hand, tokenizers by script, several references, intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nlmkit.errors import NlmkitError
from nlmkit.seq2seq import bleu
from nlmkit.seq2seq.bleu import bleu_of_counts, bleu_tokenizer, text_figures

sacrebleu = pytest.importorskip("sacrebleu", reason="BLEU is computed by sacrebleu")

PREDICTED = ["The cat sat on the mat.", "A dog barked at the old man", "It rains"]
WANTED = [["The cat sat on the mat."], ["The dog barked at an old man ."], ["It is raining today."]]


def figures(predicted: list[str], wanted: list[list[str]], resamples: int = 0) -> bleu.TextFigures:
    return text_figures(predicted, wanted, resamples=resamples, seed=1)


def test_figures_are_those_of_sacrebleu() -> None:
    found = figures(PREDICTED, WANTED)
    streams = [[own[0] for own in WANTED]]
    assert found.bleu == pytest.approx(sacrebleu.corpus_bleu(PREDICTED, streams).score)
    assert found.chrf == pytest.approx(sacrebleu.corpus_chrf(PREDICTED, streams).score)
    assert found.bleu_signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert found.chrf_signature.startswith("nrefs:1|case:mixed|")
    assert found.bleu_tokenizer == "13a"
    assert found.exact_match == 1 / 3
    assert found.bleu_interval is None
    assert found.notes == ()


def test_bleu_by_hand() -> None:
    """Of ``a b c d e`` against ``a b c d f``: 4/5, 3/4, 2/3, 1/2 n-grams, and no brevity penalty."""
    found = figures(["a b c d e"], [["a b c d f"]])
    assert found.bleu == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4))
    assert found.length_ratio == 1


def test_short_predictions_pay_for_brevity() -> None:
    found = figures(["a b c d"], [["a b c d e f"]])
    assert found.bleu == pytest.approx(100 * math.exp(1 - 6 / 4))
    assert found.length_ratio == pytest.approx(4 / 6)


def test_lower_cased_and_tokenized_beside() -> None:
    """The tokenizer ``word`` takes the full stop from the word, and case does not count."""
    found = figures(["THE CAT SAT ON MATS."], [["the cat sat on mats ."]])
    assert found.bleu < 50
    assert found.bleu_lowercase_tokenized == 100
    assert "case:lc" in found.bleu_lowercase_tokenized_signature
    assert "tok:none" in found.bleu_lowercase_tokenized_signature
    assert found.bleu_lowercase_tokenized_signature.endswith("|words:nlmkit-word")


def test_each_source_has_its_own_number_of_references() -> None:
    """A prediction is compared with the references of its own source alone."""
    found = figures(["one two three four", "a b c d"], [["x", "one two three four", "y"], ["a b c d"]])
    assert found.bleu == 100
    assert found.exact_match == 1
    assert found.bleu_signature.startswith("nrefs:var|")


@pytest.mark.parametrize(
    ("text", "tokenizer"),
    [
        ("Der Mann geht.", "13a"),
        ("这个人在走路。", "zh"),
        ("我用 Python 写程序", "zh"),
        ("这 is mostly English text", "13a"),
        ("한국어 문장입니다", "13a"),
        ("ภาษาไทย", "char"),
        ("12 34 !", "13a"),
        ("", "13a"),
    ],
)
def test_the_tokenizer_is_chosen_by_the_script(text: str, tokenizer: str) -> None:
    found, notes = bleu_tokenizer([[text], []])
    assert found == tokenizer
    assert bool(notes) is (tokenizer != "13a")


def test_japanese_needs_mecab(monkeypatch: pytest.MonkeyPatch) -> None:
    text = [["この人は歩いている"]]
    monkeypatch.setattr(bleu.importlib.util, "find_spec", lambda name: None)
    found, (note,) = bleu_tokenizer(text)
    assert found == "char"
    assert "sacrebleu[ja]" in note
    monkeypatch.setattr(bleu.importlib.util, "find_spec", lambda name: name)
    assert bleu_tokenizer(text)[0] == "ja-mecab"


def test_chinese_is_compared_by_characters() -> None:
    found = figures(["这个人在走路。"], [["这个人在跑路。"]])
    assert 0 < found.bleu < 100
    assert "tok:zh" in found.bleu_signature
    assert len(found.notes) == 1


def test_bleu_of_sums_is_that_of_sacrebleu() -> None:
    """Also where there are no matches of some orders, none at all, and no words."""
    random = np.random.default_rng(4)
    totals = np.sort(random.integers(1, 40, size=(60, 4)), axis=1)[:, ::-1]
    matches = np.minimum(totals, random.integers(0, 5, size=(60, 4)))
    matches[:3] = 0
    lengths = random.integers(1, 50, size=(60, 2))
    sums = np.concatenate([matches, totals, lengths], axis=1).astype(float)
    wanted = [
        sacrebleu.BLEU.compute_bleu(list(m), list(t), int(one), int(other), smooth_method="exp").score
        for m, t, (one, other) in zip(matches, totals, lengths, strict=True)
    ]
    assert bleu_of_counts(sums) == pytest.approx(np.minimum(wanted, 100))
    nothing = np.array([[1, 0, 0, 0, 2, 1, 0, 0, 2, 3], [0, 0, 0, 0, 0, 0, 0, 0, 0, 5]], float)
    assert bleu_of_counts(nothing).tolist() == [0, 0]


def test_intervals_are_repeatable_and_hold_the_figure() -> None:
    predicted, wanted = PREDICTED * 10, WANTED * 10
    first, second = (figures(predicted, wanted, 200) for _ in range(2))
    assert first == second
    assert first.bleu_interval is not None
    low, high = first.bleu_interval
    assert low < first.bleu < high
    same = figures(["a b c d"] * 5, [["a b c d"]] * 5, 50)
    assert same.bleu_interval == (100, 100)


def test_empty_predictions_have_figures() -> None:
    found = figures(["", ""], [["a b"], [""]], 10)
    assert (found.bleu, found.chrf, found.bleu_interval) == (0, 0, (0, 0))
    assert found.exact_match == 0.5
    assert found.length_ratio == 0
    assert math.isnan(figures(["", ""], [[""], [""]]).length_ratio)


def test_without_sacrebleu_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sacrebleu", None)
    monkeypatch.setitem(__import__("sys").modules, "sacrebleu.metrics", None)
    with pytest.raises(NlmkitError, match=r"BLEU needs sacrebleu: pip install 'nlmkit\[seq2seq\]'"):
        figures(["a"], [["b"]])
