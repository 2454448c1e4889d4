"""``nlmkit score``: one number for a model, greater is better. How it is found depends on the kind of the model."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import click

from nlmkit.cli.group import Command, examples
from nlmkit.cli.labelled import form_flags
from nlmkit.cli.options import decoding_options, json_option, quiet_option, refuse_stdin_twice
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.text_arguments import standard_input, text_argument
from nlmkit.errors import NlmkitError


class _Kind(NamedTuple):
    """How a kind of model is scored.

    Attributes:
        module: Has the function that does it, which is called ``score_KIND``.
        needs: What the command needs beside the model; empty where it can do without.
        options: The options that only some kinds take, and this one does.
    """

    module: str
    needs: str
    options: frozenset[str]


_KINDS: Final[Mapping[str, _Kind]] = {
    "language-model": _Kind("score_language_model", "TEXT", frozenset({"errors", "format", "marks", "text_column"})),
    "representation": _Kind(
        "score_representation",
        "",
        frozenset(
            {
                "measure",
                "samples",
                "seed",
                "analogies",
                "method",
                "restrict_vocabulary",
                "stability",
                "plot",
                "words",
            }
        ),
    ),
    "classifier": _Kind(
        "score_classifier",
        "TEST.tsv",
        frozenset({"errors", "marks", "format", "label_column", "text_column", "samples", "seed", "plot"}),
    ),
}


@click.command(
    "score",
    cls=Command,
    epilog=examples(
        "nlmkit score kn5 test.txt",
        "nlmkit score kn5 - --json < test.txt",
        "nlmkit score kn5 stimuli.tsv --text-column sentence",
        "nlmkit score vectors",
        "nlmkit score vectors simlex999 my-pairs.tsv --analogies --json",
        'nlmkit score vectors --plot royals.png --words "king queen man woman prince princess"',
        "nlmkit score vectors-seed0 --stability vectors-seed1 --stability vectors-seed2",
        "nlmkit score sentiment test.tsv --json",
        "nlmkit score sentiment test.csv --text-column review --plot confusion.png",
    ),
)
@click.argument("model")
@text_argument(required=False)
@json_option
@decoding_options
@click.option(
    "--measure", type=click.Choice(["cosine", "euclidean"]), help="Representation: of similarity.  [default: cosine]"
)
@click.option(
    "--samples",
    type=click.IntRange(0, 10_000_000),
    help="Representation, classifier: bootstrap samples for the intervals; 0 for none.  [default: 1000]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Representation, classifier: seed of the samples, and for drawing words.  [default: 0]",
)
@click.option("--analogies", is_flag=True, default=None, help="Representation: answer Google's analogy questions too.")
@click.option(
    "--method",
    type=click.Choice(["3cosadd", "3cosmul"]),
    help="Representation: how to answer analogies.  [default: 3cosadd]",
)
@click.option(
    "--restrict-vocabulary",
    type=click.IntRange(min=1),
    metavar="N",
    help="Representation: only the N most frequent words may be answers.",
)
@click.option(
    "--stability",
    multiple=True,
    metavar="MODEL",
    help="Representation: another one, such as that of another seed, to compare the nearest neighbours with.",
)
@click.option(
    "--plot",
    metavar="FILE",
    help="Representation: draw words; classifier: draw the confusion matrix. As .png, .svg or .pdf (needs matplotlib).",
)
@click.option(
    "--words",
    multiple=True,
    metavar="WORDS",
    help="Representation: the words to draw, separated by spaces.  [default: the most frequent 60]",
)
@form_flags
@quiet_option
def command(
    *, model: str, texts: tuple[str, ...], as_json: bool, encoding: str | None, quiet: bool, **options: Any
) -> None:
    """Score the saved MODEL: one number, greater is better, with what must stand beside it.

    A language model scores TEXT: the mean natural log-probability (or score, where the model is no distribution) of
    an event, each word and one </s> a sentence. Several texts are one text; `-` is standard input.

    A representation scores PAIRS, files of word<TAB>word<TAB>score or the names wordsim353 and simlex999; without
    PAIRS those two. Of each set: Spearman's rank correlation with the human scores, its 95 % interval, and how many
    pairs have two known words; the score is their mean. A set with fewer than 50 such pairs is noted and has no
    score, nor has the mean then. The exit code is 1 only if no set has one and nothing else (--plot, --analogies,
    --stability) was asked for.

    A classifier scores TEST, labelled texts (label<TAB>text, or CSV or JSONL with named columns): accuracy with its
    95 % interval, macro-F1, the classes one by one, and the confusion matrix.
    """
    refuse_stdin_twice(texts)
    if options["plot"] is not None:
        refuse_conflicts([Output("--plot", options["plot"])], [model, *texts, *options["stability"]])
    from nlmkit.core.storage import load

    component = load(model)
    kind = _KINDS.get(component.kind)
    if kind is None:
        raise NlmkitError(f"{model}: {component.name} is a {component.kind}, which has no score")
    if kind.needs and not texts:
        texts = standard_input(f"{kind.needs} ({model} is a {component.kind})")
    given = {name: value for name, value in options.items() if not (value is None or value is False or value == ())}
    for name in given:
        if name not in kind.options:
            flag = "--" + name.replace("_", "-")
            raise click.UsageError(f"{flag} means nothing for a {component.kind}, which {model} is")
    score: Callable[..., None] = getattr(importlib.import_module(f"nlmkit.cli.{kind.module}"), kind.module)
    score(model, component, texts, as_json=as_json, encoding=encoding, quiet=quiet, **given)
