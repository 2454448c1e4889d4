"""``nlmkit score``: one number for a text, greater is better."""

from __future__ import annotations

from typing import Any

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import decoding, decoding_options, json_option, quiet_option, refuse_stdin_twice
from nlmkit.cli.progress import progress
from nlmkit.components import LanguageModel


@click.command(
    "score",
    cls=Command,
    epilog=examples("nlmkit score kn5 test.txt", "nlmkit score kn5 - --json < test.txt"),
)
@click.argument("model")
@click.argument("texts", nargs=-1, required=True, metavar="TEXT...")
@json_option
@decoding_options
@quiet_option
def command(
    *, model: str, texts: tuple[str, ...], as_json: bool, encoding: str | None, errors: str | None, quiet: bool
) -> None:
    """Score TEXT with the saved MODEL: one number, greater is better.

    For a language model it is the mean natural log-probability (or score, where the model is no distribution) of an
    event: each word and one </s> a sentence. Several texts are one text; `-` is standard input.
    """
    refuse_stdin_twice(texts)
    from nlmkit.cli.texts import for_model, read_texts
    from nlmkit.models import load
    from nlmkit.text import TextPipeline

    component = load(model)
    pipeline = decoding(getattr(component, "pipeline_", TextPipeline()), encoding, errors)
    facts: dict[str, Any] = {"model": model, "component": component.name, "kind": component.kind}
    with progress(quiet=quiet) as display:
        corpus = read_texts(texts, pipeline, display, "reading text")
        if display is not None:
            display.start("scoring")
        if isinstance(component, LanguageModel):
            corpus = for_model(corpus, component)
            facts |= {"normalized": component.normalized}
        facts |= {"score": component.score(corpus), "events": corpus.events, "sentences": corpus.sentences}
    if as_json:
        output.write_json(facts)
    else:
        output.write(f"{facts['score']!r}\n")
