"""Inspection of a network on a sentence: gates, states, and gradient norms over time.

``Inspection.gradient_norms`` shows that the gradient of a plain recurrent network vanishes over time (Hochreiter 1991;
Bengio, Simard & Frasconi 1994), but not that of an LSTM's cell (Hochreiter & Schmidhuber 1997).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.core.short_repr import short_repr
from nlmkit.errors import DataError
from nlmkit.language_models.neural.scoring import device_of
from nlmkit.language_models.reading import ReadingOrder
from nlmkit.text import EOS, EOS_ID

if TYPE_CHECKING:
    from nlmkit.language_models.neural.module import LanguageModule
    from nlmkit.text import Corpus, Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Inspection:
    """Activations and gradients of a network on one sentence: one step per word, after one for ``</s>``.

    Steps are in the order of reading: a backward model reads the last word of the sentence first.

    Attributes:
        inputs: Input of each step: ``</s>``, then the words of the sentence.
        targets: Target of each step: the words, then ``</s>``.
        log_probs: Natural log-probability of each target: float64 [steps].
        layers: Activations by name for each layer, lowest first: float32 [steps, h]. The LSTM has ``input``,
            ``forget``, ``candidate``, ``output`` (the gates), ``cell`` and ``hidden``, the GRU ``reset``, ``update``,
            ``candidate`` and ``hidden``, the others ``hidden``.
        gradient_norms: For each kind of state (``hidden``, and the LSTM's ``cell``) the norm of the gradient of one
            target's loss −ln p with respect to the state some steps back: float64 [layers, steps, steps]. Entry
            [l, t, k] is that of target t and the state after step t−k of layer l; NaN where k > t. A feed-forward
            network, which has no state, has zero from k = 1 on. Empty without gradients.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    log_probs: NDArray[np.float64]
    layers: tuple[Mapping[str, NDArray[np.float32]], ...]
    gradient_norms: Mapping[str, NDArray[np.float64]]

    def mean_gradient_norms(self) -> dict[str, NDArray[np.float64]]:
        """Return the norms by distance, averaged over targets with such a state: float64 [layers, steps]."""
        return {name: np.nanmean(norms, axis=1) for name, norms in self.gradient_norms.items()}

    def plot(self, path: str | os.PathLike[str], *, layer: int = -1, title: str = "") -> None:
        """Draw gates, states and gradients by distance; see ``nlmkit.plots.inspection.plot_inspection``."""
        from nlmkit.plots.inspection import plot_inspection

        plot_inspection(self, path, layer=layer, title=title)

    def __repr__(self) -> str:
        return short_repr(self)


def inspect(
    module: LanguageModule,
    corpus: Corpus,
    vocabulary: Vocabulary,
    *,
    gradients: bool = True,
    backward: bool = False,
) -> Inspection:
    """Read a sentence step by step from the zero state, as in scoring with context ``sentence``.

    Args:
        module: The network.
        corpus: One sentence.
        vocabulary: The network's vocabulary.
        gradients: Whether to compute gradient norms, which takes a pass over the sentence per event.
        backward: Whether the network reads sentences from their last word to their first.

    Raises:
        DataError: The corpus does not have exactly one sentence.
    """
    if corpus.sentences != 1:
        raise DataError(f"inspect requires one sentence, not {corpus.sentences}")
    words = tuple(corpus.sentence(0))[:: -1 if backward else 1]
    places = ReadingOrder.of(corpus.event_offsets, backward=backward).places
    targets = torch.from_numpy(corpus.event_ids(vocabulary)[places].astype(np.int64)).to(device_of(module))
    inputs = torch.cat([targets.new_tensor([EOS_ID]), targets[:-1]]).unsqueeze(1)
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            trace = module.trace(inputs, module.initial_state(1))
            log_probs = module.output.log_probs(trace.output.features[:, 0], targets)
        norms = _gradient_norms(module, inputs, targets) if gradients else {}
    finally:
        module.train(was_training)
    return Inspection(
        inputs=(EOS, *words),
        targets=(*words, EOS),
        log_probs=log_probs.cpu().numpy().astype(np.float64),
        layers=tuple(
            {name: torch.cat(steps).cpu().numpy() for name, steps in activations.items()}
            for activations in trace.layers
        ),
        gradient_norms=norms,
    )


def _gradient_norms(
    module: LanguageModule, inputs: torch.Tensor, targets: torch.Tensor
) -> dict[str, NDArray[np.float64]]:
    """Return the norms of each target, as in ``Inspection.gradient_norms``."""
    steps = len(targets)
    found: dict[str, NDArray[np.float64]] = {}
    for last in range(steps):
        norms = module.gradient_norms(inputs[: last + 1], targets[last : last + 1], module.initial_state(1))
        for name, values in norms.items():
            table = found.setdefault(name, np.full((len(values), steps, steps), np.nan))
            table[:, last, : last + 1] = values[:, :, 0].cpu().numpy()
    return found
