"""The classifier ``tree-lstm``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from nlmkit.classifiers.trees.base import TreeClassifier
from nlmkit.classifiers.trees.options import TreeInputOptions, TreeShapeOptions, TreeTrainingOptions
from nlmkit.core import optional
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import DataError
from nlmkit.representations.input_vectors import WithInputRepresentation
from nlmkit.saving.state import FittedState
from nlmkit.training.clock import seconds
from nlmkit.training.torch_model import TorchModel

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.classifiers.trees.forest import Forest
    from nlmkit.classifiers.trees.network import TreeModule
    from nlmkit.classifiers.trees.task import TreeTask
    from nlmkit.classifiers.trees.typed import TypedTrees
    from nlmkit.classifiers.trees.words import TreeCorpus
    from nlmkit.documents.base import TargetTexts
    from nlmkit.documents.neural.batching import Sample
    from nlmkit.documents.neural.settings import TextSettings
    from nlmkit.layers.word_input import WordInput
    from nlmkit.representations.base import Representation
    from nlmkit.text import Corpus, Vocabulary
    from nlmkit.text.trees import LabelledTrees


@dataclasses.dataclass(kw_only=True)
class TreeLSTM(
    TreeTrainingOptions,
    TreeShapeOptions,
    TreeInputOptions,
    VocabularyLimits,
    WithInputRepresentation,
    TorchModel["TreeModule"],
    TreeClassifier,
):
    """Tree-LSTM with a label at every node or at roots (Tai, Socher & Manning 2015).

    The state of a node is calculated from those of its children and the vector of its word, from the leaves to the
    root; a linear layer and a softmax at each node give the probabilities of its label. ``form`` selects the equations
    (``nlmkit.layers.tree``): ``n-ary`` for constituents, ``child-sum`` for dependencies, or for trees of any form.

    With ``form=n-ary`` and ``branching=2``, trees are binarized first (``LabelledTrees.binarized``); predictions are
    for the nodes of the trees as they were given. All nodes of the same height, in all trees of a batch, are calculated
    at once, so that trees may be of any depth; the batching changes probabilities by at most 1e-5.

    Fitted attributes in addition to those of ``TreeClassifier``: ``vocabulary_``, ``module_`` (``TreeModule``), and
    ``representation_``, where ``fit`` loaded or fitted one. A word missing from the training trees gets the
    representation's vector if there is one and the vocabulary is not limited; other such words are ``<unk>``.

    Without held-out trees, ``valid_share`` of the training trees are held out: they determine the epoch whose weights
    are kept, by the accuracy at roots.

    Example:
        >>> trees = ["(+ (. a) (+ (+ fine) (. film)))", "(- (. a) (- (- dull) (. film)))"] * 8
        >>> model = TreeLSTM(embedding=8, hidden=8, epochs=20, batch=4, lr=0.02).fit(trees)
        >>> model.predict(["(_ (_ a) (_ (_ dull) (_ song)))"]).tolist()
        ['-']
        >>> model.predict_nodes(["(_ dull)"]).tolist()
        ['-']
    """

    name = "tree-lstm"
    trains_in_steps = True

    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "embedding": 16,
        "hidden": 16,
        "epochs": 12,
        "batch": 8,
        "lr": 0.01,
        "dropout_input": 0.2,
        "dropout_word": 0.0,
        "dropout_hidden": 0.0,
    }
    """Small settings for ``nlmkit.testing``, which fits a model many times."""

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        vocabulary_: Vocabulary = dataclasses.field(init=False)
        representation_: Representation = dataclasses.field(init=False)

    @property
    def learns_from_nodes(self) -> bool:
        """Whether the labels of all nodes are learned, and not only those of the roots."""
        return self.train_on == "nodes"

    # ------------------------------------------------------------------------------------------------------ fitting

    def fit_texts(
        self, data: TargetTexts, held_out: TargetTexts | None, run: RunOptions, sample_weight: Any = None
    ) -> Self:
        """See ``TextModel.fit_texts``. A budget starts here, so that it includes reading the words."""
        self._started = seconds()
        try:
            return super().fit_texts(data, held_out, run, sample_weight)
        finally:
            vars(self).pop("_started", None)

    def learn_targets(self, data: TypedTrees) -> tuple[NDArray[np.int64], Mapping[str, Any], list[str]]:  # type: ignore[override]
        """See ``TreeClassifier.learn_targets``.

        Raises:
            DataError: Trees do not suit ``form``, or labels are unusable.
        """
        self._check_shapes(data)
        return super().learn_targets(data)

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[Any],
        *,
        valid: tuple[Corpus, NDArray[Any]] | None,
        run: RunOptions,
    ) -> Mapping[str, Any]:
        """Train the network; see ``Classifier.fit_corpus``.

        Raises:
            DataError: Held-out trees do not suit ``form``.
            SavedModelError: The representation cannot be loaded.
            NlmkitError: Training diverged.
        """
        started = getattr(self, "_started", seconds())
        optional.require("torch", extra="classifiers", who=self.name)
        import torch

        from nlmkit.classifiers.trees.held_out import held_out_trees
        from nlmkit.classifiers.trees.task import TreeTask
        from nlmkit.documents.neural.task import TaskSetup
        from nlmkit.documents.neural.training import train
        from nlmkit.representations.channels import initial_channels
        from nlmkit.training.devices import memory_errors

        trees, of_valid = cast("TreeCorpus", corpus), cast("tuple[TreeCorpus, NDArray[np.int64]] | None", valid)
        trees, targets, watched, held_out, notes = held_out_trees(
            trees, targets, of_valid, share=self.valid_share, seed=self.seed
        )
        self.take_representation(trees, run)
        generator = torch.Generator().manual_seed(self.seed)
        with memory_errors("the network; a smaller embedding or hidden, or fewer words, need less"):
            self.vocabulary_ = self.limited_vocabulary(trees, noted=True)
            tuned, frozen, of_input, of_coverage = initial_channels(
                self, self.fitted_representation(), self.vocabulary_, generator, self.seed
            )
            module = self.new_module(self.word_input(tuned, frozen), generator)
        sample = self._sample(trees, targets)
        of_held_out = None if watched is None else self._sample(*watched)
        unknown = 0.0 if self.vocabulary_.counts[0] else self.unknown_rate

        def task(settings: TextSettings, device: torch.device) -> TreeTask:
            counts = self.vocabulary_.counts
            setup = TaskSetup(module, sample, of_held_out, settings, counts, unknown, device)
            return TreeTask(setup, label_smoothing=self.label_smoothing, at_roots=self.at_roots_)

        report = train(self, task, sample, run, started)
        self.module_ = module
        counts = module.parameter_counts()
        return {
            "words": int(trees.tokens),
            "depth": int(cast("Forest", sample.documents).heights.max()),
            "vocabulary": len(self.vocabulary_),
            "held_out": held_out,
            "input": of_input,
            "parameters": sum(counts.values()),
            "parameters_by_part": counts,
            **report,
            "notes": [*notes, *of_coverage, *report["notes"]],
        }

    def word_input(self, tuned: torch.Tensor | None, frozen: torch.Tensor | None) -> WordInput:
        """Build the input layer over tuned word vectors, frozen ones, or both: float32 [V, d] each."""
        from nlmkit.layers.word_input import WordInput

        # A sparse gradient, if the result is the same.
        sparse = self.optimizer == "adadelta" and self.clip_norm is None and self.weight_decay == 0
        return WordInput(tuned, frozen, dropout=self.dropout_input, dropout_word=self.dropout_word, sparse=sparse)

    def new_module(self, words: WordInput, generator: torch.Generator) -> TreeModule:
        """Build the untrained network over an input layer."""
        from nlmkit.classifiers.trees.network import TreeEncoder, TreeModule
        from nlmkit.layers.tree import ChildSumTreeLSTM, NaryTreeLSTM

        options = {"forget_bias": self.forget_bias, "dropout": self.dropout_hidden}
        cell = (
            ChildSumTreeLSTM(words.width, self.hidden, generator, **options)
            if self.form == "child-sum"
            else NaryTreeLSTM(words.width, self.hidden, generator, branching=self.branching, **options)
        )
        return TreeModule(words, TreeEncoder(cell), len(self.classes_), generator, dropout=self.dropout)

    # ------------------------------------------------------------------------------------------------------ reading

    def prepared(self, trees: LabelledTrees) -> tuple[LabelledTrees, NDArray[np.int64]]:
        """Return trees as the network reads them, and for each node of ``trees`` the node there: int64 [nodes].

        Constituents are binarized with ``form=n-ary``, ``branching=2`` and ``binarize``; other trees are left alone.
        """
        import numpy as np

        if not self._binarizes(trees):
            return trees, np.arange(trees.nodes)
        return trees.binarized_with_places(cast("Any", self.binarize))

    def _binarizes(self, trees: LabelledTrees) -> bool:
        of_two = self.form == "n-ary" and self.branching == 2
        return of_two and self.binarize != "none" and trees.form == "constituency"

    def _check_shapes(self, trees: LabelledTrees) -> None:
        """Raise unless each node has few enough children for ``form``.

        Raises:
            DataError: Names the first tree in which one has more.
        """
        import numpy as np

        if self.form != "n-ary" or self._binarizes(trees):
            return
        children = np.bincount(trees.parent[trees.parent >= 0], minlength=trees.nodes)
        wide = np.flatnonzero(children > self.branching)
        if len(wide):
            node = int(wide[0])
            remedy = (
                "use form=child-sum"
                if trees.form == "dependency"
                else "use a larger branching, form=child-sum, or binarize"
            )
            problem = f"a node has {int(children[node])} children, more than branching={self.branching}: {remedy}"
            raise DataError(problem, **trees.place(int(np.searchsorted(trees.offsets, node, side="right")) - 1))

    def forest_of(self, corpus: TreeCorpus) -> tuple[Forest, NDArray[np.int64], NDArray[np.float32] | None]:
        """Return trees as the network reads them.

        Returns:
            The trees; for each node of the corpus's trees the node there, int64 [nodes]; and the vectors of the ids
            from V on, words known only to the representation.

        Raises:
            DataError: Trees do not suit ``form``.
        """
        import numpy as np

        from nlmkit.classifiers.trees.forest import Forest
        from nlmkit.layers.word_input import PAD_ID
        from nlmkit.representations.input_vectors import ids_beyond

        given = corpus.forest
        self._check_shapes(given)
        limited = self.vocabulary_size is not None or self.min_count > 1 or self.vocabulary_file is not None
        known = None if limited else self.fitted_representation()
        ids, extra = ids_beyond(corpus.types, self.vocabulary_, known)
        of_nodes = corpus.at_nodes(ids[corpus.ids], PAD_ID)
        trees, places = self.prepared(given)
        words = np.full(trees.nodes, PAD_ID, np.int64)
        has_word = of_nodes != PAD_ID
        words[places[has_word]] = of_nodes[has_word]
        return Forest.of(words, trees.offsets, trees.parent.astype(np.int64)), places, extra

    def _sample(self, corpus: TreeCorpus, targets: NDArray[np.int64]) -> Sample:
        """Return trees with the class of each node as the network reads them."""
        import numpy as np

        from nlmkit.documents.neural.batching import Sample

        forest, places, extra = self.forest_of(corpus)
        of_nodes = np.full(len(forest.ids), -1, np.int64)
        labelled = np.flatnonzero(targets >= 0)
        # Of a chain of nodes over one child each, the uppermost label counts; it comes last.
        of_nodes[places[labelled]] = targets[labelled]
        return Sample(forest, of_nodes, extra)

    # ------------------------------------------------------------------------------------------------------ scoring

    def probabilities_of_nodes(self, corpus: TreeCorpus) -> NDArray[np.float64]:
        """Return the probability of each class at each node: float64 [nodes, classes]."""
        import numpy as np

        from nlmkit.classifiers.trees.network import node_outputs
        from nlmkit.documents.neural.scoring import log_softmax

        forest, places, extra = self.forest_of(corpus)
        return np.exp(log_softmax(node_outputs(self.module_, forest, extra=extra)))[places]

    # ------------------------------------------------------------------------------------------------------- saving

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
            sizes={"hidden": self.hidden},
            build=lambda tuned, frozen: self.new_module(self.word_input(tuned, frozen), generator),
        )
        self.require_vectors(self.module_.words.channels[0].shape[1])
