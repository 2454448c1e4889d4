"""The command line ``nlmkit``: one module per command, imported when the command is used."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line on ``sys.argv`` and exit.

    Exit codes: 0 success, 1 error, 2 usage, 130 Ctrl-C, 141 broken pipe, 143 SIGTERM after saving work.
    """
    try:
        from nlmkit.cli.group import nlmkit

        nlmkit(prog_name="nlmkit")
    except KeyboardInterrupt:  # before click or after it; between, the boundary catches it
        sys.exit(130)
