"""``fit`` and ``score`` for regressors: R² and related figures on texts with numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nlmkit.cli.kinds.labelled import LabelledPart
from nlmkit.core.kinds import kind_called

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.cli.predictions import Row
    from nlmkit.regressors.base import Regressor
    from nlmkit.text import Corpus


class RegressorPart(LabelledPart):
    """Part of the command line for regressors, which are scored on texts with numbers."""

    kind = kind_called("regressor")
    answer_keys = answer_columns = ("prediction",)

    def predicted(self, component: Regressor, data: Any) -> tuple[Any, NDArray[Any], list[Row]]:
        """Return the texts, their predictions, and rows of text, truth and prediction."""
        found = component.predict(data)
        columns = zip(data.texts, data.numbers.tolist(), found.tolist(), strict=True)
        rows = [{"text": text, "truth": truth, "prediction": prediction} for text, truth, prediction in columns]
        return data, found, rows

    def answers(self, component: Regressor, corpus: Corpus) -> Iterator[dict[str, Any]]:
        """Yield the predicted number."""
        for number in component.predict(corpus).tolist():
            yield {"prediction": number}

    def answer_cell(self, name: str, value: Any) -> str:
        """Return a number with six significant digits."""
        return f"{value:.6g}"

    def draw(self, report: Any, path: str, title: str) -> None:
        """Draw predictions by numbers, and residuals."""
        from nlmkit.plots.residuals import plot_residuals

        plot_residuals(report, path, title=title)


PART = RegressorPart()
