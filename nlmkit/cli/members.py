"""``--model``: saved models as hyper-parameters of the fitted component."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Sequence
from typing import Any

import click

from nlmkit.core.component import Component
from nlmkit.errors import HyperParameterError


def needs_text(cls: type[Component]) -> bool:
    """Return whether ``fit`` requires training text."""
    return inspect.signature(cls.fit).parameters["data"].default is inspect.Parameter.empty


def load_members(cls: type[Component], paths: Sequence[str], given: Collection[str]) -> dict[str, Any]:
    """Return the saved models as values of the hyper-parameter of ``cls`` that takes models.

    Args:
        cls: Component to fit.
        paths: Folders of saved models.
        given: Names of the hyper-parameters that already have a value.

    Raises:
        click.UsageError: ``cls`` does not take models, or not these.
        SavedModelError: A model cannot be loaded.
    """
    if not paths:
        return {}
    takers = [declared for declared in cls.hyper_parameters().values() if declared.takes_components]
    if not takers:
        raise click.UsageError(f"{cls.name} does not take models: drop --model")
    from nlmkit.core.storage import load

    loaded = tuple(load(path) for path in paths)
    for declared in takers:
        for value in (loaded, loaded[0]) if len(loaded) == 1 else (loaded,):
            try:
                values = {declared.name: declared.check(value)}
            except HyperParameterError:
                continue
            if declared.name in given:
                raise click.UsageError(f"--model and -p {declared.name} exclude each other")
            return values
    wanted = ", ".join(f"{declared.name} ({declared.type_name})" for declared in takers)
    found = ", ".join(f"{path} (a {model.kind})" for path, model in zip(paths, loaded, strict=True))
    raise click.UsageError(f"{cls.name} takes models as {wanted}, not {found}")
