"""``nlmkit predict``: the number of each line, or its most probable label."""

from __future__ import annotations

from typing import Any

import click

from nlmkit.cli.answering import answer, answering_options
from nlmkit.cli.group import Command, examples
from nlmkit.core.kinds import kind_called

_HINTS = {
    "language-model": ": use nlmkit generate for the next words",
    "tagger": ": use nlmkit tag",
    "sequence-to-sequence": ": use nlmkit translate",
}


@click.command(
    "predict",
    cls=Command,
    epilog=examples(
        "nlmkit predict stars reviews.txt",
        "tail -f reviews.log | nlmkit predict stars",
        "nlmkit predict stars reviews.txt --json | jq .prediction",
        "nlmkit predict stars reviews.txt --with-text | sort -n | tail -3",
        "echo 'a quiet masterpiece' | nlmkit predict stars --highlights",
        "nlmkit predict stars reviews.csv --text-column review > predicted.tsv",
    ),
)
@answering_options
def command(**given: Any) -> None:
    r"""Predict the number of each line of TEXT with the saved regressor MODEL, or its label with a classifier.

    A text is a file, a directory, corpus:NAME, or `-` for standard input, which is also read where none is named. Each
    line is one document, and a blank line is an empty one. A line that comes through a pipe is answered at once.

    A row is the predicted number, with six significant digits (--json has all); of a classifier it is what `nlmkit
    classify` prints. --highlights adds a column TOKEN:WEIGHT ..., separated by spaces: what each token adds to the
    number. --with-text adds the line as it was, which may hold tabs. Control characters in tokens are written \xNN or
    \uNNNN. --json has prediction, and what was asked for.

    With --text-column, TEXT is a table with a header. Then the first row names the columns, and each row carries the
    table's other columns along after these, before the text, called input_NAME where the name is taken; so does --json.
    """
    kinds = [kind_called(name) for name in ("regressor", "classifier")]
    answer(kinds, hints=_HINTS, **given)
