"""Tag schemes: how the spans of a sentence, such as chunks, names or words, are written as one tag per token.

A tag is ``O``, outside of every span, or a letter and the span's type (``B-NP``); a single kind of span needs no type
(``B``). The letters begin a span (B), go on in it (I, M), end it (E, L), or are a span of one token (S, U).

==========  =======================================================================================================
``IOB1``    ``I``; ``B`` only where a span follows one of its own type without a gap (Ramshaw and Marcus, 1995)
``IOB2``    ``B`` begins every span, ``I`` goes on
``BIOES``   ``B`` begins, ``I`` goes on, ``E`` ends, ``S`` is a span of one token
``BMES``    ``BIOES`` with ``M`` for ``I``
``BILOU``   ``BIOES`` with ``L`` for ``E`` and ``U`` for ``S``
``plain``   tags such as parts of speech, which form no spans
==========  =======================================================================================================

Malformed sequences are read as the script ``conlleval`` of the CoNLL shared tasks reads them: a tag that goes on or
ends, after ``O`` or another type, begins a span; a change of type, ``O`` and the end of the sentence end one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMES: Final = ("IOB1", "IOB2", "BIOES", "BMES", "BILOU", "plain")

PLAIN: Final = "plain"
OUTSIDE: Final = "O"

ROLES: Final[Mapping[str, Mapping[str, str]]] = {
    "IOB1": {"B": "B", "I": "I"},
    "IOB2": {"B": "B", "I": "I"},
    "BIOES": {"B": "B", "I": "I", "E": "E", "S": "S"},
    "BMES": {"B": "B", "M": "I", "E": "E", "S": "S"},
    "BILOU": {"B": "B", "I": "I", "L": "E", "U": "S"},
}
"""Of each scheme with spans: the letter of ``BIOES`` that each of its letters corresponds to."""

_LETTERS: Final = frozenset(letter for roles in ROLES.values() for letter in roles)
_SYNONYMS: Final = {"IOB": "IOB1", "BIO": "IOB2", "IOB-2": "IOB2", "IOBES": "BIOES", "BMEO": "BMES", "BIOUL": "BILOU"}
_SHOWN: Final = 40  # characters of a tag in an error


class Span(NamedTuple):
    """A span of a sentence.

    Attributes:
        type: Its type; empty where tags have none.
        start: Index of its first token.
        end: Index after its last token.
    """

    type: str
    start: int
    end: int


class Reading(NamedTuple):
    """Spans of a sentence.

    Attributes:
        spans: In the order of the sentence.
        repairs: How many tags are not those by which the scheme writes these spans; 0 for a well-formed sequence.
    """

    spans: list[Span]
    repairs: int


class Detection(NamedTuple):
    """What the tags that occur say about their scheme.

    Attributes:
        scheme: The scheme; None where it is one of IOB1 and IOB2, and the sequences decide.
        problem: Why there is no scheme, without the tag it is about; empty where there is one.
        tag: The tag that contradicts those before it.
    """

    scheme: str | None
    problem: str = ""
    tag: str = ""


def check_scheme(scheme: object) -> str:
    """Return the name of a scheme.

    Raises:
        HyperParameterError: It is not one of ``SCHEMES``.
    """
    if isinstance(scheme, str) and scheme in SCHEMES:
        return scheme
    hint = ""
    if isinstance(scheme, str):
        upper = scheme.upper()
        known = next((name for name in SCHEMES if name.upper() == upper), _SYNONYMS.get(upper))
        hint = f": did you mean {known}?" if known else suggestion(scheme, SCHEMES)
    raise HyperParameterError(f"the tag scheme must be one of {', '.join(SCHEMES)}, not {scheme!r}{hint}")


@lru_cache(maxsize=1 << 16)
def split_tag(tag: str) -> tuple[str, str] | None:
    """Return letter and type of a tag of spans (``O``: no type), or None if it is not one."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    if tag[:1] in _LETTERS and (len(tag) == 1 or (tag[1] == "-" and len(tag) > 2)):
        return tag[0], tag[2:]
    return None


def detect(types: Iterable[str]) -> Detection:
    """Return the scheme to which the tags that occur in a text belong.

    Tags of which none, or only single letters among others, could write spans are plain. Where E or S occur without I
    and M, the scheme is ``BMES`` if there is no ``O``, as in segmented text, and otherwise ``BIOES``.

    Args:
        types: The tags, each once, in order of their first appearance.
    """
    tags = list(types)
    parts = {tag: split_tag(tag) for tag in tags}
    if not any(part is not None and part[1] for part in parts.values()) and None in parts.values():
        return Detection(PLAIN)
    letters: dict[str, str] = {}  # each letter's first tag
    typed: dict[bool, str] = {}  # the first tag with a type, and the first without
    for tag, part in parts.items():
        if part is None:
            other = next((other for other in tags if parts[other] is not None), "")
            return Detection(None, f"is not a tag of spans, as {_shown(other)} is", tag)
        letter, type_ = part
        if letter != OUTSIDE:
            typed.setdefault(bool(type_), tag)
            letters.setdefault(letter, tag)
            if len(typed) == 2:
                other = typed[not type_]
                return Detection(None, f"has {'a' if type_ else 'no'} type, unlike {_shown(other)}", tag)
            if not _schemes_with(letters):
                others = ", ".join(_shown(other) for other in letters.values() if other != tag)
                return Detection(None, f"does not belong to a scheme with {others}", tag)
    return _of_letters(letters, tags)


