"""Reading of class files: which class each word has."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Iterator

from nlmkit.errors import DataError
from nlmkit.text.blocks import BLOCK_BYTES, byte_blocks
from nlmkit.text.decoding import Decoding
from nlmkit.text.sources import ByteReader, path_source
from nlmkit.text.vocabulary import SPECIAL

_FIELDS = re.compile(r"[ \t]+")


@dataclasses.dataclass(frozen=True)
class Member:
    """A word of a class.

    Attributes:
        name: The class.
        line: Number of the line.
        probability: p(word | class) as the file has it; None if it has none.
    """

    name: str
    line: int
    probability: float | None = None


def read_classes(path: str | os.PathLike[str]) -> dict[str, Member]:
    """Read a class file, UTF-8, plain or compressed.

    If the first line is two fields with a tab between them, every line is ``word<TAB>CLASS``. Otherwise the file is in
    SRILM's format, ``CLASS word`` or ``CLASS probability word``, with spaces or tabs.

    Returns:
        The class of each word, in the order of the file.

    Raises:
        DataError: A line is malformed, an expansion has several words, a word has two classes, a mark such as ``<s>``
            is a word or a class, or a class has probabilities for some of its words only.
    """
    source = path_source(path)
    members: dict[str, Member] = {}
    complete: dict[str, bool] = {}
    is_table: bool | None = None
    for line, text in _lines(path):
        if is_table is None:
            is_table = text.count("\t") == 1 and " " not in text
        word, member = _of_table(text, line, source.name) if is_table else _of_srilm(text, line, source.name)
        for name in (word, member.name):
            if name in SPECIAL:
                raise DataError(f"{name} has no class and is none: remove it", source=source.name, line=line)
        if word in members:
            first = members[word].line
            problem = f"the word {word!r} has a class already, from line {first}: a word can have one class"
            raise DataError(problem, source=source.name, line=line)
        has = member.probability is not None
        if complete.setdefault(member.name, has) != has:
            problem = f"some words of the class {member.name!r} have a probability and others have none"
            raise DataError(problem, source=source.name, line=line)
        members[word] = member
    if not members:
        raise DataError("no classes: expected lines with a class and a word", source=source.name)
    return members


def _of_table(text: str, line: int, name: str) -> tuple[str, Member]:
    fields = [field.strip(" ") for field in text.split("\t")]
    if len(fields) != 2 or not all(fields) or any(" " in field for field in fields):
        raise DataError("expected a word, a tab and its class, as in line 1", source=name, line=line)
    return fields[0], Member(fields[1], line)


def _of_srilm(text: str, line: int, name: str) -> tuple[str, Member]:
    fields = _FIELDS.split(text.strip(" \t"))
    if len(fields) < 2:
        raise DataError("expected CLASS word or CLASS probability word", source=name, line=line)
    if len(fields) == 2:
        return fields[1], Member(fields[0], line)
    probability = _number(fields[1])
    if probability is None or len(fields) > 3:
        problem = f"an expansion of the class {fields[0]!r} has several words: only single words are supported"
        raise DataError(problem, source=name, line=line)
    if not 0 < probability <= 1:
        raise DataError(f"{fields[1]} is not a probability above 0 and up to 1", source=name, line=line)
    return fields[2], Member(fields[0], line, probability)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, with their numbers."""
    source = path_source(path)
    number = 0
    with ByteReader(source, utf8=True) as reader:
        for block in byte_blocks(reader, Decoding(), source.name, size=BLOCK_BYTES, characters=True):
            for text in block.text().split("\n")[:-1]:
                number += 1
                if line := text.rstrip("\r"):
                    yield number, line
