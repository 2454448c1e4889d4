"""``nlmkit classify``: the most probable label of each line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import decoding, decoding_options, refuse_stdin_twice
from nlmkit.cli.text_arguments import text_argument
from nlmkit.errors import NlmkitError

if TYPE_CHECKING:
    from nlmkit.classifier import Classifier
    from nlmkit.text import Corpus, TextPipeline


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
@decoding_options
def command(
    *,
    model: str,
    texts: tuple[str, ...],
    as_json: bool,
    with_text: bool,
    highlights: bool,
    encoding: str | None,
    errors: str | None,
) -> None:
    r"""Label each line of TEXT with the saved classifier MODEL.

    A text is a file, a directory, corpus:NAME, or `-` for standard input, which is also read where none is named. Each
    line is one document, and a blank line is an empty one. A line that comes through a pipe is answered at once.

    A row is label<TAB>probability. --highlights adds a column TOKEN:WEIGHT ..., separated by spaces, and --with-text
    the line as it was, which may hold tabs (all of it: cut -f3-). Control characters in labels and tokens are written
    \xNN or \uNNNN. --json has label, probability, probabilities by label, and what was asked for.
    """
    refuse_stdin_twice(texts)
    from nlmkit.models import load

    classifier: Any = load(model)
    if classifier.kind != "classifier":
        raise NlmkitError(f"{model}: {classifier.name} is a {classifier.kind}, and this needs a classifier")
    if highlights and not hasattr(classifier, "highlights"):
        raise NlmkitError(f"{model}: {classifier.name} cannot say what its decisions rest on; leave out --highlights")
    pipeline = decoding(classifier.pipeline_, encoding, errors)
    for corpus, lines in _blocks(texts, classifier, pipeline):
        rows = list(_rows(classifier, corpus, lines, highlights=highlights))
        write = _json_line if as_json else _tsv_line
        output.write("".join(write(row, with_text) for row in rows))
        output.flush()


@dataclasses.dataclass(frozen=True)
class _Row:
    """A line and what is made of it."""

    text: str
    label: Any
    probability: float
    probabilities: dict[str, float]
    highlights: list[tuple[str, float]] | None


def _blocks(
    names: tuple[str, ...], classifier: Classifier, pipeline: TextPipeline
) -> Iterator[tuple[Corpus, list[str]]]:
    from nlmkit.text import stream_blocks

    for name in names:
        for block in stream_blocks(name, pipeline):
            # Decoded in another way, perhaps, but tokenized as the classifier does it.
            yield dataclasses.replace(block.corpus, pipeline=classifier.pipeline_), block.lines


def _rows(classifier: Any, corpus: Corpus, lines: list[str], *, highlights: bool) -> Iterator[_Row]:
    names = classifier.classes_.tolist()
    for line, row in zip(lines, classifier.predict_proba(corpus), strict=True):
        best = int(row.argmax())
        yield _Row(
            line,
            names[best],
            float(row[best]),
            {str(name): value for name, value in zip(names, row.tolist(), strict=True)},
            classifier.highlights(line) if highlights else None,
        )


def _json_line(row: _Row, with_text: bool) -> str:
    facts: dict[str, Any] = {"label": row.label, "probability": row.probability, "probabilities": row.probabilities}
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
