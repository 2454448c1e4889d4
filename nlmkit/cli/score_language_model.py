"""``nlmkit score`` for a language model: the mean log-probability of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nlmkit.cli import output
from nlmkit.cli.options import decoding
from nlmkit.cli.progress import progress

if TYPE_CHECKING:
    from nlmkit.components import LanguageModel
    from nlmkit.text.marks import Marks


def score_language_model(
    model: str,
    component: LanguageModel,
    texts: tuple[str, ...],
    *,
    as_json: bool,
    encoding: str | None,
    quiet: bool,
    errors: str | None = None,
    marks: Marks | None = None,
) -> None:
    """Print the score of a text.

    Args:
        model: Where the model is.
        component: The model.
        texts: Names of the text's parts.
        as_json: Whether to print JSON.
        encoding: Of the text; None for that of training.
        quiet: Whether to draw no progress.
        errors: What to do with bytes that are no text in that encoding; None for what was done in training.
        marks: What to do with sentence marks and NUL; None for an error.
    """
    from nlmkit.cli.texts import for_model, read_texts

    facts: dict[str, Any] = {"model": model, "component": component.name, "kind": component.kind}
    with progress(quiet=quiet) as display:
        corpus = read_texts(texts, decoding(component.pipeline_, encoding, errors, marks), display, "reading text")
        if display is not None:
            display.start("scoring")
        corpus = for_model(corpus, component)
        facts |= {"normalized": component.normalized, "score": component.score(corpus)}
        facts |= {"events": corpus.events, "sentences": corpus.sentences}
    if as_json:
        output.write_json(facts)
    else:
        output.write(f"{facts['score']!r}\n")
