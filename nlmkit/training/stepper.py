"""Interface of steppers, which take the steps of one run and save and restore its state for the training loop.

``GradientStepper`` is the stepper of neural networks; GloVe has its own.
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
    """Position of a step in a run.

    Attributes:
        step: Number of steps taken before.
        place: Position of the step in the schedule of the learning rate.
        schedule_steps: Length of that schedule; None while the speed is being measured.
        plateaus: Number of epochs so far that did not improve on all before them.
        past_half: Whether half of the planned steps have been taken.
        share: Share of the planned steps that have been taken; 0 while the speed is being measured.
    """

    step: int
    place: float
    schedule_steps: int | None
    plateaus: int
    past_half: bool
    share: float = 0.0


class Place(NamedTuple):
    """Position of a run in its data.

    Attributes:
        epoch: Number of finished epochs.
        taken: Number of steps taken of the next one.
        steps: Number of steps of that epoch.
    """

    epoch: int
    taken: int
    steps: int


class Extent(NamedTuple):
    """Size of a run, for its plan.

    Attributes:
        epoch_steps: Approximate number of steps per epoch.
        work: Mean work per step, in the unit of ``Stepper.step``.
        fewest: Minimum number of steps, for any budget.
        closing: Time to judge the result, as a share of an evaluation.
        name: Name of the steps in notes.
        cost: Mean work of the steps between two shares of the plan, from 0 to 1, relative to ``work``; None if it does
            not depend on them.
        divisor: Largest divisor of the held-out data that leaves enough to compare weights; 1 if ``Stepper.evaluate``
            reads all of it in any case.
    """

    epoch_steps: int
    work: float
    fewest: int = 1
    closing: float = 0.0
    name: str = "steps"
    cost: Callable[[float, float], float] | None = None
    divisor: int = 1


class Figures(NamedTuple):
    """Figures of the steps since the line before.

    Attributes:
        metrics: Means over the training data by name, such as ``loss``; None for missing values.
        lr: Learning rate of the last step.
        gradient_norm: Mean norm of the gradient before clipping; None if not computed.
        text: Metrics for the progress display; may be empty.
    """

    metrics: Mapping[str, float | None]
    lr: float
    gradient_norm: float | None
    text: str


class Stepper(Protocol):
    """Interface of a run for the loop. Between two calls, its state is its snapshot.

    Divergence is raised as ``Diverged``.
    """

    @property
    def unit(self) -> str:
        """Unit of the speed, ``tokens``, ``records`` …, and of the field of the log, ``tokens_per_second``."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """Metrics of ``evaluate``, the decisive one first."""

    @property
    def is_evaluated(self) -> bool:
        """Whether there is held-out data for evaluation."""

    @property
    def records_epochs(self) -> bool:
        """Whether the history gets an entry at the end of each epoch without held-out data."""

    @property
    def tick(self) -> int | None:
        """Steps between two lines of the log; None to write lines only with evaluations."""

    @property
    def can_be_prolonged(self) -> bool:
        """Whether a run of more epochs can resume from the checkpoint of a run of fewer."""

    @property
    def threads(self) -> int | None:
        """Number of threads, if it can affect the result; else None."""

    @property
    def together(self) -> Processes:
        """Processes of the run; each has a stepper, and all call the same methods."""

    # -------------------------------------------------------------------------------------------- where it is

    @property
    def place(self) -> Place:
        """Position in the data."""

    @property
    def epochs(self) -> float:
        """Number of passes over the data, a fraction."""

    @property
    def items(self) -> int:
        """Number of units read by all processes."""

    def steps(self, epochs: int | None = None) -> int:
        """Return the number of steps in ``epochs`` epochs, by default those of the options."""

    def extent(self) -> Extent:
        """Return the extent of the run, for its plan."""

    def counted(self, steps: int) -> int:
        """Return the count of the first ``steps`` steps in log and progress: steps, or units that consist of them."""

    # ---------------------------------------------------------------------------------------------- the steps

    def begin(self) -> None:
        """Prepare for steps, after reading the checkpoint and before the first step."""

    def step(self, moment: Moment) -> float:
        """Take a step; return its work, to which its time is proportional."""

    def settle(self) -> None:
        """Wait for the device to finish, so that a clock includes its work."""

    def check(self) -> None:
        """Raise ``Diverged`` if any step so far was not finite."""

    def take_figures(self, *, even_without_steps: bool = False) -> Figures | None:
        """Return the figures of the steps since the last call; None without steps, unless ``even_without_steps``."""

    def take_loss(self) -> float:
        """Return the mean training loss since the last call; NaN without steps."""

    # ------------------------------------------------------------------------------------------- evaluation

    @property
    def averaged(self) -> bool:
        """Whether an average replaces the weights for evaluation and at the end."""

    def evaluate(self, interrupted: Callable[[], bool], divisor: int = 1) -> Mapping[str, float]:
        """Return the metrics of the held-out data.

        Args:
            interrupted: Called regularly; returns whether to stop.
            divisor: n to read about an n-th of the data, always the same; at most that of ``extent``.

        Raises:
            KeyboardInterrupt: ``interrupted`` returned True; the stepper is unchanged.
        """

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        """Estimate the time of ``evaluate`` on all held-out data from a part of it, limited to ``most`` seconds."""

    def keep_best(self) -> None:
        """Keep the evaluated weights as the best so far."""

    def evaluate_kept(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """Return the metrics of all held-out data with the best weights; see ``evaluate``."""

    def evaluated(self, ranks: Sequence[Rank]) -> None:
        """Receive the ranks of all evaluations so far, after each of them."""

    # ----------------------------------------------------------------------------------------------- the end

    def judge(self, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Raise ``Diverged`` for unusable weights; return notes on doubtful ones.

        Args:
            kept: Metrics of the evaluation whose weights will be kept; None if there was none.
            last: Metrics of the last evaluation.
        """

    def finish(self) -> None:
        """Load the final weights: the best ones kept, else the last ones or their average."""

    def advice(self) -> str:
        """Return the end of the message on divergence, with facts and remedies: ``; try a lower lr …``."""

    # ------------------------------------------------------------------------------------------- checkpoints

    def identity(self) -> Mapping[str, Any]:
        """Return the facts that must match for a run to resume, as JSON.

        Options are in ``hyper_parameters``; other keys appear in messages, such as ``training text``.
        """

    def snapshot(self) -> tuple[Facts, Arrays]:
        """Return everything that the next step depends on, as JSON and arrays; called by all processes."""

    def restore(
        self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, step: int, has_best: bool
    ) -> None:
        """Restore the state of ``snapshot``.

        Args:
            facts: JSON of the snapshot.
            arrays: Arrays of the snapshot.
            step: Number of steps taken by then.
            has_best: Whether best weights were kept by then, according to the history of evaluations.

        Raises:
            SavedModelError: The state is invalid; so are a KeyError, TypeError and ValueError.
        """
