"""Versions of installed packages."""

from __future__ import annotations


def installed_version(distribution: str, missing: str = "unknown") -> str:
    """Version of an installed package, or ``missing`` if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # not above: start-up is measured

    try:
        return version(distribution)
    except PackageNotFoundError:
        return missing


def own_version() -> str:
    """Version of nlmkit itself; ``0+uninstalled`` in a source tree, about which the registry has more to say."""
    return installed_version("nlmkit", "0+uninstalled")
