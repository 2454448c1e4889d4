"""What ``fit`` and ``import`` say of the model that they saved, and where they refuse to save one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nlmkit.cli import output
from nlmkit.cli.kinds import part_of
from nlmkit.cli.progress import progress
from nlmkit.core.component import Component
from nlmkit.core.kinds import kind_called, kind_of
from nlmkit.core.notes import note
from nlmkit.errors import SavedModelError


def refuse_output(path: str) -> None:
    """Find out before the work, as far as one can, that nothing can be saved at ``path``.

    Raises:
        SavedModelError: something else than a saved model stands there, or nothing can be written there.
    """
    from nlmkit.saving import check_target

    folder = Path(path)
    with contextlib.suppress(NotADirectoryError):  # a file among the parents, which is said below
        check_target(folder)
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise SavedModelError(f"{path}: cannot write to {existing}; choose another path")


def save(fitted: Component, path: str, *, quiet: bool) -> None:
    """Save a model, with a stage of its own: a large one takes a while."""
    with progress(quiet=quiet) as display:
        if display is not None:
            display.start(f"saving to {path}")
        fitted.save(path)


def fit_facts(fitted: Component, path: str, seconds: float, data: Any = None) -> dict[str, Any]:
    """What is known of a component that was fitted to ``data``, or imported, and saved at ``path``.

    ``fit`` is what the component tells of its fitting: its attribute ``fit_report_``, where it has one.
    """
    facts: dict[str, Any] = {"model": path, "kind": fitted.kind, "component": fitted.name}
    facts |= part_of(kind_of(type(fitted))).facts(fitted, data)
    facts["fit"] = dict(fitted.fit_report_)
    return facts | {"digest": fitted.digest, "seconds": round(seconds, 3)}


def print_fitted(facts: Mapping[str, Any], *, as_json: bool, quiet: bool) -> None:
    """Print the facts as JSON, or a summary to read; notes of the fitting go to stderr in both cases.

    Args:
        facts: As ``fit_facts`` gives them.
        as_json: Whether to print JSON.
        quiet: Whether to print no notes.
    """
    if not quiet:
        for text in facts["fit"].get("notes", ()):
            note(str(text))  # shown once, also where ``fit`` or the reader of the texts logged it before
    if as_json:
        output.write_json(facts)
        return
    counted = part_of(kind_called(facts["kind"])).counted
    rows = [("component", str(facts["component"]))]
    if "corpus" in facts:
        rows.append(("corpus", "{tokens} tokens of {types} types in {sentences} sentences".format(**facts["corpus"])))
    if "vocabulary_size" in facts:
        rows.append(("vocabulary", f"{facts['vocabulary_size']} {counted}"))
    if "dimension" in facts:
        rows.append(("dimension", str(facts["dimension"])))
    shown = {"notes", "seconds", "history", *(row[0] for row in rows)}  # the history is for --json and --plot
    rows += output.fact_rows({key: value for key, value in facts["fit"].items() if key not in shown})
    rows += [("digest", facts["digest"]), ("seconds", f"{facts['seconds']:.2f}"), ("saved to", facts["model"])]
    output.write(output.table(rows, columns=output.columns()))
