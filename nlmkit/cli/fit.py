"""``nlmkit fit``: fit a component to text and save it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import click
from click.core import ParameterSource

from nlmkit.cli.fit_classifier import (
    Classification,
    Job,
    classifier_options,
    fit_classifier,
    with_token_options,
)
from nlmkit.cli.group import Command, examples
from nlmkit.cli.guesses import refuse_options_as_parameters
from nlmkit.cli.members import load_members, needs_text
from nlmkit.cli.options import (
    json_option,
    marks_for,
    marks_option,
    output_option,
    pipeline_options,
    quiet_option,
    refuse_stdin_twice,
    text_column,
    unusual_marks,
)
from nlmkit.cli.outputs import Output, parameter_inputs, refuse_conflicts
from nlmkit.cli.progress import progress
from nlmkit.cli.settings import config_path, read_config, resolve_parameters, split_pairs, to_toml, write_settings
from nlmkit.cli.summary import fit_facts, print_fitted, refuse_output, save
from nlmkit.cli.text_arguments import standard_input
from nlmkit.cli.training import Training, training_options
from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.members import members as members_of
from nlmkit.core.notes import note
from nlmkit.errors import HyperParameterError
from nlmkit.training.distributed import is_main_process

if TYPE_CHECKING:
    from nlmkit.text import Corpus, TextPipeline
    from nlmkit.text.columns import TextColumn
    from nlmkit.text.marks import Marks

_ORIGINS = {
    ParameterSource.COMMANDLINE: "flag",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "file",
}


@click.command(
    "fit",
    cls=Command,
    epilog=examples(
        "nlmkit fit ngram train.txt -o kn5 -p order=5",
        "nlmkit fit ngram a.txt b.txt.gz -o pruned -p 'prune=[0,0,1,1]'",
        "nlmkit fit ngram corpus:chinese -o zh --tokenizer char",
        "zcat big.gz | nlmkit fit ngram - -o big --json",
        "nlmkit fit --config run.toml -p order=3",
        "nlmkit fit lstm train.txt --valid valid.txt -o lstm --budget 20m",
        "nlmkit fit mixture --model kn5 --model lstm --valid valid.txt -o mixed",
        "nlmkit fit nbsvm reviews.tsv -o sentiment",
        "nlmkit fit nbsvm reviews.csv --cross-validate 10 --text-column review",
    ),
)
@click.argument("component", required=False, metavar="COMPONENT")
@click.argument("train", nargs=-1, metavar="[TRAIN]...")
@output_option
@click.option(
    "-p",
    "params",
    multiple=True,
    metavar="KEY=VALUE",
    callback=split_pairs,
    allow_from_autoenv=False,
    help="A hyper-parameter, the value as JSON or else as a string; `nlmkit show COMPONENT` lists them.  "
    "[env var: NLMKIT_P_<KEY>]",
)
@click.option(
    "--model",
    multiple=True,
    allow_from_autoenv=False,
    metavar="MODEL",
    help="A saved model that COMPONENT is made of (mixture, cache, temperature, dynamic); given once for each. TRAIN "
    "is then left out, but for dynamic.",
)
@click.option("--valid", metavar="FILE", help="Held-out text, for components that use one.")
@pipeline_options
@marks_option
@training_options
@classifier_options
@click.option(
    "--config",
    is_eager=True,
    metavar="FILE",
    callback=read_config,
    help="TOML file with the tables [fit] (component, train, output and the options here) and [params].",
)
@click.option(
    "--write-config",
    metavar="FILE",
    allow_from_autoenv=False,
    help="Write a TOML file with which --config repeats this run.",
)
@quiet_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    component: str | None,
    train: tuple[str, ...],
    output: str | None,
    params: dict[str, str],
    model: tuple[str, ...],
    valid: str | None,
    pipeline: TextPipeline,
    marks: Marks | None,
    training: Training,
    classification: Classification,
    config: dict[str, Any],
    write_config: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Fit COMPONENT (such as ngram) to the texts TRAIN and save it to the folder MODEL.

    A mixture and a cache are made of saved models (--model), whose copies are saved within; they read text as those
    models do.

    Several texts are one corpus. A text is a file (also .gz, .bz2, .xz, .zst), a directory of files, corpus:NAME (see
    `nlmkit corpora list`), or `-` for standard input, which a pipe is read from where no text is named, too. Only a
    line feed ends a sentence.

    The texts of a classifier are labelled: label<TAB>text a line, or CSV or JSONL with named columns. Its tokenizer is
    a hyper-parameter, which --tokenizer sets as -p tokenizer= does. --cross-validate K tells its accuracy, and saves
    nothing.

    A flag goes over the environment, that over the file of --config, and that over the default.

    Logs, pictures and settings take the place of a symbolic link, and do not follow it; a pipe or device such as
    /dev/stderr is written as it is. MODEL may be a link to the folder.
    """
    started = time.perf_counter()
    train = train or (ctx.default_map or {}).get("train", ())
    if component is None:
        raise click.UsageError("missing COMPONENT (nlmkit list has them)")
    cls = registry.get(component)
    if not train and (cls.kind == "classifier" or needs_text(cls)):
        train = standard_input("TRAIN")
        if not quiet:
            note("no TRAIN is named: the training text is read from standard input")
    elif not (train or model or params):  # without text it must be made of something else
        raise click.UsageError("missing TRAIN, or --model with what it is made of")
    if not (output or classification.folds):
        raise click.UsageError("missing MODEL (-o)")
    refuse_stdin_twice([*train, valid])
    refuse_options_as_parameters(ctx.command, cls, params)
    values, origins = resolve_parameters(cls, params, config, quiet=quiet)
    refuse_conflicts(
        [
            Output("-o", output, is_model=True) if output is not None else None,
            Output("--write-config", write_config) if write_config is not None else None,
            *training.outputs(cls, output),
        ],
        [*train, valid, *model, config_path(ctx), *parameter_inputs(values, cls.hyper_parameters())],
    )
    pipeline = pipeline.with_marks(marks_for(cls.kind, marks))
    if cls.kind == "classifier":
        tokens = {field.name for field in dataclasses.fields(pipeline.tokenization)}  # among the hyper-parameters now
        values, origins = with_token_options(values, origins, pipeline.tokenization, _option_origins(ctx))
        members = load_members(cls, model, values)
        job = Job(
            fitted=cast(Any, cls)(**values | members),
            component=component,
            members=members,
            origins=origins | {name: by for name, by in _option_origins(ctx).items() if name not in tokens},
            train=train,
            model=model,
            valid=valid,
            output=output,
            decoding=pipeline.decoding,
            training=training,
            classification=classification,
            started=started,
        )
        fit_classifier(job, write_config=write_config, quiet=quiet, as_json=as_json)
        return
    classification.refuse(component, cls.kind)
    form = classification.form
    column = text_column(form.text_column, form.format)
    assert output  # only cross-validation does without
    members = load_members(cls, model, values)
    fitted = cls(**values | members)
    training.check(fitted, output)
    if (of_members := _pipeline_of(fitted)) is not None:
        chosen: Any = {name: value for name, value in pipeline.to_dict().items() if name in _option_origins(ctx)}
        pipeline = dataclasses.replace(of_members, marks=pipeline.marks, **chosen)
    resolved = (
        _resolved(fitted, component=component, train=train, output=output, model=model, valid=valid, pipeline=pipeline)
        | form.given
    )
    refuse_output(output)
    if write_config is not None:
        write_settings(write_config, _as_toml(fitted, resolved, members), output)
    with training.interruptible(fitted, output, quiet=quiet):
        corpus = _fit(
            fitted,
            train=train,
            valid=valid,
            column=column,
            pipeline=pipeline,
            training=training,
            output=output,
            quiet=quiet,
        )
    if not is_main_process():
        return  # the first process saves and tells what all have trained
    save(fitted, output, quiet=quiet)
    training.finish(fitted, output)
    facts = fit_facts(fitted, output, time.perf_counter() - started, corpus)
    set_by = origins | _option_origins(ctx)
    print_fitted(facts | {"resolved": resolved | {"set_by": set_by}}, as_json=as_json, quiet=quiet)


