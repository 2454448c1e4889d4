"""Boundary of every command: UTF-8 streams, and errors as one line with an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import IO, NoReturn

import click

from nlmkit.cli.output import escape_controls, flush, note, one_line
from nlmkit.core.memory import is_out_of_memory
from nlmkit.errors import NlmkitError
from nlmkit.training.interruption import Terminated

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT."""

TERMINATED = 143
"""Exit code after SIGTERM, for commands that save their work first: 128 + SIGTERM."""

READER_GONE = 141
"""Exit code after a broken pipe: 128 + SIGPIPE, as a shell reports for ``cat`` or ``grep``."""

_DEBUG = "nlmkit.debug"
_QUIET = "nlmkit.quiet"


def prepare_streams() -> None:
    """Make the standard streams UTF-8 under every locale.

    Non-UTF-8 bytes of file names are written unchanged to stdout and escaped to stderr.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.RawIOBase):
        # PYTHONUNBUFFERED: a raw stream drops what a short write leaves over, so results need a buffer that does not.
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(sys.stdout.detach()))
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors, newline="\n")


def set_debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    """Callback of ``--debug``, which the group and each command take."""
    if value:
        ctx.meta[_DEBUG] = True


def is_debug(ctx: click.Context) -> bool:
    """Return whether ``--debug`` was given."""
    return bool(ctx.meta.get(_DEBUG))


def set_quiet(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    """Callback of ``--quiet``: store it for the notes and return it."""
    ctx.meta[_QUIET] = value
    return value


@contextlib.contextmanager
def notes_on_stderr(ctx: click.Context) -> Iterator[None]:
    """Print messages of the logger of ``nlmkit.core.notes``, each once, unless ``--quiet`` was given."""
    import logging

    from nlmkit.core.notes import LOGGER
    from nlmkit.core.processes import is_main_process

    shown: set[str] = set()

    class Printer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            if message not in shown and not ctx.meta.get(_QUIET) and is_main_process():
                shown.add(message)
                note(message)

    printer = Printer(logging.INFO)
    logger = logging.getLogger(LOGGER)
    level = logger.level
    logger.addHandler(printer)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(printer)


@contextlib.contextmanager
def boundary(ctx: click.Context | None = None) -> Iterator[None]:
    """Convert every exception of the body into a message for the user and click's ``Exit`` with its code."""
    try:
        yield
        flush()
    except click.ClickException as error:
        # Usage errors quote what was typed.
        vars(error)["message"] = one_line(error.message)
        raise
    except (click.exceptions.Exit, click.Abort):
        raise
    except BrokenPipeError:
        _leave(sys.stdout)
        _leave(sys.stderr)
        raise click.exceptions.Exit(READER_GONE) from None
    except Terminated as error:
        _report(f"terminated: {error}" if str(error) else "terminated", error, ctx)
        raise click.exceptions.Exit(TERMINATED) from None
    except KeyboardInterrupt as error:
        _report(f"interrupted: {error}" if str(error) else "interrupted", error, ctx)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except NlmkitError as error:
        _fail(str(error), error, ctx)
    except (Exception, SystemExit) as error:
        if is_out_of_memory(error):
            wanted = str(error) or "requested size unknown"
            _fail(f"out of memory: {wanted}; free some memory, or use a smaller model or less text", error, ctx)
        if isinstance(error, OSError):
            _fail(_describe(error), error, ctx)
        # SystemExit too: click itself never raises it here, so a plugin tried to end the program.
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        _fail(f"internal error: {what}; please report it with the output of --debug", error, ctx)


def _describe(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes))]
    return f"{' -> '.join(names)}: {reason}" if names else reason


def _fail(message: str, error: BaseException, ctx: click.Context | None) -> NoReturn:
    _report(message, error, ctx)
    try:
        flush()
    except OSError:
        _leave(sys.stdout)
    raise click.exceptions.Exit(1) from None


def _report(message: str, error: BaseException, ctx: click.Context | None) -> None:
    if ctx is not None and is_debug(ctx):
        import traceback

        # The source lines and messages in it may hold what drives a terminal: file names, words of a text.
        lines = "".join(traceback.format_exception(error)).split("\n")
        with contextlib.suppress(OSError):
            click.echo("\n".join(map(escape_controls, lines)), err=True, nl=False)
    with contextlib.suppress(OSError):
        click.echo(f"nlmkit: {one_line(message)}", err=True)


def _leave(stream: IO[str] | None) -> None:
    """Redirect the stream to the null device, since its buffer cannot be written, not even at exit."""
    try:
        descriptor = stream.fileno() if stream is not None else -1
    except (OSError, ValueError):  # not a file of the system (io.UnsupportedOperation is both)
        return
    if descriptor >= 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)
