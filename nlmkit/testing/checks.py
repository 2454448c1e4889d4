"""What a check is, and how one is run: the machinery under the conformance kits."""

from __future__ import annotations

import dataclasses
import inspect
import os
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class ConformanceError(AssertionError):
    """A component or tokenizer breaks a promise."""


@dataclasses.dataclass(frozen=True)
class CheckOutcome:
    """What came of one check.

    Attributes:
        name: Stable name of the check.
        passed: Whether the promise is kept.
        message: In one line what was seen instead; empty when it is kept.
    """

    name: str
    passed: bool
    message: str


@dataclasses.dataclass(frozen=True)
class Check:
    """One promise, and the function that looks whether it is kept.

    Attributes:
        name: Stable name, by which an expected failure is declared.
        promise: What the component promises, in words.
        function: Takes what is checked; returns nothing, or raises.
        applies: Whether the promise is made at all by what is checked.
    """

    name: str
    promise: str
    function: Callable[[Any], None]
    applies: Callable[[Any], bool]

    def run(self, subject: Any) -> CheckOutcome:
        """Check ``subject``; whatever the foreign code raises becomes a failed outcome."""
        try:
            self.function(subject)
        except ConformanceError as error:
            return CheckOutcome(self.name, False, _one_line(str(error)))
        except (Exception, SystemExit) as error:
            return CheckOutcome(self.name, False, _one_line(f"{type(error).__name__}: {error} ({_place(error)})"))
        return CheckOutcome(self.name, True, "")


def check_in(
    checks: list[Check], *, when: Callable[[Any], bool] = lambda subject: True
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Decorator: add a function to a kit. Its name is the check's, its docstring the promise.

    Args:
        checks: The kit.
        when: Whether the promise is made by what is checked; asked before anything is fitted.
    """

    def add(function: Callable[[Any], None]) -> Callable[[Any], None]:
        checks.append(Check(function.__name__, _one_line(inspect.getdoc(function) or ""), function, when))
        return function

    return add


def require(condition: object, message: str) -> None:
    """Raise ``ConformanceError`` unless ``condition`` is true."""
    if not condition:
        raise ConformanceError(message)


def require_error(expected: type[BaseException], act: Callable[[], object], what: str) -> None:
    """Raise ``ConformanceError`` unless ``act`` raises ``expected``."""
    try:
        act()
    except expected:
        return
    except Exception as error:
        raise ConformanceError(
            f"{what} must raise {expected.__name__}, but raises {type(error).__name__}: {error}"
        ) from error
    raise ConformanceError(f"{what} must raise {expected.__name__}, but raises nothing")


def require_close(found: ArrayLike, expected: ArrayLike, tolerance: float, what: str) -> None:
    """Raise ``ConformanceError`` unless two arrays have one shape and values at most ``tolerance`` apart.

    Equal infinities are equal; NaN is close to nothing.
    """
    import numpy as np

    values, wanted = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    require(values.shape == wanted.shape, f"{what}: shape {list(values.shape)} instead of {list(wanted.shape)}")
    with np.errstate(invalid="ignore"):
        gap = np.where(values == wanted, 0.0, np.abs(values - wanted))
    wrong = ~(gap <= tolerance)
    if wrong.any():
        at = tuple(int(index) for index in np.argwhere(wrong)[0])
        place = f" at {', '.join(map(str, at))}" if at else ""
        limit = f"more than {tolerance:g} apart" if tolerance else "not equal"
        raise ConformanceError(f"{what}: {float(values[at])!r} and {float(wanted[at])!r}{place} are {limit}")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 500 else f"{line[:499]}…"


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(frame.filename)}:{frame.lineno} in {frame.name}"
