"""Options that contradict each other. Nothing here imports torch."""

from __future__ import annotations

from nlmkit.documents.neural.options import StackOptions
from nlmkit.errors import HyperParameterError


def refuse_hidden_dropout(options: StackOptions, layers: int) -> None:
    """Refuse dropout between layers where there is only one.

    Raises:
        HyperParameterError: That is so.
    """
    if options.dropout_hidden and layers == 1:
        raise HyperParameterError(
            f"dropout_hidden={options.dropout_hidden:g} has no effect: it needs layers=2 or more, since it lies between"
        )
