"""What classifiers answer: labels with probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nlmkit.serving.questions import HIGHLIGHTS, NUMBER, WEIGHTS, Question, highlights_of, numbers_by

if TYPE_CHECKING:
    from nlmkit.classifiers.base import Classifier


def facts(model: Classifier) -> dict[str, Any]:
    """Return what the list of models says of one."""
    return {"classes": model.classes_.tolist(), "takes": model.takes}


def classify(model: Classifier, texts: Sequence[str], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the most probable label of each text, as ``nlmkit classify --json`` prints it."""
    names = model.classes_.tolist()
    for text, row in zip(texts, model.predict_proba(list(texts)).tolist(), strict=True):
        best = row.index(max(row))
        probabilities = {str(name): value for name, value in zip(names, row, strict=True)}
        found = {"label": names[best], "probability": row[best], "probabilities": probabilities}
        yield found | ({"highlights": highlights_of(model, text)} if options["highlights"] else {})


QUESTIONS: Final = (
    Question(
        name="classify",
        about="Label of each text with the probability of every class; a classifier of trees takes bracketed trees.",
        answer=classify,
        result={
            "label": {"type": ["string", "integer", "boolean"]},
            "probability": NUMBER,
            "probabilities": numbers_by("label"),
            "highlights": WEIGHTS,
        },
        options=(HIGHLIGHTS,),
    ),
)
