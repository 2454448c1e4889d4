"""Bodies of requests as calls of models: ``Call``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core.suggestions import suggestion
from nlmkit.saving.strict_json import StrictJSONError, parse, shown
from nlmkit.serving.errors import RequestError
from nlmkit.serving.models import Served, choose

if TYPE_CHECKING:
    from nlmkit.serving.questions import Question
    from nlmkit.serving.settings import Limits

_LARGEST: Final = 1e30  # of a number in a vector, far below the largest float32


@dataclasses.dataclass(frozen=True)
class Call:
    """A question to a model.

    Attributes:
        served: The model.
        question: The question.
        items: The inputs: strings or lists of numbers.
        options: Value of every option by name.
    """

    served: Served
    question: Question
    items: Sequence[Any]
    options: Mapping[str, Any]


def call_of(body: bytes, question: str, models: Mapping[str, Served], limits: Limits) -> Call:
    """Return the call that a request's body asks for.

    Args:
        body: JSON in UTF-8.
        question: Name of the question.
        models: The served models.
        limits: Limits of requests.

    Raises:
        RequestError: The body is not an object of the question, or exceeds a limit.
    """
    try:
        given = parse(bytes(body))
    except StrictJSONError as error:
        raise RequestError(400, f"the body {error}") from None
    if not isinstance(given, dict):
        raise RequestError(400, "the body must be a JSON object")
    served = choose(models, question, given.pop("model", None))
    asked = served.questions[question]
    items = _items(given, asked, limits)
    known = {option.name: option for option in asked.options}
    if unknown := next((name for name in given if name not in known), None):
        keys = ["model", asked.item, asked.items, *known]
        raise RequestError(422, f"{question} has no option {shown(unknown)}{suggestion(unknown, keys)}")
    values = {name: option.checked(given[name]) if name in given else option.default for name, option in known.items()}
    return Call(served, asked, items, values)


def _items(given: dict[str, Any], asked: Question, limits: Limits) -> list[Any]:
    """Take the inputs out of a request.

    Raises:
        RequestError: There is none, or one is not of the question's type, or too long.
    """
    one, several = given.pop(asked.item, None), given.pop(asked.items, None)
    if (one is None) == (several is None):
        raise RequestError(422, f"give either {asked.item} or {asked.items}")
    items = [one] if several is None else several
    if not isinstance(items, list):
        raise RequestError(422, f"{asked.items} must be a list")
    if not items:
        raise RequestError(422, f"{asked.items} is empty")
    if len(items) > limits.items:
        raise RequestError(413, f"{len(items)} {asked.items} are more than {limits.items}: send several requests")
    check = _check_vector if asked.item == "vector" else _check_string
    for number, item in enumerate(items, start=1):
        check(item, f"{asked.item} {number}", limits)
    return items


def _check_string(item: object, what: str, limits: Limits) -> None:
    if not isinstance(item, str):
        raise RequestError(422, f"{what} must be a string")
    if len(item) > limits.characters:
        raise RequestError(413, f"{what} has {len(item)} characters, more than {limits.characters}")


def _check_vector(item: object, what: str, limits: Limits) -> None:
    if not isinstance(item, list) or not item or not all(map(_is_number, item)):
        raise RequestError(422, f"{what} must be a list of numbers between -{_LARGEST:g} and {_LARGEST:g}")
    if len(item) > limits.characters:
        raise RequestError(413, f"{what} has {len(item)} numbers, more than {limits.characters}")


def _is_number(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) <= _LARGEST  # type: ignore[arg-type]
