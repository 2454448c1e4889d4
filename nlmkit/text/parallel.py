"""Pairs of a source and a target text, in memory and from files; the source may be a vector instead of a text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError
from nlmkit.text.corpus import Corpus
from nlmkit.text.decoding import Decoding, DecodingErrors
from nlmkit.text.labelled import encode
from nlmkit.text.marks import Marks
from nlmkit.text.parallel_notes import copy_note, side_notes
from nlmkit.text.parallel_rows import read_pairs
from nlmkit.text.parallel_sides import blank_side, side_texts
from nlmkit.text.pipeline import TextPipeline
from nlmkit.text.sources import TextSource
from nlmkit.text.vector_reading import WordVectors, read_vectors
from nlmkit.text.vectors import as_vectors, holds_vectors

_IN_MEMORY: Final = Decoding()


@dataclass(frozen=True, eq=False, repr=False)
class ParallelTexts:
    """Sources, each with its target. Immutable.

    A source is a text or a vector; a target is a text. Texts are raw lines, not tokenized: a line end at the end of one
    is left out, and others in it are spaces. Several targets of one source are pairs of their own.

    Attributes:
        sources: The texts as they are, or vectors as float32 [pairs, dimension].
        targets: The texts as they are; None where only sources were read.
        source: What errors call the sources.
        target_source: What errors call the targets; the same, unless they are in a file of their own.
        lines: Line on which each pair begins, in both files if there are two: int64 [pairs]; None where there are no
            lines.
        decoding: How bytes were decoded, and what is done with NUL and the tokens ``<s>`` and ``</s>``.
        reading_notes: What was found when the pairs were read.

    Raises:
        DataError: A side is a table or a mapping, an item is not a text, or holds NUL (under ``error``) or a lone
            surrogate, a source is blank, vectors differ in dimension or are not finite, or there are not as many
            targets or lines as sources; says which.
    """

    sources: tuple[str, ...] | NDArray[np.float32]
    targets: tuple[str, ...] | None = None
    source: str = "<pairs>"
    target_source: str = "<pairs>"
    lines: NDArray[np.int64] | None = None
    decoding: Decoding = _IN_MEMORY
    reading_notes: tuple[str, ...] = ()

    def __init__(
        self,
        sources: Iterable[str] | ArrayLike,
        targets: Iterable[str] | None = None,
        *,
        source: str = "<pairs>",
        target_source: str | None = None,
        lines: NDArray[np.int64] | None = None,
        decoding: Decoding = _IN_MEMORY,
        reading_notes: Sequence[str] = (),
    ) -> None:
        target_source = source if target_source is None else target_source
        set_ = object.__setattr__
        if holds_vectors(sources):
            given: Any = as_vectors(sources, source=source)
        else:
            given = side_texts(cast(Iterable[str], sources), "source", source, lines, decoding)
            blank = next((number for number, text in enumerate(given) if not text.strip()), None)
            if blank is not None:
                raise blank_side("source", source, blank, lines)
        if lines is not None and len(lines) != len(given):
            raise DataError(f"{len(given)} sources and {len(lines)} lines", source=source)
        set_(self, "sources", given)
        set_(
            self, "targets", None if targets is None else side_texts(targets, "target", target_source, lines, decoding)
        )
        if self.targets is not None and len(self.targets) != len(given):
            what = "vectors" if isinstance(given, np.ndarray) else "sources"
            raise DataError(
                f"{len(given)} {what} and {len(self.targets)} targets: expected one target per source", source=source
            )
        set_(self, "source", source)
        set_(self, "target_source", target_source)
        set_(self, "lines", lines)
        set_(self, "decoding", decoding)
        set_(self, "reading_notes", tuple(reading_notes))

    @classmethod
    def read(
        cls,
        source: TextSource | Sequence[str],
        *,
        target: TextSource | Sequence[str] | None = None,
        format: str | None = None,
        encoding: str = "utf-8",
        errors: DecodingErrors = "strict",
        marks: Marks = "error",
    ) -> ParallelTexts:
        """Read pairs of texts, from files that have both sides or from a file per side.

        ``tsv``: ``source<TAB>target`` on each line, exactly two columns, whose quotation marks are characters like
        others; a first line that is exactly ``source<TAB>target`` is a header. ``csv``: RFC 4180 with a header, of
        which the columns ``source`` and ``target`` are read. ``jsonl``: an object per line, of which the keys
        ``source`` and ``target`` are read. A blank line holds nothing and is passed over. Of two files, line *n* of one
        belongs to line *n* of the other; lines that are blank in both are passed over.

        Args:
            source: A path, several path names, ``-`` for standard input, ``corpus:NAME/SPLIT``, or open binary file;
                compressed files are unpacked. Where ``target`` is given, those of the sources, one per line.
            target: The same with the targets, one per line: as many files as sources.
            format: One of ``FORMATS`` of ``nlmkit.text.parallel_rows``; by default that of each file's suffix (.csv,
                .jsonl, .ndjson), else ``tsv``. Not for a file per side.
            encoding: Encoding of the files.
            errors: What to do with undecodable bytes: ``strict``, ``replace`` or ``ignore``.
            marks: What to do with NUL and the tokens ``<s>`` and ``</s>``: ``error``, ``skip`` or ``literal``.

        Raises:
            DataError: A source is missing or has no pairs, a line is malformed, a side of it is empty, or two files
                have not as many lines as each other; names the file and the line, or both counts.
            HyperParameterError: The format is unknown, or set for a file per side.
        """
        decoding = Decoding(encoding, errors, marks)
        read = read_pairs(source, target, decoding, format)
        return cls(**read._asdict(), decoding=decoding)

    @classmethod
    def read_vectors(
        cls,
        vectors: TextSource | ArrayLike,
        texts: TextSource | Sequence[str] | None = None,
        *,
        key: str | None = None,
        representation: WordVectors | None = None,
        unknown: str = "drop",
        with_targets: bool = True,
        format: str | None = None,
        encoding: str = "utf-8",
        errors: DecodingErrors = "strict",
        marks: Marks = "error",
    ) -> ParallelTexts:
        """Read vectors, each with its text.

        Vectors come from an array, whose row *n* belongs to line *n* of ``texts``: in memory, or in a file ``.npy``,
        ``.npz`` or ``.safetensors``. Or from files of text: ``tsv`` with the numbers of a vector in front of its text,
        in one column, separated by spaces, or in several; ``jsonl`` with a list of numbers as ``source``; or numbers
        alone, with ``texts`` apart. Or they are the vectors of words: the sources are words then, in files as for
        ``read``.

        Args:
            vectors: A path (of text also several, ``-``, or ``corpus:NAME/SPLIT``), or an array [n, d].
            texts: Files of the texts, one per line, for vectors in arrays, or in files without texts.
            key: Name of the array in a file that has several.
            representation: What words are looked up in: a fitted ``Representation``.
            unknown: What to do with words that have no vector: ``drop`` passes over their pairs and counts them in a
                note, ``error`` raises.
            with_targets: Whether there are texts; without, a line of text is a vector or word.
            format: One of ``FORMATS`` of ``nlmkit.text.parallel_rows``, as for ``read``.
            encoding: Encoding of files of text.
            errors: What to do with undecodable bytes: ``strict``, ``replace`` or ``ignore``.
            marks: What to do with NUL and the tokens ``<s>`` and ``</s>``: ``error``, ``skip`` or ``literal``.

        Raises:
            DataError: A file is missing or damaged, a vector has other than finite numbers or not as many as the
                first, there are not as many texts as vectors, or no word has a vector; names the file, and the line or
                row, or both counts.
            HyperParameterError: An argument is unknown, or has no effect on such vectors.
        """
        decoding = Decoding(encoding, errors, marks)
        read = read_vectors(
            vectors,
            texts,
            decoding,
            key=key,
            representation=representation,
            unknown=unknown,
            with_targets=with_targets,
            format=format,
        )
        return cls(**read, decoding=decoding)

    @property
    def has_vectors(self) -> bool:
        """Whether the sources are vectors."""
        return isinstance(self.sources, np.ndarray)

    @property
    def dimension(self) -> int | None:
        """Length of the vectors; None where the sources are texts."""
        return int(self.sources.shape[1]) if isinstance(self.sources, np.ndarray) else None

    def required_texts(self) -> tuple[str, ...]:
        """Return the sources, which must be texts.

        Raises:
            DataError: They are vectors.
        """
        if isinstance(self.sources, np.ndarray):
            raise DataError("the sources are vectors, and texts are expected", source=self.source)
        return self.sources

    def required_vectors(self, dimension: int | None = None) -> NDArray[np.float32]:
        """Return the sources, which must be vectors: float32 [pairs, dimension].

        Args:
            dimension: Length that they must have, such as that of the vectors in training.

        Raises:
            DataError: They are texts, or of another dimension.
        """
        if not isinstance(self.sources, np.ndarray):
            raise DataError("the sources are texts, and vectors are expected", source=self.source)
        if dimension is not None and self.dimension != dimension:
            problem = f"the vectors have {self.dimension} dimensions, expected {dimension}"
            raise DataError(problem, source=self.source)
        return self.sources

    def required_targets(self, *, blank: bool = False) -> tuple[str, ...]:
        """Return the targets.

        Args:
            blank: Whether blank ones are allowed, as they are in scoring.

        Raises:
            DataError: There are none, or a blank one that is not allowed; names its line.
        """
        if self.targets is None:
            raise DataError("the sources have no targets", source=self.source)
        if not blank:
            found = next((number for number, text in enumerate(self.targets) if not text.strip()), None)
            if found is not None:
                raise blank_side("target", self.target_source, found, self.lines)
        return self.targets

    def source_corpus(self, pipeline: TextPipeline) -> Corpus:
        """Return the sources as a corpus with one sentence per pair.

        Raises:
            DataError: They are vectors, or one cannot be read; names the source and its line.
        """
        return self._corpus(self.required_texts(), pipeline, self.source, "source")

    def target_corpus(self, pipeline: TextPipeline) -> Corpus:
        """Return the targets as a corpus with one sentence per pair.

        Raises:
            DataError: There are none, or one cannot be read; names the source and its line.
        """
        return self._corpus(self.required_targets(blank=True), pipeline, self.target_source, "target")

    def subset(self, indices: ArrayLike) -> ParallelTexts:
        """Return the pairs with these indices, in their order; without notes on reading."""
        chosen = np.asarray(indices, np.int64).reshape(-1)
        places = chosen.tolist()
        if isinstance(self.sources, np.ndarray):
            sources: Any = self.sources[chosen]
            sources.flags.writeable = False  # it need not be copied
        else:
            sources = [self.sources[place] for place in places]
        return self._changed(
            sources=sources,
            targets=None if self.targets is None else tuple(self.targets[place] for place in places),
            lines=None if self.lines is None else self.lines[chosen],
            reading_notes=(),
        )

    def without_targets(self) -> ParallelTexts:
        """Return the sources alone."""
        return self._changed(targets=None)

    def swapped(self) -> ParallelTexts:
        """Return the pairs with each target as the source and each source as the target.

        Raises:
            DataError: The sources are vectors, or there are no targets, or a blank one; names its line.
        """
        return self._changed(
            sources=self.required_targets(),
            targets=self.required_texts(),
            source=self.target_source,
            target_source=self.source,
        )

    def references(self) -> tuple[NDArray[np.int64], list[list[str]]]:
        """Return the distinct sources, each with all its targets.

        Returns:
            Index of the first pair of each distinct source, in their order, int64 [distinct]; and of each the targets
            of all pairs that have it, in the order of the pairs.

        Raises:
            DataError: There are no targets.
        """
        targets = self.required_targets(blank=True)
        vectors = isinstance(self.sources, np.ndarray)
        keys: Iterable[Any] = (row.tobytes() for row in self.sources) if vectors else self.sources  # type: ignore[union-attr]
        found: dict[Any, int] = {}
        first: list[int] = []
        every: list[list[str]] = []
        for number, (key, target) in enumerate(zip(keys, targets, strict=True)):
            place = found.setdefault(key, len(every))
            if place == len(every):
                first.append(number)
                every.append([])
            every[place].append(target)
        return np.array(first, np.int64), every

    @cached_property
    def notes(self) -> list[str]:
        """Notes for users of the pairs."""
        notes = list(self.reading_notes)
        if isinstance(self.sources, tuple):
            notes += side_notes(self.sources, "source", self.source, self.lines)
        if self.targets is not None:
            notes += side_notes(self.targets, "target", self.target_source, self.lines)
            if isinstance(self.sources, tuple):
                notes += copy_note(self.sources, self.targets, self.source)
        return notes

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of a SHA-256 over sources and targets."""
        digest = hashlib.sha256(f"{len(self)} {self.dimension}\n".encode())
        if isinstance(self.sources, np.ndarray):
            digest.update(np.ascontiguousarray(self.sources, "<f4").data)
        for side in (self.sources, self.targets):
            if isinstance(side, tuple):
                digest.update(b"side\n")
                for text in side:
                    digest.update(json.dumps(text).encode() + b"\n")
        return digest.hexdigest()[:16]

    def _corpus(self, texts: tuple[str, ...], pipeline: TextPipeline, source: str, item: str) -> Corpus:
        return encode(texts, pipeline, source=source, lines=self.lines, marks=self.decoding.marks, item=item)

    def _changed(self, **values: Any) -> ParallelTexts:
        names = ("sources", "targets", "source", "target_source", "lines", "decoding", "reading_notes")
        return ParallelTexts(**{name: getattr(self, name) for name in names} | values)

    def __len__(self) -> int:
        return len(self.sources)

    def __repr__(self) -> str:
        what = f"vectors of {self.dimension} dimensions" if self.has_vectors else "texts"
        what += " without targets" if self.targets is None else ""
        pairs = "sources" if self.targets is None else "pairs"
        return f"<ParallelTexts: {len(self)} {pairs}, sources are {what}, from {self.source}>"
