"""Served models by name, and the questions that each answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core.kinds import KINDS, kind_of
from nlmkit.core.storage import load
from nlmkit.core.suggestions import suggestion
from nlmkit.core.tables import escape_controls
from nlmkit.errors import HyperParameterError, NlmkitError
from nlmkit.serving.errors import RequestError

if TYPE_CHECKING:
    from nlmkit.serving.questions import Question

_LONGEST_NAME: Final = 100


@dataclasses.dataclass(frozen=True, eq=False)
class Served:
    """A served model.

    Attributes:
        name: Name in requests.
        model: The component.
        questions: What it answers, by name.
    """

    name: str
    model: Any
    questions: Mapping[str, Question]

    @classmethod
    def of(cls, name: str, model: Any) -> Served:
        """Return a model with the questions of its kind that it answers."""
        module = import_module(kind_of(type(model)).serving)
        return cls(name, model, {each.name: each for each in module.QUESTIONS if each.applies(model)})

    @property
    def facts(self) -> dict[str, Any]:
        """What the list of models says: JSON-ready, without paths."""
        kind = kind_of(type(self.model))
        own = import_module(kind.serving).facts(self.model)
        head = {"name": self.name, "component": self.model.name, "kind": kind.name, "digest": self.model.digest}
        return {**head, "questions": list(self.questions), **own}


def named(arguments: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return name and folder of each ``FOLDER`` or ``NAME=FOLDER``; without a name it is that of the folder.

    Raises:
        HyperParameterError: A name is used twice, or is not one.
    """
    found: dict[str, str] = {}
    for argument in arguments:
        name, equals, folder = argument.partition("=")
        if not equals or "/" in name or Path(argument).exists():
            name, folder = Path(argument).resolve().name, argument
        if not name or not folder or len(name) > _LONGEST_NAME or name != escape_controls(name):
            problem = f"a name has 1 to {_LONGEST_NAME} characters, no control characters: use NAME=FOLDER"
            raise HyperParameterError(f"{escape_controls(argument[:200])}: {problem}")
        if name in found:
            raise HyperParameterError(f"two models are named {name}: use NAME=FOLDER for one of them")
        found[name] = folder
    return tuple(found.items())


def loaded(models: Sequence[tuple[str, str]], *, verify: bool) -> dict[str, Served]:
    """Load models; arrays are memory-mapped, so that processes share them.

    Args:
        models: Name and folder of each.
        verify: Whether to compare payloads with their SHA-256.

    Raises:
        NlmkitError: One cannot be loaded, or answers no question.
    """
    found = {}
    for name, folder in models:
        served = Served.of(name, load(folder, verify=verify))
        if not served.questions:
            raise NlmkitError(f"{folder}: {served.model.name} reads columns beside the words, which requests lack")
        found[name] = served
    return found


def all_questions() -> dict[str, Question]:
    """Return the questions of all kinds by name."""
    return {each.name: each for kind in KINDS for each in import_module(kind.serving).QUESTIONS}


def choose(models: Mapping[str, Served], question: str, name: object) -> Served:
    """Return the model that a request is for.

    Args:
        models: The served models.
        question: Name of the question.
        name: Name in the request; None for the only model that answers the question.

    Raises:
        RequestError: There is no such model, or it does not answer the question.
    """
    able = [each for each in models.values() if question in each.questions]
    if name is None:
        if len(able) == 1:
            return able[0]
        several = f"name one as model: {', '.join(each.name for each in able)}"
        raise RequestError(422 if able else 404, several if able else f"no served model answers {question}")
    if not isinstance(name, str):
        raise RequestError(422, "model must be the name of a served model")
    served = models.get(name)
    if served is None:
        raise RequestError(404, f"no model named {name[:_LONGEST_NAME]!r}{suggestion(name, list(models))}")
    if question not in served.questions:
        raise RequestError(404, f"{served.name} does not answer {question}, but {', '.join(served.questions)}")
    return served
