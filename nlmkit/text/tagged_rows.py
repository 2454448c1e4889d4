"""Rows of files of tagged sentences: CoNLL columns and CoNLL-U."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError

DOCSTART: Final = "-DOCSTART-"
"""First cell of a line that separates documents, as in the files of CoNLL-2003."""

CONLLU_COLUMNS: Final = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
FORM: Final = CONLLU_COLUMNS.index("form")
UPOS: Final = CONLLU_COLUMNS.index("upos")

_SKIPPED_ID: Final = re.compile(r"[0-9]+(?:-[0-9]+|\.[0-9]+)")
_ID: Final = re.compile("[0-9]+")
_SHOWN: Final = 40  # characters of a cell in an error


class Request(NamedTuple):
    """Columns to read.

    Attributes:
        word: Column of the words: its place from 0, or from the end if it is negative; in CoNLL-U also its name.
        tag: Column of the tags in the same way; None to read none.
        features: Further columns.
    """

    word: int | str
    tag: int | str | None
    features: tuple[int | str, ...]

    @property
    def all(self) -> list[int | str]:
        """Requested columns: word, tag if any, features."""
        return [self.word, *([] if self.tag is None else [self.tag]), *self.features]


class RowBlock(NamedTuple):
    """Consecutive rows of one source.

    Attributes:
        columns: Cells of each requested column: of words, of tags if they are requested, of each feature.
        lines: Line of each row.
        starts: Row with which each sentence begins that begins here.
        start_lines: Line on which each of them begins.
        is_open: Whether the last sentence can have further rows in the next block.
    """

    columns: Sequence[Sequence[str]]
    lines: Sequence[int]
    starts: Sequence[int]
    start_lines: Sequence[int]
    is_open: bool = False


def column_rows(
    texts: Iterator[str], name: str, request: Request, notes: list[str], names: list[str]
) -> Iterator[RowBlock]:
    """Yield the rows of a file of columns.

    The first line of data decides what separates the columns, a tab if it has one and else spaces, and how many there
    are. Blank lines and lines that begin with ``-DOCSTART-`` separate sentences. A line that begins with ``# `` is a
    comment if it has another number of columns than the first line that does not begin so, or if there is none.

    Args:
        texts: Blocks of whole lines, each ended by LF.
        name: Of the source.
        request: Columns to read, by place.
        notes: Take what the user should know.
        names: Takes the names of the features.

    Raises:
        DataError: A line has another number of columns than the first, or an empty cell; or there is no such column.
        HyperParameterError: A column is given by name, or one column is requested twice.
    """
    reader = _ColumnReader(name, request)
    waiting = ""
    for text in texts:
        waiting += text
        if reader.begin(waiting):
            names[:] = reader.feature_names
            yield reader.block(waiting)
            waiting = ""
    if reader.comments and reader.separator == " ":
        which = "line" if reader.comments == 1 else f"{reader.comments} lines, the first of them"
        notes.append(
            f"{name}: {which} {reader.first_comment} inside a sentence, which begins with # and has another number of "
            "columns, was read as a comment"
        )


class _ColumnReader:
    """Reader of one file of columns.

    Attributes:
        separator: What separates columns; empty before the first line of data.
        feature_names: Names of the features; empty before the first line of data.
        comments: Number of comments inside sentences.
        first_comment: Line of the first of them.
    """

    def __init__(self, name: str, request: Request) -> None:
        self._name, self._request = name, request
        self._pick: Callable[[list[str]], Any] = tuple
        self._line = self._first = self._width = 0
        self._is_open = False
        self.separator = ""
        self.feature_names: list[str] = []
        self.comments = self.first_comment = 0

    def begin(self, text: str) -> bool:
        """Find out how many columns there are, and what separates them, before the first block.

        Args:
            text: The first lines.

        Returns:
            Whether it is known. It is not before the first line of data that cannot be a comment.
        """
        if not self._width:
            self._first, self.separator, self._width = _shape(text)
            if self._width:
                places = _places(self._request, self._width, self._name, self._first)
                features = places[len(places) - len(self._request.features) :]
                self.feature_names = [f"column {place}" for place in features]
                self._pick = _picking(places)
        return self._width > 0

    def block(self, text: str) -> RowBlock:
        """Return the rows of some lines, which follow those given before."""
        text = text.replace("\r\n", "\n") if "\r" in text else text
        width, separator, pick = self._width, self.separator, self._pick
        if separator == " ":
            text = text.replace("\t", " ").replace("\r", " ")
        rows: list[Any] = []
        lines: list[int] = []
        starts: list[int] = []
        for number, line in enumerate(text.split("\n")[:-1], start=self._line + 1):
            cells = line.split(separator)
            if len(cells) != width or "" in cells or cells[0] == DOCSTART:
                found = self._unusual(line, cells, number)
                if found is None:
                    continue
                cells = found
            if not self._is_open:
                starts.append(len(rows))
                self._is_open = True
            rows.append(pick(cells))
            lines.append(number)
        self._line += text.count("\n")
        return _block(rows, lines, starts, len(self._request.all), self._is_open)

    def _unusual(self, line: str, cells: list[str], number: int) -> list[str] | None:
        """Return the cells of a line that may be no row, or None if it is none."""
        content = line.strip(" \t\r")
        if not content or content.startswith(DOCSTART):
            self._is_open = False
            return None
        if self.separator == " ":
            cells = [cell for cell in cells if cell]
        if len(cells) == self._width:
            _check_cells(self._pick(cells), self._name, number)
            return cells
        if content == "#" or content.startswith("# "):
            if self._is_open:
                self.comments, self.first_comment = self.comments + 1, self.first_comment or number
            return None
        columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
        many = self.separator == " " and len(cells) > self._width
        hint = ": separate columns by tabs if words hold spaces" if many else ""
        problem = f"{columns}, expected {self._width} as on line {self._first}{hint}"
        raise DataError(problem, source=self._name, line=number)


def conllu_rows(
    texts: Iterator[str], name: str, request: Request, notes: list[str], names: list[str]
) -> Iterator[RowBlock]:
    """Yield the words of a CoNLL-U file; ranges of words (``1-2``) and empty nodes (``1.1``) are passed over.

    Arguments and errors are as for ``column_rows``. The default columns are FORM and UPOS.
    """
    places = _conllu_places(request)
    names += [CONLLU_COLUMNS[place] for place in places[len(places) - len(request.features) :]]
    pick = _picking(places)
    number = 0
    is_open = False
    for block in texts:
        text = block.replace("\r\n", "\n") if "\r" in block else block
        rows: list[Any] = []
        lines: list[int] = []
        starts: list[int] = []
        for line in text.split("\n")[:-1]:
            number += 1
            if not line or line.isspace():
                is_open = False
                continue
            cells = line.split("\t")
            if line[0] == "#":
                continue
            if len(cells) != len(CONLLU_COLUMNS):
                problem = f"{len(cells)} columns separated by tabs, expected the 10 of CoNLL-U"
                raise DataError(f"{problem}: set the format to columns if it is another one", source=name, line=number)
            if not is_word_id(cells[0], name, number):
                continue
            if "" in cells:
                _check_cells(pick(cells), name, number)
            if not is_open:
                starts.append(len(rows))
                is_open = True
            rows.append(pick(cells))
            lines.append(number)
        yield _block(rows, lines, starts, len(request.all), is_open)


def is_word_id(cell: str, name: str, line: int) -> bool:
    """Return whether the first cell of a row of CoNLL-U is that of a word, and not of a range or an empty node.

    Raises:
        DataError: It is not an ID.
    """
    if _ID.fullmatch(cell):
        return True
    if _SKIPPED_ID.fullmatch(cell):
        return False
    raise DataError(f"the ID is {cell[:_SHOWN]!r}, not a number", source=name, line=line)


def _picking(places: Sequence[int]) -> Callable[[list[str]], Any]:
    """Return a function that returns the cells of a row at these places."""
    return itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))


def _block(rows: list[Any], lines: list[int], starts: list[int], columns: int, is_open: bool) -> RowBlock:
    cells = list(zip(*rows, strict=True)) if rows else [()] * columns
    return RowBlock(cells, lines, starts, [lines[start] for start in starts], is_open)


def _shape(text: str) -> tuple[int, str, int]:
    """Return the line of the first row that is no comment, what separates its cells, and their number; or zeros."""
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.strip(" \t\r")
        if content not in ("", "#") and not content.startswith(("# ", DOCSTART)):
            if "\t" in content:
                return number, "\t", line.removesuffix("\r").count("\t") + 1
            return number, " ", len([cell for cell in content.replace("\r", " ").split(" ") if cell])
    return 0, "", 0


def _places(request: Request, width: int, name: str, line: int) -> list[int]:
    """Return the places of the requested columns, from 0.

    Raises:
        DataError: The lines do not have one of them.
        HyperParameterError: One is given by name, or twice.
    """
    places = []
    for column in request.all:
        if isinstance(column, bool) or not isinstance(column, int):
            raise HyperParameterError(f"only CoNLL-U has names of columns: give the number of {column!r}, from 0")
        if not -width <= column < width:
            which = "one column" if width == 1 else f"{width} columns, 0 to {width - 1}"
            raise DataError(f"no column {column}: this line has {which}", source=name, line=line)
        places.append(column % width)
    if width == 1 and request.tag is not None:
        problem = "one column, expected a word and its tag, separated by a tab or spaces"
        raise DataError(problem, source=name, line=line)
    _refuse_repeated(request, places)
    return places


def _conllu_places(request: Request) -> list[int]:
    """Return the places of the requested columns, from 0; the defaults of other files stand for FORM and UPOS."""
    places = []
    for number, column in enumerate(request.all):
        width = len(CONLLU_COLUMNS)
        if number == 0 and column == 0:
            places.append(FORM)
        elif number == 1 and request.tag is not None and column == -1:
            places.append(UPOS)
        elif isinstance(column, str):
            if column.casefold() not in CONLLU_COLUMNS:
                hint = suggestion(column, CONLLU_COLUMNS)
                known = ", ".join(CONLLU_COLUMNS)
                raise HyperParameterError(f"no column {column!r} in CoNLL-U, whose columns are {known}{hint}")
            places.append(CONLLU_COLUMNS.index(column.casefold()))
        elif isinstance(column, bool) or not -width <= column < width:
            raise HyperParameterError(f"no column {column!r} in CoNLL-U, which has 10, 0 to 9")
        else:
            places.append(column % width)
    _refuse_repeated(request, places)
    return places


def _refuse_repeated(request: Request, places: Sequence[int]) -> None:
    if len(set(places)) < len(places):
        columns = ", ".join(map(str, request.all))
        raise HyperParameterError(f"words, tags and features must be different columns, not {columns}")


def _check_cells(cells: Sequence[str], name: str, line: int) -> None:
    if "" in cells:
        raise DataError("an empty cell: each token must have its word, tag and features", source=name, line=line)
