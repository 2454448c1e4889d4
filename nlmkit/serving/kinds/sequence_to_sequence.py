"""What sequence-to-sequence models answer: translations of texts, descriptions of vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.errors import DataError
from nlmkit.serving.questions import NUMBER, STRING, Option, Question, list_of

if TYPE_CHECKING:
    from nlmkit.seq2seq.base import SequenceToSequence
    from nlmkit.seq2seq.translations import Translation


def facts(model: SequenceToSequence) -> dict[str, Any]:
    """Return what the list of models says of one."""
    found: dict[str, Any] = {"takes": model.takes, "vocabulary_size": model.vocabulary_.size_predictable}
    return found | ({"dimension": model.dimension_} if model.takes == "vectors" else {})


def translate(model: SequenceToSequence, texts: Sequence[str], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the best targets of each source; of a blank one the empty text, as ``nlmkit translate`` does."""
    filled = [text for text in texts if text.strip()]
    found = _found(model, filled, options) if filled else iter(())
    for text in texts:
        yield next(found) if text.strip() else _answer([], options)


def describe(
    model: SequenceToSequence, vectors: Sequence[Sequence[float]], options: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the best targets of each vector.

    Raises:
        DataError: One has another dimension than those of training.
    """
    for number, vector in enumerate(vectors, start=1):
        if len(vector) != model.dimension_:
            raise DataError(f"has {len(vector)} numbers, but the model takes {model.dimension_}", line=number)
    yield from _found(model, np.array(vectors, np.float32), options)


def _found(model: SequenceToSequence, sources: Any, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    beam = max(options["beam"], options["n_best"])
    for best in model.n_best(sources, options["n_best"], beam=beam):
        yield _answer(best, options)


def _answer(best: Sequence[Translation], options: Mapping[str, Any]) -> dict[str, Any]:
    if not best:
        found: dict[str, Any] = {"translation": "", "tokens": [], "log_prob": None, "score": None}
    else:
        found = {"translation": best[0].text, **_facts(best[0])}
    if options["n_best"] > 1:
        found["n_best"] = [{"text": each.text, **_facts(each)} for each in best]
    return found


def _facts(target: Translation) -> dict[str, Any]:
    return {"tokens": list(target.tokens), "log_prob": target.log_prob, "score": target.score}


_STRINGS: Final = {"type": "array", "items": STRING}
_TARGET: Final = {"tokens": _STRINGS, "log_prob": NUMBER, "score": NUMBER}
_OPTIONS: Final = (
    Option(name="beam", default=5, high=50, about="hypotheses that are kept"),
    Option(name="n_best", default=1, high=50, about="how many targets; those beyond the first are under n_best"),
)
_RESULT: Final = {"translation": STRING, **_TARGET, "n_best": list_of({"text": STRING, **_TARGET})}

QUESTIONS: Final = (
    Question(
        name="translate",
        about="Best target found for each text, such as its translation.",
        answer=translate,
        result=_RESULT,
        options=_OPTIONS,
        together=8,
        applies=lambda model: model.takes == "texts",
    ),
    Question(
        name="describe",
        about="Best target found for each vector, such as its description.",
        answer=describe,
        result=_RESULT,
        item="vector",
        options=_OPTIONS,
        together=8,
        applies=lambda model: model.takes == "vectors",
    ),
)
