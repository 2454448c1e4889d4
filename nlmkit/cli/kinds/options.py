"""Options of ``score`` that several kinds share, though not all."""

from __future__ import annotations

from typing import Final

import click

from nlmkit.cli.kinds.part import Option

SAMPLES: Final[Option] = click.option(
    "--samples",
    type=click.IntRange(0, 10_000_000),
    help="Representation, classifier, regressor: bootstrap samples for the intervals; 0 for none.  [default: 1000]",
)
SEED: Final[Option] = click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Representation, classifier, regressor: seed of the samples, and for drawing words.  [default: 0]",
)
PLOT: Final[Option] = click.option(
    "--plot",
    metavar="FILE",
    help="Representation: draw words; classifier: the confusion matrix; regressor: predictions and residuals. As .png, "
    ".svg or .pdf (needs matplotlib).",
)
