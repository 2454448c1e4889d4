"""Filter of the lines of a text: ``--max-perplexity`` and ``--max-oov``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.language_models.report import LineFigures

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class MaxOOV:
    """Bound of the OOV words of a line.

    Attributes:
        count: Maximum number; None if the bound is a share.
        share: Maximum share of the line's words; None if the bound is a count.
    """

    count: int | None = None
    share: float | None = None


@dataclasses.dataclass(frozen=True)
class LineFilter:
    """Bounds of a line; None for bounds that were not given.

    Attributes:
        max_perplexity: Bound of the perplexity, with and without OOV words.
        max_oov: Bound of the OOV words.
    """

    max_perplexity: float | None
    max_oov: MaxOOV | None

    @property
    def is_given(self) -> bool:
        """Whether any bound is set."""
        return self.max_perplexity is not None or self.max_oov is not None

    def passes(self, figures: LineFigures) -> NDArray[np.bool_]:
        """Return whether each line passes: bool [lines].

        The bound of the perplexity applies both with and without OOV words, since either can be low for noise, and
        rejects lines that contain only OOV words.
        """
        import numpy as np

        words = figures.events - 1
        passed = np.ones(len(words), bool)
        if self.max_perplexity is not None:
            worse = np.maximum(figures.perplexity, figures.perplexity_excluding_oov)
            passed &= (worse <= self.max_perplexity) & ((figures.oov < words) | (words == 0))
        if self.max_oov is not None:
            if self.max_oov.count is not None:
                passed &= figures.oov <= self.max_oov.count
            if self.max_oov.share is not None:
                passed &= figures.oov / np.maximum(words, 1) <= self.max_oov.share
        return passed


def _max_oov(ctx: click.Context, param: click.Parameter, value: str | None) -> MaxOOV | None:
    """Callback of ``--max-oov``: a whole number counts words, one with a decimal point or ``%`` is a share."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return MaxOOV(count=int(text))
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1 or not ("." in text or text.endswith("%")):
        raise click.BadParameter(
            f"{text[:40]!r} is not valid: expected a share (0.2 or 20%) or a number of words (a whole "
            "number such as 3)",
            ctx=ctx,
            param=param,
        )
    return MaxOOV(share=share)


def _not_nan(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("must be a number", ctx=ctx, param=param)
    return value


def filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the options of a filter, passed as one ``line_filter``."""
    import functools

    @functools.wraps(function)
    def with_filter(**values: Any) -> Any:
        line_filter = LineFilter(values.pop("max_perplexity"), values.pop("max_oov"))
        return function(**values, line_filter=line_filter)

    for option in (
        click.option(
            "--max-oov",
            callback=_max_oov,
            metavar="SHARE|COUNT",
            allow_from_autoenv=False,
            help="Pass only lines with at most this many OOV words: a share of the line's words (0.2, 20%) or a number "
            "of words (3).",
        ),
        click.option(
            "--max-perplexity",
            type=click.FloatRange(min=1),
            callback=_not_nan,
            allow_from_autoenv=False,
            help="Pass only lines with at most this perplexity, also when excluding OOV words; lines of OOV words "
            "alone never pass.",
        ),
    ):
        with_filter = option(with_filter)
    return with_filter
