"""Constants of the contracts between nlmkit and its plugins."""

from __future__ import annotations

from typing import Final

API_VERSION: Final = 1
"""Version of the contracts; a plugin states the one that it was written for."""

MAX_NESTING: Final = 8
"""How many components may stand inside one another, the outermost included."""
