"""Options of ``fit`` for components that train in steps: device, budget, checkpoints, log, picture and workers."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli.output import note
from nlmkit.cli.outputs import CHECKPOINT, STDIN, Output
from nlmkit.core.component import Component
from nlmkit.core.memory import as_bytes
from nlmkit.core.processes import is_main_process
from nlmkit.core.run import EXTERNAL, RunOptions
from nlmkit.training.checkpoint_folders import beside, read_checkpoint, remove_checkpoint

if TYPE_CHECKING:
    from nlmkit.core.progress import Progress

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_OF_STEPS = ("budget", "device", "precision", "resume", "log", "plot")
_NAMES = (*_OF_STEPS, "workers", *EXTERNAL)


@dataclasses.dataclass(frozen=True)
class Training:
    """Training options of the command line; None for options that were not given.

    Attributes:
        budget: Training time in seconds.
        device: Device to compute on.
        precision: Precision of the training steps.
        resume: Whether to resume from the checkpoint.
        log: File for training records, one line of JSON each.
        plot: File for the learning curve.
        workers: Number of threads or processes.
        memory: Cap on the working memory in bytes.
        temporary_folder: Folder or URL for what exceeds it.
        engine: URL of what runs the tasks.
    """

    budget: float | None
    device: str | None
    precision: str | None
    resume: bool
    log: str | None
    plot: str | None
    workers: int | None
    memory: int | None = None
    temporary_folder: str | None = None
    engine: str | None = None

    def check(self, fitted: Component, output: str | None) -> None:
        """Raise an error for options that the component does not support, and for a picture that cannot be drawn.

        Args:
            fitted: Component to fit.
            output: Folder to save the model to.

        Raises:
            click.UsageError: A training option was given for a component that does not train in steps.
            HyperParameterError: A hyper-parameter has no effect with the others.
            NlmkitError: The picture cannot be drawn; checked before training.
        """
        fitted.refuse_without_effect()
        given = [f"--{name}" for name in _OF_STEPS if getattr(self, name) not in (None, False)]
        if fitted.keeps_log and "--log" in given:
            given.remove("--log")
        if given and not fitted.trains_in_steps:
            raise click.UsageError(f"{', '.join(given)}: {fitted.name} does not train in steps")
        if self.workers is not None and not fitted.takes_workers:
            raise click.UsageError(
                f"--workers: {fitted.name} is fitted by one worker, unlike ngram, word2vec and glove"
            )
        external = self._external
        if external and not fitted.takes_memory:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in external)
            raise click.UsageError(f"{flags}: {fitted.name} is fitted in memory, unlike ngram")
        if self.plot is not None:
            from nlmkit.plots.figure import check_plot
            from nlmkit.saving.written import is_written_directly

            if self.log is not None and is_written_directly(Path(self.log)):
                raise click.UsageError(
                    f"--plot requires a log that can be read again, unlike {self.log}: use a regular file"
                )
            check_plot(self.plot, to_come=output)

    def checkpoint(self, output: str) -> Path:
        """Return the checkpoint's folder, next to that of the model."""
        return beside(Path(output), ".checkpoint")

    @property
    def _external(self) -> dict[str, Any]:
        """The options given of work outside of memory and of this process."""
        return {name: value for name in EXTERNAL if (value := getattr(self, name)) is not None}

    @property
    def streams(self) -> bool:
        """Whether the component reads its text itself, in a stream."""
        return bool(self._external)

    def _log(self, output: str) -> Path | None:
        """Return the log file, which a picture requires."""
        if self.log is not None:
            return Path(self.log)
        return beside(Path(output), ".training.jsonl") if self.plot is not None else None

    def outputs(self, cls: type[Component], output: str | None) -> list[Output | None]:
        """Return the outputs of training in addition to the model at ``output``."""
        log = self.log if output is None else self._log(output)
        keeps_checkpoint = output is not None and output != STDIN and cls.trains_in_steps
        return [
            None if log is None else Output("--log", str(log), is_log=True),
            None if self.plot is None else Output("--plot", self.plot),
            Output(CHECKPOINT, str(self.checkpoint(output)), is_model=True) if output and keeps_checkpoint else None,
        ]

    def options(self, fitted: Component, output: str, display: Progress | None) -> RunOptions:
        """Return the run options; a component that trains in steps has a checkpoint next to the model."""
        if not fitted.trains_in_steps:
            log = self._log(output) if fitted.keeps_log else None
            return RunOptions(progress=display, workers=self.workers or 1, log=log, **self._external)
        return RunOptions(
            progress=display,
            device=self.device or "auto",
            precision=self.precision or "auto",
            workers=self.workers or 1,
            budget_seconds=self.budget,
            checkpoint=self.checkpoint(output),
            resume=self.resume,
            log=self._log(output),
        )

    @contextlib.contextmanager
    def interruptible(self, fitted: Component, output: str, *, quiet: bool) -> Iterator[None]:
        """Run the fit: send a note before a checkpoint is replaced, and explain after Ctrl-C how to resume.

        Raises:
            KeyboardInterrupt: With that message, if this run has written a checkpoint; after SIGTERM, a
                ``Terminated``.
        """
        if not (fitted.trains_in_steps and is_main_process()):
            yield
            return
        folder = self.checkpoint(output)
        before = read_checkpoint(folder)
        if before is not None and before.get("step") != 0 and not (self.resume or quiet):
            note(
                f"{folder} contains a checkpoint{_at_step(before)}, which this run replaces; use --resume "
                "to continue from it"
            )
        try:
            yield
        except KeyboardInterrupt as error:
            after = read_checkpoint(folder)
            if after is None or (after == before and not self.resume):
                raise
            raise type(error)(
                f"{folder} contains a checkpoint{_at_step(after)}: repeat the command with --resume to continue"
            ) from None

    def finish(self, fitted: Component, output: str) -> None:
        """Draw the curve and remove the checkpoint after the model was saved."""
        if not fitted.trains_in_steps:
            return
        log = self._log(output)
        if self.plot is not None and log is not None:
            from nlmkit.plots.curves import plot_learning_curve
            from nlmkit.training.records import read_log

            Path(self.plot).parent.mkdir(parents=True, exist_ok=True)  # a subfolder of the model's
            plot_learning_curve({Path(output).name: read_log(log)}, self.plot)
        remove_checkpoint(self.checkpoint(output))


