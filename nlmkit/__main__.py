"""``python -m nlmkit`` is the command ``nlmkit``."""

from nlmkit.cli import main

main()
