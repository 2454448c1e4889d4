"""Shared part of ``classify`` and ``predict``: a saved model's answer to each line of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli import output
from nlmkit.cli.carried import carried, carried_cell
from nlmkit.cli.kinds import part_of
from nlmkit.cli.kinds.labelled import LabelledPart
from nlmkit.cli.options import decoding_options, for_source, refuse_stdin_twice, text_column_options, threads_option
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.text_arguments import text_argument
from nlmkit.cli.trees import TreeOptions, takes_trees
from nlmkit.core.kinds import Kind, kind_of
from nlmkit.errors import NlmkitError

if TYPE_CHECKING:
    from nlmkit.cli.texts import Part
    from nlmkit.text import Decoding
    from nlmkit.text.marks import Marks


_BESIDE = ("highlights", "text")  # columns that an answer of any kind may have


def answering_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the arguments and options of a command that answers each line, passed as they are."""
    for option in (
        threads_option,
        decoding_options,
        text_column_options,
        click.option(
            "--no-header",
            is_flag=True,
            allow_from_autoenv=False,
            help="With --text-column: omit the header line.",
        ),
        click.option(
            "--highlights",
            is_flag=True,
            allow_from_autoenv=False,
            help="Also print the tokens with their weights in the answer; the meaning of a weight depends on the "
            "model.",
        ),
        click.option(
            "--with-text", is_flag=True, allow_from_autoenv=False, help="Also print the text, as the last column."
        ),
        click.option(
            "--json", "as_json", is_flag=True, allow_from_autoenv=False, help="Print one strict JSON object per text."
        ),
        text_argument(typed=True),
        click.argument("model"),
    ):
        function = option(function)
    return function


def answer(
    kinds: Sequence[Kind],
    *,
    model: str,
    texts: tuple[str, ...],
    as_json: bool,
    with_text: bool,
    highlights: bool,
    no_header: bool,
    text_column: str | None,
    text_format: str | None,
    encoding: str | None,
    errors: str | None,
    marks: Marks | None,
    hints: Mapping[str, str],
    trees: TreeOptions | None = None,
) -> None:
    """Print the answer of a model to each line.

    Args:
        kinds: What the model may be.
        model: Where it is.
        texts: Names of the texts.
        as_json: Whether to print a line of JSON for each.
        with_text: Whether to print the text, too.
        highlights: Whether to print what the answer rests on.
        no_header: Whether to leave out the names of the columns where the texts are tables.
        text_column: Column of the text in a table.
        text_format: Layout of the table.
        encoding: Of the texts; None for that of training.
        errors: What to do with undecodable bytes; None for what was done in training.
        marks: What to do with sentence marks and NUL; None for what suits the kind.
        hints: What takes a model of another kind, as the end of the error, by the name of that kind.
        trees: Options for classifiers of trees.

    Raises:
        NlmkitError: the model is of another kind, or has no highlights.
        click.UsageError: options that contradict each other.
    """
    refuse_stdin_twice(texts)
    column = choose_text_column(text_column, text_format)
    if no_header and (column is None or as_json):
        raise click.UsageError("--no-header requires --text-column: omit it")
    from nlmkit.cli.texts import parts
    from nlmkit.core.storage import load

    component: Any = load(model)
    kind = kind_of(type(component))
    answers = part_of(kind)
    if kind not in kinds or not isinstance(answers, LabelledPart):
        wanted = " or ".join(each.in_words for each in kinds)
        rest = hints.get(kind.name, "")
        raise NlmkitError(f"{model}: {component.name} is a {kind.noun or kind.name}, expected a {wanted}{rest}")
    if highlights and not hasattr(component, "highlights"):
        raise NlmkitError(f"{model}: {component.name} cannot explain its predictions; omit --highlights")
    pipeline = for_source(component.pipeline_, encoding, errors, answers.marks_or(marks))
    trees = trees or TreeOptions()
    if takes_trees(component):
        if column is not None:
            raise click.UsageError(f"--text-column: {model} classifies trees, which have no columns")
        _answer_trees(answers, component, texts, pipeline.decoding, trees, as_json=as_json, with_text=with_text)
        return
    if trees.given:
        raise click.UsageError(f"{trees.given}: {component.name}, which {model} is, reads texts, not trees")
    header_due = column is not None and not (as_json or no_header)
    for part in parts(texts, pipeline, column):
        others = carried(part.others, (*answers.answer_keys, *_BESIDE))
        if header_due:
            names = [*answers.answer_columns, *["highlights"] * highlights, *others, *["text"] * with_text]
            output.write("\t".join(map(output.escape_controls, names)) + "\n")
            header_due = False
        for facts in _answers(answers, component, part, others, highlights=highlights, with_text=with_text):
            output.write(output.to_json(facts) + "\n" if as_json else _row(answers, facts, others))
        output.flush()


def _answer_trees(
    answers: LabelledPart,
    component: Any,
    texts: Sequence[str],
    decoding: Decoding,
    options: TreeOptions,
    *,
    as_json: bool,
    with_text: bool,
) -> None:
    if options.plot is not None:
        from nlmkit.plots.figure import check_plot

        check_plot(options.plot)
    from nlmkit.cli.tree_answers import answer_trees

    answer_trees(answers, component, texts, decoding, options, as_json=as_json, with_text=with_text)


def _answers(
    answers: LabelledPart,
    component: Any,
    part: Part,
    others: Mapping[str, list[Any]],
    *,
    highlights: bool,
    with_text: bool,
) -> Iterator[dict[str, Any]]:
    """Yield the facts of each line: the answer, its highlights, the other columns of the table, the text."""
    for index, (line, facts) in enumerate(zip(part.lines, answers.answers(component, part.corpus), strict=True)):
        beside = {"highlights": component.highlights(line)} if highlights else {}
        carried_along = {name: values[index] for name, values in others.items()}
        yield {**facts, **beside, **carried_along, **({"text": line} if with_text else {})}


def _row(answers: LabelledPart, facts: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    cells = [answers.answer_cell(name, facts[name]) for name in answers.answer_columns]
    if "highlights" in facts:
        told = facts["highlights"]
        cells.append(" ".join(f"{output.escape_controls(token)}:{weight:.4g}" for token, weight in told))
    cells += [carried_cell(facts[name]) for name in others]
    if "text" in facts:
        cells.append(output.for_terminal(facts["text"]))
    return "\t".join(cells) + "\n"
