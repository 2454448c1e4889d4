"""``--max-perplexity`` and ``--max-oov``: which lines of a text a filter passes."""

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
    """How many words of a line may be OOV words.

    Attributes:
        count: That many; None where it is a share.
        share: That share of the line's words; None where it is a count.
    """

    count: int | None = None
    share: float | None = None


@dataclasses.dataclass(frozen=True)
class LineFilter:
    """What a line must keep to; None where nothing was asked for.

    Attributes:
        max_perplexity: Bound of the perplexity, that excluding OOV words included.
        max_oov: Bound of the OOV words.
    """

    max_perplexity: float | None
    max_oov: MaxOOV | None

    @property
    def is_given(self) -> bool:
        """Whether any line may be refused."""
        return self.max_perplexity is not None or self.max_oov is not None

    def passes(self, figures: LineFigures) -> NDArray[np.bool_]:
        """Return whether each line passes: bool [lines].

        A bound of the perplexity holds with OOV words and without them, since either alone can be low for noise, and
        refuses a line that has only OOV words, of which the model knows nothing.
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
            f"{text[:40]!r} is neither a share (0.2 or 20%) nor a count of words (a whole number such as 3)",
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
            help="Pass only lines with at most so many OOV words: a share of the line's words (0.2, 20%) or a whole "
            "number of words (3).",
        ),
        click.option(
            "--max-perplexity",
            type=click.FloatRange(min=1),
            callback=_not_nan,
            allow_from_autoenv=False,
            help="Pass only lines whose perplexity, and that excluding OOV, is at most this; a line of OOV words alone "
            "never passes.",
        ),
    ):
        with_filter = option(with_filter)
    return with_filter
