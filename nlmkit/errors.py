"""Exceptions raised by nlmkit.

::

    NlmkitError
    ├── DataError                 text or another input file is unusable: names file, line or byte (also a ValueError)
    │   └── MissingFileError      the file does not exist (also a FileNotFoundError)
    ├── HyperParameterError       a hyper-parameter has an invalid name, type or value (also a ValueError)
    ├── NotFittedError            the operation requires a fitted component (also a ValueError)
    ├── NotNormalizedError        perplexity requested of a model whose scores are not probabilities
    ├── NotComparableError        perplexities that are not comparable were compared
    ├── ExportError               the file format cannot represent the model
    ├── SavedModelError           a saved model is damaged, not from nlmkit or from a newer version
    │   ├── IntegrityError        size or SHA-256 of a payload differs from the manifest
    │   └── MissingModelError     the path has no saved model (also a FileNotFoundError)
    └── RegistryError             a component cannot be resolved by name
        ├── UnknownComponentError unknown component name (suggests the nearest)
        └── PluginError           a plugin was found but cannot be used

The command line prints each of these as one line on stderr and exits with code 1.
"""

from __future__ import annotations

import errno
import os


class NlmkitError(Exception):
    """Base class of nlmkit's exceptions. The message is always a single line."""

    def __str__(self) -> str:
        return " ".join(super().__str__().splitlines())


class DataError(NlmkitError, ValueError):
    """Text or another input file is unusable.

    Args:
        problem: Description of the problem, with the remedy if there is one.
        source: File name, or ``-`` for standard input.
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
    """The file does not exist. ``errno`` and ``filename`` are set, as for every ``FileNotFoundError``."""

    def __init__(self, problem: str, *, source: str | None = None) -> None:
        super().__init__(problem, source=source)
        self.errno, self.strerror, self.filename = errno.ENOENT, os.strerror(errno.ENOENT), source

    def __str__(self) -> str:
        return " ".join(str(self.args[0]).splitlines())  # not the number and text of the system's error


class HyperParameterError(NlmkitError, ValueError):
    """A hyper-parameter has an invalid name, type or value, or contradicts another one."""


class NotFittedError(NlmkitError, ValueError):
    """The operation requires a fitted or loaded component."""


class NotNormalizedError(NlmkitError):
    """The model's scores are not probabilities and have no perplexity."""


class NotComparableError(NlmkitError):
    """Two reports do not cover the same events over the same vocabulary."""


class ExportError(NlmkitError):
    """The file format cannot represent the model."""


class SavedModelError(NlmkitError):
    """A saved model is damaged, not from nlmkit, or written by a newer version."""


class IntegrityError(SavedModelError):
    """Size or SHA-256 of a payload differs from the manifest."""


class MissingModelError(SavedModelError, FileNotFoundError):
    """The path has no saved model. ``errno`` is set; ``filename`` is set if the path is known."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.errno, self.strerror, self.filename = errno.ENOENT, os.strerror(errno.ENOENT), path

    def __str__(self) -> str:
        return " ".join(str(self.args[0]).splitlines())


class RegistryError(NlmkitError):
    """A component cannot be resolved by name."""


class UnknownComponentError(RegistryError):
    """No component has the requested name."""


class PluginError(RegistryError):
    """A plugin was found but cannot be used."""
