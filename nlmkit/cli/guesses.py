"""Suggestions for mistaken command lines."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from nlmkit.core import registry
from nlmkit.core.suggestions import known_as
from nlmkit.errors import NlmkitError

if TYPE_CHECKING:
    from nlmkit.core.component import Component

_FIT: Final = "nlmkit fit COMPONENT TRAIN... -o MODEL"
_EVALUATE: Final = "nlmkit perplexity MODEL TEXT (language models) or nlmkit score MODEL TEST (any model)"
_PLOT: Final = "--plot FILE, an option of fit, compare, score, show and tag; --attention FILE of translate"
_SIMILAR: Final = "nlmkit similar MODEL WORD..."
_CORPORA: Final = "nlmkit corpora list, which names the source of each; nlmkit does not download them"
_SHOW: Final = "nlmkit show NAME or nlmkit show ./MODEL"
_CLASSIFY: Final = "nlmkit classify MODEL TEXT"
_PREDICT: Final = "nlmkit predict MODEL TEXT (labels or numbers) or nlmkit generate MODEL (the next words)"
_TAG: Final = "nlmkit tag MODEL TEXT"
_GENERATE: Final = "nlmkit generate MODEL"
_MIX: Final = (
    "nlmkit mix MODEL MODEL --valid TEXT -o OUT (n-grams), or nlmkit fit mixture --model A --model B (any models)"
)
_TRANSLATE: Final = "nlmkit translate MODEL TEXT"

_COMMANDS: Final = {
    **dict.fromkeys(("train", "build", "learn", "estimate", "run", "lmplz", "finetune", "fine-tune"), _FIT),
    **dict.fromkeys(("resume", "continue"), f"{_FIT} --resume"),
    **dict.fromkeys(("infer", "inference", "regress", "prediction"), _PREDICT),
    **dict.fromkeys(("label", "annotate", "predict-proba"), f"{_CLASSIFY} (whole lines) or {_TAG} (each token)"),
    **dict.fromkeys(("tagger", "ner", "chunk", "pos", "pos-tag", "marginals", "confidence"), _TAG),
    **dict.fromkeys(("segment", "cut", "tokenize", "tokenise"), f"{_TAG} --format words, with a fitted segmenter"),
    **dict.fromkeys(("evaluate", "eval", "test", "validate", "benchmark", "accuracy"), _EVALUATE),
    **dict.fromkeys(("ppl", "query", "surprisal", "logprob", "log-prob"), "nlmkit perplexity MODEL TEXT"),
    **dict.fromkeys(("draw", "visualize", "visualise", "figure"), _PLOT),
    **dict.fromkeys(("neighbours", "neighbors", "nearest", "nn", "word-similarity"), _SIMILAR),
    **dict.fromkeys(("analogy", "analogies"), 'nlmkit similar MODEL --analogy "man king woman"'),
    **dict.fromkeys(("download", "data", "datasets", "dataset", "corpus", "get"), _CORPORA),
    **dict.fromkeys(("sample", "complete", "sentences"), _GENERATE),
    **dict.fromkeys(("info", "describe", "inspect", "params", "parameters", "options"), _SHOW),
    **dict.fromkeys(("components", "ls"), "nlmkit list"),
    **dict.fromkeys(("models", "load"), f"{_SHOW}; nlmkit list has the components"),
    **dict.fromkeys(("to-arpa",), "nlmkit import FILE -o MODEL or nlmkit export MODEL FILE"),
    **dict.fromkeys(("save",), f"{_FIT}, or nlmkit export MODEL FILE for other programs"),
    **dict.fromkeys(("interpolate", "mix-lm", "merge"), _MIX),
    **dict.fromkeys(("shrink", "compress", "entropy-prune"), "nlmkit prune MODEL --to 1M -o OUT"),
    **dict.fromkeys(("cross-validate", "crossvalidate", "cv"), "nlmkit fit COMPONENT TEXTS --cross-validate 10"),
    **dict.fromkeys(("rank", "diff"), "nlmkit compare MODEL MODEL... --text TEST"),
    **dict.fromkeys(("translation", "mt", "decode", "beam", "beam-search", "caption", "summarize"), _TRANSLATE),
    **dict.fromkeys(("bleu", "chrf", "sacrebleu"), "nlmkit score MODEL TEST.tsv, with a sequence-to-sequence model"),
    **dict.fromkeys(("attention",), f"{_TRANSLATE} --attention FILE"),
    **dict.fromkeys(("server", "http", "api", "rest", "deploy", "web", "app"), "nlmkit serve MODEL..."),
    **dict.fromkeys(("plugin",), "nlmkit plugins list"),
    **dict.fromkeys(("version",), "nlmkit --version"),
    **dict.fromkeys(("help",), "nlmkit --help, or nlmkit COMMAND --help"),
}
"""nlmkit commands for the names of other programs and for common verbs."""


_TEXT_OPTIONS: Final = {
    *("text", "texts", "train", "train_file", "train_data", "training", "training_text", "training_file"),
    *("corpus", "data", "dataset", "input", "file", "files", "i"),
}
"""Names of the training-text option in other programs."""


def command_for(args: Sequence[str]) -> str:
    """Return a hint for a command line without a command, as the end of a message; empty if there is none."""
    name = args[0]
    verb = name.lower().replace("_", "-")
    if verb in _COMMANDS:
        return f": use {_COMMANDS[verb]}"
    if any(entry.kind != "tokenizer" and name in (entry.address, entry.qualified_name) for entry in registry.entries()):
        rest = " ".join(map(shlex.quote, args[1:])) or "TRAIN... -o MODEL"
        return f": {name} is a component; use nlmkit fit {name} {rest}"
    if os.path.isfile(os.path.join(name, "manifest.json")):
        return f": {name} is a saved model; use nlmkit show ./{name}, or nlmkit COMMAND {name}"
    return ""


def unknown_option(error: click.NoSuchOption, command: click.Command, args: Sequence[str]) -> str:
    """Return the message for an unknown option of a command.

    If the command takes hyper-parameters (``-p``), it suggests one of the component with an equal or similar name.
    """
    message = f"No such option: {error.option_name}"
    name = error.option_name.lstrip("-").replace("-", "_")
    if any("-p" in param.opts for param in command.params):
        value = _value_of(error.option_name, args)
        component, declared = _hyper_parameters(args)
        if name.lower() in _TEXT_OPTIONS and name not in declared:
            return (
                f"{message}; the training text is an argument: nlmkit fit {component or 'COMPONENT'} TRAIN... -o MODEL"
            )
        meant = known_as(name, declared)
        if meant is not None:
            return f"{message}; did you mean -p {meant}={value}?"
        near = difflib.get_close_matches(name, declared, n=1, cutoff=0.75)
        options = [option for option in _options(command) if _is_near(error.option_name, option)]
        if near and not options:
            return f"{message}; did you mean -p {near[0]}={value}?"
        if not options:
            lists = f"nlmkit show {component or 'COMPONENT'} lists them"
            return f"{message}; set hyper-parameters with -p KEY=VALUE ({lists})"
    else:
        options = [option for option in _options(command) if _is_near(error.option_name, option)]
    return f"{message}; did you mean {options[0]}?" if options else message


def refuse_options_as_parameters(command: click.Command, cls: type[Component], params: Mapping[str, str]) -> None:
    """Raise an error for an option of the command that was passed with ``-p``.

    Raises:
        click.UsageError: The message has the correct form.
    """
    known = cls.hyper_parameters()
    for name, value in params.items():
        flag = "--" + name.replace("_", "-")
        if name not in known and flag in _options(command):
            raise click.UsageError(
                f"{name} is an option, not a hyper-parameter of {cls.name}: use {flag} {shlex.quote(value)}"
            )


def _options(command: click.Command) -> list[str]:
    return [name for param in command.params for name in (*param.opts, *param.secondary_opts) if name.startswith("--")]


def _is_near(given: str, option: str) -> bool:
    # without the dashes, which all options share
    return difflib.SequenceMatcher(None, given.lower().lstrip("-"), option.lstrip("-")).ratio() >= 0.75 or (
        len(given) > 4 and option.startswith(given)
    )


def _value_of(option: str, args: Sequence[str]) -> str:
    """Return the argument after the option, or VALUE."""
    for place, word in enumerate(args):
        name, equals, value = word.partition("=")
        if name == option:
            if equals:
                return shlex.quote(value)
            after = args[place + 1] if place + 1 < len(args) else "-"
            return shlex.quote(after) if not after.startswith("-") or after[1:2].isdigit() else "VALUE"
    return "VALUE"


def _hyper_parameters(args: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the component named among the arguments, with its hyper-parameters if it can be loaded."""
    addresses = {address for entry in registry.entries() for address in (entry.address, entry.qualified_name)}
    for word in args:
        if word in addresses:
            try:
                return word, list(registry.get(word).hyper_parameters())
            except NlmkitError:
                return word, []
    return None, []
