"""``nlmkit tag``: the tag of each token, of raw lines or of tokenized files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import decoding_options, for_source, refuse_stdin_twice, text_column_options, threads_option
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.tagged import Layout, column_options
from nlmkit.cli.text_arguments import text_argument
from nlmkit.errors import NlmkitError

if TYPE_CHECKING:
    from nlmkit.cli.tag_input import Block
    from nlmkit.taggers.base import Tagger
    from nlmkit.text import TextPipeline
    from nlmkit.text.columns import TextColumn
    from nlmkit.text.marks import Marks
    from nlmkit.text.tagged import TaggedSentences

_COLUMNS = column_options(tags="column of gold tags, printed before the predicted ones", default="none")
_HINTS = {
    "classifier": ": use nlmkit classify",
    "regressor": ": use nlmkit predict",
    "sequence-to-sequence": ": use nlmkit translate",
}


def _column_options(function: Any) -> Any:
    for option in reversed(_COLUMNS.values()):
        function = option(function)
    return function


@click.command(
    "tag",
    cls=Command,
    epilog=examples(
        "nlmkit tag chunker news.txt",
        "echo 'He lives in New York .' | nlmkit tag ner --format spans",
        "tail -f news.log | nlmkit tag ner --json | jq -c .spans",
        "nlmkit tag ner news.txt --marginals > probabilities.tsv",
        "nlmkit tag segmenter zh.txt --format words > words.txt",
        "nlmkit tag ner reviews.csv --column review --format spans > spans.tsv",
        "nlmkit tag chunker untagged.conll --input columns",
        "nlmkit tag chunker test.conll --input columns --tag-column -1 | tr '\\t' ' ' | perl conlleval",
        "echo 'He lives in New York .' | nlmkit tag ner --plot sentence.png",
    ),
)
@click.argument("model")
@text_argument(typed=True)
@click.option(
    "--format",
    "--row-format",
    "row_format",
    type=click.Choice(["columns", "jsonl", "spans", "words"]),
    help="Output: one token per line with its tag, a blank line after each sentence (columns); one line of JSON per "
    "sentence (jsonl); one line per span (spans); words separated by spaces (words, for segmenters).  "
    "[default: columns]",
)
@click.option("--json", "as_json", is_flag=True, allow_from_autoenv=False, help="The same as --format jsonl.")
@click.option(
    "--marginals",
    is_flag=True,
    allow_from_autoenv=False,
    help="Also print the exact probability of each tag, of all tags with --format jsonl.",
)
@click.option(
    "--n-best",
    type=click.IntRange(min=1),
    metavar="N",
    allow_from_autoenv=False,
    help="With --format jsonl: also the N most probable tag sequences, with their log-probabilities.",
)
@click.option(
    "--no-header", is_flag=True, allow_from_autoenv=False, help="Omit the header line of --format spans and tables."
)
@click.option(
    "--input",
    "form",
    type=click.Choice(["text", "columns", "conllu"]),
    default="text",
    show_default=True,
    help="Input: raw lines, one sentence each (text), or files with one token per line, laid out as in training.",
)
@_column_options
@click.option("--tokenizer", help="Tokenizer of raw lines.  [default: as in training: space, or char for a segmenter]")
@click.option(
    "--plot",
    metavar="FILE",
    help="Draw the first sentence with the probabilities of its tags, as .png, .svg or .pdf (requires matplotlib).",
)
@text_column_options
@threads_option
@decoding_options
def command(
    *,
    model: str,
    texts: tuple[str, ...],
    row_format: str | None,
    as_json: bool,
    marginals: bool,
    n_best: int | None,
    no_header: bool,
    form: str,
    word_column: int | str | None,
    tag_column: int | str | None,
    feature_column: tuple[int | str, ...] | None,
    tokenizer: str | None,
    plot: str | None,
    text_column: str | None,
    text_format: str | None,
    encoding: str | None,
    errors: str | None,
    marks: Marks | None,
) -> None:
    r"""Tag each token of TEXT with the saved tagger MODEL.

    A text is a file, a directory, corpus:NAME, or `-` for standard input, which is also read where none is named. Each
    line is one sentence, whose tokens are separated by spaces. A segmenter tags characters; white space separates words
    and is not a token. A line that comes through a pipe is answered at once.

    Tags are in the scheme of the training file. A row of columns is token<TAB>tag; --marginals adds the probability of
    that tag. A row of spans is sentence (from 1), start, end (tokens from start to before end, from 0), type,
    probability (that exactly this span is there), text. JSON has tokens, tags and spans (type, start, end, text);
    with --marginals also probabilities, marginals (of each token, all tags of the model, in the scheme BIOES) and the
    probability of each span; with --n-best n_best. Control characters in tokens are written \xNN or \uNNNN.

    With --input columns or conllu, TEXT has one token per line and a blank line after each sentence. Words and features
    are in the columns of training, if no option says otherwise, and need no tags beside them. A row is then
    word<TAB>features...<TAB>tag; with --tag-column the tags of the file are printed before the predicted ones, as
    conlleval reads them.

    With --text-column, TEXT is a table with a header, and each text in the column is a sentence. Rows have a header,
    sentence and position (from 1) before token and tag, and no blank lines between sentences; the table's other columns
    follow, called input_NAME where the name is taken; so they do in JSON, after spans and after words.
    """
    if as_json and row_format not in (None, "jsonl"):
        raise click.UsageError(f"--json and --format {row_format} exclude each other")
    choice = _Choice(
        form=form,
        columns={"word_column": word_column, "tag_column": tag_column, "feature_column": feature_column},
        tokenizer=tokenizer,
        row_format="jsonl" if as_json else row_format or "columns",
        marginals=marginals,
        n_best=n_best,
        no_header=no_header,
        column=choose_text_column(text_column, text_format),
    )
    choice.check()
    refuse_stdin_twice(texts)
    if plot is not None:
        refuse_conflicts([Output("--plot", plot)], [model, *texts])
        from nlmkit.plots.figure import check_plot

        check_plot(plot)
    from nlmkit.cli.tag_rows import WRITERS, answers
    from nlmkit.core.storage import load

    tagger: Any = load(model)
    if tagger.kind != "tagger":
        rest = _HINTS.get(tagger.kind, "")
        raise NlmkitError(f"{model}: {tagger.name} is a {tagger.kind}, expected a tagger{rest}")
    pipeline = for_source(tagger.pipeline_, encoding, errors, marks or "literal")
    is_table = choice.column is not None and choice.row_format == "columns"
    writer = WRITERS["table" if is_table else choice.row_format](
        tagger, model, header=not no_header, marginals=marginals
    )
    to_draw = plot
    with_spans = choice.row_format == "spans"
    for block in choice.blocks(texts, tagger, model, pipeline):
        for answer in answers(tagger, block, with_spans=with_spans, marginals=marginals, n_best=n_best):
            writer.write(answer)
        output.flush()
        if to_draw is not None and _draw(tagger, block.sentences, to_draw):
            to_draw = None
    if to_draw is not None:
        output.note(f"{to_draw} is not drawn: no sentence has a token")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Choice:
    """Options of input and output.

    Attributes:
        form: Format of the input.
        columns: Where things are in files of columns, by option; None for options that were not given.
        tokenizer: Tokenizer of raw lines; None for that of the model.
        row_format: Format of the output.
        marginals: Whether probabilities are printed.
        n_best: How many tag sequences are printed.
        no_header: Whether the header is left out.
        column: Where the text is, if the texts are tables.
    """

    form: str
    columns: Mapping[str, Any]
    tokenizer: str | None
    row_format: str
    marginals: bool
    n_best: int | None
    no_header: bool
    column: TextColumn | None = None

    def check(self) -> None:
        """Raise an error for options that mean nothing beside the others.

        Raises:
            click.UsageError: there is one.
        """
        if self.n_best is not None and self.row_format != "jsonl":
            raise click.UsageError("--n-best requires --format jsonl")
        if self.no_header and (self.row_format == "jsonl" or (self.row_format != "spans" and self.column is None)):
            raise click.UsageError("--no-header requires --format spans, or --text-column without --json")
        if self.column is not None and self.form != "text":
            raise click.UsageError(f"--text-column is for texts in a table: --input {self.form} has one token per line")
        if self.marginals and self.row_format not in ("columns", "jsonl"):
            is_spans = self.row_format == "spans"
            why = "has the probability of each span" if is_spans else "has no place for probabilities"
            raise click.UsageError(f"--marginals requires --format columns or jsonl: --format {self.row_format} {why}")
        given = ["--" + name.replace("_", "-") for name, value in self.columns.items() if value is not None]
        if given and self.form == "text":
            raise click.UsageError(f"{', '.join(given)}: raw lines have no columns; use --input columns or conllu")
        if self.tokenizer is not None and self.form != "text":
            raise click.UsageError(f"--tokenizer is for raw lines: --input {self.form} has one token per line")

    def blocks(self, texts: tuple[str, ...], tagger: Tagger, model: str, pipeline: TextPipeline) -> Iterator[Block]:
        """Yield the sentences of the texts, some at a time.

        Raises:
            NlmkitError: The model needs more than raw lines.
            DataError: A text is missing or malformed.
        """
        from nlmkit.cli.tag_input import raw_blocks, tokenized_blocks

        if self.form == "text":
            return raw_blocks(texts, tagger, model, pipeline, self.tokenizer, column=self.column)
        words, features = self.columns["word_column"], self.columns["feature_column"]
        layout = Layout(format=self.form, word_column=words, feature_column=features).arguments(tagger.layout_)
        layout["tag_column"] = self.columns["tag_column"]
        return tokenized_blocks(texts, tagger, pipeline, layout, names_features=features is not None)


def _draw(tagger: Tagger, sentences: TaggedSentences, path: str) -> bool:
    """Draw the first sentence that has a token; return whether there is one."""
    import numpy as np

    place = next((index for index in range(len(sentences)) if sentences.sentence(index)), None)
    if place is None:
        return False
    from nlmkit.cli.tag_input import Block
    from nlmkit.cli.tag_rows import answers
    from nlmkit.plots.tag_probabilities import plot_tag_probabilities

    one = Block(sentences.subset(np.array([place])))
    (answer,) = answers(tagger, one, with_spans=False, marginals=True, n_best=None)
    assert answer.marginals is not None
    plot_tag_probabilities(answer.tokens, answer.inner, answer.marginals, tagger.tags_, path)
    return True
