"""Words of trees as a corpus that knows the trees."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.column import Column
from nlmkit.text.trees import LabelledTrees
from nlmkit.text.vocabulary import RESERVED, UNK


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TreeCorpus(Corpus):
    """Words of trees in the form of the vocabulary, one "sentence" per tree.

    Attributes:
        trees: The trees.
    """

    trees: LabelledTrees | None = None

    @property
    def forest(self) -> LabelledTrees:
        """The trees, which a corpus made by ``of_trees`` has."""
        assert self.trees is not None
        return self.trees

    @classmethod
    def of_trees(cls, trees: LabelledTrees, pipeline: TextPipeline) -> TreeCorpus:
        """Return the words of trees in Unicode form and case of a pipeline; marks of sentences are unknown words."""
        own = trees.corpus()
        forms = Column.of(UNK if form in RESERVED else form for form in map(pipeline.normalize, own.types))
        ids = forms.ids[own.ids]
        column = Column(forms.types, ids).take(np.arange(len(ids)))
        return cls(column.types, column.ids, own.offsets, pipeline=pipeline, sources=(trees.source,), trees=trees)

    def at_nodes(self, ids: NDArray[np.int64], wordless: int) -> NDArray[np.int64]:
        """Return ids of words as ids of nodes: int64 [nodes].

        Args:
            ids: Id of each word: int64 [words].
            wordless: Id of nodes without a word.
        """
        found = np.full(self.forest.nodes, wordless, np.int64)
        found[self.forest.in_sentence_order] = ids
        return found
