"""The rooms of nlmkit, and which may know which: imports point down only, and in no circle, wherever they are written.

Imports inside functions and those for the type checker alone count like the others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

import nlmkit

PACKAGE: Final = Path(nlmkit.__file__).parent

CORE_TOP: Final = (
    "registry",
    "descriptions",
    "parts",
    "component",
    "groups",
    "presets",
    "saved_tokenizers",
    "storage",
    "vocabulary_limits",
)
FLOORS: Final[tuple[tuple[str, ...], ...]] = (
    ("errors", "contract"),
    ("core",),
    ("text", "saving"),
    tuple(f"core.{name}" for name in CORE_TOP),
    ("training", "layers", "decoding"),
    ("representations", "language_models", "documents", "classifiers", "regressors", "taggers", "seq2seq"),
    ("comparing",),
    ("plots",),
    ("reporting", "serving"),
    ("cli", "testing", "scaffold", "plugin", "__init__", "__main__"),
)
"""The rooms from the ground up; a room of a longer name is apart from the one that it lies in."""

BETWEEN_ROOMS: Final[Mapping[tuple[str, str], str]] = {
    ("text.vector_files", "saving.tensors"): "vectors beside texts may be in a safetensors file",
    ("language_models", "representations"): "vectors are the input layer of neural models",
    ("documents", "representations"): "vectors are the input layer of neural models",
    ("documents", "taggers"): "a segmenter is a tokenizer of texts",
    ("classifiers", "documents"): "what the kinds that read documents share",
    ("regressors", "documents"): "what the kinds that read documents share",
    ("classifiers.combined", "language_models"): "Bayes' rule over one language model per class",
    ("classifiers.trees", "representations"): "vectors are the input layer of neural models",
    ("documents.neural", "language_models"): "a language model's layers are transferred",
    ("taggers.neural", "representations"): "vectors are the input layer of neural models",
    ("taggers.neural", "language_models"): "states of language models are features",
    ("seq2seq.neural", "representations"): "vectors are the input layer of neural models",
    ("seq2seq.neural", "language_models"): "a decoder starts from a language model",
    ("taggers.hmm", "language_models"): "sequences of tags are scored by an n-gram model",
    ("seq2seq", "language_models"): "targets have the perplexity report of language models",
    ("seq2seq", "taggers"): "a segmenter is a tokenizer of texts",
    ("cli", "testing"): "nlmkit plugins check runs the kits",
    ("cli", "scaffold"): "nlmkit plugins new writes packages",
    ("__main__", "cli"): "python -m nlmkit is the command line",
}
"""Imports between rooms of one floor, and why there are any."""

EXCEPTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("language_models.neural.inspection", "plots.inspection"): "an inspection draws itself, as a notebook shows it",
}
"""Imports from a lower floor to a higher one, module by module, and why there are any."""

Graph = Mapping[str, frozenset[str]]


def modules() -> dict[str, ast.Module]:
    """Every module of nlmkit by its name without ``nlmkit.``, parsed."""
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = list(file.relative_to(PACKAGE).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = ast.parse(file.read_text(encoding="utf-8"))
    return found


def imported(tree: ast.Module, known: set[str]) -> Iterator[str]:
    """The modules among ``known`` that a module imports anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the whole path"
            home = node.module or ""
            names = [each if bare(each) in known else home for each in (f"{home}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (bare(name) for name in names if bare(name) in known)


def bare(name: str) -> str:
    """A module's name without ``nlmkit.``; that of the package itself is ``__init__``."""
    return "__init__" if name == "nlmkit" else name.removeprefix("nlmkit.") if name.startswith("nlmkit.") else ""


def graph() -> Graph:
    trees = modules()
    return {name: frozenset(imported(tree, set(trees))) - {name} for name, tree in trees.items()}


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def place(name: str) -> tuple[int, str]:
    """Floor and room of a module."""
    rooms = [(len(room), floor, room) for floor, rooms in enumerate(FLOORS) for room in rooms if within(name, room)]
    assert rooms, f"{name} is in no room: give it a place in FLOORS"
    _, floor, room = max(rooms)
    return floor, "core" if room.startswith("core.") else room


def violations(imports: Graph) -> list[str]:
    """The imports that point up, or to another room of the same floor that has no leave to know it."""
    wrong = []
    for name, targets in sorted(imports.items()):
        floor, room = place(name)
        for target in sorted(targets):
            other_floor, other = place(target)
            leave = any(within(name, one) and within(target, two) for one, two in BETWEEN_ROOMS)
            is_beside = other_floor == floor and other != room and not leave
            if (other_floor > floor or is_beside) and (name, target) not in EXCEPTIONS:
                wrong.append(f"{name} imports {target}, {'beside' if is_beside else 'above'} it")
    return wrong


def circles(imports: Graph) -> list[list[str]]:
    """Modules that reach one another (strongly connected components of two or more), each group sorted."""
    reach = {name: reached(name, imports) for name in imports}
    groups = {tuple(sorted({name, *(o for o in reach[name] if name in reach[o])})) for name in imports}
    return [list(group) for group in sorted(groups) if len(group) > 1]


def reached(name: str, imports: Graph) -> set[str]:
    seen: set[str] = set()
    left = [name]
    while left:
        for target in imports[left.pop()] - seen:
            seen.add(target)
            left.append(target)
    return seen


IMPORTS: Final = graph()


def test_imports_point_down() -> None:
    assert violations(IMPORTS) == []


def test_no_import_is_in_a_circle() -> None:
    assert circles(IMPORTS) == []


def test_every_leave_is_used() -> None:
    used = {
        (one, two)
        for name, targets in IMPORTS.items()
        for target in targets
        for one, two in BETWEEN_ROOMS
        if within(name, one) and within(target, two)
    }
    assert used == set(BETWEEN_ROOMS)
    assert all(target in IMPORTS[name] for name, target in EXCEPTIONS)


@pytest.mark.parametrize(
    ("name", "target", "where"),
    [
        ("text.marks", "language_models.base", "above"),
        ("core.parameters", "core.component", "above"),
        ("saving.files", "core.storage", "above"),
        ("training.clock", "representations.base", "above"),
        ("plots.figure", "cli.output", "above"),
        ("errors", "core.notes", "above"),
        ("representations.base", "language_models.base", "beside"),
        ("layers.masks", "training.clock", "beside"),
        ("text.marks", "saving.files", "beside"),
    ],
)
def test_a_made_up_import_is_found(name: str, target: str, where: str) -> None:
    assert violations({**IMPORTS, name: IMPORTS[name] | {target}}) == [f"{name} imports {target}, {where} it"]


def test_a_made_up_circle_is_found() -> None:
    changed = {**IMPORTS, "text.marks": IMPORTS["text.marks"] | {"text.corpus"}}
    (found,) = circles(changed)
    assert {"text.marks", "text.corpus"} <= set(found)


@pytest.mark.parametrize(
    "code",
    [
        "import nlmkit.core.storage",
        "from nlmkit.core import storage",
        "from nlmkit.core.storage import load",
        "def f():\n    from nlmkit.core.storage import load",
        "if TYPE_CHECKING:\n    from nlmkit.core.storage import load",
    ],
)
def test_imports_are_found_wherever_they_are_written(code: str) -> None:
    assert list(imported(ast.parse(code), set(IMPORTS))) == ["core.storage"]
