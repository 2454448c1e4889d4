"""The hidden Markov model with n-gram transitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.core.parameters import param, value_of
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.ngram.smoothing import METHODS
from nlmkit.saving.state import FittedState
from nlmkit.taggers.chain_tagger import ChainTagger, batches, padded, tokens_of
from nlmkit.taggers.units import UNITS, are_characters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.chain import Chain
    from nlmkit.language_models.ngram.model import NGram
    from nlmkit.taggers.hmm.words import WordModel
    from nlmkit.text.tagged import TaggedSentences

_MEMBER: Final = "transitions_"


@dataclasses.dataclass(kw_only=True)
class HMMTagger(ChainTagger):
    """Hidden Markov model whose transitions are an n-gram language model of tags (Brants 2000).

    p(tags, words) = Π p(tᵢ | tᵢ₋₂, tᵢ₋₁) p(wᵢ | tᵢ, wᵢ₋₁). The first factor, and the end of the sentence, is an
    ``ngram`` over the sequences of inner tags, with any order and smoothing; it is a model of its own,
    ``transitions_``. The second factor, with ``word_order`` above 1, depends on the words before as far as training
    has them together (Lee, Tsujii & Rim 2000). An unknown word has the tags of rare words with the same ending, shape
    or class of character (Samuelsson 1993). Everything is counted and smoothed (Witten & Bell 1991), so that fitting
    takes seconds.

    Feature columns, such as parts of speech, are generated with the word: words are counted with their values, and
    the values alone stand for unknown words.

    Decoding is exact over the states of order − 1 tags, among legal sequences; a token takes O(tags^order).

    Fitted attributes, in addition to those of every tagger: ``transitions_`` (``NGram``), ``words_`` (``WordModel``).

    Example:
        >>> tagger = HMMTagger(order=2).fit([["the", "cat"], ["a", "dog"]], [["D", "N"], ["D", "N"]])
        >>> tagger.predict([["the", "dog"]])
        [['D', 'N']]
    """

    name = "hmm-tagger"
    takes_features: ClassVar[bool] = True

    order: int = param(3, ge=1, le=6, help="length of the longest n-gram of tags")
    smoothing: str = param(
        "witten-bell",
        choices=tuple(each for each in METHODS if each not in ("stupid-backoff", "mle")),
        help="smoothing method of the n-grams of tags, as of ngram",
    )
    transitions: LanguageModel | None = param(
        None, help="unfitted ngram for the transitions, with options of its own; instead of order and smoothing"
    )
    word_order: int = param(
        2, ge=1, le=3, help="length of the longest sequence of words counted with a tag; 1: words are independent"
    )
    suffix_length: int = param(
        5,
        ge=0,
        le=20,
        help="length of the longest ending of unknown words looked at; characters have none",
        needs=value_of("units", "auto", "words"),
    )
    rare_count: int = param(10, ge=1, help="most occurrences of words whose endings are counted for unknown words")
    units: str = param("auto", choices=UNITS, help="what tokens are; auto: characters if nearly all have one")

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        transitions_: NGram = dataclasses.field(init=False)
        words_: WordModel = dataclasses.field(init=False)
        chain_: Chain = dataclasses.field(init=False)

    def fit_sentences(
        self, data: TaggedSentences, *, valid: TaggedSentences | None, run: RunOptions
    ) -> Mapping[str, Any]:
        """Count tags and words; see ``Tagger.fit_sentences``.

        Raises:
            HyperParameterError: The transitions are not an unfitted ngram, have too high an order, or give tags the
                probability zero.
        """
        from nlmkit.taggers.hmm.lexicon import Lexicon
        from nlmkit.taggers.hmm.tokens import DistinctTokens
        from nlmkit.taggers.hmm.transitions import chain_of, check_size, tag_corpus
        from nlmkit.taggers.hmm.words import WordModel

        assert data.tags is not None
        transitions = self._unfitted_transitions()
        check_size(len(self.tags_), transitions.order)
        held_out = None if valid is None else tag_corpus(valid, self.tags_)
        self.transitions_ = transitions.fit(tag_corpus(data, self.tags_), valid=held_out, run=run)

        self.chain_ = chain_of(self.transitions_, len(self.tags_), self.legal())
        run.stage("counting words")
        characters, tags = are_characters(data, self.units), len(self.tags_)
        tokens = DistinctTokens.of(data)
        lexicon = Lexicon.learn(
            tokens,
            data.tags.ids,
            tags,
            characters=characters,
            suffix=self.suffix_length,
            rare=self.rare_count,
        )
        self.words_ = WordModel.learn(lexicon, tokens, data.tags.ids, data.offsets, self.word_order)
        own = self.transitions_.fit_report_
        notes = [f"transitions: {note}" for note in own["notes"]]
        return {
            "units": "characters" if characters else "words",
            "transitions": {name: value for name, value in own.items() if name != "notes"},
            "sequences": [len(lexicon.keys[-1]), *(len(history.keys) for history in self.words_.histories)],
            "notes": notes,
        }

    def _unfitted_transitions(self) -> NGram:
        """Return a new n-gram model with the options for transitions.

        Raises:
            HyperParameterError: The component is not an unfitted ngram, or options contradict each other.
        """
        from nlmkit.language_models.ngram.model import NGram

        if self.transitions is None:
            return _probabilities(NGram(order=self.order, smoothing=self.smoothing))
        declared = self.hyper_parameters()
        for name in ("order", "smoothing"):
            if getattr(self, name) != declared[name].default:
                raise HyperParameterError(f"{name} has no effect with transitions: set it there")
        if not isinstance(self.transitions, NGram):
            raise HyperParameterError(f"transitions must be an ngram, not {self.transitions.name}")
        if self.transitions.is_fitted:
            raise HyperParameterError("transitions must be an ngram that is not fitted: it is fitted on the tags")
        if self.transitions.vocabulary_size is not None or self.transitions.vocabulary_file is not None:
            raise HyperParameterError("transitions cannot have vocabulary limits: the tags are a closed vocabulary")
        if self.transitions.min_count != 1:
            raise HyperParameterError("transitions cannot have min_count: the tags are a closed vocabulary")
        return _probabilities(NGram(**self.transitions.get_params(deep=False)))

    # ----------------------------------------------------------------------------------------------------- tagging

    @property
    def tags_before(self) -> int:
        """Number of tags before a tag that its score depends on, at least 1."""
        return max(1, int(getattr(self.transitions, "order", self.order)) - 1)

    def chain(self) -> Chain:
        """Return the scores of the transitions; −inf for what is not legal."""
        return self.chain_

    def emissions(
        self, data: TaggedSentences
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.floating[Any]], NDArray[np.int64]]]:
        """Yield log-probabilities of words given tags; see ``ChainTagger.emissions``."""
        import numpy as np

        from nlmkit.taggers.hmm.tokens import DistinctTokens

        scored = self.words_.scored(DistinctTokens.of(data))
        for sentences in batches(data.offsets, self.chain_.states):
            at, lengths = tokens_of(data.offsets, sentences)
            is_first = np.zeros(len(at), bool)
            is_first[np.cumsum(lengths) - lengths] = True
            yield sentences, padded(self.words_.log_probabilities(scored, at, is_first), lengths), lengths

    # ------------------------------------------------------------------------------------------------------ saving

    def fitted_state(self) -> FittedState:
        """Return counts as arrays, and the transitions as a member."""
        state = super().fitted_state()
        lexicon = self.words_.lexicon
        metadata = {**state.metadata, "characters": lexicon.characters}
        arrays = {**state.arrays, **lexicon.arrays(), **self.words_.arrays()}
        return FittedState(arrays, metadata, {**state.members, _MEMBER: self.transitions_})

    def restore(self, state: FittedState) -> None:
        """Restore counts and transitions.

        Raises:
            SavedModelError: Something is missing or contradicts the tags.
        """
        from nlmkit.language_models.ngram.model import NGram
        from nlmkit.saving import require
        from nlmkit.taggers.hmm.lexicon import Lexicon
        from nlmkit.taggers.hmm.transitions import chain_of, check_size, tag_words
        from nlmkit.taggers.hmm.words import WordModel
        from nlmkit.text.vocabulary import SPECIAL

        super().restore(state)
        transitions, tags = state.members.get(_MEMBER), len(self.tags_)
        if not isinstance(transitions, NGram) or not transitions.is_fitted or not transitions.normalized:
            raise SavedModelError("the saved model is damaged: its transitions are missing; save it again")
        words = transitions.vocabulary_.words[len(SPECIAL) :]
        require(
            words == tag_words(self.tags_)[: len(words)],
            "the saved model is damaged: its transitions are of other tags; save it again",
        )
        try:
            check_size(tags, transitions.order)
        except HyperParameterError as error:
            raise SavedModelError(f"the saved model is damaged: {error}") from error
        characters = state.metadata.get("characters")
        require(isinstance(characters, bool), "the saved model is damaged: characters is not true or false")
        lexicon = Lexicon.restored(
            state.arrays,
            tags,
            columns=bool(self.feature_names_),
            characters=bool(characters),
            suffix=self.suffix_length,
        )
        self.words_ = WordModel.restored(lexicon, state.arrays, self.word_order)
        self.transitions_ = transitions
        try:
            self.chain_ = chain_of(transitions, tags, self.legal())
        except HyperParameterError as error:
            raise SavedModelError(f"the saved model is damaged: {error}") from error


def _probabilities(transitions: NGram) -> NGram:
    """Return the model of transitions if its scores are probabilities.

    Raises:
        HyperParameterError: They are not.
    """
    if not transitions.normalized:
        raise HyperParameterError(
            f"transitions must be probabilities, and smoothing={transitions.smoothing} gives scores: choose another one"
        )
    return transitions
