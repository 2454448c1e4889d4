"""``nlmkit score`` for a language model: the mean log-probability of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nlmkit.cli import output
from nlmkit.cli.options import for_source
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.progress import progress
from nlmkit.core.notes import note

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel
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
    text_column: str | None = None,
    format: str | None = None,
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
        text_column: Column of the text, where the texts are tables.
        format: Layout of the tables; None for that of their suffixes.
        marks: What to do with sentence marks and NUL; None for an error.
    """
    from nlmkit.cli.texts import read_texts
    from nlmkit.language_models.unknown_words import note_cheap_unknown

    column = choose_text_column(text_column, format)
    facts: dict[str, Any] = {"model": model, "component": component.name, "kind": component.kind}
    with progress(quiet=quiet) as display:
        pipeline = for_source(component.pipeline_, encoding, errors, marks)
        corpus = read_texts(texts, pipeline, display, "reading text", column)
        if display is not None:
            display.start("scoring")
        facts |= {"normalized": component.normalized, "score": component.score(corpus)}
        note_cheap_unknown(component, int(corpus.oov_mask(component.vocabulary_).sum()), corpus.tokens)
        facts |= {"events": corpus.events, "sentences": corpus.sentences}
        if not corpus.events:
            note(f"{', '.join(texts)}: the text is empty, and a score is the mean of its events: it has none")
    if as_json:
        output.write_json(facts)
    else:
        output.write(f"{facts['score']!r}\n")
