"""Models inside models: what a mixture, a cache or an ensemble was made of."""

from __future__ import annotations

from collections.abc import Iterator

from nlmkit.core.component import Component
from nlmkit.reporting.study import Subject

_FITTED = ("models_", "model_", "members_")


def with_members(subject: Subject) -> Iterator[tuple[str, Component]]:
    """Yield the model of a subject and the fitted models inside it, with names such as ``mixed › lstm``."""
    yield from _walk(subject.name, subject.model, set())


def _walk(name: str, model: Component, seen: set[int]) -> Iterator[tuple[str, Component]]:
    if id(model) in seen:
        return
    seen.add(id(model))
    yield name, model
    inside = list(_inside(model))
    names = [member.name for member in inside]
    for place, member in enumerate(inside):
        times = names[:place].count(member.name)
        suffix = f" {times + 1}" if names.count(member.name) > 1 else ""
        yield from _walk(f"{name} › {member.name}{suffix}", member, seen)


def _inside(model: Component) -> Iterator[Component]:
    for attribute in _FITTED:
        held = getattr(model, attribute, None)
        for member in held if isinstance(held, (list, tuple)) else [held]:
            if isinstance(member, Component) and member.is_fitted:
                yield member
