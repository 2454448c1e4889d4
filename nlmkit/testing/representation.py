"""The conformance kit of representations."""

from __future__ import annotations

import functools
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.component import Component
from nlmkit.errors import DataError, HyperParameterError, NlmkitError
from nlmkit.representations.alignment import RULES, Alignment
from nlmkit.representations.base import Representation
from nlmkit.representations.formats import FORMATS
from nlmkit.testing import component, data
from nlmkit.testing.checks import Check, ConformanceError, check_in, require, require_close, require_error
from nlmkit.text import Corpus, TextPipeline, Vocabulary
from nlmkit.text.vocabulary import SPECIAL

ROUNDING: Final = 1e-6
"""How far apart figures may be that are computed of vectors in single precision."""

_UNKNOWN: Final = "qwxzzyva"
_WORDS: Final = 12
_PAIRS: Final = 60  # more than a score needs

_OWN: list[Check] = []


class Subject(component.Subject):
    """A configured, unfitted representation under test."""

    component: Representation
    fitted: Representation

    def clone(self) -> Representation:
        """An unfitted representation with the same hyper-parameters."""
        return cast(Representation, super().clone())

    def fitted_on(self, given: Any) -> Representation:
        """A representation fitted on text, or on vectors."""
        representation = self.clone()
        representation.fit(given)
        return representation

    def training(self, *, other: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Training text; for a representation that takes vectors, some for the words of that text."""
        text = data.other() if other else data.train()
        return (text if learns_from_text(self) else vectors_for(text),), {}

    @functools.cached_property
    def words(self) -> list[str]:
        """Some words of the vocabulary."""
        return list(self.fitted.vocabulary_.words[len(SPECIAL) :][:_WORDS])

    def results(self, component: Component) -> NDArray[np.float64]:
        """The vectors of some words, and how alike they are."""
        representation = cast(Representation, component)
        vectors = representation.vectors(self.words).astype(np.float64)
        alike = [representation.similarity(self.words[0], word) for word in self.words]
        return np.concatenate([vectors.ravel(), alike])

    def uses(self, component: Component) -> Mapping[str, Callable[[], object]]:
        """Every way to use a fitted representation."""
        representation = cast(Representation, component)
        vocabulary = Vocabulary(["she", "boat"])
        return {
            "matrix": lambda: representation.matrix,
            "ids": lambda: representation.ids(["she"]),
            "vectors": lambda: representation.vectors(["she"]),
            "similarity": lambda: representation.similarity("she", "boat"),
            "most_similar": lambda: representation.most_similar("she"),
            "analogy": lambda: representation.analogy("she", "boat", "cat"),
            "doesnt_match": lambda: representation.doesnt_match(["she", "boat", "cat"]),
            "align": lambda: representation.align(vocabulary),
            "normalized": lambda: representation.normalized("unit"),
            "export": lambda: representation.export("never.vec"),
            "to_keyed_vectors": representation.to_keyed_vectors,
            "score": lambda: self.score(representation),
            "fitted_state": representation.fitted_state,
            "digest": lambda: representation.digest,
        }

    def inputs(self) -> Iterable[tuple[str, Any, Callable[[], object]]]:
        """Fitting of token lists and of a Corpus, or of vectors; looking words up; aligning."""
        if learns_from_text(self):
            for what, text in (("token lists", data.train()), ("a Corpus", Corpus.read(data.train()))):
                yield f"fit on {what}", text, functools.partial(self.fitted_on, text)
        else:
            given = vectors_for(data.train())
            yield "fit on vectors", list(given.values()), functools.partial(self.fitted_on, given)
        words = list(self.words)
        yield "vectors", words, functools.partial(self.fitted.vectors, words)
        yield "doesnt_match", words, functools.partial(self.fitted.doesnt_match, words)
        query = self.fitted.vectors(words[:1])[0].astype(np.float64)
        yield "most_similar", query, functools.partial(self.fitted.most_similar, query)

    def score(self, component: Component) -> object:
        """The score on pairs of known words, with judgements that mean nothing."""
        words = self.words if component.is_fitted else _words_of(data.train())[:_WORDS]
        pairs = itertools.islice(itertools.cycle(itertools.combinations(words, 2)), _PAIRS)
        return component.score([(one, two, float(place * 37 % 101)) for place, (one, two) in enumerate(pairs)])


def vectors_for(text: Iterable[Iterable[str]]) -> dict[str, list[float]]:
    """Vectors of six values for the words of a text, none of them alike."""
    words = _words_of(text)
    values = np.random.default_rng(len(words)).normal(size=(len(words), 6)).astype(np.float32)
    return dict(zip(words, values.tolist(), strict=True))


def _words_of(text: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(itertools.chain.from_iterable(text)))


def learns_from_text(subject: Subject) -> bool:
    """Return whether ``fit`` takes text."""
    return subject.component.learns_from == "text"


def _makes_no_vectors(subject: Subject) -> bool:
    """Return whether a word that is not in the vocabulary never has a vector."""
    return type(subject.component)._vector_of_unknown is Representation._vector_of_unknown


def _dense(representation: Representation, rows: Any = slice(None)) -> NDArray[np.float64]:
    taken = representation.matrix[rows]
    return np.asarray(taken.toarray() if hasattr(taken, "toarray") else taken, np.float64)


def _rows(subject: Subject, words: list[str]) -> NDArray[np.float64]:
    """The rows of the matrix that words have by the vocabulary."""
    return _dense(subject.fitted, [subject.fitted.vocabulary_.id(word) for word in words])


def _cosines(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    products = (one * two).sum(axis=1)
    lengths = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
    return np.asarray(np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0))


# --------------------------------------------------------------------------------------------- what fit leaves


@check_in(_OWN)
def fit_sets_vocabulary_and_pipeline(subject: Subject) -> None:
    """``fit`` sets ``vocabulary_`` and ``pipeline_``; a Corpus brings its own text pipeline."""
    vocabulary, pipeline = (getattr(subject.fitted, name, None) for name in ("vocabulary_", "pipeline_"))
    require(isinstance(vocabulary, Vocabulary), f"vocabulary_ is {type(vocabulary).__name__}, not a Vocabulary")
    require(isinstance(pipeline, TextPipeline), f"pipeline_ is {type(pipeline).__name__}, not a TextPipeline")
    require(len(subject.fitted.vocabulary_) > len(SPECIAL), "the vocabulary has no words")
    if learns_from_text(subject):
        lowered = TextPipeline(lowercase=True)
        found = subject.fitted_on(Corpus.read([" ".join(words) for words in data.train()], lowered)).pipeline_
        require(found == lowered, f"pipeline_ is {found}, the training Corpus was read with {lowered}")


@check_in(_OWN, when=learns_from_text)
def vocabulary_counts_the_training_text(subject: Subject) -> None:
    """The vocabulary has words of the training text alone, and their counts in it."""
    corpus = Corpus.read(data.train())
    counts = dict(zip(corpus.types, corpus.type_counts().tolist(), strict=True))
    vocabulary = subject.fitted.vocabulary_
    for word, count in list(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))[len(SPECIAL) :]:
        require(word in counts, f"the training text has no word {word!r}")
        require(count == counts[word], f"{word!r} occurs {counts[word]} times, and the vocabulary counts {count}")


@check_in(_OWN)
def fit_report_is_json(subject: Subject) -> None:
    """``fit_report_`` is a dictionary of strict JSON values; ``nlmkit fit`` prints it."""
    report = getattr(subject.fitted, "fit_report_", None)
    require(isinstance(report, dict), f"fit_report_ is {type(report).__name__}")
    try:
        json.dumps(report, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConformanceError(f"fit_report_ cannot be JSON: {error}") from error


@check_in(_OWN, when=learns_from_text)
def all_forms_of_text_agree(subject: Subject) -> None:
    """Token lists, lines, iterators of either, a file and a Corpus give the same representation."""
    lines = [" ".join(words) for words in data.train()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
        forms = {
            "lines": lines,
            "an iterator of lines": iter(lines),
            "an iterator of token lists": iter(data.train()),
            "a file": path,
            "a Corpus": Corpus.read(data.train()),
        }
        for name, form in forms.items():
            found = subject.fitted_on(form)
            component.require_equal_states(found, subject.fitted, f"fitted on {name}, and on token lists")


@check_in(_OWN, when=learns_from_text)
def empty_training_text_is_answered(subject: Subject) -> None:
    """Fitting on text without words raises one of nlmkit's errors."""
    texts: dict[str, list[list[str]]] = {"no sentence": [], "blank sentences alone": [[], []]}
    for name, text in texts.items():
        require_error(NlmkitError, functools.partial(subject.fitted_on, text), f"fit on {name}")


@check_in(_OWN)
def validation_text_is_refused(subject: Subject) -> None:
    """Representations do not use validation text, so passing it is an error."""
    (given,), _ = subject.training()
    act = functools.partial(subject.clone().fit, given, valid=data.valid())
    require_error(HyperParameterError, act, "fit with validation text")


# ------------------------------------------------------------------------------------------------- the vectors


@check_in(_OWN)
def matrix_has_a_row_for_each_id(subject: Subject) -> None:
    """``matrix`` is float32 [V, d], with a finite row for each vocabulary id, and ``dimension`` is d."""
    representation = subject.fitted
    matrix, dimension = representation.matrix, representation.dimension
    require(isinstance(dimension, int), f"dimension is {dimension!r}, not an int")
    wanted = (len(representation.vocabulary_), dimension)
    require(tuple(matrix.shape) == wanted, f"matrix has shape {tuple(matrix.shape)}, and [V, dimension] is {wanted}")
    require(matrix.dtype == np.float32, f"matrix is {matrix.dtype}, not float32")
    require(np.isfinite(_dense(representation)).all(), "matrix holds values that are not finite")


@check_in(_OWN)
def special_rows_are_told(subject: Subject) -> None:
    """``has_special`` says of ``<unk>``, ``<s>`` and ``</s>`` whether their rows are other than zero."""
    told = subject.fitted.has_special()
    rows = tuple(bool(row.any()) for row in _dense(subject.fitted, slice(0, len(SPECIAL))))
    require(told == rows, f"has_special says {told}, and whether the rows have values is {rows}")


@check_in(_OWN)
def vectors_are_rows_of_the_matrix(subject: Subject) -> None:
    """``vectors`` returns float32 rows of ``matrix`` in the order of the words, and no rows for no words."""
    words = [*subject.words, *subject.words[:2]]
    vectors = subject.fitted.vectors(words)
    require(vectors.dtype == np.float32, f"vectors are {vectors.dtype}, not float32")
    require_close(vectors, _rows(subject, words), 0, "vectors, and rows of the matrix")
    none = subject.fitted.vectors([])
    require(none.shape == (0, subject.fitted.dimension), f"no words have vectors of shape {list(none.shape)}")


@check_in(_OWN)
def vectors_are_copies(subject: Subject) -> None:
    """Writing to the arrays returned by ``vectors`` and ``align`` does not change the representation."""
    representation = cast(Representation, subject.fit(subject.clone()))  # which may be spoilt
    before = _dense(representation)
    representation.vectors(subject.words)[:] = 7
    aligned = representation.align(Vocabulary(subject.words)).matrix
    if aligned is not None:
        aligned[:] = 7
    require_close(_dense(representation), before, 0, "the matrix after and before a copy was written to")


@check_in(_OWN, when=learns_from_text)
def words_are_spelt_as_the_pipeline_spells_them(subject: Subject) -> None:
    """A representation of lower-cased text has a vector for a capitalised word: that of the lower-cased one."""
    lines = [" ".join(words) for words in data.train()]
    representation = subject.fitted_on(Corpus.read(lines, TextPipeline(lowercase=True)))
    words = [word for word in representation.vocabulary_.words[len(SPECIAL) :] if word.upper() not in SPECIAL]
    spelt = [word.upper() for word in words]
    require_close(representation.vectors(spelt), representation.vectors(words), 0, "vectors of THE and of the")


@check_in(_OWN)
def unknown_words_follow_the_rule(subject: Subject) -> None:
    """A word without a vector raises an error or follows the rule; ``in`` and ``ids`` identify such words."""
    representation, words = subject.fitted, [subject.words[0], _UNKNOWN]
    rows = representation.ids(words).tolist()
    require(rows == [representation.vocabulary_.id(words[0]), -1], f"ids returns {rows}; −1 means a missing word")
    require(words[0] in representation, f"{words[0]!r} has a vector but is reported as missing")
    made = representation._vector_of_unknown(_UNKNOWN)
    require((_UNKNOWN in representation) == (made is not None), f"in says {_UNKNOWN in representation} of {_UNKNOWN!r}")
    if made is not None:
        require_close(representation.vectors(words)[1], made, 0, "the vector made for an unknown word, looked up")
    else:
        require_error(DataError, lambda: representation.vectors(words), "vectors of an unknown word")
        require_error(DataError, lambda: representation.similarity(words[0], words[1]), "similarity to an unknown word")
        require(not representation.vectors(words, oov="zero")[1].any(), "oov=zero returns values other than zero")
    require_error(HyperParameterError, lambda: representation.vectors(words, oov="guess"), "oov=guess")


# ---------------------------------------------------------------------------------------------------- comparison


@check_in(_OWN)
def similarity_is_that_of_the_vectors(subject: Subject) -> None:
    """``similarity`` is the cosine of two words' vectors, or 1 / (1 + their Euclidean distance)."""
    ones, twos = zip(*itertools.product(subject.words, subject.words), strict=True)
    one, two = _rows(subject, list(ones)), _rows(subject, list(twos))
    expected = {"cosine": _cosines(one, two), "euclidean": 1 / (1 + np.sqrt(((one - two) ** 2).sum(axis=1)))}
    for measure, values in expected.items():
        call = functools.partial(subject.fitted.similarity, measure=cast(Any, measure))
        found = list(map(call, ones, twos))
        require(all(isinstance(value, float) for value in found), f"{measure} similarity is not a float")
        require_close(found, values, ROUNDING, f"{measure} similarity")
    require_error(HyperParameterError, lambda: subject.fitted.similarity(ones[0], twos[0], cast(Any, "x")), "measure=x")


@check_in(_OWN)
def most_similar_words_are_the_most_similar(subject: Subject) -> None:
    """``most_similar`` lists the words that ``similarity`` ranks first, without the query and special words."""
    representation, words = subject.fitted, subject.fitted.vocabulary_.words
    asked = subject.words[0]
    others = [word for word in words[len(SPECIAL) :] if word != asked]
    expected = sorted((representation.similarity(asked, word) for word in others), reverse=True)
    for n in (3, len(words) + 5):
        found = representation.most_similar(asked, n)
        listed = [word for word, _ in found]
        require(len(set(listed)) == len(listed) == min(n, len(others)), f"{n} words requested, {len(listed)} returned")
        require(set(listed) <= set(others), f"unexpected words are listed: {sorted(set(listed) - set(others))}")
        values = [value for _, value in found]
        require_close(values, expected[:n], ROUNDING, "similarities in most_similar, and the greatest ones")
        own = [representation.similarity(asked, word) for word in listed]
        require_close(values, own, ROUNDING, "similarities in most_similar, and of these words")
    by_vector = representation.most_similar(representation.vectors([asked])[0], 3, exclude=[asked])
    require(by_vector == representation.most_similar(asked, 3), "a word and its vector have other neighbours")


@check_in(_OWN)
def analogies_leave_out_their_words(subject: Subject) -> None:
    """``analogy`` lists other words than the three, best first, by 3CosAdd as by 3CosMul."""
    a, b, c = subject.words[:3]
    for method in ("3cosadd", "3cosmul"):
        found = subject.fitted.analogy(a, b, c, 4, method=cast(Any, method))
        require(len(found) == min(4, len(subject.fitted.vocabulary_) - 6), f"4 words requested, {len(found)} returned")
        wrong = {word for word, _ in found} & {a, b, c, *SPECIAL}
        require(not wrong, f"{method} lists {sorted(wrong)}")
        values = [value for _, value in found]
        require(values == sorted(values, reverse=True), f"{method} does not list the best words first")


@check_in(_OWN)
def the_odd_word_is_one_of_them(subject: Subject) -> None:
    """``doesnt_match`` returns the word least similar to the mean of all."""
    words = subject.words[:5]
    vectors = _rows(subject, words)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    likeness = dict(zip(words, (units @ units.mean(axis=0)).tolist(), strict=True))
    found = subject.fitted.doesnt_match(words)
    require(found in words, f"doesnt_match returns {found!r}, which is not one of the words")
    require(likeness[found] <= min(likeness.values()) + ROUNDING, f"{found!r} is not the word least like the others")


# ----------------------------------------------------------------------------------------------------- consumers


@check_in(_OWN)
def alignment_has_the_consumers_order(subject: Subject) -> None:
    """``align`` returns the rows of the consumer's words by the consumer's ids, as float32; none for one-hot."""
    words = [*reversed(subject.words), _UNKNOWN]
    representation, vocabulary = subject.fitted, Vocabulary(words)
    for oov in RULES[:-1]:
        alignment = representation.align(vocabulary, oov=oov)
        require(isinstance(alignment, Alignment), f"align gives {type(alignment).__name__}")
        known = alignment.known[len(SPECIAL) :].tolist()
        expected = [True] * len(subject.words) + [_UNKNOWN in representation]
        require(known == expected, f"known is {known} for {len(subject.words)} known words and {_UNKNOWN!r}")
        require(alignment.dimension == representation.dimension, f"dimension is {alignment.dimension}")
        if alignment.matrix is None:
            continue
        wanted = (len(vocabulary), representation.dimension)
        require(
            alignment.matrix.shape == wanted, f"the aligned matrix has shape {alignment.matrix.shape}, not {wanted}"
        )
        require(alignment.matrix.dtype == np.float32, f"the aligned matrix is {alignment.matrix.dtype}, not float32")
        rows = alignment.matrix[len(SPECIAL) : -1]
        require_close(rows, representation.vectors(words[:-1]), 0, "aligned rows, and vectors")
        last = alignment.matrix[-1]
        if _UNKNOWN in representation:
            require_close(last, representation.vectors([_UNKNOWN])[0], 0, "the aligned row of a word made of its parts")
        elif oov == "zero":
            require(not last.any(), "oov=zero sets an unknown word to nonzero values")
        elif oov == "uniform":
            require(last.any() or not rows.any(), "oov=uniform sets an unknown word to zeros")


@check_in(_OWN)
def alignment_reports_coverage(subject: Subject) -> None:
    """``align`` counts the known types and tokens of the consumer's vocabulary, in a JSON-ready report."""
    words = [subject.words[0], _UNKNOWN, subject.words[1]]
    counts = [1, 0, 0, 2, 3, 4]
    alignment = subject.fitted.align(Vocabulary(words, counts))
    known = [word in subject.fitted for word in words]
    require_close(alignment.type_coverage, sum(known) / 3, 1e-12, "type_coverage")
    tokens = sum(count for count, there in zip(counts[3:], known, strict=True) if there) / 10
    require(alignment.token_coverage is not None, "token_coverage is None where the consumer's counts are known")
    require_close(float(alignment.token_coverage or 0), tokens, 1e-12, "token_coverage")
    without = subject.fitted.align(Vocabulary(words)).token_coverage
    require(without is None, f"token_coverage is {without} where the consumer's counts are not known")
    try:
        json.dumps(alignment.report(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConformanceError(f"the report cannot be JSON: {error}") from error


@check_in(_OWN)
def alignment_repeats_with_its_seed(subject: Subject) -> None:
    """Unknown words start from the same values for the same seed, and from others for another."""
    vocabulary = Vocabulary([*subject.words, _UNKNOWN])
    one, two, other = (subject.fitted.align(vocabulary, seed=seed).matrix for seed in (3, 3, 4))
    if one is None or two is None or other is None:
        require(one is None and two is None and other is None, "align returns a matrix only sometimes")
        return
    require((one == two).all(), "two alignments with one seed differ")
    missing = ~subject.fitted.align(vocabulary).known
    if missing.any() and one[missing].any():
        require((one[missing] != other[missing]).any(), "alignments with two seeds are equal")


@check_in(_OWN, when=_makes_no_vectors)
def alignment_refuses_unknown_words_when_asked(subject: Subject) -> None:
    """Under ``error`` an unknown word is an error that names it; an unknown rule is refused."""
    representation = subject.fitted
    representation.align(Vocabulary(subject.words), oov="error")
    try:
        representation.align(Vocabulary([*subject.words, _UNKNOWN]), oov="error")
    except DataError as error:
        require(_UNKNOWN in str(error), f"the error does not name the word: {error}")
    else:
        raise ConformanceError("oov=error accepts an unknown word")
    act = functools.partial(representation.align, Vocabulary(subject.words), oov="guess")
    require_error(HyperParameterError, act, "align with oov=guess")


@check_in(_OWN)
def normalized_copies_are_vectors(subject: Subject) -> None:
    """``normalized`` returns a fitted copy with the same words without changing the representation, or raises an
    error."""
    before = _rows(subject, subject.words)
    try:
        copy = subject.fitted.normalized("unit")
    except NlmkitError:
        return
    require(copy.vocabulary_ == subject.fitted.vocabulary_, "the normalised copy has other words")
    lengths = np.linalg.norm(copy.vectors(subject.words).astype(np.float64), axis=1)
    wanted = (np.linalg.norm(before, axis=1) > 0).astype(np.float64)
    require_close(lengths, wanted, 1e-5, "lengths of unit vectors")
    require_close(_rows(subject, subject.words), before, 0, "the matrix after and before it was normalised")


@check_in(_OWN)
def exported_vectors_come_back(subject: Subject) -> None:
    """A file that ``export`` wrote is read back to the same words and values; or the format is refused."""
    from nlmkit.representations.base import Vectors

    with tempfile.TemporaryDirectory() as folder:
        for format in FORMATS:
            path = Path(folder) / f"vectors.{format}"
            try:
                subject.fitted.export(path, format)
            except NlmkitError:
                require(not path.exists(), f"{format} is refused, and a file is left behind")
                continue
            again = Vectors.from_file(path, format=format)
            require(again.vocabulary_ == subject.fitted.vocabulary_, f"{format}: other words come back")
            require_close(again.matrix, _dense(subject.fitted), 0, f"{format}: the values that come back")


CHECKS: Final = (*component.CHECKS, *_OWN)
"""Every check of representations, in the order in which they are run."""
