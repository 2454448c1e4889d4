"""Options of ``score`` that several kinds share, though not all."""

from __future__ import annotations

from typing import Final

import click

from nlmkit.cli.kinds.part import Option

SAMPLES: Final[Option] = click.option(
    "--samples",
    type=click.IntRange(0, 10_000_000),
    help="Representation, classifier, regressor, tagger, sequence to sequence: bootstrap samples for the intervals; 0 "
    "for none.  [default: 1000]",
)
SEED: Final[Option] = click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Representation, classifier, regressor, tagger, sequence to sequence: seed of the samples and of the plot of "
    "words.  [default: 0]",
)
PLOT: Final[Option] = click.option(
    "--plot",
    metavar="FILE",
    help="Plot words (representation), the confusion matrix (classifier, tagger), or predictions and residuals "
    "(regressor), as .png, .svg or .pdf (requires matplotlib).",
)
