"""``nlmkit classify``: the most probable label of each line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import decoding, decoding_options, marks_for, refuse_stdin_twice, text_column_options
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.text_arguments import text_argument
from nlmkit.errors import NlmkitError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.classifier import Classifier
    from nlmkit.text import Corpus, TextPipeline
    from nlmkit.text.columns import TextColumn
    from nlmkit.text.marks import Marks


@click.command(
    "classify",
    cls=Command,
    epilog=examples(
        "nlmkit classify sentiment reviews.txt",
        "tail -f reviews.log | nlmkit classify sentiment",
        "nlmkit classify sentiment reviews.txt --json | jq .label",
        "nlmkit classify sentiment reviews.txt --with-text | awk -F'\\t' '$1 == \"positive\"' | cut -f3-",
        "echo 'a quiet masterpiece' | nlmkit classify sentiment --highlights",
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
@text_column_options
@decoding_options
def command(
    *,
    model: str,
    texts: tuple[str, ...],
    as_json: bool,
    with_text: bool,
    highlights: bool,
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
    """
    refuse_stdin_twice(texts)
    column = choose_text_column(text_column, text_format)
    from nlmkit.models import load

    classifier: Any = load(model)
    if classifier.kind != "classifier":
        raise NlmkitError(f"{model}: {classifier.name} is a {classifier.kind}, and this needs a classifier")
    if highlights and not hasattr(classifier, "highlights"):
        raise NlmkitError(f"{model}: {classifier.name} cannot say what its decisions rest on; leave out --highlights")
    pipeline = decoding(classifier.pipeline_, encoding, errors, marks_for(classifier.kind, marks))
    for corpus, lines in _blocks(texts, classifier, pipeline, column):
        write = _json_line if as_json else _tsv_line
        for row in _rows(classifier, corpus, lines, highlights=highlights):
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


def _blocks(
    names: tuple[str, ...], classifier: Classifier, pipeline: TextPipeline, column: TextColumn | None
) -> Iterator[tuple[Corpus, list[str]]]:
    from nlmkit.cli.texts import note_tables
    from nlmkit.text import stream_blocks
    from nlmkit.text.columns import stream_tables

    if column is not None:
        for rows in stream_tables(names, pipeline, column):
            yield dataclasses.replace(rows.corpus(pipeline), pipeline=classifier.pipeline_), rows.texts
        return
    for name in names:
        note_tables([name])
        for block in stream_blocks(name, pipeline):
            # Decoded in another way, perhaps, but tokenized as the classifier does it.
            yield dataclasses.replace(block.corpus, pipeline=classifier.pipeline_), block.lines


def _rows(classifier: Any, corpus: Corpus, lines: list[str], *, highlights: bool) -> Iterator[_Row]:
    names = classifier.classes_.tolist()
    for line, row in zip(lines, classifier.predict_proba(corpus), strict=True):
        best = int(row.argmax())
        told = classifier.highlights(line) if highlights else None
        yield _Row(line, names[best], float(row[best]), names, row, told)


def _json_line(row: _Row, with_text: bool) -> str:
    probabilities = {str(name): value for name, value in zip(row.labels, row.probabilities.tolist(), strict=True)}
    facts: dict[str, Any] = {"label": row.label, "probability": row.probability, "probabilities": probabilities}
    if row.highlights is not None:
        facts["highlights"] = row.highlights
    if with_text:
        facts["text"] = row.text
    return output.to_json(facts) + "\n"


def _tsv_line(row: _Row, with_text: bool) -> str:
    cells = [output.escape_controls(str(row.label)), f"{row.probability:.6f}"]
    if row.highlights is not None:
        cells.append(" ".join(f"{output.escape_controls(token)}:{weight:.4g}" for token, weight in row.highlights))
    if with_text:
        cells.append(output.for_terminal(row.text))
    return "\t".join(cells) + "\n"