def _of_letters(letters: Mapping[str, str], tags: Sequence[str]) -> Detection:
    """Return the scheme of tags of spans, or plain if there are none."""
    fitting = _schemes_with(letters)
    if not letters:
        return Detection("IOB2" if tags else PLAIN)
    if "IOB2" in fitting:
        return Detection(None)
    if "BIOES" in fitting and "BMES" in fitting:
        return Detection("BIOES" if OUTSIDE in tags else "BMES")
    return Detection(fitting[0])


def detect_scheme(tag_sequences: Iterable[Sequence[str]]) -> str:
    """Return the scheme of tags: see ``detect``.

    Of IOB1 and IOB2, the scheme is IOB1 if the tags I that begin a span are more than the tags B that IOB1 does not
    write, those that do not follow a span of the same type; otherwise, and where there are only tags ``O``, IOB2.

    Args:
        tag_sequences: The tags of each sentence.

    Raises:
        DataError: The tags are of several schemes, or some are of spans and some are not; names two of them.
    """
    sequences = [list(tags) for tags in tag_sequences]
    found = detect(dict.fromkeys(chain.from_iterable(sequences)))
    if found.problem:
        raise mixed_tags(found)
    if found.scheme is not None:
        return found.scheme
    counts: Counter[str] = Counter()
    for tags in sequences:
        before: tuple[str, str] | None = None
        for tag in tags:
            letter, type_ = split_tag(tag) or (OUTSIDE, "")
            follows = before is not None and before[0] != OUTSIDE and before[1] == type_
            counts[letter] += not follows
            before = letter, type_
    return iob_scheme(counts["I"], counts["B"])


def iob_scheme(beginning_with_i: int, beginning_with_b: int) -> str:
    """Return IOB1 or IOB2.

    Args:
        beginning_with_i: Number of tags I that begin a span.
        beginning_with_b: Number of tags B that do not follow a span of the same type.
    """
    return "IOB1" if beginning_with_i > beginning_with_b else "IOB2"


def mixed_tags(found: Detection, *, source: str | None = None, line: int | None = None) -> DataError:
    """Return the error for tags that have no scheme.

    Args:
        found: What ``detect`` returned.
        source: Name of their source.
        line: Line of the tag there.
    """
    problem = f"mixed tag schemes: the tag {_shown(found.tag)} {found.problem}: correct the tags, or state the scheme"
    return DataError(f"{problem} ({', '.join(SCHEMES)})", source=source, line=line)


def foreign_tag(tag: str, scheme: str, *, source: str | None = None, line: int | None = None) -> DataError:
    """Return the error for a tag that its scheme does not have."""
    letters = ", ".join([*ROLES[scheme], OUTSIDE])
    return DataError(f"{_shown(tag)} is not a tag of the scheme {scheme} ({letters})", source=source, line=line)


def is_of(tag: str, scheme: str) -> bool:
    """Return whether a scheme has a tag."""
    part = split_tag(tag)
    return scheme == PLAIN or (part is not None and (part[0] == OUTSIDE or part[0] in ROLES[scheme]))


def role(tag: str, scheme: str) -> tuple[str, str]:
    """Return the letter of ``BIOES``, or ``O``, that corresponds to a tag, and its type.

    Raises:
        DataError: The scheme does not have the tag.
    """
    part = split_tag(tag)
    if part is None or (part[0] != OUTSIDE and part[0] not in ROLES[scheme]):
        raise foreign_tag(tag, scheme)
    letter, type_ = part
    return ROLES[scheme].get(letter, OUTSIDE), type_


def tag_of(letter: str, type_: str, scheme: str) -> str:
    """Return the tag of a scheme for a letter of ``BIOES`` and a type."""
    if letter == OUTSIDE:
        return OUTSIDE
    own = next(own for own, common in ROLES[scheme].items() if common == letter)
    return f"{own}-{type_}" if type_ else own


