"""What the training loop drives: a stepper takes the steps of one run, and knows how its data and weights are kept.

:class:`~nlmkit.training.gradient.GradientStepper` is one for every neural network; GloVe has its own.
This module imports neither torch nor NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from nlmkit.training.metrics import Metric, Rank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.training.distributed import Processes

Facts = dict[str, Any]
"""JSON values by name."""

Arrays = dict[str, "NDArray[Any]"]
"""Arrays by name."""


class Moment(NamedTuple):
    """When in a run a step is taken.

    Attributes:
        step: Steps taken before.
        place: Where the step is in the schedule of the learning rate.
        schedule_steps: Length of that schedule; None while the speed is being measured.
        plateaus: Epochs so far that did not improve on all before them.
        past_half: Whether half of the planned steps have been taken.
    """

    step: int
    place: float
    schedule_steps: int | None
    plateaus: int
    past_half: bool


class Place(NamedTuple):
    """Where in its data a run is.

    Attributes:
        epoch: Epochs finished.
        taken: Steps taken of the next one.
        steps: Steps that it has.
    """

    epoch: int
    taken: int
    steps: int


class Extent(NamedTuple):
    """What the plan of a run is made from.

    Attributes:
        epoch_steps: Steps of an epoch, about so many where they differ.
        work: Work of a step, in the mean, in the unit of :meth:`Stepper.step`.
        fewest: Steps that a run has at least, whatever its budget.
        closing: What judging the result takes, as a share of an evaluation.
        name: What notes call the steps.
    """

    epoch_steps: int
    work: float
    fewest: int = 1
    closing: float = 0.0
    name: str = "steps"


class Figures(NamedTuple):
    """What the steps since the line before come to.

    Attributes:
        metrics: Means over the training data by name, such as ``loss``; None where there is no such value.
        lr: Learning rate of the last step.
        gradient_norm: Mean norm of the gradient before clipping; None where it is not computed.
        text: The metrics that are shown beside the progress; may be empty.
    """

    metrics: Mapping[str, float | None]
    lr: float
    gradient_norm: float | None
    text: str


class Stepper(Protocol):
    """A run as the loop sees it. Between two calls it is nothing but its snapshot.

    Whatever has gone off is raised as :class:`~nlmkit.training.divergence.Diverged`.
    """

    @property
    def unit(self) -> str:
        """What speed is counted in: ``tokens``, ``records`` …; names the field of the log, ``tokens_per_second``."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """What :meth:`evaluate` measures, the deciding one first."""

    @property
    def is_evaluated(self) -> bool:
        """Whether there is held-out data to evaluate on."""

    @property
    def records_epochs(self) -> bool:
        """Whether the history gets an entry at the end of each epoch where there is no held-out data."""

    @property
    def tick(self) -> int | None:
        """Steps from one line of the log to the next; None: lines are written with evaluations only."""

    @property
    def can_be_prolonged(self) -> bool:
        """Whether a run of more epochs may go on from the checkpoint of one of fewer."""

    @property
    def threads(self) -> int | None:
        """Threads that it computes with, where their number may change the result; else None."""

    @property
    def together(self) -> Processes:
        """The processes of the run; each of them drives a stepper, and all call the same methods."""

    # -------------------------------------------------------------------------------------------- where it is

    @property
    def place(self) -> Place:
        """Where in its data it is."""

    @property
    def epochs(self) -> float:
        """Passes over the data, with fractions."""

    @property
    def items(self) -> int:
        """What has been read, in ``unit``, by all processes."""

    def steps(self, epochs: int | None = None) -> int:
        """Steps of the first ``epochs`` epochs, or of as many as its options want."""

    def extent(self) -> Extent:
        """What a plan is made from."""

    def counted(self, steps: int) -> int:
        """What the first ``steps`` steps count in the log and in the progress: the steps, or something they are of."""

    # ---------------------------------------------------------------------------------------------- the steps

    def begin(self) -> None:
        """Get ready to take steps: after the checkpoint was read, before the first step."""

    def step(self, moment: Moment) -> float:
        """Take a step; gives the work that it was, which its time goes by."""

    def settle(self) -> None:
        """Wait until the device has done what it was asked, so that a clock tells of it."""

    def check(self) -> None:
        """Raise :class:`~nlmkit.training.divergence.Diverged` where a step so far was not finite."""

    def take_figures(self, *, even_without_steps: bool = False) -> Figures | None:
        """What the steps since the last call come to; None where there were none, unless figures are wanted even so."""

    def take_loss(self) -> float:
        """Mean training loss since the last call; NaN where there were no steps."""

    # ------------------------------------------------------------------------------------------- evaluation

    @property
    def averaged(self) -> bool:
        """Whether an average stands for the weights where they are evaluated or kept."""

    def evaluate(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """The metrics of the held-out data.

        Args:
            interrupted: Asked now and then whether to stop.

        Raises:
            KeyboardInterrupt: It was to stop; the stepper is as before.
        """

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        """About how long :meth:`evaluate` takes, from a part of it that ends after ``most`` seconds."""

    def keep_best(self) -> None:
        """Keep the weights as they are evaluated: they are the best so far."""

    def evaluated(self, ranks: Sequence[Rank]) -> None:
        """Hear of the ranks of all evaluations so far, after each of them."""

    # ----------------------------------------------------------------------------------------------- the end

    def judge(self, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Refuse weights that are good for nothing by raising ``Diverged``; gives notes on doubtful ones.

        Args:
            kept: Metrics of the evaluation whose weights will be kept; None where there was none.
            last: Metrics of the last evaluation.
        """

    def finish(self) -> None:
        """Put the weights that stay in place: the best that were kept, else the last ones or their average."""

    def advice(self) -> str:
        """What to know and to try where training diverged, to be read after what shows it: ``; try a lower lr …``."""

    # ------------------------------------------------------------------------------------------- checkpoints

    def identity(self) -> Mapping[str, Any]:
        """What must be the same for a run to be gone on with, as JSON.

        Options are in ``hyper_parameters``; other names are read in messages, such as ``training text``.
        """

    def snapshot(self) -> tuple[Facts, Arrays]:
        """Everything that the next step depends on, as JSON and arrays; all processes take part."""

    def restore(
        self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, step: int, has_best: bool
    ) -> None:
        """Be as when :meth:`snapshot` was made.

        Args:
            facts: JSON of the snapshot.
            arrays: Arrays of the snapshot.
            step: Steps taken by then.
            has_best: Whether best weights were kept by then, by the history of evaluations.

        Raises:
            SavedModelError: Something in it makes no sense; KeyError, TypeError and ValueError mean the same.
        """
