"""The linear-chain CRF on hand-made features."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.core.parameters import param, value_of
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.saving.state import FittedState
from nlmkit.taggers.chain_tagger import batches, padded
from nlmkit.taggers.decoding import WithDecoding
from nlmkit.taggers.units import UNITS, are_characters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.chain import Chain
    from nlmkit.taggers.crf.attributes import Attributes
    from nlmkit.taggers.crf.templates import Template
    from nlmkit.taggers.crf.weights import StateWeights
    from nlmkit.text.tagged import TaggedSentences

OPTIMIZERS: Final = ("auto", "lbfgs", "sgd")
"""Values of the hyper-parameter ``optimizer``."""

MUCH_TEXT: Final = 500_000
"""Tokens above which ``optimizer=auto`` is ``sgd``."""


@dataclasses.dataclass(kw_only=True)
class CRFTagger(WithDecoding):
    """Linear-chain conditional random field on hand-made features (Lafferty et al. 2001; Sha & Pereira 2003).

    p(tags | words) ∝ exp Σ (Σ weight[attribute, tagᵢ] + weight[tagᵢ₋₁, tagᵢ]). The attributes of a token are what
    templates find around it, such as "the word before is *the*": of words the word, its prefixes, suffixes and shape,
    and pairs of words; of characters (Tseng et al. 2005) characters and their classes up to ``ngram`` in a row; of
    feature columns the values up to ``ngram`` in a row, and with the word.

    CRFsuite (Okazaki 2007) trains the weights; only ``fit`` needs it (``pip install 'nlmkit[taggers]'``). With
    ``optimizer=lbfgs`` it does so by L-BFGS, with ``sgd`` by stochastic gradient descent (Shalev-Shwartz et al. 2007),
    which needs far fewer passes over much text; ``auto`` takes the latter above 500,000 tokens, unless an option of
    the former is set. The weights are kept with CRFsuite's six decimals as arrays of this library, which decodes
    exactly, and among legal sequences alone.

    Fitted attributes, in addition to those of every tagger: ``attributes_`` (``Attributes`` with a weight),
    ``weights_`` (``StateWeights``), ``transitions_`` (float64 [tags, tags]).

    Example:
        >>> tagger = CRFTagger(iterations=10).fit([["the", "cat"], ["a", "dog"]], [["D", "N"], ["D", "N"]])
        >>> tagger.predict([["the", "dog"]])
        [['D', 'N']]
    """

    name = "crf-tagger"
    takes_features: ClassVar[bool] = True

    c1: float = param(0.0, ge=0, help="coefficient of the L1 penalty; above 0 it makes most weights zero")
    c2: float = param(1.0, ge=0, help="coefficient of the L2 penalty")
    optimizer: str = param(
        "auto",
        choices=OPTIMIZERS,
        later=True,
        help="lbfgs, or sgd (stochastic gradient descent, c1=0 only); auto: sgd above 500,000 training tokens, "
        "unless c1 or iterations is set",
    )
    iterations: int = param(
        100, ge=1, le=1_000_000, help="most iterations of L-BFGS", needs=value_of("optimizer", "auto", "lbfgs")
    )
    passes: int = param(
        50,
        ge=1,
        le=1_000_000,
        later=True,
        help="most passes of sgd over the sentences",
        needs=value_of("optimizer", "auto", "sgd"),
    )
    units: str = param("auto", choices=UNITS, help="what tokens are; auto: characters if nearly all have one")
    window: int = param(2, ge=0, le=10, help="distance of the farthest token looked at")
    ngram: int = param(3, ge=1, le=4, help="longest sequence of characters or feature values; of words at most 2")
    affixes: int = param(
        4,
        ge=0,
        le=10,
        help="length of the longest prefix and suffix of words; characters have none",
        needs=value_of("units", "auto", "words"),
    )
    min_count: int = param(1, ge=1, help="least number of occurrences of an attribute")

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        attributes_: Attributes = dataclasses.field(init=False)
        weights_: StateWeights = dataclasses.field(init=False)
        transitions_: NDArray[np.float64] = dataclasses.field(init=False)

    def fit_sentences(
        self, data: TaggedSentences, *, valid: TaggedSentences | None, run: RunOptions
    ) -> Mapping[str, Any]:
        """Collect attributes, and let CRFsuite train their weights; see ``Tagger.fit_sentences``.

        Raises:
            HyperParameterError: There are too many different values for sequences of them.
            NlmkitError: python-crfsuite is not installed, or fails.
        """
        from nlmkit.core import optional
        from nlmkit.taggers.crf.attributes import learn
        from nlmkit.taggers.crf.training import train
        from nlmkit.taggers.crf.weights import StateWeights

        optional.require("pycrfsuite", extra="taggers", who="training a crf-tagger")  # before the work
        assert data.tags is not None
        characters = are_characters(data, self.units)
        templates = self._templates(len(data.features), characters=characters)
        run.stage("collecting attributes", len(templates))
        attributes, rows = learn(data, templates, self.min_count, advance=run.advance)
        optimizer, settings = self._optimizer(data.tokens)
        tags = len(self.tags_)
        found = train(
            rows, data.tags.ids, data.offsets, number_of_tags=tags, optimizer=optimizer, settings=settings, run=run
        )
        self.weights_, used = StateWeights.of(found.attributes, found.tags, found.weights, attributes.bases[-1])
        self.attributes_ = attributes.kept(used)
        self.transitions_ = found.transitions
        return {
            "units": "characters" if characters else "words",
            "optimizer": optimizer,
            "iterations": found.iterations,
            "converged": found.converged,
            "loss": found.loss,
            "attributes": self.attributes_.bases[-1],
            "weights": len(self.weights_.values) + found.transitions.size,
        }

    def _optimizer(self, tokens: int) -> tuple[str, dict[str, float]]:
        """Return the optimizer, and CRFsuite's parameters of it; options of one of the two choose that one.

        Raises:
            HyperParameterError: Options are of both, or ``sgd`` is to have a penalty c1.
        """
        name, declared = self.optimizer, self.hyper_parameters()
        if name == "auto":
            of_lbfgs = bool(self.c1) or self.iterations != declared["iterations"].default
            of_sgd = self.passes != declared["passes"].default
            if of_lbfgs and of_sgd:
                raise HyperParameterError(
                    "passes is of optimizer=sgd, c1 and iterations are of optimizer=lbfgs: choose one"
                )
            name = "sgd" if of_sgd or (tokens > MUCH_TEXT and not of_lbfgs) else "lbfgs"
        if name == "lbfgs":
            return name, {"c1": self.c1, "c2": self.c2, "max_iterations": self.iterations}
        if self.c1:
            raise HyperParameterError("c1 above 0 needs optimizer=lbfgs")
        return name, {"c2": self.c2, "max_iterations": self.passes}

    def _templates(self, columns: int, *, characters: bool) -> tuple[Template, ...]:
        from nlmkit.taggers.crf.templates import character_templates, word_templates

        if characters:
            return character_templates(columns, window=self.window, ngram=self.ngram)
        return word_templates(columns, window=self.window, ngram=self.ngram, affixes=self.affixes)

    # ----------------------------------------------------------------------------------------------------- tagging

    def chain(self) -> Chain:
        """Return the weights of pairs of tags; −inf for what is not legal."""
        import numpy as np

        from nlmkit.decoding.chain import Chain

        zeros = np.zeros(len(self.tags_))
        return Chain(zeros, self.transitions_, zeros).constrained(*self.legal())

    def emissions(
        self, data: TaggedSentences
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.floating[Any]], NDArray[np.int64]]]:
        """Yield sums of the weights of attributes; see ``ChainTagger.emissions``."""
        import numpy as np

        from nlmkit.taggers.crf.attributes import Views, Windows

        views = Views(data, self.attributes_.values)
        for sentences in batches(data.offsets, len(self.tags_)):
            lengths = np.diff(data.offsets)[sentences]
            windows = Windows(views, data.offsets, sentences)
            scores = np.zeros((len(windows), len(self.tags_)))
            for tokens, rows in windows.rows(self.attributes_):
                self.weights_.add_to(scores, tokens, rows)
            yield sentences, padded(scores, lengths), lengths

    # ------------------------------------------------------------------------------------------------------ saving

    def fitted_state(self) -> FittedState:
        """Return attributes and weights as arrays, and the templates as metadata."""
        state = super().fitted_state()
        arrays = {"transitions": self.transitions_, **self.attributes_.arrays(), **self.weights_.arrays()}
        templates = [[list(part) for part in template] for template in self.attributes_.templates]
        return FittedState({**state.arrays, **arrays}, {**state.metadata, "templates": templates}, state.members)

    def restore(self, state: FittedState) -> None:
        """Restore attributes and weights.

        Raises:
            SavedModelError: Something is missing or contradicts the rest.
        """
        import numpy as np

        from nlmkit.saving import require, require_array, require_weights
        from nlmkit.taggers.crf.attributes import Attributes
        from nlmkit.taggers.crf.weights import StateWeights

        super().restore(state)
        tags, columns = len(self.tags_), len(self.feature_names_)
        expected = (self._templates(columns, characters=characters) for characters in (False, True))
        saved = state.metadata.get("templates")
        templates = next((each for each in expected if [[list(part) for part in one] for one in each] == saved), None)
        require(templates is not None, "its templates are not those of its hyper-parameters; save the model again")
        transitions = require_array(state.arrays, "transitions", dtype="float64", shape=(tags, tags))
        require_weights(transitions, "transitions")
        assert templates is not None
        self.attributes_ = Attributes.restored(state.arrays, templates)
        self.weights_ = StateWeights.restored(state.arrays, self.attributes_.bases[-1], tags)
        self.transitions_ = np.asarray(transitions, np.float64)
