"""What all neural classifiers share: fitting, saving and scoring, around the module they contain.

A component adds its option groups, its presets and :meth:`NeuralClassifier.build_encoder`. This module imports neither
torch nor NumPy until something is fitted or loaded.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, cast

from nlmkit.classifiers.base import Classifier
from nlmkit.core import optional
from nlmkit.core.component import Component
from nlmkit.core.parameters import param
from nlmkit.core.presets import NONE, WithPresets
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.documents.neural.options import AugmentationOptions, InputOptions, TrainingOptions
from nlmkit.errors import HyperParameterError
from nlmkit.representations.base import Representation
from nlmkit.saving.state import FittedState
from nlmkit.training.divergence import during

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.documents.neural.batching import Batch, Documents, Sample
    from nlmkit.documents.neural.input import WordInput
    from nlmkit.documents.neural.module import ClassifierModule, DocumentEncoder
    from nlmkit.text import Corpus, Vocabulary

_TIMING: Final = frozenset({"seconds", "words_per_second"})
"""Keys of a fit report that differ from run to run, and are not part of the fitted state."""

_POOR_COVERAGE: Final = 0.5


class _Contained(Classifier):
    """Fitted state, declared where a dataclass does not take it for hyper-parameters."""

    vocabulary_: Vocabulary
    module_: ClassifierModule
    representation_: Representation


@dataclasses.dataclass(kw_only=True)
class NeuralClassifier(TrainingOptions, AugmentationOptions, InputOptions, VocabularyLimits, WithPresets, _Contained):
    """Base of the neural classifiers: an estimator that contains a torch module and is none.

    Fitted attributes beside those of every classifier: ``vocabulary_``, of the training texts that are trained on;
    ``module_`` (:class:`~nlmkit.documents.neural.module.ClassifierModule`); and ``representation_``, where ``fit``
    loaded or fitted one. A word that the training texts lack is read by the representation's vector, where it has one
    and no limit is set to the vocabulary; other such words are ``<unk>``.

    Where no held-out texts are given, ``valid_share`` of the training texts are held out: they choose the epoch whose
    weights are kept, and are not trained on.

    Of a text of more than ``max_length`` tokens the first ones are read; a note says how many texts that concerns.
    """

    trains_in_steps = True

    conformance_settings: ClassVar[Mapping[str, Any]] = {"embedding": 16, "epochs": 12, "batch": 8, "lr": 0.01}
    """Settings small enough for :mod:`nlmkit.testing`, which fits a classifier many times."""

    preset: str = param(NONE, choices=(NONE,), help="published settings instead of the defaults; values given win")

    # ------------------------------------------------------------------------------- what a component implements

    def build_encoder(self, inputs: int, generator: torch.Generator) -> DocumentEncoder:
        """The untrained layers between word vectors and the last layer.

        Args:
            inputs: Width of the vectors.
            generator: Source of the first weights.
        """
        raise NotImplementedError

    def divide(self, corpus: Corpus, ids: NDArray[np.int64]) -> Documents:
        """The documents of a corpus, divided into sentences where the encoder reads those.

        Args:
            corpus: One document a "sentence".
            ids: Id of each of its tokens: int64 [tokens].
        """
        from nlmkit.documents.neural.batching import Documents

        return Documents.whole(ids, corpus.offsets)

    def check_options(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            HyperParameterError: with the reason.
        """
        if getattr(self, "widths", None) == ():
            raise HyperParameterError("widths=[]: the filters need at least one width")

    def start_vocabulary(self, corpus: Corpus) -> Vocabulary:
        """The vocabulary of the training texts."""
        return self.limited_vocabulary(corpus)

    def prepare(self, corpus: Corpus, valid: Corpus | None, run: RunOptions) -> dict[str, Any]:
        """What precedes vocabulary and network, such as a language model to start from; gives the report's part."""
        return {}

    def first_words(self, vocabulary: Vocabulary, generator: torch.Generator) -> tuple[WordInput, dict[str, Any]]:
        """The input layer with its first vectors, and what the fit report says of them."""
        from nlmkit.documents.neural.input import initial_channels

        representation = self._representation()
        tuned, frozen, report = initial_channels(
            cast("InputOptions", self), representation, vocabulary, generator, self.seed
        )
        return self._words(tuned, frozen), report

    def first_weights(self, module: ClassifierModule) -> None:
        """Put weights from elsewhere into the new network."""

    @property
    def begins_with_zeros(self) -> bool:
        """Whether the last layer does."""
        return getattr(self, "initialisation", "") == "kim"

    def sizes(self) -> Mapping[str, int]:
        """Sizes by name that some array of a saved model must have as a length."""
        return {}

    # -------------------------------------------------------------------------------------------------- fitting

    def fit(self, texts: Any, labels: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Train the network on labelled texts; see :meth:`nlmkit.classifiers.base.Classifier.fit`.

        A budget begins here, so that it covers the reading of the texts.
        """
        self._began = time.perf_counter()
        try:
            return super().fit(texts, labels, valid=valid, run=run)
        finally:
            vars(self).pop("_began", None)

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[np.int64],
        *,
        valid: tuple[Corpus, NDArray[np.int64]] | None,
        run: RunOptions,
    ) -> Mapping[str, Any]:
        """Train the network; see :meth:`nlmkit.classifiers.base.Classifier.fit_corpus`.

        Raises:
            HyperParameterError: options that contradict each other.
            SavedModelError: a representation or language model to start from cannot be loaded.
            NlmkitError: training diverged.
        """
        started: float = vars(self).get("_began", time.perf_counter())
        optional.require("torch", extra="classifiers", who=self.name)
        self.check_options()
        import torch

        from nlmkit.documents.neural.batching import Sample
        from nlmkit.documents.neural.training import train
        from nlmkit.training.devices import memory_errors

        cut: list[str] = []
        corpus = self._cut(corpus, "training ", cut)
        if valid is not None:
            valid = self._cut(valid[0], "validation ", cut), valid[1]
        corpus, targets, valid, held_out, notes = self._held_out(corpus, targets, valid)
        self._take_representation(corpus, run)
        report = self.prepare(corpus, None if valid is None else valid[0], run)
        notes += report.pop("notes", [])
        if self.augment:
            corpus, targets = self._augmented(corpus, targets, run)
        self.vocabulary_ = self.start_vocabulary(corpus)
        generator = torch.Generator().manual_seed(self.seed)
        with memory_errors("the network; a smaller embedding, hidden or maps, or fewer words, need less"):
            words, of_input = self.first_words(self.vocabulary_, generator)
            module = self.new_module(words, generator)
            self.first_weights(module)
        coverage = of_input.get("token_coverage")
        if coverage is not None and coverage < _POOR_COVERAGE:
            notes.append(
                f"the representation has vectors for {coverage:.0%} of the training words only: "
                "see whether it was trained on text with the same tokenizer and case"
            )
        result = train(
            module,
            Sample(self.documents_of(corpus)[0], targets),
            None if valid is None else self._sample(*valid),
            options=cast("TrainingOptions", self),
            counts=self.vocabulary_.counts,
            run=run,
            unknown_rate=0.0 if self.vocabulary_.counts[0] else self.unknown_rate,
            started=started,
        )
        self.module_ = module
        counts = module.parameter_counts()
        report_of_training = result.report()
        return {
            **report,
            "words": int(corpus.tokens),
            "vocabulary": len(self.vocabulary_),
            "held_out": held_out,
            "input": of_input,
            "parameters": sum(counts.values()),
            "parameters_by_part": counts,
            **report_of_training,
            "notes": [*cut, *notes, *report_of_training["notes"]],
        }

    def _cut(self, corpus: Corpus, what: str, notes: list[str]) -> Corpus:
        """The texts up to ``max_length``, which ``notes`` gets to say where one is longer."""
        from nlmkit.documents.subsets import beginnings

        found, cut = beginnings(corpus, self.max_length)
        if cut:
            notes.append(
                f"{cut} of {corpus.sentences} {what}texts are longer than max_length={self.max_length} tokens: "
                "they were read up to there"
            )
        return found

    def _held_out(
        self, corpus: Corpus, targets: NDArray[np.int64], valid: tuple[Corpus, NDArray[np.int64]] | None
    ) -> tuple[Corpus, NDArray[np.int64], tuple[Corpus, NDArray[np.int64]] | None, dict[str, Any], list[str]]:
        """Training and held-out texts, how they were parted, and notes."""
        from nlmkit.documents.neural.batching import dev_split
        from nlmkit.documents.subsets import subset

        if valid is not None:
            return corpus, targets, valid, {"texts": valid[0].sentences, "chosen": "given"}, []
        notes = ["no texts are held out: training could not stop early, and the last weights were kept"]
        nothing = {"texts": 0, "chosen": "none"}
        if self.valid_share == 0:
            return corpus, targets, None, nothing, notes
        train, dev = dev_split(targets, self.valid_share, self.seed)
        if not len(dev) or not subset(corpus, train).tokens:
            return corpus, targets, None, nothing, notes
        chosen = f"{self.valid_share:g} of the training texts, class by class, seed {self.seed}"
        held_out = {"texts": len(dev), "chosen": chosen}
        return subset(corpus, train), targets[train], (subset(corpus, dev), targets[dev]), held_out, []

    def _take_representation(self, corpus: Corpus, run: RunOptions) -> None:
        """Load the input layer's representation, or fit it on the training texts, where that is wanted."""
        given = self.representation
        if isinstance(given, str):
            self.representation_ = load_representation(given, "representation")
        elif given is not None and not given.is_fitted:
            if given.learns_from != "text":
                raise HyperParameterError(f"representation: this {given.name} is not fitted, and learns from no text")
            run.stage(f"fitting {given.name}")
            fresh = type(given)(**given.get_params(deep=False))
            with during(f"fitting {given.name} on the training texts"):
                self.representation_ = fresh.fit(corpus, run=RunOptions(progress=run.progress))

    def _representation(self) -> Representation | None:
        """The fitted representation of the input layer, if there is one."""
        own = getattr(self, "representation_", None)
        given = self.representation
        return own if own is not None else None if isinstance(given, str) else given

    def _augmented(
        self, corpus: Corpus, targets: NDArray[np.int64], run: RunOptions
    ) -> tuple[Corpus, NDArray[np.int64]]:
        """The texts, then their altered copies."""
        import numpy as np

        from nlmkit.documents.neural.augmentation import Augmenter
        from nlmkit.text import Corpus

        vectors = self.augment_vectors
        if isinstance(vectors, str):
            vectors = load_representation(vectors, "augment_vectors")
        elif vectors is None:
            vectors = self._representation()
        elif not vectors.is_fitted:
            vectors = type(vectors)(**vectors.get_params(deep=False)).fit(corpus)
        if vectors is not None and vectors.name == "one-hot":
            vectors = None  # all words are equally far from one another
        altered = Augmenter(rate=self.augment_rate, operations=self.augment_operations, vectors=vectors, seed=self.seed)
        run.stage("augmentation", corpus.sentences * self.augment)
        texts = [corpus.sentence(number) for number in range(corpus.sentences)]
        copies = []
        for _ in range(self.augment):
            for text in texts:
                copies.append(altered(text))
                run.advance(1)
        return Corpus.of_tokens([*texts, *copies], corpus.pipeline), np.tile(targets, 1 + self.augment)

    def _words(self, tuned: torch.Tensor | None, frozen: torch.Tensor | None) -> WordInput:
        from nlmkit.documents.neural.input import WordInput
        from nlmkit.documents.neural.optimization import takes_sparse_gradients

        return WordInput(
            tuned,
            frozen,
            dropout=self.dropout_input,
            dropout_word=self.dropout_word,
            sparse=takes_sparse_gradients(cast("TrainingOptions", self)),
        )

    def new_module(self, words: WordInput, generator: torch.Generator) -> ClassifierModule:
        """The untrained network over an input layer."""
        from nlmkit.documents.neural.module import ClassifierModule

        encoder = self.build_encoder(words.width, generator)
        return ClassifierModule(
            words, encoder, len(self.classes_), generator, dropout=self.dropout, zero=self.begins_with_zeros
        )

    # ------------------------------------------------------------------------------------------------- scoring

    def encode(self, texts: Any) -> Corpus:
        """See :meth:`nlmkit.classifiers.base.Classifier.encode`; of each text the first ``max_length`` tokens."""
        from nlmkit.core.notes import note
        from nlmkit.text import Corpus

        notes: list[str] = []
        found = self._cut(super().encode(texts), "", notes)
        if isinstance(texts, Corpus) and notes:  # one block of many, whose notes should not differ
            notes = [f"texts longer than max_length={self.max_length} tokens were read up to there"]
        for message in notes:
            note(message)
        return found

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        """Probability of each class: float64 [documents, classes].

        Documents are read side by side in batches of similar length; how changes no value by more than 1e-5.
        """
        import numpy as np

        from nlmkit.documents.neural.scoring import log_probabilities

        documents, extra = self.documents_of(corpus)
        return np.exp(log_probabilities(self.module_, documents, extra=extra))

    def documents_of(self, corpus: Corpus) -> tuple[Documents, NDArray[np.float32] | None]:
        """Documents as ids, and vectors of those from V on: words that only the representation knows."""
        import numpy as np

        from nlmkit.documents.subsets import beginnings

        corpus = beginnings(corpus, self.max_length)[0]
        ids, extra = self.vocabulary_.ids(corpus.types).astype(np.int64), None
        representation = self._representation()
        limited = self.vocabulary_size is not None or self.min_count > 1 or self.vocabulary_file is not None
        if representation is not None and not limited and representation.name != "one-hot":
            new = [
                index
                for index in np.flatnonzero(ids == 0).tolist()
                if corpus.types[index] not in self.vocabulary_ and corpus.types[index] in representation
            ]
            if new:
                ids[new] = len(self.vocabulary_) + np.arange(len(new))
                extra = representation.vectors([corpus.types[index] for index in new])
        return self.divide(corpus, ids[corpus.ids]), extra

    def _sample(self, corpus: Corpus, targets: NDArray[np.int64]) -> Sample:
        from nlmkit.documents.neural.batching import Sample

        documents, extra = self.documents_of(corpus)
        return Sample(documents, targets, extra)

    def look_into(self, text: str) -> tuple[list[str], torch.Tensor, Batch]:
        """For highlights: the tokens of one text, its vectors, and the batch that it is alone."""
        import torch

        tokens, batch, extra = self.alone(text)
        with torch.inference_mode(), self.module_.words.with_extra(extra):
            vectors = self.module_.words(batch.ids, self.module_.generator)
        return tokens, vectors, batch

    def alone(self, text: str) -> tuple[list[str], Batch, NDArray[np.float32] | None]:
        """For highlights: the tokens of one text, the batch that it is alone, and vectors of :meth:`documents_of`."""
        import numpy as np

        corpus = self.encode([text])
        documents, extra = self.documents_of(corpus)
        self.module_.eval()
        return corpus.sentence(0), documents.batch(np.zeros(1, np.int64)).to(self.module_.device), extra

    def to(self, device: str) -> Self:
        """Move the network to a device (``cpu``, ``cuda``, ``auto``), where it then scores, and return self.

        Raises:
            HyperParameterError: there is no such device.
        """
        self.check_fitted()
        from nlmkit.training.devices import choose_device

        self.module_.to(choose_device(device))
        return self

    # -------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """The weights under their torch names; classes and fit report, without its seconds, as metadata."""
        state = super().fitted_state()
        arrays = {name: tensor.cpu().numpy() for name, tensor in self.module_.state_dict().items()}
        own = getattr(self, "representation_", None)
        members: dict[str, Component] = {} if own is None else {"representation_": own}
        return FittedState(arrays, cast("dict[str, Any]", _without_timing(state.metadata)), members)

    def restore(self, state: FittedState) -> None:
        """Build the network anew and put the saved weights in.

        Raises:
            SavedModelError: arrays are missing, superfluous, of a wrong shape or dtype, or hold NaN or infinity.
        """
        super().restore(state)
        optional.require("torch", extra="classifiers", who=self.name)
        import numpy as np
        import torch

        from nlmkit.saving import require, require_array, require_weights

        require("vocabulary_" in vars(self), "its vocabulary is missing; save the model again")
        member = state.members.get("representation_")
        if member is not None:
            require(isinstance(member, Representation), "its member representation_ is no representation")
            self.representation_ = cast("Representation", member)
        lengths = {length for array in state.arrays.values() for length in array.shape}
        for name, size in self.sizes().items():
            require(size in lengths, f"no array has the length {name}={size}; the arrays contradict the manifest")
        channels = {
            name: require_array(state.arrays, f"words.{name}", dtype="float32", shape=(len(self.vocabulary_), None))
            for name in ("tuned", "frozen")
            if f"words.{name}" in state.arrays
        }
        require(bool(channels), "it has no word vectors; save the model again")
        empty = {name: torch.zeros(matrix.shape) for name, matrix in channels.items()}
        generator = torch.Generator().manual_seed(self.seed)
        module = self.new_module(self._words(empty.get("tuned"), empty.get("frozen")), generator)
        expected = module.state_dict()
        unexpected = sorted(set(state.arrays) - set(expected))
        require(not unexpected, f"the arrays {', '.join(unexpected[:5])} belong to no part of the network")
        found = {}
        for name, tensor in expected.items():
            array = require_array(state.arrays, name, dtype=tensor.numpy().dtype, shape=tuple(tensor.shape))
            require_weights(array, name)
            found[name] = torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("=")))
        module.load_state_dict(found)
        module.eval()
        self.module_ = module


def load_representation(folder: str, name: str) -> Representation:
    """The representation that a hyper-parameter names by its folder.

    Raises:
        HyperParameterError: Another kind of model lies there.
        SavedModelError: Nothing that could be loaded does.
    """
    from nlmkit.core.storage import load

    found = load(Path(folder))
    if not isinstance(found, Representation):
        raise HyperParameterError(f"{name}={folder} holds a {found.name}, which is a {found.kind}, no representation")
    return found


def _without_timing(value: Any) -> Any:
    """A report without the entries that tell time."""
    if isinstance(value, Mapping):
        return {key: _without_timing(item) for key, item in value.items() if key not in _TIMING}
    return [_without_timing(item) for item in value] if isinstance(value, (list, tuple)) else value
