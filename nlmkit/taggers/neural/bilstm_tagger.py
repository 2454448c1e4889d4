"""BiLSTM tagger, with a CRF or independent tags."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.core import optional
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import HyperParameterError
from nlmkit.representations.input_vectors import WithInputRepresentation
from nlmkit.saving.state import FittedState
from nlmkit.taggers.decoding import WithDecoding
from nlmkit.taggers.neural.options import BiLSTMOptions
from nlmkit.training.clock import seconds
from nlmkit.training.torch_model import TorchModel

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.decoding.chain import Chain
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.representations.base import Representation
    from nlmkit.taggers.neural.batching import Sentences
    from nlmkit.taggers.neural.module import TaggerModule
    from nlmkit.taggers.neural.settings import TaggerSettings
    from nlmkit.taggers.neural.tables import Tables
    from nlmkit.taggers.neural.task import TaggingTask
    from nlmkit.text import Vocabulary
    from nlmkit.text.tagged import TaggedSentences

_SINGLE: Final = 0.9
"""Share of training tokens of one character from which words are single characters."""

_MODELS: Final = "language_models_"


@dataclasses.dataclass(kw_only=True)
class BiLSTMTagger(
    BiLSTMOptions,
    VocabularyLimits,
    WithInputRepresentation,
    TorchModel["TaggerModule"],
    WithDecoding,
):
    """Bidirectional LSTM over words and their characters, with a CRF (Huang et al. 2015; Ma & Hovy 2016).

    A token is the vector of its word, the encoding of its characters and the vectors of its feature columns. Stacked
    LSTMs read the sentence in both directions; a linear layer scores the tags, and a conditional random field scores
    neighbouring tags.

    All feature columns of the training sentences are used. Where words are single characters, as in segmentation,
    pairs of neighbours take the place of the characters of a word. There is no maximal length.

    Fitted attributes in addition to those of ``Tagger``: ``vocabulary_`` (of the words as they are looked up),
    ``module_`` (``TaggerModule``), ``tables_`` (``Tables``), ``single_characters_`` (whether words are single
    characters), ``language_models_`` (those of ``language_models``, loaded), and ``representation_``, where ``fit``
    loaded or fitted one. A word missing from the training sentences gets the representation's vector if there is one
    and the vocabulary is not limited; other such words are ``<unk>``.

    Example:
        >>> sentences = [["a", "dog", "barks"], ["the", "cat", "sleeps"]] * 8
        >>> tags = [["D", "N", "V"]] * 16
        >>> model = BiLSTMTagger(embedding=8, hidden=8, epochs=20, batch=4, lr=0.02).fit(sentences, tags)
        >>> model.predict([["the", "dog", "sleeps"]])
        [['D', 'N', 'V']]
    """

    name = "bilstm-tagger"
    takes_features: ClassVar[bool] = True
    trains_in_steps = True

    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "embedding": 12,
        "character_maps": 8,
        "hidden": 12,
        "epochs": 6,
        "batch": 8,
        "lr": 0.04,
    }
    """Small settings for ``nlmkit.testing``, which fits a model many times."""

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        vocabulary_: Vocabulary = dataclasses.field(init=False)
        representation_: Representation = dataclasses.field(init=False)
        language_models_: tuple[LanguageModel, ...] = dataclasses.field(init=False)
        tables_: Tables = dataclasses.field(init=False)
        single_characters_: bool = dataclasses.field(init=False)

    # -------------------------------------------------------------------------------------------------- fitting

    def _fit(self, data: TaggedSentences, held_out: TaggedSentences | None, run: RunOptions) -> None:
        """See ``Tagger``. A budget starts here, so that it includes reading the words."""
        self._started = seconds()
        try:
            super()._fit(data, held_out, run)
        finally:
            vars(self).pop("_started", None)

    def fit_sentences(
        self, data: TaggedSentences, *, valid: TaggedSentences | None, run: RunOptions
    ) -> Mapping[str, Any]:
        """Train the network; see ``Tagger.fit_sentences``.

        Raises:
            HyperParameterError: Filters over characters have no width.
            SavedModelError: The representation cannot be loaded.
            NlmkitError: Training diverged.
        """
        if not self.character_widths:
            raise HyperParameterError("character_widths=[]: the filters over characters need at least one width")
        started = getattr(self, "_started", seconds())
        optional.require("torch", extra="taggers", who=self.name)
        import numpy as np
        import torch

        from nlmkit.representations.channels import initial_channels
        from nlmkit.taggers.neural import preparation
        from nlmkit.taggers.neural.tables import Tables
        from nlmkit.taggers.neural.task import TaggingTask, TaskSetup, digest
        from nlmkit.taggers.neural.training import train
        from nlmkit.taggers.neural.words import single_characters, words_as_looked_up
        from nlmkit.training.devices import memory_errors

        data = data.subset(np.flatnonzero(np.diff(data.offsets)))
        data, valid, held_out, notes = preparation.held_out(data, valid, self.valid_share, self.seed)
        corpus = words_as_looked_up(data, lowercase=self.lowercase)
        self.take_representation(corpus, run)
        self.language_models_ = ()
        of_states: list[dict[str, Any]] = []
        if self.language_models:
            from nlmkit.taggers.neural import language_states

            self.language_models_ = language_states.fitted_models(self.language_models)
            of_states = language_states.facts(self.language_models_, data)
        self.single_characters_ = single_characters(data) > _SINGLE
        generator = torch.Generator().manual_seed(self.seed)
        with memory_errors("the network; a smaller embedding or hidden, or fewer words, need less"):
            self.vocabulary_ = self.limited_vocabulary(corpus, noted=True)
            tuned, frozen, input_report, of_vectors = initial_channels(
                self, self.fitted_representation(), self.vocabulary_, generator, self.seed
            )
            ids = self.vocabulary_.ids(corpus.types).astype(np.int64)[corpus.ids]
            self.tables_ = Tables.of(
                data,
                ids,
                len(self.vocabulary_),
                characters=self.character_encoder != "none",
                pairs_from=self.bigram_min_count if self.uses_bigrams else None,
            )
            module = self.new_module(tuned, frozen, generator)
        notes += [*of_vectors, *preparation.coverage_notes(of_states)]
        sentences = self.sentences_of(data, keep=run)
        module.forget_unread(sentences)
        watched = None if valid is None else self.sentences_of(valid, keep=run)
        seen = data if valid is None else valid
        assert seen.tags is not None
        tags = (*self.tags_, *seen.tags.types[len(self.tags_) :])

        unknown = preparation.unknown_rates(
            self, self.vocabulary_, self.tables_, len(sentences.columns), bigrams=self.uses_bigrams
        )

        def task(settings: TaggerSettings, device: torch.device) -> TaggingTask:
            return TaggingTask(
                TaskSetup(
                    module=module,
                    sentences=sentences,
                    valid=watched,
                    settings=settings,
                    **unknown,
                    tags=tags,
                    plain=self.inner_scheme_ == "plain",
                    legal=self.legal(),
                    digests={
                        "training sentences": digest(sentences),
                        "held-out sentences": None if watched is None else digest(watched),
                        **{f"language model {n}": each["digest"] for n, each in enumerate(of_states, 1)},
                    },
                    device=device,
                )
            )

        report = train(self, task, run, started, sentences.lengths)
        self.module_ = module
        counts = module.parameter_counts()
        return {
            "vocabulary": len(self.vocabulary_),
            "held_out": held_out,
            "input": input_report,
            "language_models": of_states,
            "characters": self.character_encoder,
            "bigrams": len(self.tables_.pairs) if self.uses_bigrams else None,
            "decoder": self.decoder,
            "parameters": sum(counts.values()),
            "parameters_by_part": counts,
            **report,
            "notes": [*notes, *report["notes"]],
        }

    @property
    def character_encoder(self) -> str:
        """Encoder of characters in use: ``cnn``, ``lstm`` or ``none``."""
        if self.characters != "auto":
            return self.characters
        return "none" if self.single_characters_ else "cnn"

    @property
    def uses_bigrams(self) -> bool:
        """Whether pairs of neighbouring words have vectors."""
        return self.single_characters_ if self.bigrams is None else self.bigrams

    def new_module(
        self, tuned: torch.Tensor | None, frozen: torch.Tensor | None, generator: torch.Generator
    ) -> TaggerModule:
        """Build the untrained network over tuned word vectors, frozen ones, or both: float32 [V, d] each."""
        from nlmkit.taggers.neural.build import new_module

        return new_module(
            self,
            self.tables_,
            tuned,
            frozen,
            characters=self.character_encoder,
            bigrams=self.uses_bigrams,
            states=self._states_width,
            tags=len(self.tags_),
            legal=self.legal(),
            generator=generator,
        )

    # ------------------------------------------------------------------------------------------------- tagging

    def sentences_of(self, data: TaggedSentences, *, keep: RunOptions | None = None) -> Sentences:
        """Return sentences as the network reads them.

        Args:
            data: The sentences.
            keep: Run in which they are read often, so that the states of language models are kept, if not too large.
        """
        states = None
        if self.language_models_:
            from nlmkit.taggers.neural.language_states import LanguageStates

            states = LanguageStates(self.language_models_, data, spaces=not self.single_characters_)
            if keep is not None:
                states.keep(keep)
        from nlmkit.taggers.neural.words import sentences_of

        limited = self.vocabulary_size is not None or self.min_count > 1 or self.vocabulary_file is not None
        found = sentences_of(
            data,
            self.vocabulary_,
            self.tables_,
            representation=None if limited else self.fitted_representation(),
            lowercase=self.lowercase,
            characters=self.character_encoder != "none",
            shape=self.shape,
            bigrams=self.uses_bigrams,
        )
        return dataclasses.replace(found, states=states)

    @property
    def _states_width(self) -> int:
        if not self.language_models_:
            return 0
        from nlmkit.taggers.neural.language_states import width_of

        return width_of(self.language_models_)

    def chain(self) -> Chain:
        """Return the scores of neighbouring tags; −inf where illegal."""
        from nlmkit.taggers.neural.scoring import chain_of

        return chain_of(self.module_, self.legal())

    def emissions(
        self, data: TaggedSentences
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]]:
        """Yield the scores of the tags, in batches of sentences of similar length; see ``ChainTagger``."""
        from nlmkit.taggers.neural.scoring import emissions_of

        yield from emissions_of(self.module_, self.sentences_of(data))

    # -------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return the weights by torch name, the tables, and the representation that ``fit`` loaded or fitted."""
        state = super().fitted_state()
        members = self.saved_representation()
        for number, given in enumerate(self.language_models):
            if isinstance(given, str):  # others are saved as hyper-parameters
                members[f"{_MODELS}.{number}"] = self.language_models_[number]
        return dataclasses.replace(
            state,
            arrays={**state.arrays, **self.saved_weights(), **self.tables_.arrays()},
            metadata={**state.metadata, "single_characters": self.single_characters_},
            members={**state.members, **members},
        )

    def restore(self, state: FittedState) -> None:
        """Rebuild the network and load the saved weights.

        Raises:
            SavedModelError: Arrays are missing, unexpected, of a wrong shape or dtype, or contain NaN or infinity.
        """
        super().restore(state)
        optional.require("torch", extra="taggers", who=self.name)
        import torch

        from nlmkit.saving import require
        from nlmkit.taggers.neural.saving import without_tables
        from nlmkit.taggers.neural.tables import Tables
        from nlmkit.training.word_networks import with_weights

        require("vocabulary_" in vars(self), "its vocabulary is missing; save the model again")
        self.restore_representation(state)
        self.language_models_ = ()
        if self.language_models:
            from nlmkit.taggers.neural.language_states import restored_models

            self.language_models_ = restored_models(self.language_models, state.members, _MODELS)
        single = state.metadata.get("single_characters")
        require(isinstance(single, bool), "single_characters is missing from its metadata; save the model again")
        self.single_characters_ = bool(single)
        last_filter = f"characters.filters.{len(self.character_widths) - 1}"
        require(
            self.character_encoder != "cnn" or last_filter in state.arrays,
            "its filters are not those of character_widths; save the model again",
        )
        words = len(self.vocabulary_)
        self.tables_ = Tables.restored(state.arrays, words, features=len(self.feature_names_))
        generator = torch.Generator().manual_seed(self.seed)
        self.module_ = with_weights(
            without_tables(state.arrays),
            words=words,
            sizes=self._sizes(),
            build=lambda tuned, frozen: self.new_module(tuned, frozen, generator),
        )
        self.require_vectors(self.module_.words.channels[0].shape[1])

    def _sizes(self) -> dict[str, int]:
        """Return sizes by name; each must be the length of some array of a saved model."""
        sizes = {"hidden": self.hidden}
        if self.character_encoder != "none":
            sizes["character_embedding"] = self.character_embedding
            name = "character_hidden" if self.character_encoder == "lstm" else "character_maps"
            sizes[name] = getattr(self, name)
        if self.feature_names_ or self.shape:
            sizes["feature_embedding"] = self.feature_embedding
        if self.uses_bigrams:
            sizes["bigram_embedding"] = self.bigram_embedding
        return sizes
