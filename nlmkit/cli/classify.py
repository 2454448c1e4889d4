"""``nlmkit classify``: the most probable label of each line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli import output
from nlmkit.cli.carried import carried, carried_cell
from nlmkit.cli.group import Command, examples
from nlmkit.cli.kinds import part_of
from nlmkit.cli.options import decoding, decoding_options, refuse_stdin_twice, text_column_options
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.text_arguments import text_argument
from nlmkit.core.kinds import kind_of
from nlmkit.errors import NlmkitError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.cli.texts import Part
    from nlmkit.text.marks import Marks

_COLUMNS = ("label", "probability", "probabilities", "highlights", "text")


@click.command(
    "classify",
    cls=Command,
    epilog=examples(
        "nlmkit classify sentiment reviews.txt",
        "tail -f reviews.log | nlmkit classify sentiment",
        "nlmkit classify sentiment reviews.txt --json | jq .label",
        "nlmkit classify sentiment reviews.txt --with-text | awk -F'\\t' '$1 == \"positive\"' | cut -f3-",
        "echo 'a quiet masterpiece' | nlmkit classify sentiment --highlights",
        "nlmkit classify sentiment reviews.csv --text-column review > labelled.tsv",
    ),
)
@click.argument("model")
@text_argument(typed=True)
@click.option("--json", "as_json", is_flag=True, allow_from_autoenv=False, help="A line of strict JSON for each text.")
@click.option("--with-text", is_flag=True, allow_from_autoenv=False, help="The text too, as the last column.")
@click.option(
    "--highlights",
    is_flag=True,
    allow_from_autoenv=False,
    help="The tokens too, each with how much it counts for the label; what that means, the classifier says.",
)
@click.option(
    "--no-header",
    is_flag=True,
    allow_from_autoenv=False,
    help="With --text-column: leave out the names of the columns.",
)
@text_column_options
@decoding_options
def command(
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
) -> None:
    r"""Label each line of TEXT with the saved classifier MODEL.

    A text is a file, a directory, corpus:NAME, or `-` for standard input, which is also read where none is named. Each
    line is one document, and a blank line is an empty one. A line that comes through a pipe is answered at once.

    A row is label<TAB>probability. --highlights adds a column TOKEN:WEIGHT ..., separated by spaces, and --with-text
    the line as it was, which may hold tabs (all of it: cut -f3-). Control characters in labels and tokens are written
    \xNN or \uNNNN. --json has label, probability, probabilities by label, and what was asked for.

    With --text-column, TEXT is a table with a header. Then the first row names the columns, and each row carries the
    table's other columns along after these, before the text, called input_NAME where the name is taken; so does --json.
    """
    refuse_stdin_twice(texts)
    column = choose_text_column(text_column, text_format)
    if no_header and (column is None or as_json):
        raise click.UsageError("--no-header is about the rows that --text-column gives: leave it out")
    from nlmkit.cli.texts import parts
    from nlmkit.core.storage import load

    classifier: Any = load(model)
    if classifier.kind != "classifier":
        raise NlmkitError(f"{model}: {classifier.name} is a {classifier.kind}, and this needs a classifier")
    if highlights and not hasattr(classifier, "highlights"):
        raise NlmkitError(f"{model}: {classifier.name} cannot say what its decisions rest on; leave out --highlights")
    pipeline = decoding(classifier.pipeline_, encoding, errors, part_of(kind_of(type(classifier))).marks_or(marks))
    header_due = column is not None and not (as_json or no_header)
    for part in parts(texts, classifier, pipeline, column):
        others = carried(part.others, _COLUMNS)
        if header_due:
            names = ["label", "probability", *["highlights"] * highlights, *others, *["text"] * with_text]
            output.write("\t".join(map(output.escape_controls, names)) + "\n")
            header_due = False
        write = _json_line if as_json else _tsv_line
        for row in _rows(classifier, part, others, highlights=highlights):
            output.write(write(row, with_text))
        output.flush()


@dataclasses.dataclass(frozen=True)
class _Row:
    """A line and what is made of it."""

    text: str
    label: Any
    probability: float
    labels: list[Any]
    probabilities: NDArray[np.float64]
    highlights: list[tuple[str, float]] | None
    others: dict[str, Any]


def _rows(classifier: Any, part: Part, others: dict[str, list[Any]], *, highlights: bool) -> Iterator[_Row]:
    names = classifier.classes_.tolist()
    for index, (line, row) in enumerate(zip(part.lines, classifier.predict_proba(part.corpus), strict=True)):
        best = int(row.argmax())
        told = classifier.highlights(line) if highlights else None
        beside = {name: values[index] for name, values in others.items()}
        yield _Row(line, names[best], float(row[best]), names, row, told, beside)


def _json_line(row: _Row, with_text: bool) -> str:
    probabilities = {str(name): value for name, value in zip(row.labels, row.probabilities.tolist(), strict=True)}
    facts: dict[str, Any] = {"label": row.label, "probability": row.probability, "probabilities": probabilities}
    if row.highlights is not None:
        facts["highlights"] = row.highlights
    facts |= row.others
    if with_text:
        facts["text"] = row.text
    return output.to_json(facts) + "\n"


def _tsv_line(row: _Row, with_text: bool) -> str:
    cells = [output.escape_controls(str(row.label)), f"{row.probability:.6f}"]
    if row.highlights is not None:
        cells.append(" ".join(f"{output.escape_controls(token)}:{weight:.4g}" for token, weight in row.highlights))
    cells += map(carried_cell, row.others.values())
    if with_text:
        cells.append(output.for_terminal(row.text))
    return "\t".join(cells) + "\n"
