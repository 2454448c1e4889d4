"""Notes: facts about a result that its reader should know, sent to the logger ``nlmkit``.

In Python they appear on stderr, or wherever the program's logging sends them; the command line prints them as
``note: ...`` and drops them under ``--quiet``.
"""

from __future__ import annotations

LOGGER = "nlmkit"
"""Name of the logger that receives the notes."""


def note(message: str) -> None:
    """Log ``message``, one sentence that names cause, place and remedy, at level WARNING."""
    import logging  # not above: start-up is measured

    logging.getLogger(LOGGER).warning("%s", message)
