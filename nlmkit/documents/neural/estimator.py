"""Base class of neural models of whole texts: fitting, saving and scoring of a torch module.

A network adds its option groups and ``NeuralTextModel.build_encoder``; a kind, such as classifiers, adds
outputs, loss and predictions. This module imports torch and NumPy only when a model is fitted or loaded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core import optional
from nlmkit.core.parameters import param
from nlmkit.core.presets import NONE, WithPresets
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.documents.base import TargetTexts, TextModel
from nlmkit.documents.neural.options import AdversarialOptions, AugmentationOptions, InputOptions, TrainingOptions
from nlmkit.documents.neural.start import Start, TrainingTexts
from nlmkit.errors import DataError
from nlmkit.representations.input_vectors import WithInputRepresentation
from nlmkit.saving.state import FittedState
from nlmkit.training.clock import seconds
from nlmkit.training.torch_model import TorchModel

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.documents.neural.batching import Batch, Documents, Sample
    from nlmkit.documents.neural.module import DocumentEncoder, TextModule
    from nlmkit.documents.neural.settings import TextSettings
    from nlmkit.documents.neural.task import TaskSetup, TextTask
    from nlmkit.layers.word_input import WordInput
    from nlmkit.representations.base import Representation
    from nlmkit.text import Corpus, Vocabulary


@dataclasses.dataclass(kw_only=True)
class NeuralTextModel(
    TrainingOptions,
    AugmentationOptions,
    AdversarialOptions,
    InputOptions,
    VocabularyLimits,
    WithPresets,
    WithInputRepresentation,
    TorchModel["TextModule"],
    TextModel,
):
    """Base class of the neural classifiers and regressors: an estimator that wraps a torch module.

    Fitted attributes in addition to those of ``TextModel``: ``vocabulary_``, without that of held-out texts;
    ``module_`` (``TextModule``); and ``representation_``, where ``fit``
    loaded or fitted one. A word missing from the training texts gets the representation's vector if there is one
    and the vocabulary is not limited; other such words are ``<unk>``.

    Without held-out texts, ``valid_share`` of the training texts are held out: they determine the epoch whose
    weights are kept, and are not used for training.

    Texts are truncated to ``max_length`` tokens; a note reports the number of truncated texts.
    """

    trains_in_steps = True

    held_out_by: ClassVar[str] = ""
    """Method of holding out texts, if not simply at random, for the fit report."""

    conformance_settings: ClassVar[Mapping[str, Any]] = {"embedding": 16, "epochs": 12, "batch": 8, "lr": 0.01}
    """Small settings for ``nlmkit.testing``, which fits a model many times."""

    preset: str = param(
        NONE, choices=(NONE,), help="published settings instead of the defaults; explicit values take precedence"
    )

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        vocabulary_: Vocabulary = dataclasses.field(init=False)
        representation_: Representation = dataclasses.field(init=False)

    # --------------------------------------------------------------------------------- what a family implements

    def build_encoder(self, inputs: int, generator: torch.Generator) -> DocumentEncoder:
        """Build the untrained layers between word vectors and the last layer.

        Args:
            inputs: Width of the word vectors.
            generator: Source of the initial weights.
        """
        raise NotImplementedError

    def divide(self, corpus: Corpus, ids: NDArray[np.int64]) -> Documents:
        """Return the documents of a corpus, split into sentences if the encoder reads sentences.

        Args:
            corpus: One document per "sentence".
            ids: Id of each of its tokens: int64 [tokens].
        """
        from nlmkit.documents.neural.batching import Documents

        return Documents.whole(ids, corpus.offsets)

    def check_options(self) -> None:
        """Check that the options do not contradict each other.

        Raises:
            HyperParameterError: They do.
        """

    def start(self, texts: TrainingTexts, generator: torch.Generator, run: RunOptions) -> Start:
        """Return the initial state of training: vocabulary, input layer, and weights of another model.

        Args:
            texts: Training texts.
            generator: Source of the initial word vectors.
            run: Progress, device and budget of any training needed for it.
        """
        from nlmkit.representations.channels import initial_channels

        vocabulary = self.limited_vocabulary(texts.corpus, noted=True)
        tuned, frozen, report, notes = initial_channels(
            self, self.fitted_representation(), vocabulary, generator, self.seed
        )
        return Start(vocabulary, self.word_input(tuned, frozen), input_report=report, notes=tuple(notes))

    @property
    def zero_output(self) -> bool:
        """Whether the last layer is initialized with zeros."""
        return False

    def network_report(self) -> Mapping[str, Any]:
        """Return further entries of the fit report on the network, JSON-ready."""
        return {}

    def sizes(self) -> Mapping[str, int]:
        """Return sizes by name; each must be the length of some array of a saved model."""
        return {}

    # ------------------------------------------------------------------------- what the base of a kind implements

    @property
    def outputs(self) -> int:
        """Number of outputs of the last layer; available once the targets are known."""
        raise NotImplementedError

    def strata(self, targets: NDArray[Any]) -> NDArray[np.int64]:
        """Return the stratum of each text, for the choice of held-out texts: int64 [documents]."""
        raise NotImplementedError

    def task(self, setup: TaskSetup) -> TextTask:
        """Return the task of the training engine: the network and its data, with loss and metrics."""
        raise NotImplementedError

    # -------------------------------------------------------------------------------------------------- fitting

    def fit_texts(
        self, data: TargetTexts, held_out: TargetTexts | None, run: RunOptions, sample_weight: Any = None
    ) -> Self:
        """See ``TextModel.fit_texts``. A budget starts here, so that it includes reading the texts."""
        self._started = seconds()
        try:
            return super().fit_texts(data, held_out, run, sample_weight)
        finally:
            del self._started

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[Any],
        *,
        valid: tuple[Corpus, NDArray[Any]] | None,
        run: RunOptions,
        weights: NDArray[np.float64] | None = None,
    ) -> Mapping[str, Any]:
        """Train the network; see ``TextModel.fit_corpus``.

        Weights of texts are rescaled to the mean one. Held-out texts keep theirs where they are chosen among the
        training texts; given ones count equally.

        Raises:
            HyperParameterError: Options contradict each other.
            SavedModelError: The representation, or the language model to start from, cannot be loaded.
            NlmkitError: Training diverged.
        """
        started = getattr(self, "_started", seconds())
        optional.require("torch", extra="classifiers", who=self.name)
        self.check_options()
        import numpy as np
        import torch

        from nlmkit.documents.neural.batching import Sample
        from nlmkit.documents.neural.task import TaskSetup
        from nlmkit.documents.neural.training import train
        from nlmkit.documents.weights import rescaled
        from nlmkit.training.devices import memory_errors

        cut: list[str] = []
        corpus = self._cut(corpus, "training ", cut)
        if valid is not None:
            valid = self._cut(valid[0], "validation ", cut), valid[1]
        corpus, targets, valid, held_out, notes, parts = self._held_out(corpus, targets, valid)
        weights, of_valid = (weights, None) if weights is None or parts is None else (weights[part] for part in parts)
        unlabelled = self._unlabelled_texts(cut)
        self.take_representation(corpus, run)
        originals = corpus
        if self.augment:
            corpus, targets = self._augmented(corpus, targets, run)
            weights = None if weights is None else np.tile(weights, 1 + self.augment)
        generator = torch.Generator().manual_seed(self.seed)
        with memory_errors("the network; a smaller embedding, hidden or maps, or fewer words, need less"):
            texts = TrainingTexts(corpus, originals, None if valid is None else valid[0])
            start = self.start(texts, generator, run)
            self.vocabulary_ = start.vocabulary
            module = self.new_module(start.input_layer, generator)
            start.initialize(module)
        notes += start.notes
        sample = Sample(self.documents_of(corpus)[0], targets, weights=rescaled(weights))
        watched = None if valid is None else self._sample(*valid, of_valid)
        further = None
        if unlabelled is not None:
            further = self.divide(unlabelled, self.vocabulary_.ids(unlabelled.types).astype(np.int64)[unlabelled.ids])

        def task(settings: TextSettings, device: torch.device) -> TextTask:
            counts = self.vocabulary_.counts
            share = self.unknown_share
            return self.task(TaskSetup(module, sample, watched, settings, counts, share, device, further))

        report = train(self, task, sample, run, started)
        self.module_ = module
        counts = module.parameter_counts()
        return {
            **start.report,
            **(
                {}
                if unlabelled is None
                else {"unlabelled": {"texts": unlabelled.sentences, "words": unlabelled.tokens}}
            ),
            "words": int(corpus.tokens),
            "vocabulary": len(self.vocabulary_),
            "held_out": held_out,
            "input": start.input_report,
            "parameters": sum(counts.values()),
            "parameters_by_part": counts,
            **self.network_report(),
            **report,
            "notes": [*cut, *notes, *report["notes"]],
        }

    def _cut(self, corpus: Corpus, what: str, notes: list[str]) -> Corpus:
        """Truncate texts to ``max_length``; if any is longer, append a line to ``notes``."""
        from nlmkit.documents.subsets import beginnings

        found, cut = beginnings(corpus, self.max_length)
        if cut:
            notes.append(
                f"{cut} of {corpus.sentences} {what}texts are longer than max_length={self.max_length} tokens "
                "and were truncated"
            )
        return found

    def _unlabelled_texts(self, notes: list[str]) -> Corpus | None:
        """Read the texts without labels, if there are any, as the training texts are read.

        Raises:
            DataError: They cannot be read, or have no words.
        """
        if self.unlabelled is None:
            return None
        from nlmkit.text import Corpus

        found = Corpus.read(self.unlabelled, self.pipeline_)
        if not found.tokens:
            raise DataError("the unlabelled texts have no words", source=self.unlabelled)
        return self._cut(found, "unlabelled ", notes)

    def _held_out(
        self, corpus: Corpus, targets: NDArray[Any], valid: tuple[Corpus, NDArray[Any]] | None
    ) -> tuple[
        Corpus,
        NDArray[Any],
        tuple[Corpus, NDArray[Any]] | None,
        dict[str, Any],
        list[str],
        tuple[NDArray[np.int64], NDArray[np.int64]] | None,
    ]:
        """Return training and held-out texts, how they were split, notes, and the indices of both in the corpus."""
        from nlmkit.documents.neural.batching import dev_split
        from nlmkit.documents.subsets import subset

        if valid is not None:
            return corpus, targets, valid, {"texts": valid[0].sentences, "chosen": "given"}, [], None
        notes = ["no held-out texts: early stopping was not possible, and the last weights were kept"]
        nothing = {"texts": 0, "chosen": "none"}
        if self.valid_share == 0:
            return corpus, targets, None, nothing, notes, None
        strata = self.strata(targets)
        train, dev = dev_split(strata, self.valid_share, self.seed)
        if not len(dev) or not subset(corpus, train).tokens:
            return corpus, targets, None, nothing, notes, None
        chosen = f"{self.valid_share:g} of the training texts, {self.held_out_by}seed {self.seed}"
        held_out = {"texts": len(dev), "chosen": chosen}
        return subset(corpus, train), targets[train], (subset(corpus, dev), targets[dev]), held_out, [], (train, dev)

    def _augmented(self, corpus: Corpus, targets: NDArray[Any], run: RunOptions) -> tuple[Corpus, NDArray[Any]]:
        """Return the texts, followed by their altered copies."""
        import numpy as np

        from nlmkit.documents.neural.augmentation import augmented
        from nlmkit.representations.resolve import fitted_representation

        given = self.augment_vectors
        vectors = (
            self.fitted_representation()
            if given is None
            else fitted_representation(given, corpus, run, name="augment_vectors")
        )
        copies = augmented(
            corpus,
            self.augment,
            rate=self.augment_rate,
            operations=self.augment_operations,
            vectors=vectors,
            seed=self.seed,
            run=run,
        )
        return copies, np.tile(targets, 1 + self.augment)

    def word_input(self, tuned: torch.Tensor | None, frozen: torch.Tensor | None) -> WordInput:
        """Build the input layer over tuned word vectors, frozen ones, or both: float32 [V, d] each."""
        from nlmkit.layers.word_input import WordInput

        # A sparse gradient, if the result is the same.
        sparse = self.optimizer == "adadelta" and self.clip_norm is None and self.weight_decay == 0
        return WordInput(tuned, frozen, dropout=self.dropout_input, dropout_word=self.dropout_word, sparse=sparse)

    def new_module(self, words: WordInput, generator: torch.Generator) -> TextModule:
        """Build the untrained network over an input layer."""
        from nlmkit.documents.neural.module import TextModule

        encoder = self.build_encoder(words.width, generator)
        return TextModule(words, encoder, self.outputs, generator, dropout=self.dropout, zero_output=self.zero_output)

    @property
    def unknown_share(self) -> float:
        """Return the share of once-seen training words read as ``<unk>``: 0 if the text contains ``<unk>`` itself."""
        return 0.0 if self.vocabulary_.counts[0] else self.unknown_rate

    # ------------------------------------------------------------------------------------------------- reading

    def encode(self, texts: Any) -> Corpus:
        """See ``TextModel.encode``; each text is truncated to ``max_length`` tokens."""
        from nlmkit.core.notes import note
        from nlmkit.text import Corpus

        notes: list[str] = []
        found = self._cut(super().encode(texts), "", notes)
        if isinstance(texts, Corpus) and notes:  # one of many blocks, whose notes must be equal
            notes = [f"texts longer than max_length={self.max_length} tokens were truncated"]
        for message in notes:
            note(message)
        return found

    def raw_outputs(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the outputs of the network for each document: float64 [documents, outputs].

        Documents are scored in batches of similar length; the batching changes values by at most 1e-5.
        """
        from nlmkit.documents.neural.scoring import outputs_of

        documents, extra = self.documents_of(corpus)
        return outputs_of(self.module_, documents, extra=extra)

    def documents_of(self, corpus: Corpus) -> tuple[Documents, NDArray[np.float32] | None]:
        """Return documents as ids, and the vectors of ids from V on: words known only to the representation."""
        from nlmkit.documents.subsets import beginnings
        from nlmkit.representations.input_vectors import ids_beyond

        corpus = beginnings(corpus, self.max_length)[0]
        limited = self.vocabulary_size is not None or self.min_count > 1 or self.vocabulary_file is not None
        known = None if limited else self.fitted_representation()
        ids, extra = ids_beyond(corpus.types, self.vocabulary_, known)
        return self.divide(corpus, ids[corpus.ids]), extra

    def _sample(self, corpus: Corpus, targets: NDArray[Any], weights: NDArray[np.float64] | None) -> Sample:
        from nlmkit.documents.neural.batching import Sample

        documents, extra = self.documents_of(corpus)
        return Sample(documents, targets, extra, weights)

    def batch_of_one(self, text: str) -> tuple[list[str], Batch, NDArray[np.float32] | None]:
        """Return the tokens of one text, a batch of it alone, and the vectors of ``documents_of``, for highlights."""
        import numpy as np

        corpus = self.encode([text])
        documents, extra = self.documents_of(corpus)
        self.module_.eval()
        return corpus.sentence(0), documents.batch(np.zeros(1, np.int64)).to(self.module_.device), extra

    def embed_one(self, text: str) -> tuple[list[str], torch.Tensor, Batch]:
        """Return the tokens of one text, its vectors, and a batch of it alone, for highlights."""
        import torch

        tokens, batch, extra = self.batch_of_one(text)
        with torch.inference_mode(), self.module_.words.with_extra(extra):
            vectors = self.module_.words(batch.ids, self.module_.generator)
        return tokens, vectors, batch

    # -------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return the weights by torch name, and the representation that ``fit`` loaded or fitted."""
        state = super().fitted_state()
        arrays = {**state.arrays, **self.saved_weights()}
        return dataclasses.replace(state, arrays=arrays, members=self.saved_representation())

    def restore(self, state: FittedState) -> None:
        """Rebuild the network and load the saved weights.

        Raises:
            SavedModelError: Arrays are missing, unexpected, of a wrong shape or dtype, or contain NaN or infinity.
        """
        super().restore(state)
        optional.require("torch", extra="classifiers", who=self.name)
        import torch

        from nlmkit.saving import require
        from nlmkit.training.word_networks import with_weights

        require("vocabulary_" in vars(self), "its vocabulary is missing; save the model again")
        self.restore_representation(state)
        generator = torch.Generator().manual_seed(self.seed)
        self.module_ = with_weights(
            state.arrays,
            words=len(self.vocabulary_),
            sizes=self.sizes(),
            build=lambda tuned, frozen: self.new_module(self.word_input(tuned, frozen), generator),
        )
