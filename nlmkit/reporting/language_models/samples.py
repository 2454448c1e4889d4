"""Section with sentences that each model produces."""

from __future__ import annotations

from typing import cast

from nlmkit.language_models.base import LanguageModel
from nlmkit.reporting.blocks import Listing, Panel, Panels, Section
from nlmkit.reporting.language_models.study import LanguageModelStudy

_COUNT = 6
_MOST_WORDS = 40


def samples(study: LanguageModelStudy) -> Section | None:
    """Return sampled sentences of each model with a distribution; None if no model has one."""
    panels = []
    for subject in study.subjects:
        model = cast(LanguageModel, subject.model)
        if not model.normalized:
            continue
        texts = []
        for seed in range(study.options.seed, study.options.seed + _COUNT):
            words = model.generate(max_tokens=_MOST_WORDS, seed=seed)
            texts.append(model.pipeline_.detokenize(words) + (" …" if len(words) == _MOST_WORDS else ""))
        panels.append(Panel(subject.name, [Listing(items=tuple(texts))], subject.color))
    if not panels:
        return None
    lead = (
        f"Sentences drawn from each model at temperature 1, up to {_MOST_WORDS} words, seeds {study.options.seed} to "
        f"{study.options.seed + _COUNT - 1}, without <unk>. nlmkit generate draws the same with these seeds."
    )
    return Section(title="Samples", lead=lead, blocks=(Panels(label="Samples by model", panels=tuple(panels)),))
