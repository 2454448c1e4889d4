"""What benchmarks share: hyper-parameters and budgets from the command line, and the name of the processor."""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path
from typing import Any

from nlmkit.errors import HyperParameterError


def settings_of(name: str, pairs: list[str]) -> dict[str, Any]:
    """What ``-p`` sets for a component: keys without a name are for all of them."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        whose, dot, bare = key.rpartition(".")
        if not equals:
            raise HyperParameterError(f"{pair!r} is not key=value")
        if not dot or whose == name:
            try:
                settings[bare] = json.loads(value)
            except ValueError:
                settings[bare] = value
    return settings


def seconds(budget: str) -> float:
    """Seconds of a budget such as 90s, 10m or 1h."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", budget)
    if found is None:
        raise HyperParameterError(f"a budget is such as 90s, 10m or 1h, not {budget!r}")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def processor() -> str:
    """The name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()
