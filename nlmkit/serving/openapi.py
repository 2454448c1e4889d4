"""The OpenAPI document of a server, from the declarations of questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core.version import installed_version

if TYPE_CHECKING:
    from nlmkit.serving.models import Served
    from nlmkit.serving.questions import Question
    from nlmkit.serving.settings import Limits

_ERRORS: Final = {
    "400": "The body is not JSON.",
    "404": "No served model has this name, or none answers the question.",
    "408": "The request did not arrive in time.",
    "413": "The request is too large, or takes too long to answer.",
    "415": "The body is not said to be JSON.",
    "421": "The host name is not served here.",
    "422": "A value is not allowed, or the model refuses an input.",
    "503": "Too many requests are being answered; try again later.",
}


def document(questions: Mapping[str, Question], models: Mapping[str, Served], limits: Limits) -> dict[str, Any]:
    """Return the document: OpenAPI 3.1, JSON-ready, with the questions that one of the models answers."""
    able = {name: [served.name for served in models.values() if name in served.questions] for name in questions}
    asked = {f"/v1/{name}": {"post": _question(questions[name], own, limits)} for name, own in able.items() if own}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nlmkit serve",
            "version": installed_version("nlmkit"),
            "description": "Models of nlmkit over HTTP. Numbers are those of the Python API and the command line.",
        },
        "paths": {
            **asked,
            "/v1/models": {
                "get": _get("models", "The served models, what they answer, and facts.", {"models": _OBJECTS})
            },
            "/health": {"get": _get("health", "Whether the server answers.", {"status": {"const": "ok"}})},
        },
        "components": {
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {"error": {"type": "string", "description": "one line"}},
                }
            }
        },
    }


_OBJECTS: Final = {"type": "array", "items": {"type": "object"}}


def _question(question: Question, models: list[str], limits: Limits) -> dict[str, Any]:
    one: dict[str, Any] = {"type": "string", "maxLength": limits.characters}
    if question.item == "vector":
        one = {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": limits.characters}
    only = "; may be left out" if len(models) == 1 else ""
    properties: dict[str, Any] = {
        "model": {"type": "string", "enum": models, "description": f"name of a served model{only}"},
        question.item: one | {"description": "one input"},
        question.items: {
            "type": "array",
            "items": one,
            "minItems": 1,
            "maxItems": limits.items,
            "description": "several inputs",
        },
        **{option.name: option.schema for option in question.options},
    }
    body = {
        "type": "object",
        "properties": properties,
        "required": [] if len(models) == 1 else ["model"],
        "oneOf": [{"required": [question.item]}, {"required": [question.items]}],
        "additionalProperties": False,
    }
    result = {"type": "object", "properties": {name: dict(schema) for name, schema in question.result.items()}}
    answer = {
        "model": {"type": "string"},
        "results": {"type": "array", "items": result, "description": "one per input, in order"},
    }
    return {
        "operationId": question.name,
        "summary": question.about,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _response("The answer.", answer), **_errors()},
    }


def _get(name: str, about: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"operationId": name, "summary": about, "responses": {"200": _response("The answer.", properties)}}


def _response(about: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": dict(properties)}
    return {"description": about, "content": {"application/json": {"schema": schema}}}


def _errors() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    content = {"application/json": {"schema": schema}}
    return {status: {"description": about, "content": content} for status, about in _ERRORS.items()}
