"""Word similarity: how well a representation orders pairs of words as people do.

Spearman's rank correlation, ties at their average rank, between the similarities of the pairs whose two words the
representation knows and the mean of the human judgements; never without the share of pairs that is (coverage). The
interval is the percentile bootstrap's (Efron & Tibshirani 1993) over pairs.

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
from nlmkit.core.short_repr import Rendered
from nlmkit.core.tables import table
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.word_sets import lines_of, packaged, user_file
from nlmkit.text.sources import ByteSource
from nlmkit.text.tables import refuse_columns

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nlmkit.representations.rules import Measure, WordVectors

STANDARD: Final[Mapping[str, str]] = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}
"""The standard sets by name, and their files among gensim's test data."""

MINIMUM_PAIRS: Final = 50
"""Fewest covered pairs that give a correlation."""

CONFIDENCE: Final = 0.95
"""Share of the bootstrap's samples that an interval holds."""

_COLUMNS: Final = 3
_ENTRIES: Final = 1 << 20  # numbers drawn at a time


_HEADS: Final = ("SET", "SPEARMAN", "95% INTERVAL", "PAIRS", "COVERAGE")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairSet:
    """Pairs of words that people have judged.

    Attributes:
        name: Name to show.
        pairs: The pairs, as they are written in the file. A pair may occur twice.
        judgements: The mean judgement of each; larger is more similar.

    Raises:
        DataError: there are no pairs, not one judgement for each, or one that is not finite.
    """

    name: str
    pairs: tuple[tuple[str, str], ...]
    judgements: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.pairs:
            raise DataError("there are no pairs of words: give lines of word<TAB>word<TAB>score", source=self.name)
        if len(self.pairs) != len(self.judgements):
            raise DataError(f"{len(self.pairs)} pairs have {len(self.judgements)} judgements", source=self.name)
        if not all(map(math.isfinite, self.judgements)):
            raise DataError("a judgement is not finite", source=self.name)

    @functools.cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of the SHA-256 of pairs and judgements."""
        rows = zip(self.pairs, self.judgements, strict=True)
        text = "".join(f"{one}\t{other}\t{judgement!r}\n" for (one, other), judgement in rows)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


Pairs: TypeAlias = PairSet | str | os.PathLike[str]
"""A set of pairs, the name of a standard one, or a file of one."""

Data: TypeAlias = Pairs | Iterable[Pairs] | Iterable[tuple[str, str, float]]
"""One set, several, or the (word, word, judgement) of one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetScore:
    """What a representation makes of one set.

    Attributes:
        name: Name of the set.
        digest: Digest of the set.
        spearman: Rank correlation over the covered pairs; NaN where it is undefined, since all similarities (or all
            judgements) are equal, or too few pairs are covered.
        interval: Where the middle ``CONFIDENCE`` of the bootstrap's samples lies; None where there are no samples, or
            one of them has no correlation.
        n: Pairs whose two words have vectors: the covered ones.
        pairs: Pairs of the set.
        composed: Covered pairs with a word that the vocabulary lacks and whose vector is made of subwords.
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
        """Share of the pairs that is covered."""
        return self.n / self.pairs

    @property
    def problem(self) -> str:
        """Why there is no score: fewer than ``MINIMUM_PAIRS`` pairs are covered; empty where they are enough."""
        if self.n >= MINIMUM_PAIRS:
            return ""
        return (
            f"both words are known for {self.n} of {self.pairs} pairs, and a score needs at least {MINIMUM_PAIRS}: "
            "train on more text, or give pairs of words that the text has"
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON types; ``spearman`` may be NaN."""
        return dataclasses.asdict(self) | {"coverage": self.coverage}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimilarityReport(Rendered):
    """What a representation makes of all sets.

    Attributes:
        sets: The score of each.
        measure: ``cosine`` or ``euclidean``.
        lowercase: Whether the pairs were lower-cased, as the representation's text was.
        samples: Samples of the bootstrap.
        seed: Its seed.
    """

    sets: tuple[SetScore, ...]
    measure: str
    lowercase: bool
    samples: int
    seed: int

    @property
    def score(self) -> float:
        """The mean of the sets' correlations; NaN where one is undefined, or there are no sets."""
        return sum(each.spearman for each in self.sets) / len(self.sets) if self.sets else math.nan

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON types; figures may be NaN."""
        return {
            "score": self.score,
            "sets": [each.to_dict() for each in self.sets],
            "measure": self.measure,
            "lowercase": self.lowercase,
            "confidence": CONFIDENCE,
            "samples": self.samples,
            "seed": self.seed,
        }

    def render(self) -> str:
        """The report for a reader: a row for each set, then the mean."""
        rows = [_HEADS, *map(_row, self.sets)]
        facts = [f"{self.measure} similarity"]
        facts += ["pairs lower-cased"] if self.lowercase else []
        facts += [f"intervals from {self.samples} samples with seed {self.seed}"] if self.samples else []
        composed = sum(each.composed for each in self.sets)
        facts += [f"{composed} pairs have a word whose vector is made of subwords"] if composed else []
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
    """Compare a representation's similarities with people's.

    Words are looked up as the representation does: as they are written, then in the Unicode form and case of its text
    pipeline. So pairs are lower-cased for a representation of lower-cased text, and only for one.

    Args:
        representation: A fitted representation.
        data: One set or several; all standard sets if not given.
        measure: How it measures similarity, ``cosine`` or ``euclidean``.
        samples: Samples of the bootstrap; none are drawn for 0.
        seed: Its seed; the interval of a set does not depend on the other sets.
        encoding: Of files.
        partial: Report a set with fewer than ``MINIMUM_PAIRS`` covered pairs, with a correlation of NaN, rather than
            raise an error; :attr:`SetScore.problem` says so.

    Raises:
        DataError: a file is unusable, or fewer than ``MINIMUM_PAIRS`` pairs of a set are covered.
        HyperParameterError: ``samples``, ``seed`` or ``measure`` is wrong.
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
    """The mean Spearman correlation over the sets, see :func:`evaluate`."""
    return evaluate(representation, data, samples=0).score


