"""``nlmkit fit``: fit a component to text and save it."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from nlmkit.cli.group import Command, examples
from nlmkit.cli.guesses import refuse_options_as_parameters
from nlmkit.cli.kinds import all_parts, part_of
from nlmkit.cli.kinds.part import Job, Part
from nlmkit.cli.labelled import Form, form_options
from nlmkit.cli.members import load_members, needs_text
from nlmkit.cli.options import (
    given_tokenizer,
    json_option,
    marks_option,
    output_option,
    pipeline_options,
    quiet_option,
    refuse_stdin_twice,
    threads_option,
)
from nlmkit.cli.outputs import Output, parameter_inputs, refuse_conflicts
from nlmkit.cli.progress import progress
from nlmkit.cli.settings import config_path, read_config, resolve_parameters, split_pairs, to_toml, write_settings
from nlmkit.cli.summary import fit_facts, print_fitted, refuse_output, save
from nlmkit.cli.text_arguments import standard_input
from nlmkit.cli.training import Training, training_options
from nlmkit.core import registry
from nlmkit.core.kinds import kind_of
from nlmkit.core.notes import note
from nlmkit.core.processes import is_main_process
from nlmkit.errors import HyperParameterError
from nlmkit.text.segmenter import PREFIX

if TYPE_CHECKING:
    from nlmkit.text import TextPipeline
    from nlmkit.text.marks import Marks

_ORIGINS = {
    ParameterSource.COMMANDLINE: "flag",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "file",
}


def kind_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the options that only some kinds of components take, passed as one dictionary ``options``."""
    declared = {name: option for part in all_parts() for name, option in part.fit_options.items()}

    @functools.wraps(function)
    def with_options(**values: Any) -> Any:
        return function(options={name: values.pop(name) for name in declared}, **values)

    decorated: Callable[..., Any] = with_options
    for option in reversed(declared.values()):
        decorated = option(decorated)
    return decorated


