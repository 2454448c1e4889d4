"""The catalogue of corpora: what ``corpus:NAME`` leads to.

`corpora/catalog.toml` describes the corpora that come with nlmkit, those that other packages bring, and well-known ones
that everybody must prepare for themselves. Nothing is downloaded, and the packages that bring a corpus are not
imported: their files are read as plain text.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from nlmkit.errors import DataError, HyperParameterError, MissingFileError

Provider = Literal["bundled", "gensim", "nltk", "prepare"]
Task = Literal["language-modelling", "classification", "tagging", "translation"]
Format = Literal["lines", "paragraphs", "tagged", "trees", "columns", "segmented", "pairs"]

_CATALOG = "catalog.toml"


@dataclass(frozen=True)
class CatalogEntry:
    """One corpus.

    Attributes:
        name: What follows ``corpus:``.
        title: Its full name.
        language: BCP 47 code; of a corpus of translations, that of the sources.
        licence: Under what terms its text may be used, as its publishers state them.
        source: Where it comes from.
        size: How large it is.
        task: What it is for.
        tokenizer: The tokenizer that suits it.
        provider: ``bundled`` with nlmkit, brought by ``gensim`` or ``nltk``, or for the user to ``prepare``.
        splits: File names by split, relative to the provider's folder; patterns for `Path.glob` are allowed. A corpus
            without customary splits has the one split ``all``.
        format: How the files are to be read: ``lines`` as they are; ``paragraphs`` are joined to one line each;
            ``tagged`` has ``word/TAG`` tokens, and ``trees`` has bracketed parses, whose words become a line each;
            ``columns`` has a word and its tags per line, and a blank line after each sentence, whose words become a
            line; ``segmented`` has words separated by spaces, as they are. These two are also read as tagged
            sentences. ``pairs`` has ``source<TAB>target``, which become a line each; it is also read as parallel texts.
        encoding: Encoding of the files. Only UTF-8 lines are left to the reader's own text pipeline.
        prepare: How to get it, where it is not bundled.
    """

    name: str
    title: str
    language: str
    licence: str
    source: str
    size: str
    task: Task
    tokenizer: str
    provider: Provider
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    format: Format = "lines"
    encoding: str = "utf-8"
    prepare: str = ""


def folder() -> Path:
    """Return the folder of the catalogue and the bundled corpora.

    Raises:
        DataError: This installation has none.
    """
    package = Path(__file__).resolve().parents[1]
    # A wheel has the corpora inside the package, a source tree beside it.
    for candidate in (package / "_corpora", package.parent / "corpora"):
        if (candidate / _CATALOG).is_file():
            return candidate
    raise DataError("the catalogue of corpora is missing from this installation: reinstall nlmkit")


def entries() -> tuple[CatalogEntry, ...]:
    """Return all entries, in the catalogue's order."""
    return tuple(_entries(folder()).values())


def entry(name: str) -> CatalogEntry:
    """Return one entry.

    Raises:
        DataError: The catalogue has none of that name; names the nearest.
    """
    known = _entries(folder())
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "see `nlmkit corpora list`"
    raise DataError(f"no corpus named {name!r}: {hint}")


def resolve(name: str) -> list[Path] | Iterable[str]:
    """Finds the text of a corpus.

    Args:
        name: ``NAME`` or ``NAME/SPLIT``; the split ``train`` by default, or the only one.

    Returns:
        The files to read, or the lines that their format comes to.

    Raises:
        DataError: The corpus or split is unknown, or not on this machine; names how to get it.
    """
    corpus, files = locate(name)
    if corpus.format in ("lines", "segmented") and corpus.encoding == "utf-8":
        return files
    return _READERS[corpus.format](files, corpus.encoding)


def locate(name: str) -> tuple[CatalogEntry, list[Path]]:
    """Return the entry of a corpus and its files as they are, whatever their format.

    Args:
        name: As for ``resolve``.

    Raises:
        DataError: As for ``resolve``.
    """
    name, _, split = name.partition("/")
    corpus = entry(name)
    if corpus.provider == "prepare":
        raise DataError(f"corpus {name} does not come with nlmkit: {corpus.prepare}")
    splits = corpus.splits
    split = split or (next(iter(splits)) if len(splits) == 1 else "train")
    if split not in splits:
        raise DataError(f"corpus {name} has no split {split!r}: it has {', '.join(splits)}")
    return corpus, _files(corpus, splits[split])


def _files(corpus: CatalogEntry, patterns: Iterable[str]) -> list[Path]:
    """Return the files that the patterns match below the first of the provider's folders that has any."""
    candidates = {"bundled": _bundled_folders, "gensim": _gensim_folders, "nltk": _nltk_folders}[corpus.provider]()
    for candidate in candidates:
        matches = [sorted(candidate.glob(pattern)) for pattern in patterns]
        if all(matches):
            return [file for match in matches for file in match]
    remedy = corpus.prepare or "its files are missing from this installation: reinstall nlmkit"
    raise MissingFileError(f"corpus {corpus.name} is not on this machine: {remedy}")


def _bundled_folders() -> list[Path]:
    return [folder()]


def _gensim_folders() -> list[Path]:
    # Finding a package does not import it.
    found = importlib.util.find_spec("gensim")
    return [] if found is None else [Path(place) for place in found.submodule_search_locations or ()]


