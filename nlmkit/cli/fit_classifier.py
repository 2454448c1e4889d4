"""``nlmkit fit`` for classifiers: labelled texts instead of plain ones, and cross-validation."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import click

from nlmkit.cli import output
from nlmkit.cli.labelled import Form, form_options, print_notes
from nlmkit.cli.options import unusual_marks
from nlmkit.cli.progress import progress
from nlmkit.cli.settings import to_toml, write_settings
from nlmkit.cli.summary import fit_facts, print_fitted, refuse_output, save
from nlmkit.cli.training import Training
from nlmkit.errors import HyperParameterError
from nlmkit.training.distributed import is_main_process

if TYPE_CHECKING:
    from nlmkit.classifiers.base import Classifier
    from nlmkit.text import Decoding, Tokenization


@dataclasses.dataclass(frozen=True)
class Classification:
    """The options of ``fit`` that only classifiers take; None where nothing was given.

    Attributes:
        form: How the files of labelled texts are laid out.
        folds: Number of folds of a cross-validation.
        fold_seed: Seed of the folds.
    """

    form: Form
    folds: int | None
    fold_seed: int | None

    def refuse(self, component: str, kind: str) -> None:
        """Refuse all of it for another kind of component, except where the text is in a table.

        Raises:
            click.UsageError: something was given.
        """
        given = [name for name in self.form.given if name == "label_column" or self.form.text_column is None]
        flags = ["--" + name.replace("_", "-") for name in given]
        others = {"--cross-validate": self.folds, "--fold-seed": self.fold_seed}
        flags += [flag for flag, value in others.items() if value is not None]
        if flags:
            raise click.UsageError(f"{', '.join(flags)}: for classifiers, and {component} is a {kind}")


def classifier_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of classifiers, passed as one ``classification``."""

    @functools.wraps(function)
    def with_classification(*, form: Form, **values: Any) -> Any:
        folds, seed = values.pop("cross_validate"), values.pop("fold_seed")
        return function(**values, classification=Classification(form, folds, seed))

    options = [
        click.option(
            "--cross-validate",
            type=click.IntRange(min=2),
            metavar="K",
            help="Classifier: test it on each of K stratified folds, fitted to the others; nothing is saved.",
        ),
        click.option("--fold-seed", type=click.IntRange(min=0), help="Classifier: seed of the folds.  [default: 0]"),
    ]
    for option in reversed(options):
        with_classification = option(with_classification)
    return form_options(with_classification)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What a ``fit`` of a classifier was asked to do.

    Attributes:
        fitted: The classifier, not fitted yet.
        component: The name that it was asked for by.
        members: Hyper-parameters that --model gave.
        origins: Who set each hyper-parameter and option that has no default value.
        train: Names of the labelled texts.
        model: What --model named.
        valid: Name of the held-out labelled texts.
        output: Where to save the classifier.
        decoding: How the texts' bytes are decoded; how they are tokenized, the classifier says.
        training: Options of training in steps.
        classification: Options of classifiers.
        started: When the command began.
    """

    fitted: Classifier
    component: str
    members: Mapping[str, Any]
    origins: Mapping[str, str]
    train: tuple[str, ...]
    model: tuple[str, ...]
    valid: str | None
    output: str | None
    decoding: Decoding
    training: Training
    classification: Classification
    started: float

    def resolved(self) -> dict[str, Any]:
        """All settings, JSON-ready."""
        chosen = self.classification
        return {
            "component": self.component,
            "train": list(self.train),
            **({"model": list(self.model)} if self.model else {}),
            "valid": self.valid,
            "output": self.output,
            **dataclasses.asdict(chosen.form),
            "encoding": self.decoding.encoding,
            "errors": self.decoding.errors,
            **unusual_marks(self.fitted.kind, self.decoding.marks),
            "cross_validate": chosen.folds,
            "fold_seed": chosen.fold_seed,
            "params": self.fitted.params_as_json(),
        }


def with_token_options(
    values: Mapping[str, Any], origins: Mapping[str, str], tokenization: Tokenization, chosen: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Hyper-parameters, with what ``--tokenizer`` and its like set of them: those of a tokenization have their names.

    Of ``-p tokenizer=`` and ``--tokenizer`` the one that was said more directly counts (flag over environment over
    file).

    Args:
        values: Hyper-parameters that were set.
        origins: Who set each of them.
        tokenization: What the options come to.
        chosen: Who set each of the options that were not left at their default.

    Raises:
        click.UsageError: both were given in one way, and differ.
    """
    merged, by = dict(values), dict(origins)
    rank = {"file": 0, "environment": 1, "flag": 2}
    for name, value in dataclasses.asdict(tokenization).items():
        if name not in chosen:
            continue
        if name in merged and chosen[name] == by[name] and merged[name] != value:
            flag = "--" + name.replace("_", "-")
            raise click.UsageError(f"{flag} and -p {name} say different things: give one of them")
        if name not in merged or rank[chosen[name]] > rank[by[name]]:
            merged[name], by[name] = value, chosen[name]
    return merged, by


