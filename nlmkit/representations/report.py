"""Evaluation on word similarity: rank correlation of a representation's similarities with human judgements.

Spearman's rank correlation, with average ranks for ties, between the similarities of covered pairs (with vectors for
both words) and the mean human judgements; always reported with the coverage. The interval is a percentile bootstrap
(Efron & Tibshirani 1993) over pairs.

Standard sets: WordSim-353 (Finkelstein et al. 2002), which judges relatedness, and SimLex-999 (Hill, Reichart &
Korhonen 2015), which judges similarity proper. They come with gensim.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import numbers
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import numpy as np

from nlmkit.core import optional
from nlmkit.core.intervals import CONFIDENCE, interval
from nlmkit.core.tables import table
from nlmkit.core.tabular import Tabular
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.word_sets import lines_of, packaged, user_file
from nlmkit.text.sources import ByteSource
from nlmkit.text.tables import refuse_columns

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nlmkit.representations.rules import Measure, WordVectors

STANDARD: Final[Mapping[str, str]] = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}
"""Standard sets by name, with their files in gensim's test data."""

MINIMUM_PAIRS: Final = 50
"""Minimum number of covered pairs for a correlation."""

_COLUMNS: Final = 3
_ENTRIES: Final = 1 << 20  # numbers drawn at a time


