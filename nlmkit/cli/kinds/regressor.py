"""``fit`` and ``score`` for regressors: R² and what must stand beside it, on texts with numbers."""

from __future__ import annotations

from typing import Any

from nlmkit.cli.kinds.labelled import LabelledPart
from nlmkit.core.kinds import kind_of
from nlmkit.regressors.base import Regressor


class RegressorPart(LabelledPart):
    """A regressor is scored on texts with numbers."""

    kind = kind_of(Regressor)

    def draw(self, report: Any, path: str, title: str) -> None:
        """Draw predictions by numbers, and residuals."""
        from nlmkit.plots.residuals import plot_residuals

        plot_residuals(report, path, title=title)


PART = RegressorPart()