@click.command(
    "fit",
    cls=Command,
    epilog=examples(
        "nlmkit fit ngram train.txt -o kn5 -p order=5",
        "nlmkit fit ngram a.txt b.txt.gz -o pruned -p 'prune=[0,0,1,1]'",
        "nlmkit fit ngram corpus:chinese -o zh --tokenizer char",
        "nlmkit fit ngram counts.gz --format counts -o kn5",
        "nlmkit fit class-ngram train.txt -o classes -p classes=cities.txt",
        "nlmkit fit ngram big.txt.gz -o big --memory 2G --temporary-folder /scratch",
        "zcat big.gz | nlmkit fit ngram - -o big --json",
        "nlmkit fit --config run.toml -p order=3",
        "nlmkit fit lstm train.txt --valid valid.txt -o lstm --budget 20m",
        "nlmkit fit mixture --model kn5 --model lstm --valid valid.txt -o mixed",
        "nlmkit fit nbsvm reviews.tsv -o sentiment",
        "nlmkit fit nbsvm reviews.csv --cross-validate 10 --text-column review",
        'nlmkit fit ensemble reviews.tsv -o both -p \'models=["nbsvm","cnn"]\'',
        "nlmkit fit ensemble valid.tsv --model sentiment --model cnn -o both",
        "nlmkit fit tfidf-ridge reviews.csv -o stars --label-column stars --text-column review",
        "nlmkit fit bilstm-tagger train.txt --valid valid.txt -o chunker --feature-column 1 --budget 10m",
        "nlmkit fit crf-tagger train.conllu -o pos",
        "nlmkit fit ensemble-tagger valid.txt --model chunker --model hmm -o both",
        "nlmkit fit hmm-tagger segmented.txt -o segmenter --format segmented",
        "nlmkit fit encoder-decoder train.tsv --valid valid.tsv -o en-de -p source_tokenizer=bpe --budget 20m",
        "nlmkit fit encoder-decoder --source train.en --target train.zh -o en-zh -p target_tokenizer=char",
        "nlmkit fit vector-decoder captions.txt --vectors features.npy -o captioner",
        "nlmkit fit vector-decoder glosses.tsv --representation vectors -o glosses",
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
    help="Hyper-parameter; the value is read as JSON, or else as a string. `nlmkit show COMPONENT` lists them.  "
    "[env var: NLMKIT_P_<KEY>]",
)
@click.option(
    "--model",
    multiple=True,
    allow_from_autoenv=False,
    metavar="MODEL",
    help="Saved model to build COMPONENT from (mixture, cache, temperature, dynamic, ensemble, "
    "ensemble-tagger). Can be repeated. Omit TRAIN, except for dynamic, ensemble and ensemble-tagger.",
)
@click.option("--valid", metavar="FILE", help="Held-out text, for components that use one.")
@pipeline_options
@marks_option
@training_options
@form_options
@kind_options
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
    help="Write a TOML file that repeats this run with --config.",
)
@threads_option
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
    form: Form,
    options: dict[str, Any],
    config: dict[str, Any],
    write_config: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Fit COMPONENT (such as ngram) to the texts TRAIN and save it to the folder MODEL.

    A mixture and a cache are made of saved models (--model), whose copies are saved within; they read text as those
    models do.

    Several texts are one corpus. A text is a file (also .gz, .bz2, .xz, .zst), a directory of files, corpus:NAME (see
    `nlmkit corpora list`), nltk:NAME (a corpus of NLTK whose data are on this machine), or `-` for standard input,
    which a pipe is read from where no text is named, too. Only a line feed ends a sentence.

    The texts of a classifier are labelled: label<TAB>text per line, or CSV or JSONL with named columns; those of a
    regressor have a number for a label. Their tokenizer is a hyper-parameter, which --tokenizer sets as -p tokenizer=
    does. --cross-validate K tells the accuracy (of a regressor R² and the errors), and saves nothing.

    The texts of a tagger have a tag for each token: columns with a blank line after each sentence, CoNLL-U, or words
    separated by spaces. The scheme of the tags is detected; --scheme says it, as -p scheme= does.

    The texts of a sequence-to-sequence model are pairs: source<TAB>target per line, CSV or JSONL with columns source
    and target, or a file per side (--source, --target). Sources that are vectors are rows of an array (--vectors) whose
    targets are the lines of TRAIN, numbers in the columns before the target, or words looked up in a --representation.
    --tokenizer is that of both sides, -p source_tokenizer= and -p target_tokenizer= that of one.

    A flag goes over the environment, that over the file of --config, and that over the default.

    Logs, pictures and settings take the place of a symbolic link, and do not follow it; a pipe or device such as
    /dev/stderr is written as it is. MODEL may be a link to the folder.
    """
    started = time.perf_counter()
    ctx.with_resource(registry.scanned_once())
    train = train or (ctx.default_map or {}).get("train", ())
    if component is None:
        raise click.UsageError("missing COMPONENT (nlmkit list prints them)")
    cls = registry.get(component)
    part = part_of(kind_of(cls))
    if not (train or part.names_text(options)):
        if part.always_reads or needs_text(cls):
            train = standard_input("TRAIN")
            if not quiet:
                note("no TRAIN: reading the training text from standard input")
        elif not (model or params):  # without text it must be made of something else
            raise click.UsageError("missing TRAIN, or --model with the models to combine")
    _refuse_foreign(part, component, form.given | {name: value for name, value in options.items() if value is not None})
    if part.saves(options) and not output:
        raise click.UsageError("missing MODEL (-o)")
    refuse_stdin_twice([*train, valid, *part.inputs(options)])
    refuse_options_as_parameters(ctx.command, cls, params)
    values, origins = resolve_parameters(cls, params, config, quiet=quiet)
    refuse_conflicts(
        [
            Output("-o", output, is_model=True) if output is not None else None,
            Output("--write-config", write_config) if write_config is not None else None,
            *training.outputs(cls, output),
        ],
        [
            *train,
            valid,
            *part.inputs(options),
            *model,
            config_path(ctx),
            *parameter_inputs({"tokenizer": given_tokenizer(pipeline)}, {}),
            *parameter_inputs(values, cls.hyper_parameters()),
        ],
    )
    pipeline = pipeline.with_marks(part.marks_or(marks))
    set_by = _option_origins(ctx, part)
    values, origins = part.with_options(values, origins, pipeline, options, set_by, cls=cls)
    members = load_members(cls, model, values)
    fitted = cls(**values | members)
    job = Job(
        fitted=fitted,
        component=component,
        members=members,
        segmenters={name: value for name, value in values.items() if str(value).startswith(PREFIX)},
        origins=origins,
        train=train,
        model=model,
        valid=valid,
        output=output,
        pipeline=part.pipeline_for(fitted, pipeline, set_by),
        training=training,
        form=form,
        options=options,
        quiet=quiet,
        as_json=as_json,
        started=started,
    )
    part.check(job)
    training.check(fitted, output)
    if output is not None:
        refuse_output(output)
    if write_config is not None:
        write_settings(write_config, _as_toml(job, part.resolved(job), part), output)
    if output is None:
        part.try_out(job)
    else:
        _fit(job, part, output)


def _fit(job: Job, part: Part, output: str) -> None:
    """Fit the component, save it to ``output``, and print its facts."""
    fitted, training = job.fitted, job.training
    resolved = part.resolved(job)
    with training.interruptible(fitted, output, quiet=job.quiet), progress(quiet=job.quiet) as display:
        data, held_out = part.read(job, display)
        fitted.fit(data, valid=held_out, run=training.options(fitted, output, display))
    if not is_main_process():
        return  # the first process saves and tells what all have trained
    save(fitted, output, quiet=job.quiet)
    training.finish(fitted, output)
    facts = fit_facts(fitted, output, time.perf_counter() - job.started, data)
    facts["resolved"] = resolved | {"set_by": dict(job.origins)}
    print_fitted(facts, as_json=job.as_json, quiet=job.quiet)


def _refuse_foreign(part: Part, component: str, given: Mapping[str, Any]) -> None:
    """Raise an error for options that do not apply to the kind of the component.

    Raises:
        click.UsageError: some were given.
    """
    foreign = part.refused(given)
    if foreign:
        flags = ", ".join(_flag(part, name, given) for name in foreign)
        takers = [f"{each.kind.in_words}s" for each in all_parts() if not set(each.refused(given)) & set(foreign)]
        raise click.UsageError(f"{flags}: for {_listed(takers)}, and {component} is a {part.kind.name}")


def _listed(names: Sequence[str]) -> str:
    return " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), *names[-1:]])


def _flag(part: Part, name: str, given: Mapping[str, Any]) -> str:
    """Return an option as it is refused: with its value where only that is foreign."""
    is_value = name in part.layout_options(given)
    return "--" + name.replace("_", "-") + (f" {given[name]}" if is_value else "")


def _as_toml(job: Job, resolved: Mapping[str, Any], part: Part) -> str:
    """Return the run as a file for ``--config``; TOML has no null, so what is None by default is left out.

    Hyper-parameters that are members stand there as paths of saved models.
    """
    declared = job.fitted.hyper_parameters()
    params = {name: value for name, value in resolved["params"].items() if name not in job.members}
    for name, value in params.items():
        if value is None and declared[name].default is not None:
            raise HyperParameterError(f"{name} = null cannot be written in TOML: omit --write-config")
    tables = {"fit": part.config(resolved), "params": params}
    return to_toml(
        {name: {key: each for key, each in table.items() if each is not None} for name, table in tables.items()}
    )


def _option_origins(ctx: click.Context, part: Part) -> dict[str, str]:
    """Return the sources of options whose value is not from the default."""
    from nlmkit.text import TextPipeline

    names = ["valid", *part.sets_parameters, *(field.name for field in dataclasses.fields(TextPipeline))]
    sources = {name: ctx.get_parameter_source(name) for name in names}
    return {name: _ORIGINS[source] for name, source in sources.items() if source in _ORIGINS}