def _at_step(checkpoint: Mapping[str, Any]) -> str:
    step = checkpoint.get("counted", checkpoint.get("step"))
    return f" of step {step}" if isinstance(step, int) else ""


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Callback of ``--budget``: return seconds from ``90``, ``90s``, ``20m``, ``1.5h`` or ``1d``."""
    if value is None:
        return None
    matched = _DURATION.fullmatch(str(value).strip())
    if matched is None or float(matched[1]) <= 0:
        raise click.BadParameter(f"invalid duration {value!r}: use 90s, 20m or 1.5h", ctx=ctx, param=param)
    return float(matched[1]) * _UNITS[matched[2] or "s"]


def _bytes(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Callback of ``--memory``: return bytes from ``512M`` or ``1.5G``."""
    try:
        return None if value is None else as_bytes(str(value))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx=ctx, param=param) from None


def training_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the options of training in steps, passed as one ``training``; ``--seed`` is ``-p seed=``."""

    @functools.wraps(function)
    def with_training(**values: Any) -> Any:
        training = Training(**{name: values.pop(name) for name in _NAMES})
        seed = values.pop("seed")
        if seed is not None:
            values["params"] = values["params"] | {"seed": str(seed)}
        return function(**values, training=training)

    options = [
        click.option(
            "--budget",
            callback=_seconds,
            metavar="TIME",
            help="Approximate training time: 90s, 20m, 1.5h. Includes evaluations, but not startup, reading text files "
            "and saving the model.",
        ),
        click.option("--seed", type=click.IntRange(min=0), help="Seed; the same as -p seed=SEED."),
        click.option("--device", metavar="DEVICE", help="Device: auto, cpu, cuda, cuda:N or mps."),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help="Threads that count n-grams of an ngram, or its processes with --memory; the model is the same. "
            "Training threads of word2vec or glove; their results are deterministic only with 1.  [default: 1]",
        ),
        click.option(
            "--memory",
            callback=_bytes,
            metavar="SIZE",
            help="Cap on the memory of fitting an ngram: 512M, 1.5G; the rest goes to temporary files. The model is "
            "the same.",
        ),
        click.option(
            "--temporary-folder",
            metavar="DIR",
            help="Folder of the temporary files of --memory, or an fsspec URL for --engine.  [default: the system's]",
        ),
        click.option("--engine", metavar="URL", help="What runs the tasks of fitting an ngram: dask://HOST:PORT."),
        click.option(
            "--precision", type=click.Choice(["auto", "float32", "bfloat16"]), help="Precision of the training steps."
        ),
        click.option(
            "--resume",
            is_flag=True,
            allow_from_autoenv=False,
            help="Resume an interrupted run from its checkpoint in MODEL.checkpoint.",
        ),
        # torchrun takes --log for one of its own flags.
        click.option(
            "--log",
            "--training-log",
            metavar="FILE",
            help="Write training records to FILE, one line of JSON each; FILE can be in the folder MODEL.",
        ),
        click.option(
            "--plot", metavar="FILE", help="Draw the learning curve (png, svg, pdf); its log is MODEL.training.jsonl."
        ),
    ]
    for option in reversed(options):
        with_training = option(with_training)
    return with_training
