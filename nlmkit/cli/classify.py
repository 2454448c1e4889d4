"""``nlmkit classify``: the most probable label of each line."""

from __future__ import annotations

from typing import Any

import click

from nlmkit.cli.answering import answer, answering_options
from nlmkit.cli.group import Command, examples
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
    ),
)
@answering_options
def command(**given: Any) -> None:
    r"""Label each line of TEXT with the saved classifier MODEL.

    A text is a file, a directory, corpus:NAME, or `-` for standard input, which is also read where none is named. Each
    line is one document, and a blank line is an empty one. A line that comes through a pipe is answered at once.

    A row is label<TAB>probability. --highlights adds a column TOKEN:WEIGHT ..., separated by spaces, and --with-text
    the line as it was, which may hold tabs (all of it: cut -f3-). Control characters in labels and tokens are written
    \xNN or \uNNNN. --json has label, probability, probabilities by label, and what was asked for.

    With --text-column, TEXT is a table with a header. Then the first row names the columns, and each row carries the
    table's other columns along after these, before the text, called input_NAME where the name is taken; so does --json.
    """
    answer(
        [kind_called("classifier")],
        hints={
            "regressor": ": use nlmkit predict",
            "tagger": ": use nlmkit tag",
            "sequence-to-sequence": ": use nlmkit translate",
        },
        **given,
    )
