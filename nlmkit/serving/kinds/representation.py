"""What representations answer: the nearest neighbours of words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, get_args

from nlmkit.errors import DataError
from nlmkit.representations.rules import Measure
from nlmkit.serving.questions import NUMBER, STRING, Option, Question, list_of

if TYPE_CHECKING:
    from nlmkit.representations.base import Representation


def facts(model: Representation) -> dict[str, Any]:
    """Return what the list of models says of one."""
    return {"words": len(model.vocabulary_), "dimension": model.dimension}


def similar(model: Representation, words: Sequence[str], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nearest neighbours of each word, as ``nlmkit similar --json`` lists them, or why there are none."""
    for word in words:
        try:
            found = model.most_similar(word, options["top"], measure=options["measure"])
        except DataError as error:
            yield {"word": word, "neighbours": [], "reason": error.problem}
        else:
            yield {"word": word, "neighbours": [{"word": each, "similarity": value} for each, value in found]}


QUESTIONS: Final = (
    Question(
        name="similar",
        about="Nearest neighbours of each word.",
        answer=similar,
        result={
            "word": STRING,
            "neighbours": list_of({"word": STRING, "similarity": NUMBER}),
            "reason": STRING | {"description": "why a word has no neighbours"},
        },
        item="word",
        options=(
            Option(name="top", default=10, about="how many neighbours"),
            Option(name="measure", default="cosine", choices=get_args(Measure), about="cosine, or 1 / (1 + distance)"),
        ),
    ),
)
