"""Every exception nlmkit raises on purpose.

::

    NlmkitError
    ├── DataError                 text or another input file is unusable: names file, line or byte (also a ValueError)
    │   └── MissingFileError      there is no such file (also a FileNotFoundError)
    ├── HyperParameterError       a wrong name, type or value of a hyper-parameter (also a ValueError)
    ├── NotFittedError            a fitted component was needed (also a ValueError)
    ├── NotNormalizedError        a scorer that is no distribution was asked for a perplexity
    ├── NotComparableError        figures that may not stand in one table were put in one
    ├── ExportError               a file format cannot say what the model says
    ├── SavedModelError           a saved model is damaged, foreign or from a newer version
    │   ├── IntegrityError        a payload's size or SHA-256 differs from the manifest
    │   └── MissingModelError     there is no saved model at that path (also a FileNotFoundError)
    └── RegistryError             a component name leads nowhere
        ├── UnknownComponentError no component of that name (names the nearest)
        └── PluginError           a plugin was found and could not be used

The command line turns each of these into one line on stderr and exit code 1.
"""

from __future__ import annotations

import errno
import os


class NlmkitError(Exception):
    """Root of every error that nlmkit raises on purpose. Its message is one line, whatever names it quotes."""

    def __str__(self) -> str:
        return " ".join(super().__str__().splitlines())


class DataError(NlmkitError, ValueError):
    """Text or another input file is unusable.

    Args:
        problem: What is wrong and, where there is one, the remedy.
        source: Name of the file, or ``-`` for standard input.
        line: Line number, counted from 1.
        byte: Byte offset in the (decompressed) input, counted from 0.
    """

    def __init__(
        self, problem: str, *, source: str | None = None, line: int | None = None, byte: int | None = None
    ) -> None:
        self.problem, self.source, self.line, self.byte = problem, source, line, byte
        place = [] if source is None else [source]
        if line is not None:
            place.append(f"line {line}")
        if byte is not None:
            place.append(f"byte {byte}")
        super().__init__(f"{', '.join(place)}: {problem}" if place else problem)


class MissingFileError(DataError, FileNotFoundError):
    """There is no such file. ``errno`` and ``filename`` are set, as they are for every ``FileNotFoundError``."""

    def __init__(self, problem: str, *, source: str | None = None) -> None:
        super().__init__(problem, source=source)
        self.errno, self.strerror, self.filename = errno.ENOENT, os.strerror(errno.ENOENT), source

    def __str__(self) -> str:
        return " ".join(str(self.args[0]).splitlines())  # not the number and text of the system's error


class HyperParameterError(NlmkitError, ValueError):
    """A hyper-parameter has a wrong name, type or value, or two of them contradict each other."""


class NotFittedError(NlmkitError, ValueError):
    """The operation needs a component that has been fitted or loaded."""


class NotNormalizedError(NlmkitError):
    """The model's scores are no probability distribution, so they have no perplexity."""


class NotComparableError(NlmkitError):
    """Two reports do not cover the same events over the same vocabulary."""


class ExportError(NlmkitError):
    """The target file format cannot say what the model says."""


class SavedModelError(NlmkitError):
    """A saved model is damaged, foreign, or written by a newer version."""


class IntegrityError(SavedModelError):
    """A payload's size or SHA-256 differs from what the manifest states."""


class MissingModelError(SavedModelError, FileNotFoundError):
    """There is no saved model at that path. ``errno`` is set; ``filename`` where the path is known."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.errno, self.strerror, self.filename = errno.ENOENT, os.strerror(errno.ENOENT), path

    def __str__(self) -> str:
        return " ".join(str(self.args[0]).splitlines())


class RegistryError(NlmkitError):
    """A component name leads nowhere."""


class UnknownComponentError(RegistryError):
    """No component has the requested name."""


class PluginError(RegistryError):
    """A plugin was found but could not be used."""
