"""BLEU and chrF of predicted texts, by sacrebleu, with its signatures.

BLEU is that of sacrebleu's defaults, mixed case on detokenized text (``tok:13a``); texts of scripts without spaces
need another tokenizer, which is chosen by the references and stated in the signature. Beside it is BLEU of lower-cased
text that the tokenizer ``word`` has split, the convention of many older figures.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.core import optional
from nlmkit.core.intervals import interval
from nlmkit.text.tokenizers import HAN, WordTokenizer

_CHARACTERS: Final = range(1, 7)
_HAN: Final = re.compile(f"[{HAN}]")
_KANA: Final = re.compile("[\u3040-\u30ff\u31f0-\u31ff]")
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # Thai, Lao, Myanmar, Khmer
_LETTER: Final = re.compile(r"[^\W\d_]")
_SHARE: Final = 0.3  # of the letters, from which on a script decides
_KANA_SHARE: Final = 0.05  # of Han characters and kana, from which on a text is Japanese


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextFigures:
    """Figures of predicted texts against their references.

    Attributes:
        bleu: BLEU, from 0 to 100.
        bleu_interval: 95 % percentile bootstrap over the sources; None without resamples.
        bleu_signature: sacrebleu's signature of it.
        bleu_tokenizer: sacrebleu's tokenizer.
        bleu_lowercase_tokenized: BLEU of lower-cased text that is split by the tokenizer ``word``.
        bleu_lowercase_tokenized_signature: sacrebleu's signature of it.
        chrf: chrF, from 0 to 100.
        chrf_signature: sacrebleu's signature of it.
        length_ratio: Tokens of the predictions divided by those of the references, as BLEU counts them.
        exact_match: Share of sources whose prediction is one of its references.
        notes: Remarks on the choice of the tokenizer.
    """

    bleu: float
    bleu_interval: tuple[float, float] | None
    bleu_signature: str
    bleu_tokenizer: str
    bleu_lowercase_tokenized: float
    bleu_lowercase_tokenized_signature: str
    chrf: float
    chrf_signature: str
    length_ratio: float
    exact_match: float
    notes: tuple[str, ...]


def text_figures(
    predictions: Sequence[str], references: Sequence[Sequence[str]], *, resamples: int, seed: int
) -> TextFigures:
    """Compute the figures.

    Args:
        predictions: One text per source; at least one.
        references: At least one text per source.
        resamples: Number of bootstrap samples of the interval; 0 for none.
        seed: Seed of the bootstrap.

    Raises:
        NlmkitError: sacrebleu is not installed.
    """
    metrics = optional.require("sacrebleu.metrics", extra="seq2seq", who="BLEU")
    tokenizer, notes = bleu_tokenizer(references)
    streams = _streams(references)
    bleu = metrics.BLEU(tokenize=tokenizer, force=True)
    result = bleu.corpus_score(list(predictions), streams)
    words = metrics.BLEU(tokenize="none", lowercase=True, force=True)
    split = words.corpus_score(
        [_words(text) for text in predictions], _streams([[*map(_words, r)] for r in references])
    )
    chrf = metrics.CHRF()
    characters = chrf.corpus_score(list(predictions), streams)
    counts = bleu_counts(predictions, references) if resamples else None
    return TextFigures(
        bleu=_score(result),
        bleu_interval=None if counts is None else _interval(counts, resamples, seed),
        bleu_signature=str(bleu.get_signature()),
        bleu_tokenizer=tokenizer,
        bleu_lowercase_tokenized=_score(split),
        bleu_lowercase_tokenized_signature=f"{words.get_signature()}|words:nlmkit-word",
        chrf=_score(characters),
        chrf_signature=str(chrf.get_signature()),
        length_ratio=float(result.sys_len / result.ref_len) if result.ref_len else float("nan"),
        exact_match=sum(text in own for text, own in zip(predictions, references, strict=True)) / len(predictions),
        notes=tuple(notes),
    )


def bleu_tokenizer(references: Sequence[Sequence[str]]) -> tuple[str, list[str]]:
    """Return sacrebleu's tokenizer for the script of the references, and notes if it is not ``13a``."""
    text = "".join(reference for own in references for reference in own)
    letters = max(1, len(_LETTER.findall(text)))
    han, kana, unspaced = (len(pattern.findall(text)) for pattern in (_HAN, _KANA, _UNSPACED))
    if (han + kana) / letters >= _SHARE:
        if kana < _KANA_SHARE * (han + kana):
            return "zh", ["BLEU splits Chinese characters (tok:zh), since the targets are Chinese"]
        if all(importlib.util.find_spec(module) for module in ("MeCab", "ipadic")):
            return "ja-mecab", ["BLEU splits words by MeCab (tok:ja-mecab), since the targets are Japanese"]
        return "char", [
            "BLEU is that of characters (tok:char), since the targets are Japanese; for words (tok:ja-mecab), "
            "pip install 'sacrebleu[ja]'"
        ]
    if unspaced / letters >= _SHARE:
        return "char", ["BLEU is that of characters (tok:char), since the script of the targets has no spaces"]
    return "13a", []


