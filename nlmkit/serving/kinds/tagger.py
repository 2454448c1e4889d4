"""What taggers answer: tags of tokens, spans, words of a segmented text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from nlmkit.serving.questions import NUMBER, STRING, WHOLE, Option, Question, list_of, numbers_by
from nlmkit.text.labelled import encode
from nlmkit.text.marks import without_nul
from nlmkit.text.tag_schemes import PLAIN, convert, read_spans, write_spans
from nlmkit.text.tagged import TaggedSentences

if TYPE_CHECKING:
    from nlmkit.taggers.base import Tagger
    from nlmkit.text.tag_schemes import Span


def facts(model: Tagger) -> dict[str, Any]:
    """Return what the list of models says of one."""
    return {
        "tags": list(model.tags_),
        "scheme": model.scheme_,
        "tokenization": model.tokenization_.signature,
        "segments": model.is_segmenter_,
    }


def tag(model: Tagger, texts: Sequence[str], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the tags of each sentence, as ``nlmkit tag --json`` prints them, and the words of a segmented one."""
    by_character = model.pipeline_.tokenizer == "char" and model.is_segmenter_
    runs = [cast(str, without_nul(text, "literal")).split() for text in texts]
    data = (
        TaggedSentences([list("".join(words)) for words in runs])
        if by_character
        else TaggedSentences(encode(texts, model.pipeline_))
    )
    scheme = model.scheme_
    marginals = options["marginals"]
    spans = model.predict_spans(data) if marginals and scheme != PLAIN else None
    rows = model.predict_marginals(data) if marginals else None
    predicted = model.predict(data) if spans is None else None
    joint = "" if model.pipeline_.tokenizer == "char" else " "
    for index, run in enumerate(runs):
        tokens = data.sentence(index)
        if spans is not None:
            tags = write_spans((span for span, _ in spans[index]), len(tokens), scheme)
            own: list[tuple[Span, float | None]] = list(spans[index])
        else:
            assert predicted is not None
            tags = predicted[index]
            own = [] if scheme == PLAIN else [(span, None) for span in read_spans(tags, scheme).spans]
        found: dict[str, Any] = {"tokens": tokens, "tags": tags}
        if scheme != PLAIN:
            found["spans"] = [
                {
                    "type": each.type,
                    "start": each.start,
                    "end": each.end,
                    "text": joint.join(tokens[each.start : each.end]),
                }
                | ({} if probability is None else {"probability": probability})
                for each, probability in own
            ]
        if model.is_segmenter_:
            gaps = itertools.accumulate(map(len, run[:-1])) if by_character else ()
            bounds = sorted({*(span.start for span, _ in own), *gaps, len(tokens)})
            found["words"] = ["".join(tokens[start:end]) for start, end in itertools.pairwise(bounds)]
        if rows is not None:
            places = {name: place for place, name in enumerate(model.tags_)}
            inner = tags if scheme == PLAIN else convert(tags, scheme, model.inner_scheme_)[0]
            table = rows[index].tolist()
            found["probabilities"] = [row[places[each]] for row, each in zip(table, inner, strict=True)]
            found["marginals"] = [dict(zip(places, row, strict=True)) for row in table]
        yield found


_STRINGS: Final = {"type": "array", "items": STRING}

QUESTIONS: Final = (
    Question(
        name="tag",
        about="Tag of each token of a sentence, and the spans or words that the tags form.",
        answer=tag,
        result={
            "tokens": _STRINGS,
            "tags": _STRINGS,
            "spans": list_of({"type": STRING, "start": WHOLE, "end": WHOLE, "text": STRING, "probability": NUMBER}),
            "words": _STRINGS,
            "probabilities": {"type": "array", "items": NUMBER},
            "marginals": {"type": "array", "items": numbers_by("tag of the model")},
        },
        options=(
            Option(name="marginals", default=False, about="also return the exact probabilities of tags and spans"),
        ),
        applies=lambda model: not model.feature_names_,  # columns beside the words, which texts lack
    ),
)
