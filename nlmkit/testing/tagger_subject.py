"""What the conformance kit of taggers checks: ``Subject``, and how its predictions are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.component import Component
from nlmkit.taggers.base import Tagger
from nlmkit.testing import component, tagged_data
from nlmkit.testing.checks import require
from nlmkit.text.tag_schemes import read_spans
from nlmkit.text.tagged import TaggedSentences

_ALL: Final = 20_000  # more sequences than a few tokens can have


class Subject(component.Subject):
    """A configured, unfitted tagger under test."""

    component: Tagger
    fitted: Tagger

    def clone(self) -> Tagger:
        """An unfitted tagger with the same hyper-parameters."""
        return cast(Tagger, super().clone())

    def fitted_on(self, sentences: Any, tags: Any = None, *, held_out: Any = None) -> Tagger:
        """A tagger fitted on sentences with tags; there are always validation sentences, as a tagger may need them."""
        both = sentences if tags is None else (sentences, tags)
        return self.clone().fit(sentences, tags, valid=both if held_out is None else held_out)

    def training(self, *, other: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Sentences, tags, and validation sentences."""
        if other:
            return tagged_data.other(), {"valid": tagged_data.other()}
        return tagged_data.train(), {"valid": tagged_data.valid()}

    def results(self, component: Component) -> NDArray[np.float64]:
        """Marginal probabilities of test sentences and unusual ones: float64 [tokens, tags]."""
        return marginals(component, [*tagged_data.test(), *tagged_data.unusual()])

    def uses(self, component: Component) -> Mapping[str, Callable[[], object]]:
        """Every way to use a fitted tagger."""
        tagger: Any = component
        return {
            "encode": lambda: tagger.encode(tagged_data.test()),
            "predict": lambda: tagger.predict(tagged_data.test()),
            "predict_marginals": lambda: tagger.predict_marginals(tagged_data.test()),
            "predict_spans": lambda: tagger.predict_spans(tagged_data.test()),
            "n_best": lambda: tagger.n_best(tagged_data.test(), 2),
            "score": lambda: tagger.score(*tagged_data.valid()),
            "report": lambda: tagger.report(*tagged_data.valid()),
            "fitted_state": tagger.fitted_state,
            "digest": lambda: tagger.digest,
        }

    def inputs(self) -> Iterable[tuple[str, Any, Callable[[], object]]]:
        """Fitting, tagging and scoring, of lists and of TaggedSentences."""
        train, held_out = tagged_data.train(), tagged_data.valid()
        yield "fit on lists", (train, held_out), lambda: self.fitted_on(*train, held_out=held_out)
        both = TaggedSentences(*tagged_data.train())
        yield "fit on TaggedSentences", both, lambda: self.fitted_on(both, held_out=both)
        some = tagged_data.test()
        yield "predict", some, lambda: self.fitted.predict(some)
        scored = tagged_data.valid()
        yield "score", scored, lambda: self.fitted.score(*scored)

    def score(self, component: Component) -> object:
        """The score on the validation sentences."""
        return cast(Any, component).score(*tagged_data.valid())


def marginals(tagger: Any, sentences: Any, **options: Any) -> NDArray[np.float64]:
    """Marginal probabilities of all tokens: float64 [tokens, tags]."""
    found = [np.empty((0, len(tagger.tags_))), *tagger.predict_marginals(sentences, **options)]
    return np.concatenate(found)


def require_tags(tagger: Tagger, sentences: Sequence[Sequence[str]], what: str) -> list[list[str]]:
    """Raise unless each token of each sentence has one tag, and the spans are well-formed; return the tags."""
    found = tagger.predict(sentences)
    require(isinstance(found, list) and len(found) == len(sentences), f"{what}: predict returns no list of each")
    for words, tags in zip(sentences, found, strict=True):
        sound = isinstance(tags, list) and len(tags) == len(words) and all(isinstance(tag, str) for tag in tags)
        require(sound, f"{what}: {len(words)} tokens have the tags {tags!r}")
        require_legal(tagger, tags, what)
    return found


def require_legal(tagger: Tagger, tags: Sequence[str], what: str) -> None:
    """Raise unless tags in the tagger's scheme are well-formed."""
    if tagger.scheme_ != "plain":
        repairs = read_spans(tags, tagger.scheme_).repairs
        require(not repairs, f"{what}: tags that {tagger.scheme_} does not allow: {' '.join(tags[:20])}")


def all_sequences(tagger: Tagger, sentence: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return all legal tag sequences of a short sentence: probabilities [n], and ids of inner tags [n, tokens]."""
    (found,) = tagger.best(tagger.encode([sentence]), _ALL)
    require(len(found) < _ALL, f"{len(found)} sequences of {len(sentence)} tokens")
    ids = np.array([path for _, path in found], np.int64).reshape(len(found), len(sentence))
    return np.exp([score for score, _ in found]), ids