def read_spans(tags: Sequence[str], scheme: str) -> Reading:
    """Read the spans of a sentence, malformed sequences as ``conlleval`` does.

    Raises:
        DataError: A tag is not of the scheme, or the scheme is plain.
    """
    _refuse_plain(scheme)
    spans: list[Span] = []
    current: str | None = None  # type of the span that is open
    start = 0
    for index, tag in enumerate(tags):
        letter, type_ = role(tag, scheme)
        goes_on = current is not None and letter in "IE" and type_ == current
        if not goes_on:
            if current is not None:
                spans.append(Span(current, start, index))
            current, start = (None, index) if letter == OUTSIDE else (type_, index)
        if letter in "ES":
            spans.append(Span(type_, start, index + 1))
            current = None
    if current is not None:
        spans.append(Span(current, start, len(tags)))
    written = write_spans(spans, len(tags), scheme)
    return Reading(spans, sum(map(str.__ne__, tags, written)))


def write_spans(spans: Iterable[Span], length: int, scheme: str) -> list[str]:
    """Return the tags of a sentence with these spans.

    Args:
        spans: In any order; none overlap.
        length: Number of tokens.
        scheme: One with spans.

    Raises:
        DataError: A span is empty, not inside the sentence, or overlaps another, or the scheme is plain.
    """
    _refuse_plain(scheme)
    tags = [OUTSIDE] * length
    chunks = scheme in ("IOB1", "IOB2")
    before = Span("", 0, 0)
    for span in sorted(spans, key=lambda each: each[1]):
        type_, start, end = span
        if not before.end <= start < end <= length:
            raise DataError(
                f"the span {type_ or 'of no type'} from {start} to {end} is empty, overlaps another, or is not inside "
                f"the sentence of {length} tokens"
            )
        touches = before.end > before.start and before.end == start and before.type == type_
        begin = tag_of("I" if scheme == "IOB1" and not touches else "B", type_, scheme)
        if end - start == 1:
            tags[start] = begin if chunks else tag_of("S", type_, scheme)
        else:
            tags[start] = begin
            tags[start + 1 : end - 1] = [tag_of("I", type_, scheme)] * (end - start - 2)
            tags[end - 1] = tag_of("I" if chunks else "E", type_, scheme)
        before = Span(type_, start, end)
    return tags


def convert(tags: Sequence[str], source: str, target: str) -> tuple[list[str], int]:
    """Return the tags of another scheme for the same spans, and the number of repairs (``Reading.repairs``).

    Raises:
        DataError: A tag is not of its scheme, or one of the two schemes is plain and the other is not.
    """
    if source == target == PLAIN:
        return list(tags), 0
    spans, repairs = read_spans(tags, source)
    return write_spans(spans, len(tags), target), repairs


def inner_scheme(scheme: str) -> str:
    """Return the scheme that taggers are trained in: ``BIOES``, or ``plain`` for plain tags."""
    return PLAIN if scheme == PLAIN else "BIOES"


def legal(tags: Sequence[str], scheme: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which tags may begin a sentence, follow each other, and end one.

    Args:
        tags: The tag set.
        scheme: ``BIOES``, ``BMES``, ``BILOU``, ``IOB2`` or ``IOB1``; under ``plain`` everything is legal.

    Returns:
        Of each tag, whether it may begin: bool [K]; of each two, whether the second may follow the first: bool [K, K];
        and whether it may end: bool [K].

    Raises:
        DataError: A tag is not of the scheme.
    """
    import numpy as np

    size = len(tags)
    if scheme == PLAIN:
        return np.ones(size, np.bool_), np.ones((size, size), np.bool_), np.ones(size, np.bool_)
    parts = [role(tag, scheme) for tag in tags]
    legal_pairs = [[_may_follow(one, two, scheme) for two in parts] for one in parts]
    start = np.array([_may_follow((OUTSIDE, ""), part, scheme) for part in parts], np.bool_)
    end = np.array([_may_follow(part, (OUTSIDE, ""), scheme) for part in parts], np.bool_)
    return start, np.array(legal_pairs, np.bool_).reshape(size, size), end


def _may_follow(one: tuple[str, str], two: tuple[str, str], scheme: str) -> bool:
    """Return whether a tag may follow another, each as letter of ``BIOES`` and type."""
    (before, type_before), (letter, type_) = one, two
    same = before != OUTSIDE and type_before == type_
    if scheme == "IOB1":
        return letter != "B" or same
    if scheme == "IOB2":
        return letter != "I" or same
    is_open = before in ("B", "I")
    return (letter in ("I", "E") and same) if is_open else letter in ("B", "S", OUTSIDE)


def _schemes_with(letters: Iterable[str]) -> list[str]:
    return [scheme for scheme, roles in ROLES.items() if roles.keys() >= set(letters)]


def _refuse_plain(scheme: str) -> None:
    if check_scheme(scheme) == PLAIN:
        raise DataError("plain tags form no spans: state a scheme with spans, or judge the tags by accuracy")


def _shown(tag: str) -> str:
    return tag if tag.isprintable() and 0 < len(tag) <= _SHOWN else f"{tag[:_SHOWN]!r}"
