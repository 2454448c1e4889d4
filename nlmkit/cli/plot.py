"""``nlmkit plot``: learning curves of several trainings in one picture."""

from __future__ import annotations

from pathlib import Path

import click

from nlmkit.cli.group import Command, examples
from nlmkit.cli.outputs import Output, refuse_conflicts


@click.command(
    "plot",
    cls=Command,
    epilog=examples(
        "nlmkit plot lstm.jsonl gru.jsonl -o curves.png",
        "nlmkit plot runs/*.jsonl -o curves.svg",
    ),
)
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="Picture to write: .png, .svg or .pdf (requires matplotlib).",
)
def command(*, logs: tuple[str, ...], output: str) -> None:
    """Draw the learning curves of training logs, which `nlmkit fit --log LOG` writes, in one picture.

    Each metric has a panel over minutes of training: a thin line for the training data, marks for held-out data, a
    color per log. A curve is called after its file, with its folder where two files have the same name.
    """
    refuse_conflicts([Output("--output", output)], logs)
    from nlmkit.plots.curves import plot_learning_curve
    from nlmkit.plots.figure import check_plot
    from nlmkit.training.records import read_log

    check_plot(output)
    names = _names(logs)
    plot_learning_curve({name: read_log(log) for name, log in zip(names, logs, strict=True)}, output)


def _names(logs: tuple[str, ...]) -> list[str]:
    """Return a different name for each log: its file's name without suffix, or its path."""
    stems = [Path(log).stem for log in logs]
    names = [stem if stems.count(stem) == 1 else log for stem, log in zip(stems, logs, strict=True)]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise click.UsageError(f"{repeated} is named twice")
    return names
