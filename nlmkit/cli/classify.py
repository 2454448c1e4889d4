"""``nlmkit classify``: the most probable label of each line."""

from __future__ import annotations

from typing import Any

import click

from nlmkit.cli.answering import answer, answering_options
from nlmkit.cli.group import Command, examples
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.trees import FORMATS as TREE_FORMATS
from nlmkit.cli.trees import TreeOptions
from nlmkit.core.kinds import kind_called


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
        "nlmkit classify phrases trees.txt --nodes --tree-plot first.png",
    ),
)
@click.option(
    "--input",
    "tree_format",
    type=click.Choice(TREE_FORMATS),
    help="Classifier of trees: bracketed trees or CoNLL-U.  [default: by the file's name, else brackets]",
)
@click.option(
    "--nodes",
    is_flag=True,
    allow_from_autoenv=False,
    help="Classifier of trees: also print the labels of all nodes.",
)
@click.option(
    "--tree-plot",
    metavar="FILE",
    help="Classifier of trees: draw the first tree, its nodes colored by their labels, as .png, .svg or .pdf "
    "(requires matplotlib).",
)
@answering_options
def command(tree_format: str | None, nodes: bool, tree_plot: str | None, **given: Any) -> None:
    r"""Label each line of TEXT with the saved classifier MODEL.

    A text is a file, a directory, corpus:NAME, or `-` for standard input, which is also read where none is named. Each
    line is one document, and a blank line is an empty one. A line that comes through a pipe is answered at once.

    A row is label<TAB>probability. --highlights adds a column TOKEN:WEIGHT ..., separated by spaces, and --with-text
    the line as it was, which may hold tabs (all of it: cut -f3-). Control characters in labels and tokens are written
    \xNN or \uNNNN. --json has label, probability, probabilities by label, and what was asked for.

    With --text-column, TEXT is a table with a header. Then the first row names the columns, and each row carries the
    table's other columns along after these, before the text, called input_NAME where the name is taken; so does --json.

    A classifier of trees labels each tree of TEXT, bracketed or in CoNLL-U, whose own labels are ignored. --nodes adds
    a column with the tree and the label of each of its nodes, or WORD:LABEL ... for CoNLL-U; in --json nodes has, in
    post-order, label, probability, text, and the place of the parent in that list. --with-text adds the words.
    """
    if tree_plot is not None:
        refuse_conflicts([Output("--tree-plot", tree_plot)], [given["model"], *given["texts"]])
    answer(
        [kind_called("classifier")],
        trees=TreeOptions(format=tree_format, nodes=nodes, plot=tree_plot),
        hints={
            "regressor": ": use nlmkit predict",
            "tagger": ": use nlmkit tag",
            "sequence-to-sequence": ": use nlmkit translate",
        },
        **given,
    )
