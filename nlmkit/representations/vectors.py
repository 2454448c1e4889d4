"""The component ``vectors``, where its entry point looks for it."""

from __future__ import annotations

from nlmkit.representations.base import Vectors

__all__ = ["Vectors"]
