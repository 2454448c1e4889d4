"""What is asked of a model over HTTP, declared once: ``Question`` and ``Option``.

The parser of requests, the OpenAPI document and the list of models read these declarations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from nlmkit.serving.errors import RequestError

Item = Literal["text", "word", "vector"]

JsonSchema = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a request.

    Attributes:
        name: Key in the request.
        about: What it does.
        default: Value where it is not given; its type is that of the option.
        low: Least number.
        high: Greatest number.
        choices: Allowed strings.
    """

    name: str
    about: str
    default: bool | int | str
    low: int = 1
    high: int = 1000
    choices: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the value."""
        if isinstance(self.default, bool):
            found: dict[str, Any] = {"type": "boolean"}
        elif isinstance(self.default, int):
            found = {"type": "integer", "minimum": self.low, "maximum": self.high}
        else:
            found = {"type": "string", "enum": list(self.choices)}
        return found | {"default": self.default, "description": self.about}

    def checked(self, value: Any) -> Any:
        """Return a value from a request.

        Raises:
            RequestError: It is not one of the option.
        """
        if isinstance(self.default, bool):
            fits, wanted = isinstance(value, bool), "true or false"
        elif isinstance(self.default, int):
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            fits, wanted = is_whole and self.low <= value <= self.high, f"a whole number from {self.low} to {self.high}"
        else:
            fits, wanted = value in self.choices if isinstance(value, str) else False, " or ".join(self.choices)
        if not fits:
            raise RequestError(422, f"{self.name} must be {wanted}")
        return value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a model.

    Attributes:
        name: Last part of the address: ``/v1/NAME``.
        about: One line on what is answered.
        answer: Function of the model, the inputs and the options by name. It returns one JSON-ready result per input;
            a number that JSON cannot represent becomes null.
        result: JSON schema of the properties of a result, by name.
        item: What one input is; requests give it under this name, or several under its plural.
        options: Options of requests.
        together: Number of inputs that ``answer`` gets at once; the time limit is checked between.
        applies: Whether a model of the kind answers the question.
    """

    name: str
    about: str
    answer: Callable[[Any, Sequence[Any], Mapping[str, Any]], Iterable[dict[str, Any]]]
    result: Mapping[str, JsonSchema]
    item: Item = "text"
    options: tuple[Option, ...] = ()
    together: int = 32
    applies: Callable[[Any], bool] = lambda model: True

    @property
    def items(self) -> str:
        """Key of several inputs."""
        return f"{self.item}s"


NUMBER: Final[JsonSchema] = {"type": "number"}
MAYBE: Final[JsonSchema] = {"type": ["number", "null"]}
WHOLE: Final[JsonSchema] = {"type": "integer"}
STRING: Final[JsonSchema] = {"type": "string"}


def numbers_by(what: str) -> JsonSchema:
    """Return the schema of an object of numbers."""
    return {"type": "object", "description": f"by {what}", "additionalProperties": NUMBER}


def list_of(properties: Mapping[str, JsonSchema]) -> JsonSchema:
    """Return the schema of a list of objects."""
    return {"type": "array", "items": {"type": "object", "properties": dict(properties)}}


HIGHLIGHTS: Final = Option(
    name="highlights",
    default=False,
    about="also return tokens with their weights, where the model has any",
)
"""Option of classifiers and regressors."""

WEIGHTS: Final[JsonSchema] = list_of({"token": STRING, "weight": NUMBER})


def highlights_of(model: Any, text: str) -> list[dict[str, Any]]:
    """Return the tokens of a text with their weights in the answer.

    Raises:
        RequestError: The model has none.
    """
    if not hasattr(model, "highlights"):
        raise RequestError(422, f"{model.name} cannot explain its predictions: omit highlights")
    return [{"token": token, "weight": weight} for token, weight in model.highlights(text)]
