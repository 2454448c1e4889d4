"""The root command: a table of command names and their modules, imported on use."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from nlmkit.cli.boundary import boundary, notes_on_stderr, prepare_streams, set_debug
from nlmkit.core.suggestions import suggestion

COMMANDS: Mapping[str, tuple[str, str]] = {
    "list": ("nlmkit.cli.list_", "List every component and tokenizer with its package."),
    "show": ("nlmkit.cli.show", "Show a component's hyper-parameters, or the facts of a saved model."),
    "fit": ("nlmkit.cli.fit", "Fit a component to text and save it."),
    "update": ("nlmkit.cli.update", "Add text to an n-gram model that was fitted with keep_counts=true."),
    "import": ("nlmkit.cli.import_", "Import a model from a file of another program (ARPA, word vectors)."),
    "export": ("nlmkit.cli.export", "Export a saved model to a file for other programs (ARPA, OpenFst, word vectors)."),
    "mix": ("nlmkit.cli.mix", "Mix n-gram models into one, with weights fitted on validation text."),
    "prune": ("nlmkit.cli.prune", "Prune an n-gram model to a size, or by a threshold of relative entropy."),
    "convert": ("nlmkit.cli.convert", "Save an n-gram model in another precision: packed or quantised."),
    "perplexity": ("nlmkit.cli.perplexity", "Compute the perplexity of text: as a report, per line or per token."),
    "compare": (
        "nlmkit.cli.compare",
        "Rank models by perplexity, accuracy, F1 or BLEU on one test set, if comparable.",
    ),
    "report": ("nlmkit.cli.report", "Write an HTML report of models: one self-contained page."),
    "score": ("nlmkit.cli.score", "Score a model: one number, higher is better."),
    "generate": ("nlmkit.cli.generate", "Sample sentences from a language model."),
    "similar": (
        "nlmkit.cli.similar",
        "List the nearest neighbours of a word, or answer analogies, with a representation.",
    ),
    "classify": ("nlmkit.cli.classify", "Label each line of a text with a classifier."),
    "tag": ("nlmkit.cli.tag", "Tag each token of a text with a tagger, or find spans and words."),
    "predict": ("nlmkit.cli.predict", "Predict a number for each line of a text with a regressor."),
    "translate": (
        "nlmkit.cli.translate",
        "Translate each line of a text with a sequence-to-sequence model, or describe vectors.",
    ),
    "plot": ("nlmkit.cli.plot", "Draw the learning curves of several training logs in one picture."),
    "serve": ("nlmkit.cli.serve", "Answer questions to saved models over HTTP, as JSON, with a page to try them."),
    "plugins": ("nlmkit.cli.plugins", "List and check installed plugins."),
    "corpora": ("nlmkit.cli.corpora", "List the corpora for corpus:NAME and the sources of others."),
}
"""Commands by name: the module with the attribute ``command``, and the line of ``nlmkit --help``."""


ALIASES: Mapping[str, str] = {"most-similar": "similar", "most_similar": "similar"}
"""Aliases of commands, such as the name of the method in Python."""


def examples(*lines: str) -> str:
    """Return the epilog of a command's help with example command lines."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def debug_option(*, from_environment: bool = False) -> click.Option:
    """Return the option ``--debug``, which every command accepts after its name too."""
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=set_debug,
        allow_from_autoenv=from_environment,
        help="Print the traceback of an error.",
    )


class Command(click.Command):
    """A command that takes ``--debug`` after its name too, and that suggests an option for an unknown one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(debug_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse options and arguments.

        Raises:
            click.UsageError: An option is unknown; the message has a suggestion.
        """
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from nlmkit.cli.guesses import unknown_option

            raise click.UsageError(unknown_option(error, self, given), ctx=error.ctx or ctx) from None


class Group(click.Group):
    """A group whose commands take ``--debug``, and that suggests a name for a mistyped one."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` start with.

        Raises:
            click.UsageError: The command is unknown.
        """
        name, known = args[0], self.list_commands(ctx)
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"no command {name!r}{self.guess(args) or suggestion(name, known)}")
        return super().resolve_command(ctx, args)

    def guess(self, args: list[str]) -> str:
        """Return a hint for a command line without a command, as the end of a message; or an empty string."""
        return ""


class Root(Group):
    """The group ``nlmkit``: imports the module of the requested command, and catches its errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; return None for an unknown command."""
        cmd_name = ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def guess(self, args: list[str]) -> str:
        """Return the command for a name from another program, or for a component or model."""
        from nlmkit.cli.guesses import command_for

        return command_for(args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the group's own options, inside the boundary."""
        prepare_streams()
        with boundary():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, inside the boundary."""
        with boundary(ctx), notes_on_stderr(ctx):
            return super().invoke(ctx)


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"nlmkit {version('nlmkit')}")
        ctx.exit()


nlmkit = Root(
    "nlmkit",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            allow_from_autoenv=False,
            callback=_print_version,
            help="Print the version and exit.",
        ),
        debug_option(from_environment=True),
    ],
    help="""Fit, evaluate and use language models.

    The model comes before its texts: `nlmkit COMMAND MODEL TEXT...`. A text is a file (optionally compressed), a
    directory, corpus:NAME, nltk:NAME, or `-` for standard input, which is also the default unless it is a terminal;
    --text TEXT is an alternative. --format is the format of input or output: --text-format for texts in a table,
    --row-format for printed rows, --file-format for a model's file.

    Results are written to stdout, everything else to stderr. With --json, results are strict JSON. Options can also be
    set in the environment: NLMKIT_FIT_TOKENIZER=char.

    Exit codes: 0 success, 1 error (one line on stderr), 2 usage error, 130 interrupted, 141 broken pipe on stdout.
    """,
    epilog=examples(
        "nlmkit fit ngram train.txt -o kn5 -p order=5",
        "nlmkit perplexity kn5 test.txt",
        "nlmkit show ngram",
        "nlmkit fit --help",
    ),
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "NLMKIT",
        "max_content_width": 100,
    },
)
