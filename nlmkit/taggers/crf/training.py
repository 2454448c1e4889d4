"""Training of linear-chain CRFs by CRFsuite (Okazaki 2007), through python-crfsuite.

Only training needs it. The weights are read from the textual form that CRFsuite writes of its model: they have six
decimals. Attributes and tags go by their numbers.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.core import optional
from nlmkit.core.run import RunOptions
from nlmkit.errors import NlmkitError

_FEATURE: Final = re.compile(rb"  \([01]\) (\d+) --> (\d+): ")
_SECTION: Final = re.compile(rb"(?m)^([A-Z_]+) = \{\n(.*?)^\}", re.DOTALL)
_PIECE: Final = 1 << 24  # bytes of text that become numbers at a time


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of a trained CRF.

    Attributes:
        transitions: Of pairs of successive tags: float64 [tags, tags].
        attributes: Number of the attribute of each state feature: int64 [features], ascending.
        tags: Its tag: int64 [features].
        weights: Its weight: float64 [features].
        iterations: Number of iterations, or passes over the sentences.
        loss: Last value of the objective; None if it is unknown.
        converged: Whether training ended before the maximal number of iterations.
    """

    transitions: NDArray[np.float64]
    attributes: NDArray[np.int64]
    tags: NDArray[np.int64]
    weights: NDArray[np.float64]
    iterations: int
    loss: float | None
    converged: bool


ALGORITHMS: Final = {"lbfgs": "lbfgs", "sgd": "l2sgd"}
"""CRFsuite's names of the optimizers."""


def train(
    rows: NDArray[np.int32],
    tags: NDArray[np.integer[Any]],
    offsets: NDArray[np.int64],
    *,
    number_of_tags: int,
    optimizer: str,
    settings: dict[str, float],
    run: RunOptions,
) -> Weights:
    """Return the weights of a trained CRF.

    An exception that progress raises, such as ``KeyboardInterrupt``, ends the training.

    Args:
        rows: Attributes of each token: int32 [templates, tokens], −1 for none.
        tags: Tag of each token: [tokens].
        offsets: Where each sentence begins, and the last one ends: int64 [sentences + 1].
        number_of_tags: Number of tags, also of those that do not occur.
        optimizer: ``lbfgs``, or ``sgd``: stochastic gradient descent, sentence by sentence.
        settings: Parameters of CRFsuite's algorithm; ``max_iterations`` among them.
        run: Progress.

    Raises:
        NlmkitError: python-crfsuite is not installed, or fails.
    """
    pycrfsuite = optional.require("pycrfsuite", extra="taggers", who="training a crf-tagger")
    most = int(settings["max_iterations"])

    class Trainer(pycrfsuite.Trainer):  # type: ignore[misc, name-defined]
        """Passes messages on as progress."""

        iterations, loss = 0, None

        def message(self, message: str) -> None:
            """Read a line of the log."""
            if message.startswith(("***** Iteration #", "***** Epoch #")):
                if not self.iterations:
                    run.stage("training", most)
                self.iterations += 1
                run.advance()
            elif message.startswith("Loss: ") and self.iterations:
                self.loss = float(message.removeprefix("Loss: "))
                run.note(f"loss {self.loss:.1f}")

    trainer = Trainer(algorithm=ALGORITHMS[optimizer], params=settings, verbose=False)
    run.stage("passing sentences to CRFsuite", len(offsets) - 1)
    names = [str(number) for number in range(max(int(rows.max(initial=-1)) + 1, number_of_tags))]
    for low, high in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        if high > low:
            items = [[names[row] for row in column if row >= 0] for column in rows[:, low:high].T.tolist()]
            trainer.append(items, [names[tag] for tag in tags[low:high].tolist()])
        run.advance()
    run.stage("collecting features")
    with tempfile.TemporaryDirectory(prefix="nlmkit-") as folder:
        model, text = Path(folder, "model"), Path(folder, "model.txt")
        try:
            _start_random_numbers()
            trainer.train(str(model))
            run.stage("reading weights")
            tagger = pycrfsuite.Tagger()
            with tagger.open(str(model)):
                tagger.dump(str(text))
        except (pycrfsuite.CRFSuiteError, OSError, ValueError) as error:
            raise NlmkitError(f"CRFsuite failed with {error}; is there room in {folder}?") from error
        transitions, states = _read(text.read_bytes())
    matrix = np.zeros((number_of_tags, number_of_tags))
    matrix[transitions[0].astype(np.int64), transitions[1].astype(np.int64)] = transitions[2]
    order = np.lexsort((states[1], states[0]))
    attributes, labels, weights = states[:, order]
    return Weights(
        transitions=matrix,
        attributes=attributes.astype(np.int64),
        tags=labels.astype(np.int64),
        weights=weights,
        iterations=trainer.iterations,
        loss=trainer.loss,
        converged=trainer.iterations < most,
    )


def _start_random_numbers() -> None:
    """Start the random numbers of the C library anew, by which CRFsuite shuffles sentences, so that fits repeat."""
    library = ctypes.CDLL("ucrtbase" if os.name == "nt" else None)
    library.srand(1)


def _read(text: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return transitions and state features of a model in CRFsuite's textual form: from, to and weight, [3, n]."""
    sections = {match[1]: match[2] for match in _SECTION.finditer(text)}
    try:
        return _numbers(sections[b"TRANSITIONS"]), _numbers(sections[b"STATE_FEATURES"])
    except (KeyError, ValueError) as error:
        raise NlmkitError(f"this version of CRFsuite writes models in another form ({error!r})") from error


def _numbers(lines: bytes) -> NDArray[np.float64]:
    """Return the numbers of lines such as ``  (0) 12 --> 3: 0.250000``: float64 [3, lines]."""
    parts = [np.empty((0, 3))]
    for piece in _pieces(lines):
        plain = _FEATURE.sub(rb"\1 \2 ", piece)
        parts.append(np.array(plain.split(), np.float64).reshape(-1, 3))
    return np.concatenate(parts).T


def _pieces(text: bytes) -> Iterator[bytes]:
    """Yield whole lines of a text, piece by piece."""
    low = 0
    while low < len(text):
        high = text.find(b"\n", min(low + _PIECE, len(text) - 1)) + 1
        yield text[low:high]
        low = high
