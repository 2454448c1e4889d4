"""Constants of the contracts between nlmkit and its plugins."""

from __future__ import annotations

from typing import Final

API_VERSION: Final = 1
"""Version of the contracts; a plugin states the one that it was written for."""
