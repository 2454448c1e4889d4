"""Section with the most confident mistakes of classifiers, with the words on which they rest."""

from __future__ import annotations

import numpy as np

from nlmkit.classifiers.base import Classifier
from nlmkit.reporting.blocks import LEVELS, Block, Note, Panel, Panels, Scale, Section, Shade, ShadedText, Word
from nlmkit.reporting.classifiers.study import ClassifierStudy, Reading
from nlmkit.text import Corpus

_SHOWN = 10
_TOKENS = 120  # of a text that are shown
_OCCLUDED = 80  # tokens of a text up to which each is left out in turn


def mistakes(study: ClassifierStudy) -> Section | None:
    """Return the most confident mistakes of each classifier; None without texts, and for trees (``trees``)."""
    if not study.readings or study.readings[0].model.takes == "trees":
        return None
    panels = []
    for reading in study.readings:
        study.stage(f"explaining mistakes of {reading.subject.name}")
        panels.append(Panel(reading.subject.name, _of(reading, study.texts), color=reading.subject.color))
    lead = (
        "Texts with a wrong label, the most confident first. Words are shaded by how much they speak for the predicted "
        "label or against it; the strongest word of each text has the full shade."
    )
    return Section(title="Mistakes", lead=lead, blocks=(Panels(label="Classifiers", panels=tuple(panels)),))


def _of(reading: Reading, texts: tuple[str, ...]) -> list[Block]:
    wrong = np.flatnonzero(~reading.hits)
    if not len(wrong):
        return [Note("No text was misclassified.")]
    order = wrong[np.argsort(-reading.confidence[wrong], kind="stable")][:_SHOWN].tolist()
    found: list[Block] = [
        Note(f"{how(reading.model)} {len(order)} of {len(wrong):,} mistakes are shown."),
        Scale(low="against the prediction", high="for the prediction", scale="diverging"),
    ]
    for place in order:
        guess = str(reading.classes[reading.best[place]])
        title = f"{guess} with {reading.confidence[place]:.1%}, but labelled {reading.labels[place]}"
        weights = influence(reading.model, texts[place])
        found.append(ShadedText(title=title, words=shaded(weights), scale="diverging", about=f"text {place + 1}"))
    return found


def how(model: Classifier) -> str:
    """Return what the weights of words are, in a sentence."""
    if hasattr(model, "highlights"):
        return "The weights of words are the model's own (nlmkit classify --highlights)."
    return "The weight of a word is how much less probable the prediction is without it."


def influence(model: Classifier, text: str) -> list[tuple[str, float]]:
    """Return the tokens of a text, each with its weight in the prediction.

    Weights are those of the model's ``highlights``, or else the fall of the probability of the predicted label if a
    token is left out (occlusion; Li, Monroe & Jurafsky 2016); zeros for long texts.
    """
    if hasattr(model, "highlights"):
        found: list[tuple[str, float]] = model.highlights(text)
        return found
    corpus = model.encode([text])
    tokens = corpus.sentence(0)
    if not 0 < len(tokens) <= _OCCLUDED:
        return [(token, 0.0) for token in tokens]
    variants = [tokens, *(tokens[:place] + tokens[place + 1 :] for place in range(len(tokens)))]
    shares = model.predict_proba(Corpus.of_tokens(variants, corpus.pipeline))
    falls = shares[0].max() - shares[1:, shares[0].argmax()]
    return list(zip(tokens, falls.tolist(), strict=True))


def shaded(weights: list[tuple[str, float]]) -> tuple[Word, ...]:
    """Return tokens shaded by their weights, relative to the largest."""
    largest = max((abs(weight) for _, weight in weights), default=0.0)
    middle = LEVELS // 2
    words = []
    for token, weight in weights[:_TOKENS]:
        share = weight / largest if largest else 0.0
        level = None if not weight else middle + round(share * middle)
        words.append(Word(token, shade=Shade(level, "", f"{token}: {weight:+.4f}")))
    rest = len(weights) - len(words)
    return (*words, *([Word(f"… {rest} more")] if rest > 0 else []))
