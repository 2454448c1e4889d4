"""Sizes to prune a model to: a number of n-grams, or bytes of the saved model."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.table import BackoffTable

_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?)(i?b)?", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}

_HEADER_BYTES = 128
"""Upper bound on what the header of the saved arrays takes for one of them."""


@dataclasses.dataclass(frozen=True)
class Size:
    """Largest size of a model.

    Attributes:
        number: Number of n-grams of all orders, single words included, or of bytes.
        in_bytes: Whether these are bytes: those of the saved arrays and vocabulary, ``bytes`` of ``nlmkit show``.
    """

    number: int
    in_bytes: bool

    @classmethod
    def of(cls, value: int | str, name: str = "prune_to") -> Size:
        """Return the size that a value describes: ``1M`` n-grams; ``20MB`` or ``20MiB`` (2²⁰ bytes each).

        Raises:
            HyperParameterError: The value, which the message calls ``name``, is not a positive size.
        """
        found = _SIZE.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
        if found is not None:
            digits, prefix, unit = found.group(1), found.group(2).lower(), (found.group(3) or "").lower()
            base = 1024 if unit == "ib" else 1000
            number = round(float(digits) * base ** _POWERS[prefix])
            if number > 0 and not (unit == "ib" and not prefix):
                return cls(number, bool(unit))
        raise HyperParameterError(
            f"{name} must be a number of n-grams such as 1M, or bytes such as 20MB or 20MiB, not {value!r}"
        )

    def check_precision(self, precision: str) -> None:
        """Raise an error for a number of bytes of a model in a form whose n-grams have no fixed size.

        Raises:
            HyperParameterError: The size is in bytes, and the precision is neither ``float64`` nor ``float32``.
        """
        if self.in_bytes and not precision.startswith("float"):
            raise HyperParameterError(
                f"a size in bytes requires precision=float64 or float32, not {precision}: give a number of n-grams"
            )


def bytes_per_ngram(table: BackoffTable, precision: str) -> list[int]:
    """Return the bytes of an n-gram of each order in the saved arrays of a table with that data type."""
    logarithm = 4 if precision == "float32" else 8
    costs = []
    for k in range(1, table.order + 1):
        index = 8 if k > 1 else 0  # first word and history
        costs.append(index + (2 * logarithm + 4 if k < table.order else logarithm))  # backoff weight and children
    return costs


def overhead(table: BackoffTable, stored: int) -> int:
    """Return the largest number of bytes besides its n-grams that a saved model with this table takes.

    Args:
        table: The table.
        stored: Bytes of all arrays and words of the model with this table.
    """
    arrays = table.arrays()
    ends = 4 * (table.order - 1)  # one more than n-grams in the arrays of children
    return stored - sum(array.nbytes for array in arrays.values()) + ends + _HEADER_BYTES * (len(arrays) + 4)