def fit_classifier(job: Job, *, write_config: str | None, quiet: bool, as_json: bool) -> None:
    """Fit and save a classifier, or cross-validate one.

    Raises:
        click.UsageError: options that contradict each other.
    """
    folds = job.classification.folds
    _check_usage(job)
    job.training.check(job.fitted, job.output)
    if folds is None:
        refuse_output(cast(str, job.output))
    if write_config is not None:
        write_settings(write_config, _as_toml(job), job.output)
    if folds is None:
        _fit(job, quiet=quiet, as_json=as_json)
    else:
        _cross_validate(job, folds, quiet=quiet, as_json=as_json)


def _check_usage(job: Job) -> None:
    chosen = job.classification
    if chosen.folds is None:
        if chosen.fold_seed is not None:
            raise click.UsageError("--fold-seed needs --cross-validate")
        return
    for flag, given in (("-o", job.output), ("--valid", job.valid)):
        if given is not None:
            raise click.UsageError(f"--cross-validate tests on folds and saves nothing: leave out {flag}")
    for name in ("resume", "log", "plot"):
        if getattr(job.training, name) not in (None, False):
            raise click.UsageError(f"--{name} is for one fit, not for those of a cross-validation")


def _fit(job: Job, *, quiet: bool, as_json: bool) -> None:
    path = cast(str, job.output)
    form = job.classification.form
    with job.training.interruptible(job.fitted, path, quiet=quiet), progress(quiet=quiet) as display:
        if display is not None:
            display.start("reading labelled texts")
        held_out = None if job.valid is None else form.read([job.valid], job.decoding)
        data = form.read(job.train, job.decoding)
        print_notes(data, quiet=quiet)
        job.fitted.fit(data, valid=held_out, run=job.training.options(job.fitted, path, display))
    if not is_main_process():
        return  # the first process saves and tells what all have trained
    save(job.fitted, path, quiet=quiet)
    job.training.finish(job.fitted, path)
    facts = fit_facts(job.fitted, path, time.perf_counter() - job.started)
    facts["resolved"] = job.resolved() | {"set_by": dict(job.origins)}
    print_fitted(facts, as_json=as_json, quiet=quiet)


def _cross_validate(job: Job, folds: int, *, quiet: bool, as_json: bool) -> None:
    from nlmkit.documents.cross_validation import cross_validate

    chosen = job.classification
    with progress(quiet=quiet) as display:
        if display is not None:
            display.start("reading labelled texts")
        data = chosen.form.read(job.train, job.decoding)
        print_notes(data, quiet=quiet)
        run = job.training.options(job.fitted, "fold", display)
        found = cross_validate(
            job.fitted,
            data,
            folds=folds,
            seed=chosen.fold_seed or 0,
            run=lambda fold: dataclasses.replace(run, checkpoint=None),
        )
    if as_json:
        output.write_json(found.to_dict() | {"resolved": job.resolved() | {"set_by": dict(job.origins)}})
    else:
        output.write(found.render() + "\n")


def _as_toml(job: Job) -> str:
    """The run as a file for ``--config``; TOML has no null, so what is None is left out."""
    resolved = job.resolved()
    params = {name: value for name, value in resolved.pop("params").items() if name not in job.members}
    defaults = job.fitted.hyper_parameters()
    for name, value in params.items():
        if value is None and defaults[name].default is not None:
            raise HyperParameterError(f"{name} = null cannot be written in TOML: leave out --write-config")
    return to_toml({"fit": _given(resolved), "params": _given(params)})


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
