"""``nlmkit score``: one number for a model, higher is better. Its definition depends on the kind of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from nlmkit.cli.group import Command, examples
from nlmkit.cli.kinds import all_parts, part_of
from nlmkit.cli.labelled import form_flags
from nlmkit.cli.options import decoding_options, json_option, quiet_option, refuse_stdin_twice, threads_option
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.pairs import PairFiles
from nlmkit.cli.text_arguments import standard_input, text_argument
from nlmkit.core.kinds import kind_of


def kind_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the options that only some kinds of models take, passed as they are (None: not given)."""
    declared = {name: option for part in all_parts() for name, option in part.score_flags.items()}
    for option in reversed(declared.values()):
        function = option(function)
    return function


@click.command(
    "score",
    cls=Command,
    epilog=examples(
        "nlmkit score kn5 test.txt",
        "nlmkit score kn5 - --json < test.txt",
        "nlmkit score kn5 stimuli.tsv --text-column sentence",
        "nlmkit score vectors",
        "nlmkit score vectors simlex999 my-pairs.tsv --analogies --json",
        'nlmkit score vectors --plot royals.png --words "king queen man woman prince princess"',
        "nlmkit score vectors-seed0 --stability vectors-seed1 --stability vectors-seed2",
        "nlmkit score sentiment test.tsv --json",
        "nlmkit score sentiment test.csv --text-column review --plot confusion.png",
        "nlmkit score stars test.tsv --plot residuals.png",
        "nlmkit score sentiment test.tsv --predictions predictions.csv",
        "nlmkit score chunker test.txt --json",
        "nlmkit score ner test.conll --tag-column 3 --plot confusion.png",
        "nlmkit score en-de test.tsv --json",
        "nlmkit score en-de --source test.en --target test.de --beam 10",
        "nlmkit score captioner captions.txt --vectors features.npy",
    ),
)
@click.argument("model")
@text_argument(required=False)
@json_option
@decoding_options
@kind_flags
@form_flags
@threads_option
@quiet_option
def command(
    *, model: str, texts: tuple[str, ...], as_json: bool, encoding: str | None, quiet: bool, **options: Any
) -> None:
    """Score the saved MODEL: one number, greater is better, with the facts needed to compare it.

    A language model scores TEXT: the mean natural log-probability (or score, if the model is not a distribution) per
    event, which is each word and one </s> per sentence. Several texts are one text; `-` is standard input.

    A representation scores PAIRS, files of word<TAB>word<TAB>score or the names wordsim353 and simlex999; without
    PAIRS those two. Of each set: Spearman's rank correlation with the human scores, its 95 % interval, and how many
    pairs have two known words; the score is their mean. A set with fewer than 50 such pairs is noted and has no
    score, nor has the mean then. The exit code is 1 only if no set has one and nothing else (--plot, --analogies,
    --stability) was asked for.

    A classifier scores TEST, labelled texts (label<TAB>text, or CSV or JSONL with named columns): accuracy with its
    95 % interval, macro-F1, the classes one by one, and the confusion matrix.

    A regressor scores TEST in the same forms, with a number for a label: R², the root mean squared and the mean
    absolute error, Pearson's and Spearman's correlation, each with its 95 % interval.

    A tagger scores TEST, tagged sentences laid out as its training file, if no option says otherwise: F1 of spans, or
    accuracy of tags that form no spans; precision, recall and F1 by type as conlleval counts them, accuracy, figures
    of words that training lacked, 95 % intervals, and the most frequent errors.

    A sequence-to-sequence model scores TEST, pairs laid out as for `nlmkit fit`: the score is the mean natural
    log-probability per event of the targets, as of language models; beside it BLEU and chrF of the best targets found
    by search, with sacrebleu's signatures, and the perplexity of the targets. Targets of equal sources are references
    of one another.

    --predictions writes a row per text with text, truth, prediction and (classifier) probability; per token of a tagger
    also sentence and position; per target of a sequence-to-sequence model the source as text.
    """
    refuse_stdin_twice(texts)
    outputs = [Output(f"--{name}", options[name]) for name in ("plot", "predictions") if options[name] is not None]
    inputs = [*PairFiles.of_options((), options).inputs, *options["stability"]]
    refuse_conflicts(outputs, [model, *texts, *inputs])
    from nlmkit.core.storage import load

    component = load(model)
    part = part_of(kind_of(type(component)))
    if part.score_needs and not (texts or part.names_text(options)):
        texts = standard_input(f"{part.score_needs} ({model} is a {component.kind})")
    refuse_stdin_twice([*texts, *part.inputs(options)])
    given = {name: value for name, value in options.items() if not (value is None or value is False or value == ())}
    for name, value in given.items():
        is_value = part.refuses_format(name, value) and name in part.score_shared
        if is_value or name not in (*part.score_flags, *part.score_shared):
            flag = "--" + name.replace("_", "-") + (f" {value}" if is_value else "")
            raise click.UsageError(f"{flag} does not apply to a {component.kind}, which {model} is")
    part.score(model, component, texts, as_json=as_json, encoding=encoding, quiet=quiet, **given)
