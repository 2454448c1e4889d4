"""Base class of neural sequence-to-sequence models: training, scoring, search and saving of a torch module.

A component adds its groups of options and ``build_module``. This module imports torch and NumPy only when a model is
fitted or loaded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core import optional
from nlmkit.core.run import RunOptions
from nlmkit.saving.state import FittedState
from nlmkit.seq2seq.base import SequenceToSequence
from nlmkit.seq2seq.neural.options import DecoderOptions, TargetWordOptions, TrainingOptions
from nlmkit.seq2seq.neural.settings import Widths
from nlmkit.training.clock import seconds
from nlmkit.training.torch_model import TorchModel, put_weights

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.language_models.neural.estimator import NeuralLanguageModel
    from nlmkit.seq2seq.neural.module import ConditionalModule
    from nlmkit.seq2seq.neural.rows import NetworkRows, NetworkState
    from nlmkit.seq2seq.neural.settings import PairSettings
    from nlmkit.seq2seq.neural.task import SequenceTask
    from nlmkit.seq2seq.pairs import Condition, Pairs


@dataclasses.dataclass(kw_only=True)
class NeuralSequenceToSequence(
    TrainingOptions, DecoderOptions, TargetWordOptions, TorchModel["ConditionalModule"], SequenceToSequence
):
    """Base class of the neural sequence-to-sequence models: an estimator that wraps a torch module.

    A network reads ``</s>`` behind the words of a source that is a text, so that the attention on a source of S tokens
    has S + 1 columns.

    Fitted attributes in addition to those of every sequence-to-sequence model: ``module_`` (``ConditionalModule``),
    ``widths_`` (``Widths``).
    """

    trains_in_steps = True

    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "embedding": 24,
        "hidden": 24,
        "epochs": 22,
        "batch": 60,
        "lr": 0.04,
        "label_smoothing": 0.0,
        "dropout_input": 0.0,
        "dropout_output": 0.0,
    }
    """Small settings for ``nlmkit.testing``, which fits a model many times."""

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        widths_: Widths = dataclasses.field(init=False)

    # ------------------------------------------------------------------------------------- what a subclass implements

    def build_module(self, widths: Widths, generator: torch.Generator) -> ConditionalModule:
        """Build the untrained network; vocabularies and ``dimension_`` are set already.

        Args:
            widths: Widths of the input layers.
            generator: Source of the initial weights.
        """
        raise NotImplementedError

    def check_options(self) -> None:
        """Raise ``HyperParameterError`` for options that contradict each other or the vocabularies, before training."""

    def start_from_language_model(self, module: ConditionalModule, lm: NeuralLanguageModel) -> dict[str, Any]:
        """Copy a language model, of the sizes of the decoder, into it; return facts for the fit report."""
        raise NotImplementedError

    @property
    def ties_output(self) -> bool:
        """Whether the vectors of target words are the weights of the output layer."""
        raise NotImplementedError

    # -------------------------------------------------------------------------------------------------- fitting

    def fit(self, sources: Any, targets: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Train the network and return self; see ``SequenceToSequence.fit``. A budget includes reading the texts."""
        vars(self)["_started"] = seconds()
        try:
            return super().fit(sources, targets, valid=valid, run=run)
        finally:
            vars(self).pop("_started", None)

    def fit_pairs(self, data: Pairs, *, valid: Pairs | None, run: RunOptions) -> Mapping[str, Any]:
        """Train the network; see ``SequenceToSequence.fit_pairs``.

        Raises:
            HyperParameterError: Options contradict each other or the data.
            SavedModelError: A representation or language model cannot be loaded.
            NlmkitError: Training diverged.
        """
        started = getattr(self, "_started", seconds())
        optional.require("torch", extra="seq2seq", who=self.name)

        from nlmkit.seq2seq.neural.batching import EncodedPairs
        from nlmkit.seq2seq.neural.task import SequenceTask, TaskSetup
        from nlmkit.training.devices import memory_errors

        self.check_options()
        lm = self._language_model()
        with memory_errors("the network; a smaller embedding or hidden, or fewer words, need less"):
            module, report = self._initial_module(data, lm, run)
            if lm is not None:
                report["decoder_language_model"] = self.start_from_language_model(module, lm)
            pairs = EncodedPairs.of(data)
            watched = None if valid is None else EncodedPairs.of(valid)
        sources = self.source_vocabulary_

        def task(settings: PairSettings, device: torch.device) -> SequenceTask:
            return SequenceTask(
                TaskSetup(
                    module=module,
                    pairs=pairs,
                    valid=watched,
                    settings=settings,
                    rare_sources=None if sources is None else _rare(sources.counts, pairs.conditions.rows),
                    rare_targets=_rare(self.vocabulary_.counts, pairs.targets),
                    device=device,
                )
            )

        from nlmkit.seq2seq.neural.training import train

        found = train(self, task, run, started, int(pairs.size.max()), pairs.events)
        self.module_ = module
        counts = module.parameter_counts()
        return {"parameters": sum(counts.values()), "parameters_by_part": counts, **report, **found}

    def _language_model(self) -> NeuralLanguageModel | None:
        """Return the language model that the decoder starts from, checked; None without."""
        if self.decoder_language_model is None:
            return None
        from nlmkit.seq2seq.neural.language_model_start import check_tokenization, fitted_language_model

        found = fitted_language_model(
            self.decoder_language_model,
            kind=self.decoder,
            hidden=self.hidden,
            layers=self.layers,
            embedding=self.embedding,
            tied=self.ties_output,
        )
        check_tokenization(found, self.pipeline_.tokenization)
        return found

    def _initial_module(
        self, data: Pairs, lm: NeuralLanguageModel | None, run: RunOptions
    ) -> tuple[ConditionalModule, dict[str, Any]]:
        """Return the untrained network with the vectors of representations, and facts for the fit report."""
        import torch

        from nlmkit.errors import HyperParameterError
        from nlmkit.seq2seq.neural.vectors import put_vectors, side_vectors

        if lm is not None and self.target_representation is not None:
            raise HyperParameterError("decoder_language_model has word vectors: do not set target_representation")
        report: dict[str, Any] = {}
        target = side_vectors(self, "target", data.targets, self.vocabulary_, run)
        width = self.embedding if target is None or target.matrix is None else target.matrix.shape[1]
        source = None
        if self.source_vocabulary_ is None:
            dimension = self.dimension_
            assert dimension is not None
        else:
            dimension = self.embedding
            corpus = data.sources.corpus
            assert corpus is not None
            source = side_vectors(self, "source", corpus, self.source_vocabulary_, run)
            if source is not None and source.matrix is not None:
                dimension = source.matrix.shape[1]
        self.widths_ = Widths(dimension, width)
        module = self.build_module(self.widths_, torch.Generator().manual_seed(self.seed))
        put_vectors(module.words, target, trained=not self._is_frozen("target"))
        if target is not None:
            report["target_input"] = dict(target.report)
        source_words = getattr(module, "source_words", None)
        if source_words is not None:
            put_vectors(source_words, source, trained=not self._is_frozen("source"))
        if source is not None:
            report["source_input"] = dict(source.report)
        return module, report

    def _is_frozen(self, side: str) -> bool:
        given = getattr(self, f"{side}_representation", None)
        return given is not None and getattr(self, f"{side}_tune") == "frozen"

    @property
    def unknown_rule(self) -> str:
        """``trained`` if the training targets contain ``<unk>``, else ``once-seen-RATE``."""
        return "trained" if self.vocabulary_.counts[0] else f"once-seen-{self.unknown_rate:g}"

    # ------------------------------------------------------------------------------------------------- scoring

    def start(self, condition: Condition) -> NetworkState:
        """Return the state after the first ``</s>``, given a source; see ``SequenceToSequence.start``."""
        self.check_fitted()
        from nlmkit.seq2seq.neural.rows import NetworkState

        return NetworkState.start(self.module_, condition)

    def advance(self, state: NetworkState, word_id: int) -> NetworkState:
        """Return the state after a word of the target."""
        return state.advance(self.module_, word_id)

    def next_log_probs(self, state: NetworkState) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id as the next event: float64 [V], −inf at ``<s>``."""
        return state.next_log_probs(self.module_)

    def log_probs_of(self, pairs: Pairs) -> NDArray[np.float64]:
        """Return the log-probability of every event of the targets, in batches; see ``SequenceToSequence``."""
        self.check_fitted()
        from nlmkit.seq2seq.neural import scoring
        from nlmkit.seq2seq.neural.batching import EncodedPairs

        return scoring.log_probs_of(self.module_, EncodedPairs.of(pairs))

    def rows(self, conditions: Sequence[Condition]) -> NetworkRows:
        """Return the beginnings of the targets of some sources, side by side."""
        self.check_fitted()
        from nlmkit.seq2seq.neural.batching import Conditions
        from nlmkit.seq2seq.neural.rows import NetworkRows

        return NetworkRows.of(self.module_, Conditions.of_list(conditions))

    def attention_of(self, pairs: Pairs) -> list[NDArray[np.float32]]:
        """Return the attention of each event of a target on the tokens of its source and ``</s>``: [events, S + 1]."""
        self.check_fitted()
        if not self.has_attention:
            return super().attention_of(pairs)
        from nlmkit.seq2seq.neural import scoring
        from nlmkit.seq2seq.neural.batching import EncodedPairs

        return scoring.attention_of(self.module_, EncodedPairs.of(pairs))

    # -------------------------------------------------------------------------------------------------- saving

    def array_lengths(self) -> Mapping[str, Sequence[int]]:
        """Return, by what sets them, lengths that some array of a saved model must have, before a network is built."""
        return {"widths": self.widths_, "hidden": [self.hidden]}

    def fitted_state(self) -> FittedState:
        """Return the weights by torch name, and the widths of the input layers."""
        state = super().fitted_state()
        return dataclasses.replace(
            state,
            arrays={**state.arrays, **self.saved_weights()},
            metadata={**state.metadata, "widths": list(self.widths_)},
        )

    def restore(self, state: FittedState) -> None:
        """Rebuild the network and load the saved weights.

        Raises:
            SavedModelError: Arrays are missing, unexpected, of a wrong shape or dtype, or contain NaN or infinity.
        """
        super().restore(state)
        optional.require("torch", extra="seq2seq", who=self.name)
        import torch

        from nlmkit.saving import require
        from nlmkit.seq2seq.saved_form import COUNTS, SUBWORDS, WORDS

        widths = state.metadata.get("widths")
        require(
            isinstance(widths, list) and len(widths) == 2 and all(type(width) is int for width in widths),
            "widths are missing from its metadata; save the model again",
        )
        arrays = {name: array for name, array in state.arrays.items() if name not in (WORDS, COUNTS, SUBWORDS)}
        lengths = {length for array in arrays.values() for length in array.shape}
        self.widths_ = Widths(*state.metadata["widths"])
        for name, values in self.array_lengths().items():
            for value in values:
                require(value in lengths, f"no array has the length {name}={value}; the arrays contradict the manifest")
        module = self.build_module(self.widths_, torch.Generator().manual_seed(self.seed))
        put_weights(module, arrays)
        self._check_orders(module)
        module.words.weight.requires_grad_(not self._is_frozen("target"))
        self.module_ = module

    @staticmethod
    def _check_orders(module: ConditionalModule) -> None:
        """Raise ``SavedModelError`` unless the order of the words of each side is valid."""
        from nlmkit.layers.row_order import WordOrder

        for words in (module.words, getattr(module, "source_words", None)):
            if words is not None:
                WordOrder.from_arrays(words.rank.cpu().numpy(), words.cutoffs.cpu().numpy())
        module.output.check_cutoffs(module.words.cutoffs.cpu().numpy())


def _rare(counts: NDArray[np.int64], rows: Any) -> NDArray[np.bool_] | None:
    """Return the mask of words seen once; None if there are none, or the text has ``<unk>``."""
    if counts[0] or rows is None:
        return None
    from nlmkit.training.batches import once_seen

    found = once_seen(counts)
    return found if found.any() else None
