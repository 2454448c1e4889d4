"""Options and reading of sources with their targets: columns of one file, a file per side, or vectors beside texts."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

from nlmkit.cli.options import after
from nlmkit.cli.text_arguments import standard_input
from nlmkit.core.notes import note
from nlmkit.core.processes import is_main_process

if TYPE_CHECKING:
    from nlmkit.text import Decoding
    from nlmkit.text.parallel import ParallelTexts

_Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

FORMATS: Final = frozenset({"tsv", "csv", "jsonl"})
"""Layouts of files with both sides."""


def pair_options(prefix: str = "", *, of_valid: bool = False) -> dict[str, _Option]:
    """Return the options that name sources and targets apart from each other, by parameter.

    Args:
        prefix: Beginning of their help.
        of_valid: Whether to add those of held-out pairs.
    """
    options: dict[str, _Option] = {
        "source": click.option(
            "--source",
            multiple=True,
            callback=_none_if_empty,
            metavar="FILE",
            help=after(
                prefix,
                "sources, one per line, with --target in place of a file of pairs. Can be repeated, as --target then.",
            ),
        ),
        "target": click.option(
            "--target",
            multiple=True,
            callback=_none_if_empty,
            metavar="FILE",
            help=after(prefix, "targets, one per line, as many as lines of --source (or rows of --vectors)."),
        ),
        "vectors": click.option(
            "--vectors",
            metavar="FILE",
            help=after(
                prefix, "vectors as sources: rows of a .npy, .npz or .safetensors file, one per line of the text."
            ),
        ),
        "vector_key": click.option(
            "--vector-key",
            metavar="NAME",
            help=after(prefix, "name of the array in a .npz or .safetensors file of several."),
        ),
        "representation": click.option(
            "--representation",
            metavar="MODEL",
            help=after(prefix, "saved representation in which sources, which are words, are looked up."),
        ),
    }
    if of_valid:
        for name, what in (
            ("source", "held-out sources, one per line, with --valid-target in place of --valid"),
            ("target", "held-out targets, one per line"),
            ("vectors", "held-out vectors, one per line of the text of --valid"),
        ):
            options[f"valid_{name}"] = click.option(f"--valid-{name}", metavar="FILE", help=after(prefix, f"{what}."))
    return options


def _none_if_empty(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...] | None:
    return value or None


def side_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``pair_options`` of a command for other models too, passed as one dictionary ``sides``."""
    declared = pair_options("Sequence to sequence: ")

    @functools.wraps(function)
    def with_sides(**values: Any) -> Any:
        return function(sides={name: values.pop(name) for name in declared}, **values)

    decorated: Callable[..., Any] = with_sides
    for option in reversed(declared.values()):
        decorated = option(decorated)
    return decorated


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairFiles:
    """Where sources and targets are; None for options that were not given.

    Attributes:
        files: Files with both sides; with vectors, of targets alone.
        source: Files of the sources.
        target: Files of the targets.
        vectors: File of vectors.
        vector_key: Name of the array in it.
        representation: Folder of a saved representation.
        format: One of ``FORMATS``; by default that of each file's name.
        of: Beginning of the names of options in messages, such as ``--valid-``.
    """

    files: tuple[str, ...] = ()
    source: tuple[str, ...] | None = None
    target: tuple[str, ...] | None = None
    vectors: str | None = None
    vector_key: str | None = None
    representation: str | None = None
    format: str | None = None
    of: str = "--"

    @classmethod
    def of_options(cls, files: Sequence[str], options: Mapping[str, Any], **others: Any) -> PairFiles:
        """Return the files that arguments and options of ``pair_options`` name."""
        names = [field.name for field in dataclasses.fields(cls) if field.name in options]
        return cls(files=tuple(files), **{name: options[name] for name in names}, **others)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of all files and folders that are read."""
        named = (self.vectors, self.representation)
        return (*self.files, *(self.source or ()), *(self.target or ()), *(name for name in named if name is not None))

    @property
    def needs_files(self) -> bool:
        """Whether the options name no text, so that it is an argument or standard input."""
        return self.source is None and self.target is None

    def or_standard_input(self, what: str) -> PairFiles:
        """Return the same, with standard input as the text where none is named.

        Args:
            what: Name of the missing argument in the error.

        Raises:
            click.UsageError: Standard input is a terminal.
        """
        if self.files or not self.needs_files:
            return self
        return dataclasses.replace(self, files=standard_input(what))

    def refuse_sides(self, why: str) -> None:
        """Raise an error if sources, targets or vectors are named apart from the text.

        Raises:
            click.UsageError: Some are.
        """
        names = ("source", "target", "vectors", "vector_key", "representation")
        given = [name for name in names if getattr(self, name) is not None]
        if given:
            raise click.UsageError(f"{self._flags(given)}: for sequence-to-sequence models, and {why}")

    def check(self, takes: str, what: str) -> None:
        """Raise an error for options that contradict each other, or that do not suit the model.

        Args:
            takes: What sources are: ``texts`` or ``vectors``.
            what: What the model is called.

        Raises:
            click.UsageError: There are some.
        """
        is_word = takes == "vectors" and self.representation is not None
        if takes == "texts":
            given = [name for name in ("vectors", "vector_key", "representation") if getattr(self, name) is not None]
            if given:
                raise click.UsageError(f"{self._flags(given)}: the sources of {what} are texts")
        elif self.vectors is not None and is_word:
            raise click.UsageError(f"{self._flags(['vectors', 'representation'])} exclude each other")
        elif self.source is not None and not is_word:
            raise click.UsageError(
                f"{self._flags(['source'])}: the sources of {what} are vectors: use {self._flags(['vectors'])}, or "
                "--representation for words"
            )
        if takes == "texts" or is_word:
            if (self.source is None) != (self.target is None):
                one, other = ("source", "target") if self.target is None else ("target", "source")
                raise click.UsageError(f"{self._flags([one])} requires {self._flags([other])}")
        elif self.target is not None and self.vectors is None:
            raise click.UsageError(f"{self._flags(['target'])} requires {self._flags(['vectors'])}")
        if self.vector_key is not None and self.vectors is None:
            raise click.UsageError(f"--vector-key requires {self._flags(['vectors'])}")
        if self.target is not None and self.files:
            raise click.UsageError(f"{self._flags(['target'])} and {self.files[0]} exclude each other: name one text")
        if self.target is not None and self.format is not None:
            raise click.UsageError("--text-format is for files with both sides: omit it")
        if self.source is not None and self.target is not None and len(self.source) != len(self.target):
            raise click.UsageError(
                f"{len(self.source)} times {self._flags(['source'])} and {len(self.target)} times "
                f"{self._flags(['target'])}: expected as many of both"
            )

    def _flags(self, names: Sequence[str]) -> str:
        own = ("vector_key", "representation")  # which held-out pairs have in common with those for training
        return ", ".join(("--" if name in own else self.of) + name.replace("_", "-") for name in names)

    def read(self, takes: str, decoding: Decoding) -> ParallelTexts:
        """Read the pairs.

        Args:
            takes: What sources are: ``texts`` or ``vectors``.
            decoding: Of the files.

        Raises:
            DataError: A file is missing or malformed, or the sides differ in length.
            NlmkitError: The representation cannot be loaded.
        """
        from nlmkit.text.parallel import ParallelTexts

        options: dict[str, Any] = dataclasses.asdict(decoding)
        if takes == "vectors":
            return self._read_vectors(options)
        if self.source is not None:
            return ParallelTexts.read(list(self.source), target=list(self.target or ()), **options)
        return ParallelTexts.read(list(self.files), format=self.format, **options)

    def _read_vectors(self, options: Mapping[str, Any]) -> ParallelTexts:
        from nlmkit.text.parallel import ParallelTexts

        if self.vectors is not None:
            texts = list(self.target or self.files)
            return ParallelTexts.read_vectors(self.vectors, texts, key=self.vector_key, **options)
        given: dict[str, Any] = {} if self.format is None else {"format": self.format}
        if self.representation is not None:
            given["representation"] = load_representation(self.representation)
        if self.source is not None:
            return ParallelTexts.read_vectors(list(self.source), list(self.target or ()), **given, **options)
        return ParallelTexts.read_vectors(list(self.files), **given, **options)


def load_representation(path: str) -> Any:
    """Return the saved representation at ``path``.

    Raises:
        NlmkitError: It is of another kind, or damaged.
    """
    from nlmkit.core.storage import load
    from nlmkit.representations.base import Representation

    return load(path, Representation)


def print_notes(data: ParallelTexts, *, quiet: bool) -> None:
    """Send notes on the pairs, before the work."""
    if not quiet and is_main_process():
        for text in data.notes:
            note(text)
