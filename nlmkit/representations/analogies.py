"""Evaluation on word analogies: *a is to b as c is to …*.

The standard questions are Google's (Mikolov, Chen, Corrado & Dean 2013), which come with gensim. The methods are
3CosAdd (Mikolov, Yih & Zweig 2013) and 3CosMul (Levy & Goldberg 2014). The candidate words strongly affect the figures,
so a report includes their number and the share of covered questions.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import os
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from nlmkit.core.tables import table
from nlmkit.core.tabular import Tabular
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.neighbours import most_frequent
from nlmkit.representations.word_sets import lines_of, packaged, products, unit_rows, user_file
from nlmkit.text.tokenizers import SpaceTokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.core.progress import Progress
    from nlmkit.representations.base import Representation
    from nlmkit.text.sources import ByteSource

Method = Literal["3cosadd", "3cosmul"]
Question = tuple[str, str, str, str]
"""The words a, b, c, and the answer."""

STANDARD: Final = "questions-words.txt"
"""File of Google's questions in gensim's test data."""

_EPSILON: Final = 0.001  # Levy & Goldberg's, which keeps 3CosMul from dividing by zero
_ENTRIES: Final = 1 << 22  # similarities held at a time
_WORDS: Final = 4
_HEADS: Final = ("ANALOGIES", "ACCURACY", "QUESTIONS", "COVERAGE")


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnalogySet:
    """Questions by section.

    Attributes:
        name: Name to show.
        sections: Questions of each section, as written in the file.
    """

    name: str
    sections: dict[str, tuple[Question, ...]]

    @functools.cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of the SHA-256 of sections and questions."""
        lines = (
            f": {name}\n" + "".join(" ".join(question) + "\n" for question in questions)
            for name, questions in self.sections.items()
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SectionScore:
    """Score of a section of questions.

    Attributes:
        name: Name of the section.
        correct: Number of covered questions answered correctly.
        n: Number of covered questions: those with all four words among the candidates.
        questions: Number of questions in the section.
    """

    name: str
    correct: int
    n: int
    questions: int

    @property
    def accuracy(self) -> float:
        """Share of covered questions answered correctly; NaN without covered questions."""
        return self.correct / self.n if self.n else math.nan

    @property
    def coverage(self) -> float:
        """Share of covered questions."""
        return self.n / self.questions

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON types; ``accuracy`` can be NaN."""
        return dataclasses.asdict(self) | {"accuracy": self.accuracy, "coverage": self.coverage}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnalogyReport(Tabular):
    """Report of an evaluation on analogies.

    Attributes:
        name: Name of the set.
        digest: Digest of the set.
        sections: The sections' scores.
        method: ``3cosadd`` or ``3cosmul``.
        restrict_vocabulary: Requested restriction of the candidates.
        candidates: Number of candidate words.
    """

    name: str
    digest: str
    sections: tuple[SectionScore, ...]
    method: str
    restrict_vocabulary: int | None
    candidates: int

    @property
    def total(self) -> SectionScore:
        """Score over all questions (micro-average)."""
        return SectionScore(
            name="total",
            correct=sum(section.correct for section in self.sections),
            n=sum(section.n for section in self.sections),
            questions=sum(section.questions for section in self.sections),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON types; figures can be NaN."""
        return {
            **{key: value for key, value in self.total.to_dict().items() if key != "name"},
            "name": self.name,
            "digest": self.digest,
            "method": self.method,
            "restrict_vocabulary": self.restrict_vocabulary,
            "candidates": self.candidates,
            "sections": [section.to_dict() for section in self.sections],
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the tables ``figures`` (of all questions) and ``sections``."""
        rows = [each.to_dict() | {"accuracy": each.accuracy if each.n else None} for each in self.sections]
        return {"figures": [self.total.to_dict() | {"name": self.name, "method": self.method}], "sections": rows}

    def render(self) -> str:
        """Format the report: a row per section and for all, then the settings."""
        rows = [_HEADS, *map(_row, (*self.sections, self.total))]
        return f"{table(rows)}{self.method}; {self.candidates} words could be answers"


def _row(score: SectionScore) -> tuple[str, ...]:
    accuracy = f"{score.accuracy:.1%}" if score.n else "-"
    return score.name, accuracy, f"{score.correct}/{score.n} of {score.questions}", f"{score.coverage:.1%}"


def evaluate_analogies(
    representation: Representation,
    questions: AnalogySet | str | os.PathLike[str] | None = None,
    *,
    method: Method = "3cosadd",
    restrict_vocabulary: int | None = None,
    progress: Progress | None = None,
) -> AnalogyReport:
    """Answer analogy questions.

    The answer to a question is the word with the highest score, excluding a, b and c. Words are looked up as written,
    then in the case of the representation's text.

    Args:
        representation: Fitted representation.
        questions: Questions, or a file of them; Google's by default.
        method: ``3cosadd`` or ``3cosmul``.
        restrict_vocabulary: Restrict questions and answers to this many most frequent words (the first ones if counts
            are unknown).
        progress: Progress display; gets a stage.

    Raises:
        DataError: The file is unusable.
        HyperParameterError: The method is unknown, or the restriction is not a positive number.
        NlmkitError: gensim, which has the standard questions, is not installed.
    """
    representation.check_fitted()
    if method not in get_args(Method):
        raise HyperParameterError(f"method must be 3cosadd or 3cosmul, not {method!r}")
    limit = restrict_vocabulary
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise HyperParameterError(f"restrict_vocabulary must be a positive whole number, not {limit!r}")
    if questions is None:
        questions = standard_questions()
    elif not isinstance(questions, AnalogySet):
        questions = read_questions(questions)
    candidates = most_frequent(representation, limit)
    places = _places(representation, questions, candidates)
    unit = unit_rows(representation, candidates)
    if progress is not None:
        progress.start("answering analogies", sum(len(rows) for rows in places.values()))
    scores = []
    for name, rows in places.items():
        covered = rows[(rows >= 0).all(axis=1)]
        answers = _answers(unit, covered[:, :3], method)
        correct = int((answers == covered[:, 3]).sum())
        scores.append(SectionScore(name=name, correct=correct, n=len(covered), questions=len(rows)))
        if progress is not None:
            progress.advance(len(rows))
    return AnalogyReport(
        name=questions.name,
        digest=questions.digest,
        sections=tuple(scores),
        method=method,
        restrict_vocabulary=restrict_vocabulary,
        candidates=len(candidates),
    )


def _places(
    representation: Representation, questions: AnalogySet, candidates: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Return the candidate index of the words of each section's questions: int64 [questions, 4], −1 for none."""
    words = sorted({word for section in questions.sections.values() for question in section for word in question})
    # The last place is that of id −1, the words without a vector.
    place_of = np.full(len(representation.vocabulary_) + 1, -1, np.int64)
    place_of[candidates] = np.arange(len(candidates))
    numbers = dict(zip(words, place_of[representation.ids(words)].tolist(), strict=True))
    return {
        name: np.array([[numbers[word] for word in question] for question in section], np.int64).reshape(-1, _WORDS)
        for name, section in questions.sections.items()
    }


def _answers(unit: Any, questions: NDArray[np.int64], method: Method) -> NDArray[np.int64]:
    """Return the best candidate for each question: int64 [questions].

    Args:
        unit: Unit vectors of the candidates: float32 [candidates, d].
        questions: Candidates a, b and c: int64 [questions, 3].
        method: Scoring method.
    """
    answers = np.empty(len(questions), np.int64)
    step = max(1, _ENTRIES // max(1, unit.shape[0]))
    for begin in range(0, len(questions), step):
        block = questions[begin : begin + step]
        a, b, c = block.T
        ratings: NDArray[Any]
        if method == "3cosadd":
            ratings = products(unit[b] - unit[a] + unit[c], unit)
        else:
            # Cosines are moved to 0..1 first, since a product of two negative ones would be large.
            near_a, near_b, near_c = ((products(unit[rows], unit) + 1) / 2 for rows in (a, b, c))
            ratings = near_b * near_c / (near_a + _EPSILON)
        np.put_along_axis(ratings, block, -np.inf, axis=1)
        answers[begin : begin + step] = ratings.argmax(axis=1)
    return answers


# --------------------------------------------------------------------------------------------------- questions


@functools.cache
def standard_questions() -> AnalogySet:
    """Return Google's questions.

    Raises:
        NlmkitError: gensim, which has them, is not installed.
    """
    return _parse(packaged(STANDARD), "google")


def read_questions(path: str | os.PathLike[str], *, encoding: str = "utf-8") -> AnalogySet:
    """Read a file of questions in the format of Google's.

    A line ``: name`` starts a section; every other line has four words separated by white space. Blank lines and lines
    that start with ``#`` are skipped. The file can be compressed.

    Args:
        path: File to read; ``-`` is standard input.
        encoding: Encoding of the file.

    Raises:
        DataError: The file is unusable; names file and line.
    """
    return _parse(user_file(path), os.fspath(path), encoding)


def _parse(source: ByteSource, name: str, encoding: str = "utf-8") -> AnalogySet:
    sections: dict[str, list[Question]] = {}
    section: list[Question] | None = None
    for number, line in lines_of(source, encoding):
        if line.startswith(":"):
            title = line[1:].strip(" \t\r")
            if not title or title in sections:
                problem = f"duplicate section {title!r}" if title else "section without a name"
                raise DataError(f"{problem}: each section requires a unique name", source=source.name, line=number)
            section = sections[title] = []
            continue
        words = SpaceTokenizer().tokenize(line)
        if len(words) != _WORDS:
            problem = f"expected four words or ': section', found {len(words)} words"
            raise DataError(problem, source=source.name, line=number)
        if section is None:
            problem = "question before the first section: start with a line such as ': capitals'"
            raise DataError(problem, source=source.name, line=number)
        a, b, c, answer = words
        section.append((a, b, c, answer))
    if not sections:
        raise DataError("no questions: expected ': section' and lines of four words", source=source.name)
    empty = next((title for title, questions in sections.items() if not questions), None)
    if empty is not None:
        raise DataError(f"section {empty!r} has no questions: remove it", source=source.name)
    return AnalogySet(name=name, sections={title: tuple(questions) for title, questions in sections.items()})