def _nltk_folders() -> list[Path]:
    """Return the folders where NLTK keeps its data: those of an NLTK in use, or else its defaults."""
    in_use = sys.modules.get("nltk.data")
    if in_use is not None:
        return [Path(place) for place in in_use.path if isinstance(place, str)]
    places = [os.path.expanduser(place) for place in os.environ.get("NLTK_DATA", "").split(os.pathsep) if place]
    places.append(os.path.expanduser("~/nltk_data"))
    places += [os.path.join(sys.prefix, *part, "nltk_data") for part in ((), ("share",), ("lib",))]
    if sys.platform == "win32":
        places += [os.path.join(os.environ.get("APPDATA", "C:\\"), "nltk_data")]
        places += [f"{drive}:\\nltk_data" for drive in "CDE"]
    else:
        places += [
            "/usr/share/nltk_data",
            "/usr/local/share/nltk_data",
            "/usr/lib/nltk_data",
            "/usr/local/lib/nltk_data",
        ]
    return [Path(place) for place in places]


def _read_text(file: Path, encoding: str) -> str:
    try:
        return file.read_bytes().decode(encoding)  # `read_text` would take a CR for a line end.
    except (OSError, UnicodeError) as error:
        raise DataError(f"cannot be read: {error}", source=str(file)) from error


def _lines(files: Iterable[Path], encoding: str) -> Iterator[str]:
    """Yield the lines as they are."""
    for file in files:
        if text := _read_text(file, encoding):
            yield from text.removesuffix("\n").split("\n")


def _paragraphs(files: Iterable[Path], encoding: str) -> Iterator[str]:
    """Yield each stretch of lines between blank ones as one line."""
    for file in files:
        for paragraph in re.split(r"\n[ \t\r]*(?=\n)", _read_text(file, encoding)):
            if line := " ".join(paragraph.split()):
                yield line


def _tagged(files: Iterable[Path], encoding: str) -> Iterator[str]:
    """Yield the words of each line of ``word/TAG`` tokens; a slash inside the word belongs to it."""
    for file in files:
        for line in _read_text(file, encoding).split("\n"):
            if words := [token.rpartition("/")[0] or token for token in line.split()]:
                yield " ".join(words)


def _columns(files: Iterable[Path], encoding: str) -> Iterator[str]:
    """Yield the words of each sentence, the first cell of each of its lines."""
    for file in files:
        for sentence in re.split(r"\n\s*\n", _read_text(file, encoding)):
            if words := [line.split()[0] for line in sentence.split("\n") if line.strip()]:
                yield " ".join(words)


def _pairs(files: Iterable[Path], encoding: str) -> Iterator[str]:
    """Yield source and target of each line as a line each."""
    for line in _lines(files, encoding):
        if line.strip(" \r"):
            yield from line.removesuffix("\r").split("\t")


def _trees(files: Iterable[Path], encoding: str) -> Iterator[str]:
    """Yield the words of each bracketed parse, without the empty elements, which are tagged ``-NONE-``."""
    for file in files:
        words: list[str] = []
        depth = 0
        previous = tag = ""
        for part in re.findall(r"[()]|[^\s()]+", _read_text(file, encoding)):
            if part == "(":
                depth += 1
            elif part == ")":
                depth -= 1
                if depth == 0 and words:
                    yield " ".join(words)
                    words = []
            elif previous == "(":
                tag = part
            elif tag != "-NONE-":
                words.append(part)
            previous = part
            if depth < 0:
                break
        if depth != 0:
            raise DataError("unbalanced brackets in the parses", source=str(file))


_READERS = {
    "lines": _lines,
    "paragraphs": _paragraphs,
    "tagged": _tagged,
    "trees": _trees,
    "columns": _columns,
    "segmented": _lines,
    "pairs": _pairs,
}


@lru_cache(maxsize=4)
def _entries(place: Path) -> dict[str, CatalogEntry]:
    """Read and check a catalogue."""
    file = place / _CATALOG
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"the catalogue of corpora cannot be read: {error}", source=str(file)) from error
    return {name: _checked_entry(name, values, file) for name, values in content.items()}


def _checked_entry(name: str, values: Any, file: Path) -> CatalogEntry:
    def fault(problem: str) -> DataError:
        return DataError(f"corpus {name}: {problem}", source=str(file))

    if not isinstance(values, dict):
        raise fault("not a table")
    known = {field.name for field in fields(CatalogEntry)} - {"name"}
    if unknown := values.keys() - known:
        raise fault(f"unknown keys {', '.join(sorted(unknown))}")
    splits = values.pop("splits", {})
    if not isinstance(splits, dict) or not all(_is_list_of_strings(files) for files in splits.values()):
        raise fault("splits must be lists of file names")
    if bad := sorted(key for key, value in values.items() if not isinstance(value, str)):
        raise fault(f"{bad[0]} must be a string")
    for key, choices in (("provider", Provider), ("task", Task), ("format", Format)):
        if key in values and values[key] not in get_args(choices):
            raise fault(f"{key} must be one of {', '.join(get_args(choices))}")
    if "encoding" in values:
        from nlmkit.text.known_encodings import check_encoding

        try:
            check_encoding(values["encoding"])
        except HyperParameterError as error:
            raise fault(str(error)) from None
    try:
        made = CatalogEntry(name=name, splits={split: tuple(files) for split, files in splits.items()}, **values)
    except TypeError:
        raise fault("title, language, licence, source, size, task, tokenizer and provider are required") from None
    if made.provider == "prepare" and not made.prepare:
        raise fault("prepare must describe how to obtain it")
    if made.format in ("columns", "segmented", "pairs") and made.encoding != "utf-8":
        raise fault(f"the format {made.format} must have the encoding utf-8")
    if made.provider != "prepare" and not made.splits:
        raise fault("splits must list its files")
    return made


def _is_list_of_strings(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
