"""Check of the outputs of a command against its inputs before any work."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from nlmkit.core.parameters import HyperParameter
from nlmkit.errors import DataError, NlmkitError
from nlmkit.saving.records import PICTURES, SETTINGS, is_models_own, model_around
from nlmkit.text.segmenter import PREFIX

STDIN = "-"
CATALOG_PREFIX = "corpus:"
CORPUS_PREFIXES = (CATALOG_PREFIX, "nltk:")
_FILES = frozenset({"file", "files", "path", "folder", "directory"})


@dataclasses.dataclass(frozen=True)
class Output:
    """A file or folder that a command will write.

    Attributes:
        option: Option that names it, such as ``--log``.
        path: File or folder.
        is_model: Whether it is the folder of a model or of a checkpoint.
        is_log: Whether it is a training log, which may be in a model's folder under any name.
    """

    option: str
    path: str
    is_model: bool = False
    is_log: bool = False

    @property
    def real(self) -> Path:
        """The path without links and relative parts."""
        try:
            return Path(os.path.realpath(self.path))
        except ValueError:  # NUL in it: writing there raises an error
            return Path(self.path)


def refuse_conflicts(outputs: Iterable[Output | None], inputs: Sequence[str | None]) -> None:
    """Raise an error if outputs would overwrite inputs of the same run; call it before any work.

    Args:
        outputs: Outputs to write; None entries are ignored.
        inputs: Names of texts, files and models to read: paths, ``-``, ``corpus:NAME``; None and missing files are
            ignored.

    Raises:
        click.UsageError: An output is ``-``.
        NlmkitError: An output is an input or is inside one, two outputs are the same, or an output would prevent a
            model from being saved.
    """
    given = [output for output in outputs if output is not None]
    for output in given:
        if output.path == STDIN:
            raise click.UsageError(
                f"{output.option} - is not a file name: standard output is for results (use ./- for a file named -)"
            )
        if not output.path:
            raise click.UsageError(f"{output.option} requires a name")
    names = dict.fromkeys(name for name in inputs if name and name != STDIN and os.path.lexists(name))
    for output in given:
        for name in [*names, *_files_of_catalog(inputs)]:
            _refuse_input(output, name)
    for number, output in enumerate(given):
        for other in given[:number]:
            _refuse_both(other, output)
        if not output.is_model:
            _refuse_in_model(output, given)
        elif (around := model_around(output.real)) is not None and around != output.real:
            raise NlmkitError(
                f"{output.option} {output.path} is in the folder of the model {around}, which could not be replaced "
                "then: choose another path"
            )


def parameter_inputs(params: Mapping[str, Any], declared: Mapping[str, HyperParameter]) -> list[str]:
    """Return the values of hyper-parameters that name files or saved models.

    Args:
        params: Given values; a ``tokenizer`` need not be declared.
        declared: The hyper-parameters by name.
    """
    found: list[str] = []
    for name, value in params.items():
        if name == "tokenizer":  # by a folder or by a name, which no file has to do with
            found += [value.removeprefix(PREFIX)] if isinstance(value, str) and value.startswith(PREFIX) else []
        elif name in declared and _names_file(declared[name]):
            found += [each for each in _flat(value) if isinstance(each, str)]
    return found


def _names_file(parameter: HyperParameter) -> bool:
    """Return whether a hyper-parameter takes a file or a model, by its type, name or help."""
    if parameter.choices is not None:
        return False
    words = {*re.findall(r"[a-z]+", parameter.help.lower()), *parameter.name.split("_")}
    return parameter.takes_components or not words.isdisjoint(_FILES)


def _flat(value: Any) -> list[Any]:
    return [item for each in value for item in _flat(each)] if isinstance(value, (list, tuple)) else [value]


def _files_of_catalog(inputs: Sequence[str | None]) -> list[str]:
    names = [name for name in inputs if name and name.startswith(CATALOG_PREFIX)]
    if not names:
        return []
    from nlmkit.text import catalog

    found: list[str] = []
    for name in names:
        try:
            files = catalog.resolve(name.removeprefix(CATALOG_PREFIX))
        except DataError:  # reading it raises it
            continue
        found += map(str, files) if isinstance(files, list) else []
    return found


def _refuse_input(output: Output, name: str) -> None:
    """Raise an error if ``output`` is the input ``name`` or one of its files."""
    real = Path(os.path.realpath(name))
    remedy = "choose another path"
    if output.real == real or _same_file(output.path, name):
        raise NlmkitError(f"{output.option} {output.path} is the same as {name}, which is read: {remedy}")
    if real.is_dir() and not output.is_model:
        if output.real.parent == real and not _is_model(real):
            raise NlmkitError(f"{output.option} {output.path} is in {name}, whose files are read as text: {remedy}")
        for file in _files(real):
            if _same_file(output.path, file):
                raise NlmkitError(f"{output.option} {output.path} is the same as {file}, which is read: {remedy}")
    if output.is_model and output.real in real.parents and not _is_record(real):
        raise NlmkitError(f"{output.option} {output.path} contains {name}, which is read: {remedy}")


def _same_file(one: str | Path, other: str | Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of them is not there
        return False


def _is_model(folder: Path) -> bool:
    return (folder / "manifest.json").exists()


def _files(folder: Path) -> Sequence[Path]:
    try:
        return [entry for entry in folder.iterdir() if entry.is_file()]
    except OSError:
        return []


def _is_record(file: Path) -> bool:
    """Return whether a run may leave such a file in a model's folder, where saving the model leaves it alone."""
    return file.suffix.lower() in (*PICTURES, SETTINGS) and not is_models_own(file.name)


def _refuse_both(one: Output, other: Output) -> None:
    if one.real == other.real or _same_file(one.path, other.path):
        raise NlmkitError(f"{one.option} and {other.option} are both {other.path}: choose different paths")
    for inner, outer in ((one, other), (other, one)):
        if inner.is_model and outer.real in inner.real.parents:
            raise NlmkitError(
                f"{inner.option} {inner.path} is in {outer.option} {outer.path}, which can contain only its model, "
                "logs, pictures and settings: choose another path"
            )


def _refuse_in_model(output: Output, given: Sequence[Output]) -> None:
    """Raise an error for a file that would prevent saving a model among the outputs or an existing one."""
    folders = {other.real: other for other in given if other.is_model}
    around = next((folder for folder in output.real.parents if folder in folders), None)
    if around is not None and folders[around].option == CHECKPOINT:
        raise NlmkitError(
            f"{output.option} {output.path} is in the checkpoint {folders[around].path}, which is removed when the "
            "model is saved: choose another path"
        )
    around = around or model_around(output.real)
    if around is None:
        return
    inside = output.real.relative_to(around)
    if is_models_own(inside.parts[0]) or not (output.is_log or _is_record(output.real)):
        raise NlmkitError(
            f"{output.option} {output.path} is in the folder of the model {around}, which can contain only the "
            f"model, training logs, pictures ({', '.join(sorted(PICTURES))}) and settings ({SETTINGS}): "
            "choose another path"
        )


CHECKPOINT = "the checkpoint"
"""Name of the checkpoint's folder in messages, since no option names it."""
