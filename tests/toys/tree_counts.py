"""A classifier of trees without a network: each node has the counts of labels that its words had in training."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from nlmkit.classifiers.trees.base import TreeClassifier
from nlmkit.saving.state import FittedState
from nlmkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENTRY_POINTS: Final = {"nlmkit.classifiers": {"tree-counts": "toys.tree_counts:TreeCounts"}}


@dataclasses.dataclass(kw_only=True)
class TreeCounts(TreeClassifier):
    """Labels of leaves are counted by word; a node has the smoothed product of what is below it."""

    name = "tree-counts"

    def fit_corpus(self, corpus: Any, targets: Any, *, valid: Any, run: Any) -> dict[str, Any]:
        """Count the labels of each word."""
        import numpy as np

        self.vocabulary_ = Vocabulary.from_corpus(corpus)
        counts = np.full((len(self.vocabulary_), len(self.classes_)), 0.1)
        words = self._words(corpus)
        known = (words > 0) & (targets >= 0)
        np.add.at(counts, (words[known], targets[known]), 1)
        self.log_shares_ = np.log(counts / counts.sum(axis=1, keepdims=True))
        return {}

    def probabilities_of_nodes(self, corpus: Any) -> NDArray[np.float64]:
        """Return the product over the words below each node."""
        import numpy as np

        words = self._words(corpus)
        totals = np.where(words[:, None] > 0, self.log_shares_[words], 0.0)
        for node, parent in enumerate(corpus.forest.parent.tolist()):
            if parent >= 0:
                totals[parent] += totals[node]
        shares = np.exp(totals - totals.max(axis=1, keepdims=True))
        found: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
        return found

    def _words(self, corpus: Any) -> NDArray[np.int64]:
        """Return the word id of each node, 0 for none and for unknown words."""
        import numpy as np

        ids = np.array([self.vocabulary_.id(word) for word in corpus.types], np.int64)
        found: NDArray[np.int64] = corpus.at_nodes(ids[corpus.ids], 0)
        return found

    def fitted_state(self) -> FittedState:
        """Return the shares."""
        state = super().fitted_state()
        return dataclasses.replace(state, arrays={**state.arrays, "log_shares": self.log_shares_})

    def restore(self, state: FittedState) -> None:
        """Set the shares."""
        super().restore(state)
        self.log_shares_ = state.arrays["log_shares"]
