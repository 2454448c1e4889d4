"""What the conformance kit of sequence-to-sequence models checks: ``Subject``, and its state machine."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.component import Component
from nlmkit.seq2seq import machine
from nlmkit.seq2seq.base import SequenceToSequence
from nlmkit.testing import component, parallel_data
from nlmkit.testing.parallel_data import Both
from nlmkit.text import EOS_ID
from nlmkit.text.parallel import ParallelTexts


class Subject(component.Subject):
    """A configured, unfitted sequence-to-sequence model under test."""

    component: SequenceToSequence
    fitted: SequenceToSequence

    @property
    def takes(self) -> str:
        """What the model's sources are: ``texts`` or ``vectors``."""
        return self.component.takes

    def clone(self) -> SequenceToSequence:
        """An unfitted model with the same hyper-parameters."""
        return cast(SequenceToSequence, super().clone())

    def fitted_on(self, sources: Any, targets: Any = None, *, held_out: Any = None) -> SequenceToSequence:
        """A model fitted on pairs; there are always validation pairs, as a model may need them."""
        both = sources if targets is None else (sources, targets)
        return self.clone().fit(sources, targets, valid=both if held_out is None else held_out)

    def train(self) -> Both:
        """Fresh training pairs."""
        return parallel_data.train(self.takes)

    def valid(self) -> Both:
        """Fresh held-out pairs."""
        return parallel_data.valid(self.takes)

    def test(self) -> Both:
        """Fresh pairs to score."""
        return parallel_data.test(self.takes)

    def training(self, *, other: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Sources, targets, and validation pairs."""
        if other:
            return parallel_data.other(self.takes), {"valid": parallel_data.other(self.takes)}
        return self.train(), {"valid": self.valid()}

    def results(self, component: Component) -> NDArray[np.float64]:
        """Log-probabilities of the test pairs: float64 [events]."""
        return cast(Any, component).log_probs(*self.test())  # type: ignore[no-any-return]

    def uses(self, component: Component) -> Mapping[str, Callable[[], object]]:
        """Every way to use a fitted model."""
        model: Any = component
        both = self.test()
        uses = {
            "encode": lambda: model.encode(both.targets),
            "encode_pairs": lambda: model.encode_pairs(*both),
            "conditions": lambda: model.conditions(both.sources),
            "predict": lambda: model.predict(both.sources),
            "n_best": lambda: model.n_best(both.sources, 2),
            "generate": lambda: model.generate(both.sources[0], max_tokens=1),
            "log_probs": lambda: model.log_probs(*both),
            "score": lambda: model.score(*both),
            "perplexity": lambda: model.perplexity(*both),
            "perplexity_report": lambda: model.perplexity_report(*both),
            "report": lambda: model.report(*both),
            "fitted_state": model.fitted_state,
            "digest": lambda: model.digest,
        }
        if self.component.has_attention:
            uses["attention"] = lambda: model.attention(*both)
        return uses

    def inputs(self) -> Iterable[tuple[str, Any, Callable[[], object]]]:
        """Fitting, translating and scoring, of lists and of ParallelTexts."""
        train, held_out = self.train(), self.valid()
        yield "fit on lists", (train, held_out), lambda: self.fitted_on(*train, held_out=held_out)
        both = ParallelTexts(*self.train())
        yield "fit on ParallelTexts", both, lambda: self.fitted_on(both, held_out=both)
        some = self.test().sources
        yield "predict", some, lambda: self.fitted.predict(some)
        scored = self.test()
        yield "log_probs", scored, lambda: self.fitted.log_probs(*scored)
        yield "score", scored, lambda: self.fitted.score(*scored)

    def score(self, component: Component) -> object:
        """The score on the held-out pairs."""
        return cast(Any, component).score(*self.valid())


def sacrebleu_is_there(subject: Subject) -> bool:
    """Return whether BLEU can be computed."""
    return importlib.util.find_spec("sacrebleu") is not None


def sklearn_is_there(subject: Subject) -> bool:
    """Return whether scikit-learn is installed."""
    return importlib.util.find_spec("sklearn") is not None


def takes_texts(subject: Subject) -> bool:
    """Return whether sources are texts."""
    return subject.takes == "texts"


def takes_vectors(subject: Subject) -> bool:
    """Return whether sources are vectors."""
    return subject.takes == "vectors"


def has_attention(subject: Subject) -> bool:
    """Return whether the model has attention."""
    return subject.component.has_attention


def has_no_attention(subject: Subject) -> bool:
    """Return whether the model has no attention."""
    return not has_attention(subject)


def by_machine(model: SequenceToSequence, sources: Any, targets: Any) -> NDArray[np.float64]:
    """Log-probability of every event by nothing but the state machine: float64 [events]."""
    return machine.log_probs(model, model.encode_pairs(sources, targets))


def states_of(model: SequenceToSequence, source: Any, ids: Iterable[int]) -> list[Any]:
    """Return the states of a target of one source before each of its words, and after the last."""
    (condition,) = model.conditions([source])
    return list(itertools.accumulate(ids, model.advance, initial=model.start(condition)))


def log_prob_of(model: SequenceToSequence, source: Any, ids: list[int], *, finished: bool) -> float:
    """Return the log-probability of the words of a target of one source, and of ``</s>`` if it is finished."""
    states = states_of(model, source, ids)
    events = [*ids, EOS_ID] if finished else ids
    return float(sum(model.next_log_probs(state)[event] for state, event in zip(states, events, strict=False)))
