"""Declarations of components and tokenizers in the metadata of packages."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Entry:
    """One declared component or tokenizer.

    Attributes:
        name: Name in its distribution.
        kind: ``tokenizer``, or one of :data:`nlmkit.core.kinds.KINDS`, such as ``classifier``.
        value: Where it is, as ``module:Class``.
        distribution: Package that declares it.
        version: Version of that package.
        builtin: Whether that package is nlmkit itself.
        note: Why the bare name does not lead here; empty when it does.
    """

    name: str
    kind: str
    value: str
    distribution: str
    version: str
    builtin: bool
    note: str = ""

    @property
    def qualified_name(self) -> str:
        """``distribution:name``, which is unambiguous."""
        return f"{self.distribution}:{self.name}"

    @property
    def address(self) -> str:
        """Shortest unambiguous name."""
        return self.qualified_name if self.note else self.name