def _score(result: Any) -> float:
    """Return the score of a result, without what rounding adds to 100."""
    return min(float(result.score), 100.0)


def _words(text: str) -> str:
    return " ".join(WordTokenizer().tokenize(text.lower()))


def _streams(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """Return the first reference of each source, then the second, …; None where there are fewer."""
    most = max(map(len, references))
    return [[own[place] if place < len(own) else None for own in references] for place in range(most)]


def bleu_counts(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Return what BLEU sums up, per source: float64 [sources, 10].

    The columns are matching n-grams of 1 to 4 tokens, predicted n-grams, predicted tokens and reference tokens.

    Args:
        predictions: One text per source.
        references: At least one text per source.

    Raises:
        NlmkitError: sacrebleu is not installed.
    """
    metrics = optional.require("sacrebleu.metrics", extra="seq2seq", who="BLEU")
    tokenizer, _ = bleu_tokenizer(references)
    bleu = metrics.BLEU(tokenize=tokenizer, force=True, effective_order=True)
    found = [bleu.sentence_score(text, list(own)) for text, own in zip(predictions, references, strict=True)]
    return np.array([[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in found], np.float64)


def _interval(counts: NDArray[np.float64], resamples: int, seed: int) -> tuple[float, float] | None:
    """Return the percentile interval of BLEU over sources drawn with replacement."""
    n = len(counts)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(n, np.full(n, 1 / n), size=resamples)
    return interval(bleu_of_counts(drawn @ counts))


def bleu_of_counts(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return BLEU, from 0 to 100, of the sums of what it counts, with sacrebleu's smoothing ``exp``: float64 [m].

    Args:
        sums: Columns as of ``bleu_counts``, summed up over sources: float64 [m, 10].
    """
    matches, totals, length, wanted = sums[:, :4], sums[:, 4:8], sums[:, 8], sums[:, 9]
    none = matches == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        smoothed = np.where(none, 0.5 ** np.cumsum(none, axis=1), matches) / totals
        logs = np.log(np.where(totals > 0, smoothed, 0)).mean(axis=1)
        brevity = np.where(length < wanted, 1 - wanted / length, 0)
        values = 100 * np.exp(logs + brevity)
    return np.where(matches.any(axis=1) & (length > 0), np.minimum(values, 100), 0.0)


def chrf_counts(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Return what chrF sums up, per source: float64 [sources, 18].

    The columns are, for character n-grams of 1 to 6, those of the prediction, of the best reference, and of both.

    Args:
        predictions: One text per source.
        references: At least one text per source.
    """
    found = []
    for text, own in zip(predictions, references, strict=True):
        grams = [_character_ngrams(text, n) for n in _CHARACTERS]
        rows = []
        for reference in own:
            others = [_character_ngrams(reference, n) for n in _CHARACTERS]
            counts = [
                (one.total(), other.total(), (one & other).total()) for one, other in zip(grams, others, strict=True)
            ]
            # n-grams of a prediction that the reference is too short for do not count, as in sacrebleu.
            rows.append([number for one, other, both in counts for number in (one if other else 0, other, both)])
        table = np.array(rows, np.float64)
        found.append(table[int(chrf_of_counts(table).argmax())])
    return np.array(found)


def chrf_of_counts(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return chrF, from 0 to 100, of the sums of what it counts: float64 [m].

    Args:
        sums: Columns as of ``chrf_counts``, summed up over sources: float64 [m, 18].
    """
    predicted, wanted, both = (sums[:, column::3] for column in range(3))
    effective = (predicted > 0) & (wanted > 0)
    orders = np.maximum(effective.sum(axis=1), 1)
    precision = np.where(effective, both / np.maximum(predicted, 1), 0).sum(axis=1) / orders
    recall = np.where(effective, both / np.maximum(wanted, 1), 0).sum(axis=1) / orders
    divisor = 4 * precision + recall
    return np.where(divisor > 0, 100 * 5 * precision * recall / np.where(divisor > 0, divisor, 1), 0.0)


def _character_ngrams(text: str, n: int) -> Counter[str]:
    letters = "".join(text.split())
    return Counter(letters[start : start + n] for start in range(len(letters) - n + 1))
