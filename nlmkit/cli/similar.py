"""``nlmkit similar``: the words most like a word, and answers to analogies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import json_option
from nlmkit.errors import NlmkitError
from nlmkit.representation import Measure, Representation

if TYPE_CHECKING:
    from typing import Literal

_METHODS = ("3cosadd", "3cosmul")


@click.command(
    "similar",
    cls=Command,
    epilog=examples(
        "nlmkit similar glove harbour",
        "nlmkit similar glove harbour sailor -n 5 --json",
        'nlmkit similar glove --analogy "man king woman"',
    ),
)
@click.argument("model")
@click.argument("words", nargs=-1, metavar="WORD...")
@click.option(
    "-n", "number", type=click.IntRange(min=1), default=10, show_default=True, help="How many words are listed."
)
@click.option(
    "--analogy",
    "analogies",
    multiple=True,
    metavar='"A B C"',
    help="List what C is to as A is to B (man king woman: queen). May be given several times.",
)
@click.option(
    "--measure",
    type=click.Choice(get_args(Measure)),
    default="cosine",
    show_default=True,
    help="Of similarity: the cosine, or 1 / (1 + Euclidean distance).",
)
@click.option(
    "--method", type=click.Choice(_METHODS), default=_METHODS[0], show_default=True, help="Of answering analogies."
)
@click.option(
    "--restrict-vocabulary",
    "restrict",
    type=click.IntRange(min=1),
    metavar="N",
    help="Search only the N most frequent words.",
)
@json_option
def command(
    *,
    model: str,
    words: tuple[str, ...],
    number: int,
    analogies: tuple[str, ...],
    measure: Measure,
    method: Literal["3cosadd", "3cosmul"],
    restrict: int | None,
    as_json: bool,
) -> None:
    """List the words most like each WORD, by the representation saved in the folder MODEL.

    A word is looked up as it is spelt, and then as the representation reads text (lower-cased, for instance).
    """
    if not (words or analogies):
        raise click.UsageError("missing WORD (or --analogy)")
    questions = [_question(text) for text in analogies]
    from nlmkit.models import load

    representation = load(model)
    if not isinstance(representation, Representation):
        raise NlmkitError(f"{model}: {representation.name} is a {representation.kind}, and this needs a representation")
    found: list[dict[str, Any]] = []
    for word in words:
        neighbours = representation.most_similar(word, number, measure=measure, restrict=restrict)
        found.append({"word": word, "neighbours": _as_objects(neighbours)})
    for a, b, c in questions:
        answers = representation.analogy(a, b, c, number, method=method, restrict=restrict)
        found.append({"analogy": [a, b, c], "neighbours": _as_objects(answers)})
    if as_json:
        facts: dict[str, Any] = {"model": model, "component": representation.name, "digest": representation.digest}
        if words:
            facts["measure"] = measure
        if questions:
            facts["method"] = method
        output.write_json(facts | {"restrict_vocabulary": restrict, "results": found})
        return
    for index, result in enumerate(found):
        if len(found) > 1:
            output.write("\n" * bool(index) + output.escape_controls(_title(result)) + "\n")
        rows = [(entry["word"], f"{entry['similarity']:.4f}") for entry in result["neighbours"]]
        output.write(output.table(rows) if rows else "")


def _question(text: str) -> tuple[str, str, str]:
    from nlmkit.text.tokenizers import SpaceTokenizer

    parts = SpaceTokenizer().tokenize(text)
    if len(parts) != 3:
        raise click.UsageError(f'--analogy takes three words, as in --analogy "man king woman", not {text!r}')
    return parts[0], parts[1], parts[2]


def _as_objects(neighbours: list[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"word": word, "similarity": similarity} for word, similarity in neighbours]


def _title(result: dict[str, Any]) -> str:
    if "word" in result:
        return f"{result['word']}:"
    a, b, c = result["analogy"]
    return f"{a} : {b} = {c} :"
