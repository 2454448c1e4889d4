"""The command line ``nlmkit``: one module here for each command, imported only when its command is used."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line on ``sys.argv`` and exit.

    0 done, 1 error, 2 usage, 130 Ctrl-C, 141 reader gone, 143 SIGTERM where work was saved first.
    """
    try:
        from nlmkit.cli.group import nlmkit

        nlmkit(prog_name="nlmkit")
    except KeyboardInterrupt:  # before click or after it; between, the boundary catches it
        sys.exit(130)
