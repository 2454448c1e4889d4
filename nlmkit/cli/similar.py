"""``nlmkit similar``: nearest neighbours of words, and answers to analogies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, get_args

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import json_option
from nlmkit.core.notes import note
from nlmkit.errors import DataError, NlmkitError
from nlmkit.representations.base import Representation
from nlmkit.representations.rules import Measure

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
    "-n", "number", type=click.IntRange(min=1), default=10, show_default=True, help="Number of words to list."
)
@click.option(
    "--analogy",
    "analogies",
    multiple=True,
    metavar='"A B C"',
    help="Answer the analogy A is to B as C is to ... (man king woman: queen). Can be repeated.",
)
@click.option(
    "--measure",
    type=click.Choice(get_args(Measure)),
    default="cosine",
    show_default=True,
    help="Similarity measure: the cosine, or 1 / (1 + Euclidean distance).",
)
@click.option(
    "--method", type=click.Choice(_METHODS), default=_METHODS[0], show_default=True, help="Method to answer analogies."
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
    """List the nearest neighbours of each WORD in the representation saved in the folder MODEL.

    A word is looked up as written, then as the representation reads text (for example, lower-cased). Words without a
    vector are skipped with a note; the exit code is 1 only if no question could be answered.
    """
    if not (words or analogies):
        raise click.UsageError("missing WORD (or --analogy)")
    asked: list[dict[str, Any]] = [{"word": word} for word in words]
    asked += [{"analogy": _words_of(text)} for text in analogies]
    from nlmkit.core.storage import load

    representation = load(model)
    if not isinstance(representation, Representation):
        raise NlmkitError(f"{model}: {representation.name} is a {representation.kind}, expected a representation")

    def answer(question: dict[str, Any]) -> list[tuple[str, float]]:
        if "word" in question:
            return representation.most_similar(question["word"], number, measure=measure, restrict=restrict)
        a, b, c = question["analogy"]
        return representation.analogy(a, b, c, number, method=method, restrict=restrict)

    found, unanswered = _answered(asked, answer)
    if as_json:
        facts: dict[str, Any] = {"model": model, "component": representation.name, "digest": representation.digest}
        if words:
            facts["measure"] = measure
        if analogies:
            facts["method"] = method
        facts |= {"restrict_vocabulary": restrict, "results": found}
        output.write_json(facts | ({"unanswered": unanswered} if unanswered else {}))
        return
    for index, result in enumerate(found):
        if len(asked) > 1:
            output.write("\n" * bool(index) + output.escape_controls(_title(result)) + "\n")
        rows = [(entry["word"], f"{entry['similarity']:.4f}") for entry in result["neighbours"]]
        output.write(output.table(rows) if rows else "")


def _answered(
    asked: Sequence[dict[str, Any]], answer: Callable[[dict[str, Any]], list[tuple[str, float]]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the questions with their answers, and the unanswered ones with the reason.

    Raises:
        DataError: No question can be answered.
    """
    found, unanswered = [], []
    for question in asked:
        try:
            found.append(question | {"neighbours": _as_objects(answer(question))})
        except DataError as error:
            if len(asked) == 1:
                raise
            note(str(error))
            unanswered.append(question | {"reason": str(error)})
    if not found:
        raise DataError(f"cannot answer any of the {len(asked)} questions: see the notes")
    return found, unanswered


def _words_of(text: str) -> list[str]:
    from nlmkit.text.tokenizers import SpaceTokenizer

    parts = SpaceTokenizer().tokenize(text)
    if len(parts) != 3:
        raise click.UsageError(f'--analogy requires three words, as in --analogy "man king woman", not {text!r}')
    return parts


def _as_objects(neighbours: list[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"word": word, "similarity": similarity} for word, similarity in neighbours]


def _title(result: dict[str, Any]) -> str:
    if "word" in result:
        return f"{result['word']}:"
    a, b, c = result["analogy"]
    return f"{a} : {b} = {c} :"