_HEADS: Final = ("SET", "SPEARMAN", "95% INTERVAL", "PAIRS", "COVERAGE")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairSet:
    """Pairs of words with human judgements.

    Attributes:
        name: Name to show.
        pairs: Pairs, as written in the file. A pair can occur twice.
        judgements: Mean judgement of each pair; larger is more similar.

    Raises:
        DataError: No pairs are given, the numbers of pairs and judgements differ, or a judgement is not finite.
    """

    name: str
    pairs: tuple[tuple[str, str], ...]
    judgements: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.pairs:
            raise DataError("no pairs of words: expected lines of word<TAB>word<TAB>score", source=self.name)
        if len(self.pairs) != len(self.judgements):
            raise DataError(f"{len(self.pairs)} pairs but {len(self.judgements)} judgements", source=self.name)
        if not all(map(math.isfinite, self.judgements)):
            raise DataError("a judgement is not finite", source=self.name)

    @functools.cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of the SHA-256 of pairs and judgements."""
        rows = zip(self.pairs, self.judgements, strict=True)
        text = "".join(f"{one}\t{other}\t{judgement!r}\n" for (one, other), judgement in rows)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


Pairs: TypeAlias = PairSet | str | os.PathLike[str]
"""Set of pairs, the name of a standard one, or a file of pairs."""

Data: TypeAlias = Pairs | Iterable[Pairs] | Iterable[tuple[str, str, float]]
"""One set, several sets, or the (word, word, judgement) rows of one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetScore:
    """Score of a representation on one set.

    Attributes:
        name: Name of the set.
        digest: Digest of the set.
        spearman: Rank correlation over the covered pairs; NaN if all similarities or all judgements are equal, or too
            few pairs are covered.
        interval: Bootstrap interval at ``CONFIDENCE``; None without samples, or if the correlation of a sample is
            undefined.
        n: Number of covered pairs: those with vectors for both words.
        pairs: Number of pairs in the set.
        composed: Number of covered pairs with an OOV word whose vector is composed of subwords.
    """

    name: str
    digest: str
    spearman: float
    interval: tuple[float, float] | None
    n: int
    pairs: int
    composed: int = 0

    @property
    def coverage(self) -> float:
        """Share of covered pairs."""
        return self.n / self.pairs

    @property
    def problem(self) -> str:
        """Reason for a missing score: fewer than ``MINIMUM_PAIRS`` covered pairs; otherwise empty."""
        if self.n >= MINIMUM_PAIRS:
            return ""
        return (
            f"both words are known for {self.n} of {self.pairs} pairs, and a score needs at least {MINIMUM_PAIRS}: "
            "train on more text, or use pairs of words that occur in the text"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON types; ``spearman`` can be NaN."""
        return dataclasses.asdict(self) | {"coverage": self.coverage}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimilarityReport(Tabular):
    """Report of an evaluation on word similarity.

    Attributes:
        sets: Score of each set.
        measure: ``cosine`` or ``euclidean``.
        lowercase: Whether the pairs were lower-cased, like the representation's text.
        samples: Number of bootstrap samples.
        seed: Seed of the bootstrap.
    """

    sets: tuple[SetScore, ...]
    measure: str
    lowercase: bool
    samples: int
    seed: int

    @property
    def score(self) -> float:
        """Mean correlation of the sets; NaN if one is undefined, or without sets."""
        return sum(each.spearman for each in self.sets) / len(self.sets) if self.sets else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON types; figures can be NaN."""
        return {
            "score": self.score,
            "sets": [each.to_dict() for each in self.sets],
            "measure": self.measure,
            "lowercase": self.lowercase,
            "confidence": CONFIDENCE,
            "samples": self.samples,
            "seed": self.seed,
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the table ``sets``, with a row per set."""
        rows = []
        for each in self.sets:
            low, high = each.interval or (None, None)
            spearman = {"spearman": None if math.isnan(each.spearman) else each.spearman}
            interval = {"spearman_low": low, "spearman_high": high}
            counts = {"n": each.n, "pairs": each.pairs, "coverage": each.coverage, "composed": each.composed}
            rows.append({"set": each.name, **spearman, **interval, **counts})
        return {"sets": rows}

    def render(self) -> str:
        """Format the report: a row per set, then the mean."""
        rows = [_HEADS, *map(_row, self.sets)]
        facts = [f"{self.measure} similarity"]
        facts += ["pairs lower-cased"] if self.lowercase else []
        facts += [f"intervals from {self.samples} samples with seed {self.seed}"] if self.samples else []
        composed = sum(each.composed for each in self.sets)
        facts += [f"{composed} pairs have a word whose vector is composed of subwords"] if composed else []
        return f"{table(rows)}mean Spearman {_figure(self.score)} ({'; '.join(facts)})"


def _row(score: SetScore) -> tuple[str, ...]:
    interval = "-" if score.interval is None else f"{score.interval[0]:.3f}–{score.interval[1]:.3f}"
    return score.name, _figure(score.spearman), interval, f"{score.n}/{score.pairs}", f"{score.coverage:.1%}"


def _figure(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.4f}"


def evaluate(
    representation: WordVectors,
    data: Data | None = None,
    *,
    measure: Measure = "cosine",
    samples: int = 1000,
    seed: int = 0,
    encoding: str = "utf-8",
    partial: bool = False,
) -> SimilarityReport:
    """Compare a representation's similarities with human judgements.

    Words are looked up as written, then in the Unicode form and case of the representation's text pipeline, so pairs
    are lower-cased if and only if the representation's text was.

    Args:
        representation: Fitted representation.
        data: One or several sets; all standard sets by default.
        measure: Similarity measure, ``cosine`` or ``euclidean``.
        samples: Number of bootstrap samples; 0 for none.
        seed: Seed of the bootstrap; the interval of a set does not depend on other sets.
        encoding: Encoding of files.
        partial: Report sets with fewer than ``MINIMUM_PAIRS`` covered pairs with a correlation of NaN and a
            ``SetScore.problem`` instead of raising an error.

    Raises:
        DataError: A file is unusable, or fewer than ``MINIMUM_PAIRS`` pairs of a set are covered.
        HyperParameterError: ``samples``, ``seed`` or ``measure`` is invalid.
        NlmkitError: gensim, which has the standard sets, or scipy is not installed.
    """
    representation.check_fitted()
    for name, value in (("samples", samples), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise HyperParameterError(f"{name} must be a whole number of at least 0, not {value!r}")
    sets = pair_sets(data, encoding=encoding)
    scores = tuple(_score_set(representation, each, measure, samples, seed, partial=partial) for each in sets)
    lowercase = representation.pipeline_.lowercase
    return SimilarityReport(sets=scores, measure=measure, lowercase=lowercase, samples=samples, seed=seed)


def score(representation: WordVectors, data: Data | None = None) -> float:
    """Return the mean Spearman correlation over the sets, see ``evaluate``."""
    return evaluate(representation, data, samples=0).score


def _score_set(
    representation: WordVectors, pairs: PairSet, measure: Measure, samples: int, seed: int, *, partial: bool
) -> SetScore:
    """Return the score of one set.

    Raises:
        DataError: Too few pairs are covered.
    """
    words = sorted({word for pair in pairs.pairs for word in pair})
    own = {word for word, row in zip(words, representation.ids(words).tolist(), strict=True) if row >= 0}
    composed = {word for word in words if word not in own and word in representation}
    covered = [place for place, pair in enumerate(pairs.pairs) if (own | composed).issuperset(pair)]
    result = SetScore(
        name=pairs.name,
        digest=pairs.digest,
        spearman=math.nan,
        interval=None,
        n=len(covered),
        pairs=len(pairs.pairs),
        composed=sum(not composed.isdisjoint(pairs.pairs[place]) for place in covered),
    )
    if result.problem:
        if partial:
            return result
        raise DataError(result.problem, source=pairs.name)
    similarities = np.empty(len(covered))
    for row, place in enumerate(covered):
        similarities[row] = representation.similarity(*pairs.pairs[place], measure=measure)
    judgements = np.array(pairs.judgements)[covered]
    return dataclasses.replace(
        result,
        spearman=float(spearman(judgements, similarities)),
        interval=_interval(judgements, similarities, samples, seed),
    )


def spearman(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return Spearman's rank correlation along the last axis, ties at their average rank: float64 [...].

    Args:
        a: Numbers [..., n].
        b: Numbers [..., n].

    Returns:
        NaN if all of ``a`` or all of ``b`` are equal.

    Raises:
        NlmkitError: scipy is not installed.
    """
    rankdata = optional.require("scipy.stats", extra="representations", who="a rank correlation").rankdata
    centred = [ranks - ranks.mean(axis=-1, keepdims=True) for ranks in (rankdata(a, axis=-1), rankdata(b, axis=-1))]
    products = (centred[0] * centred[1]).sum(axis=-1)
    squares = (centred[0] ** 2).sum(axis=-1) * (centred[1] ** 2).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(products / np.sqrt(squares), np.float64)


def _interval(
    judgements: NDArray[np.float64], similarities: NDArray[np.float64], samples: int, seed: int
) -> tuple[float, float] | None:
    """Return the percentile interval of the bootstrap's correlations."""
    if not samples:
        return None
    random = np.random.Generator(np.random.PCG64(seed))
    pairs = len(judgements)
    values = np.empty(samples)
    step = max(1, _ENTRIES // pairs)
    for begin in range(0, samples, step):
        end = min(begin + step, samples)
        drawn = random.integers(0, pairs, (end - begin, pairs))
        values[begin:end] = spearman(judgements[drawn], similarities[drawn])
    return None if np.isnan(values).any() else interval(values)


# -------------------------------------------------------------------------------------------------------- sets


def pair_sets(data: Data | None = None, *, encoding: str = "utf-8") -> list[PairSet]:
    """Resolve the argument to sets of pairs: all standard ones for None.

    A name of ``STANDARD`` selects that set; use ``./simlex999`` for a file of that name.

    Raises:
        DataError: A file is unusable, or there are no sets.
        NlmkitError: gensim, which has the standard sets, is not installed.
    """
    if data is None:
        return [standard_pairs(name) for name in STANDARD]
    if isinstance(data, (PairSet, str, os.PathLike)):
        return [_pair_set(data, encoding)]
    refuse_columns(data, "the list of pairs", "its rows, as (word, word, judgement)")
    given = list(data)
    if given and all(isinstance(each, (tuple, list)) and len(each) == _COLUMNS for each in given):
        return [_of_triples(cast("list[tuple[str, str, float]]", given))]
    if not given or not all(isinstance(each, (PairSet, str, os.PathLike)) for each in given):
        raise DataError("no set of pairs: pass files, names of standard sets, or one set's (word, word, judgement)")
    return [_pair_set(cast("Pairs", each), encoding) for each in given]


def _of_triples(triples: Sequence[tuple[str, str, float]]) -> PairSet:
    for number, (one, other, judgement) in enumerate(triples, start=1):
        is_number = isinstance(judgement, numbers.Real) and not isinstance(judgement, bool)
        if not (isinstance(one, str) and isinstance(other, str) and is_number):
            raise DataError(f"pair {number} is not a (word, word, judgement): {(one, other, judgement)!r}"[:200])
    pairs = tuple((one, other) for one, other, _ in triples)
    return PairSet(name="<pairs>", pairs=pairs, judgements=tuple(float(judgement) for _, _, judgement in triples))


def _pair_set(data: Pairs, encoding: str) -> PairSet:
    if isinstance(data, PairSet):
        return data
    if isinstance(data, str) and data in STANDARD:
        return standard_pairs(data)
    return read_pairs(data, encoding=encoding)


@functools.cache
def standard_pairs(name: str) -> PairSet:
    """Return a standard set.

    Args:
        name: One of ``STANDARD``.

    Raises:
        NlmkitError: gensim, which has it, is not installed.
    """
    return _parse(packaged(STANDARD[name]), name, "utf-8")


def read_pairs(path: str | os.PathLike[str], *, encoding: str = "utf-8") -> PairSet:
    """Read a file of pairs.

    A line is ``word<TAB>word<TAB>score``. Blank lines, lines that start with ``#``, and a header (a first line whose
    third column does not start like a number) are skipped. The file can be compressed.

    Args:
        path: File to read; ``-`` is standard input.
        encoding: Encoding of the file.

    Raises:
        DataError: The file is unusable; names file and line.
    """
    return _parse(user_file(path), os.fspath(path), encoding)


def _parse(source: ByteSource, name: str, encoding: str) -> PairSet:
    pairs: list[tuple[str, str]] = []
    judgements: list[float] = []
    first = True
    for number, line in lines_of(source, encoding):
        columns = [column.strip(" \r") for column in line.split("\t")]
        if first and _is_header(columns):
            first = False
            continue
        first = False
        if len(columns) != _COLUMNS or not all(columns):
            problem = f"expected word<TAB>word<TAB>score, found {len(columns)} columns"
            if len(columns) == _COLUMNS:
                problem = "empty column: expected word<TAB>word<TAB>score"
            raise DataError(problem, source=source.name, line=number)
        judgements.append(_number(columns[2], source.name, number))
        pairs.append((columns[0], columns[1]))
    if not pairs:
        raise DataError("no pairs of words: expected lines of word<TAB>word<TAB>score", source=source.name)
    return PairSet(name=name, pairs=tuple(pairs), judgements=tuple(judgements))


def _is_header(columns: Sequence[str]) -> bool:
    # "nan" and "inf" start like words but are numbers to ``float``: they are wrong scores, not headers.
    return len(columns) == _COLUMNS and columns[2][:1] not in set("+-.0123456789") and not _is_float(columns[2])


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str, source: str, line: int) -> float:
    value = float(text) if _is_float(text) else math.nan
    if not math.isfinite(value):
        raise DataError(f"the score {text[:40]!r} is not a finite number such as 7.35", source=source, line=line)
    return value
