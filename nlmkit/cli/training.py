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
from nlmkit.core.processes import is_main_process
from nlmkit.core.run import RunOptions
from nlmkit.training.checkpoint_folders import beside, read_checkpoint, remove_checkpoint

if TYPE_CHECKING:
    from nlmkit.core.progress import Progress

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_OF_STEPS = ("budget", "device", "precision", "resume", "log", "plot")
_NAMES = (*_OF_STEPS, "workers")


@dataclasses.dataclass(frozen=True)
class Training:
    """What was asked for on the command line; None where nothing was.

    Attributes:
        budget: Seconds to train for.
        device: Where to compute.
        precision: Of the training steps.
        resume: Whether to go on from the checkpoint.
        log: File for a line of JSON on each stage.
        plot: File for the learning curve.
        workers: Threads that train without locks.
    """

    budget: float | None
    device: str | None
    precision: str | None
    resume: bool
    log: str | None
    plot: str | None
    workers: int | None

    def check(self, fitted: Component, output: str | None) -> None:
        """Refuse what the component cannot do anything with, and a picture that cannot be drawn.

        Args:
            fitted: The component.
            output: Folder that the model will be saved to.

        Raises:
            click.UsageError: an option of training was given for a component that does not train in steps.
            HyperParameterError: a hyper-parameter has no effect beside the others.
            NlmkitError: the picture could not be drawn, which is better known before the training than after it.
        """
        fitted.refuse_without_effect()
        given = [f"--{name}" for name in _OF_STEPS if getattr(self, name) not in (None, False)]
        if fitted.keeps_log and "--log" in given:
            given.remove("--log")
        if given and not fitted.trains_in_steps:
            raise click.UsageError(f"{', '.join(given)}: {fitted.name} does not train in steps")
        if self.workers is not None and not fitted.takes_workers:
            raise click.UsageError(
                f"--workers: {fitted.name} does not train without locks, which word2vec and glove do"
            )
        if self.plot is not None:
            from nlmkit.plots.curves import check_picture
            from nlmkit.saving.written import is_written_directly

            if self.log is not None and is_written_directly(Path(self.log)):
                raise click.UsageError(f"--plot draws the log, which cannot be read again from {self.log}: name a file")
            check_picture(self.plot, to_come=output)

    def checkpoint(self, output: str) -> Path:
        """The checkpoint's folder, beside the model's, which holds nothing but the model."""
        return beside(Path(output), ".checkpoint")

    def _log(self, output: str) -> Path | None:
        """The log; a picture needs one."""
        if self.log is not None:
            return Path(self.log)
        return beside(Path(output), ".training.jsonl") if self.plot is not None else None

    def outputs(self, cls: type[Component], output: str | None) -> list[Output | None]:
        """What training will write beside the model that is saved at ``output``, if it is."""
        log = self.log if output is None else self._log(output)
        keeps_checkpoint = output is not None and output != STDIN and cls.trains_in_steps
        return [
            None if log is None else Output("--log", str(log), is_log=True),
            None if self.plot is None else Output("--plot", self.plot),
            Output(CHECKPOINT, str(self.checkpoint(output)), is_model=True) if output and keeps_checkpoint else None,
        ]

    def options(self, fitted: Component, output: str, display: Progress | None) -> RunOptions:
        """The run's options; a component that trains in steps keeps a checkpoint beside the model."""
        if not fitted.trains_in_steps:
            log = self._log(output) if fitted.keeps_log else None
            return RunOptions(progress=display, workers=self.workers or 1, log=log)
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
        """Around the fitting: tell of a checkpoint that is about to be replaced, and after Ctrl-C how to go on.

        Raises:
            KeyboardInterrupt: with that as its message, where this run has left a checkpoint; after SIGTERM, a
                :class:`~nlmkit.training.interruption.Terminated`.
        """
        if not (fitted.trains_in_steps and is_main_process()):
            yield
            return
        folder = self.checkpoint(output)
        before = read_checkpoint(folder)
        if before is not None and before.get("step") != 0 and not (self.resume or quiet):
            note(
                f"{folder} holds a checkpoint{_at_step(before)}, which this run replaces; --resume would go on with it"
            )
        try:
            yield
        except KeyboardInterrupt as error:
            after = read_checkpoint(folder)
            if after is None or (after == before and not self.resume):
                raise
            raise type(error)(
                f"{folder} holds a checkpoint{_at_step(after)}: the same command with --resume goes on from there"
            ) from None

    def finish(self, fitted: Component, output: str) -> None:
        """After the model was saved: draw the curve, remove the checkpoint."""
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
    # GloVe does not count its steps.
    return f" of step {checkpoint['step']}" if "step" in checkpoint else ""


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Callback of ``--budget``: seconds from ``90``, ``90s``, ``20m``, ``1.5h`` or ``1d``."""
    if value is None:
        return None
    matched = _DURATION.fullmatch(str(value).strip())
    if matched is None or float(matched[1]) <= 0:
        raise click.BadParameter(f"{value!r} is no duration: write 90s, 20m or 1.5h", ctx=ctx, param=param)
    return float(matched[1]) * _UNITS[matched[2] or "s"]


def training_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of training in steps, passed as one ``training``; ``--seed`` is ``-p seed=``."""

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
            help="Train for about so long: 90s, 20m, 1.5h. Evaluations are part of it; starting, reading text files "
            "and saving the model come on top.",
        ),
        click.option("--seed", type=click.IntRange(min=0), help="The same as -p seed=SEED."),
        click.option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps."),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help="Threads that train word2vec or glove; only with 1 do equal seeds give equal bytes.  [default: 1]",
        ),
        click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]), help="Of the training steps."),
        click.option(
            "--resume",
            is_flag=True,
            allow_from_autoenv=False,
            help="Go on where an interrupted run stopped; its checkpoint lies in MODEL.checkpoint.",
        ),
        # torchrun takes --log for one of its own flags.
        click.option(
            "--log",
            "--training-log",
            metavar="FILE",
            help="Write a line of JSON on each stage of training; FILE may be in the folder MODEL.",
        ),
        click.option(
            "--plot", metavar="FILE", help="Draw the learning curve (png, svg, pdf); its log is MODEL.training.jsonl."
        ),
    ]
    for option in reversed(options):
        with_training = option(with_training)
    return with_training