def _fit(
    fitted: Component,
    *,
    train: tuple[str, ...],
    valid: str | None,
    column: TextColumn | None,
    pipeline: TextPipeline,
    training: Training,
    output: str,
    quiet: bool,
) -> Corpus | None:
    from nlmkit.cli.texts import read_texts

    with progress(quiet=quiet) as display:
        held_out = None if valid is None else read_texts([valid], pipeline, display, f"reading {valid}", column)
        corpus = read_texts(train, pipeline, display, "reading text", column) if train else None
        fitted.fit(corpus, valid=held_out, run=training.options(fitted, output, display))
    return corpus


def _pipeline_of(fitted: Component) -> TextPipeline | None:
    """How a fitted model reads text that ``fitted`` is made of, if there is one."""
    found = (getattr(member, "pipeline_", None) for member in members_of(fitted).values())
    return next((pipeline for pipeline in found if pipeline is not None), None)


def _resolved(
    fitted: Component,
    *,
    component: str,
    train: tuple[str, ...],
    output: str,
    model: tuple[str, ...],
    valid: str | None,
    pipeline: TextPipeline,
) -> dict[str, Any]:
    return {
        "component": component,
        "train": list(train),
        **({"model": list(model)} if model else {}),
        "valid": valid,
        "output": output,
        "pipeline": pipeline.to_dict() | unusual_marks(fitted.kind, pipeline.marks),
        "params": fitted.params_as_json(),
    }


def _as_toml(fitted: Component, resolved: dict[str, Any], members: Mapping[str, Any]) -> str:
    """The run as a file for ``--config``; TOML has no null, so what is None by default is left out.

    Hyper-parameters that are ``members`` stand there as paths of saved models.
    """
    keys = ("component", "train", "model", "valid", "output", "format", "text_column")
    fit = {key: resolved[key] for key in keys if key in resolved} | resolved["pipeline"]
    params = {}
    for name, value in resolved["params"].items():
        if name in members:
            continue
        if value is not None:
            params[name] = value
        elif fitted.hyper_parameters()[name].default is not None:
            raise HyperParameterError(f"{name} = null cannot be written in TOML: leave out --write-config")
    return to_toml({"fit": {key: value for key, value in fit.items() if value is not None}, "params": params})


def _option_origins(ctx: click.Context) -> dict[str, str]:
    """Who set the options that have a default, where it was not the default."""
    from nlmkit.text import TextPipeline

    names = ["valid", *(field.name for field in dataclasses.fields(TextPipeline))]
    sources = {name: ctx.get_parameter_source(name) for name in names}
    return {name: _ORIGINS[source] for name, source in sources.items() if source in _ORIGINS}
