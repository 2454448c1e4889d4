"""What regressors answer: numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nlmkit.serving.questions import HIGHLIGHTS, NUMBER, WEIGHTS, Question, highlights_of

if TYPE_CHECKING:
    from nlmkit.regressors.base import Regressor


def facts(model: Regressor) -> dict[str, Any]:
    """Return what the list of models says of one."""
    return {"mean": model.target_mean_, "standard_deviation": model.target_scale_}


def predict(model: Regressor, texts: Sequence[str], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the number of each text, as ``nlmkit predict --json`` prints it."""
    for text, number in zip(texts, model.predict(list(texts)).tolist(), strict=True):
        yield {"prediction": number} | ({"highlights": highlights_of(model, text)} if options["highlights"] else {})


QUESTIONS: Final = (
    Question(
        name="predict",
        about="Number predicted for each text.",
        answer=predict,
        result={"prediction": NUMBER, "highlights": WEIGHTS},
        options=(HIGHLIGHTS,),
    ),
)
