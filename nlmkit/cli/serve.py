"""``nlmkit serve``: answers of models over HTTP."""

from __future__ import annotations

import dataclasses
from typing import Final

import click

from nlmkit.cli import output
from nlmkit.cli.boundary import is_debug
from nlmkit.cli.group import Command, examples
from nlmkit.cli.numbers import seconds_option
from nlmkit.cli.options import quiet_option
from nlmkit.errors import HyperParameterError

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


@click.command(
    "serve",
    cls=Command,
    epilog=examples(
        "nlmkit serve kn5",
        "nlmkit serve kn5 sentiment=models/cnn en-de --port 8080 --workers 4",
        "nlmkit serve kn5 --max-body 65536 --time-limit 5 --concurrency 16",
        "nlmkit serve kn5 --host 0.0.0.0 --allow-host models.example.org",
    ),
)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 for a free one.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Number of processes; they share arrays.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Host name that requests may be addressed to, beside those of this machine; * for any. Can be repeated.  "
    "[default: any where --host is not local]",
)
@click.option(
    "--max-body",
    type=click.IntRange(1 << 10, 1 << 30),
    default=1 << 20,
    show_default=True,
    metavar="BYTES",
    help="Longest body of a request.",
)
@click.option(
    "--max-texts", type=click.IntRange(min=1), default=256, show_default=True, help="Most texts of a request."
)
@click.option(
    "--max-characters",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Most characters of one text.",
)
@seconds_option("--time-limit", 30.0, "Time to answer a request.")
@seconds_option("--upload-limit", 10.0, "Time in which headers and body of a request must arrive, each.")
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Requests that a worker answers at a time; it refuses others.",
)
@click.option(
    "--threads", type=click.IntRange(1, 256), default=2, show_default=True, help="Threads of a worker that answer."
)
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    models: tuple[str, ...],
    host: str,
    port: int,
    workers: int,
    hosts: tuple[str, ...],
    max_body: int,
    max_texts: int,
    max_characters: int,
    time_limit: float,
    upload_limit: float,
    concurrency: int,
    threads: int,
    quiet: bool,
) -> None:
    """Answer questions to saved models over HTTP, as JSON.

    A MODEL is a folder, or NAME=FOLDER; requests name it. Language models answer score, surprisal and next, classifiers
    classify, regressors predict, taggers tag, representations similar, and sequence-to-sequence models translate (or
    describe, if they take vectors), each at /v1/QUESTION. /docs documents requests (/openapi.json for programs), and /
    is a page to try sentences. Results are those of the other commands.

    The URL is printed on stderr. SIGTERM lets running requests finish and exits with code 0, Ctrl-C with 130.
    Connections are not encrypted, and nobody has to log in: to let other people use the server, put a proxy with
    encryption and logins in front of it.
    """
    from nlmkit.serving.packages import check_packages

    check_packages()
    from nlmkit.serving.models import loaded, named
    from nlmkit.serving.server import address, listening, serve
    from nlmkit.serving.settings import Limits, Settings

    limits = Limits(
        body_bytes=max_body,
        items=max_texts,
        characters=max_characters,
        seconds=time_limit,
        upload_seconds=upload_limit,
        concurrency=concurrency,
        threads=threads,
    )
    settings = Settings(
        models=named(models), hosts=_allowed(host, hosts), limits=limits, workers=workers, debug=is_debug(ctx)
    )
    with listening(host, port) as listener:
        found = loaded(settings.models, verify=True)  # in any case: a damaged model is an error here
        if workers > 1:
            found.clear()
            settings = dataclasses.replace(settings, verify=False)
        if not quiet:
            output.note(f"serving {', '.join(name for name, _ in settings.models)} at {address(listener)}")
        serve(settings, listener, found)


def _allowed(host: str, hosts: tuple[str, ...]) -> frozenset[str] | None:
    """Return the host names that requests may be addressed to; None for any.

    Raises:
        HyperParameterError: A name has a port or a path.
    """
    for name in hosts:
        if name != "*" and (not name or set(name) & set("/ *") or name.count(":") == 1):
            raise HyperParameterError(f"--allow-host {name}: expected a host name without scheme and port")
    if "*" in hosts or (not hosts and host not in _LOCAL):
        return None
    return frozenset(name.lower().strip("[]") for name in (*_LOCAL, host, *hosts))