def _score_set(
    representation: WordVectors, pairs: PairSet, measure: Measure, samples: int, seed: int, *, partial: bool
) -> SetScore:
    """One set's score.

    Raises:
        DataError: too few pairs are covered.
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
    """Spearman's rank correlation along the last axis, ties at their average rank: float64 [...].

    Args:
        a: Numbers [..., n].
        b: As many.

    Returns:
        NaN where all of ``a`` or all of ``b`` are equal.

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
    """Where the middle of the bootstrap's correlations lies."""
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
    if np.isnan(values).any():
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail]).tolist()
    return low, high


# -------------------------------------------------------------------------------------------------------- sets


def pair_sets(data: Data | None = None, *, encoding: str = "utf-8") -> list[PairSet]:
    """The sets that are meant: all standard ones for None.

    A name of ``STANDARD`` means that set; write ``./simlex999`` for a file that is called so.

    Raises:
        DataError: a file is unusable, or nothing is given.
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
        raise DataError("no set of pairs: give files, names of standard sets, or one set's (word, word, judgement)")
    return [_pair_set(cast("Pairs", each), encoding) for each in given]


def _of_triples(triples: Sequence[tuple[str, str, float]]) -> PairSet:
    for number, (one, other, judgement) in enumerate(triples, start=1):
        is_number = isinstance(judgement, numbers.Real) and not isinstance(judgement, bool)
        if not (isinstance(one, str) and isinstance(other, str) and is_number):
            raise DataError(f"pair {number} is no (word, word, judgement): {(one, other, judgement)!r}"[:200])
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
    """A standard set.

    Args:
        name: One of ``STANDARD``.

    Raises:
        NlmkitError: gensim, which has it, is not installed.
    """
    return _parse(packaged(STANDARD[name]), name, "utf-8")


def read_pairs(path: str | os.PathLike[str], *, encoding: str = "utf-8") -> PairSet:
    """Read a file of pairs.

    A line is ``word<TAB>word<TAB>score``. Blank lines and lines that begin with ``#`` are passed over, and so is a
    first line whose third column does not begin like a number, being a header. The file may be compressed.

    Args:
        path: The file; ``-`` is standard input.
        encoding: Its encoding.

    Raises:
        DataError: the file is unusable (names file and line).
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
            problem = f"this should be word<TAB>word<TAB>score, and has {len(columns)} columns"
            if len(columns) == _COLUMNS:
                problem = "a column is empty: this should be word<TAB>word<TAB>score"
            raise DataError(problem, source=source.name, line=number)
        judgements.append(_number(columns[2], source.name, number))
        pairs.append((columns[0], columns[1]))
    if not pairs:
        raise DataError("there are no pairs of words: give lines of word<TAB>word<TAB>score", source=source.name)
    return PairSet(name=name, pairs=tuple(pairs), judgements=tuple(judgements))


def _is_header(columns: Sequence[str]) -> bool:
    # "nan" and "inf" begin as words do, and are numbers to `float`: they are wrong scores and no headers.
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
        raise DataError(f"the score {text[:40]!r} is no finite number such as 7.35", source=source, line=line)
    return value
