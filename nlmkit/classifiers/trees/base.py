"""Contract of classifiers of trees: ``TreeClassifier``. This module imports neither NumPy nor scikit-learn."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from nlmkit.classifiers.base import Classifier
from nlmkit.core.presets import redeclared
from nlmkit.core.run import RunOptions
from nlmkit.documents.base import TextModel
from nlmkit.errors import DataError, SavedModelError
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.classifiers.trees.typed import TypedTrees
    from nlmkit.classifiers.trees.words import TreeCorpus

_NAMED = 5  # maximum number of labels in a message


@dataclasses.dataclass(kw_only=True)
class TreeClassifier(Classifier):
    """Base class of classifiers of trees: a label for each tree, that of its root, and for each of its nodes.

    Trees take the place of the texts of a ``Classifier``: ``LabelledTrees``, trees of NLTK, or bracketed strings, which
    are trees of constituents. The words are tokens already; only Unicode form and case of the vocabulary are
    applied to them. Trees have labels themselves; ``labels`` replaces those of their roots.

    A subclass implements ``fit_corpus``, ``probabilities_of_nodes`` and, for saving, ``fitted_state`` and ``restore``,
    as that of a ``Classifier`` does. It sees a ``TreeCorpus``, and as targets the class of each node: int64 [nodes],
    -1 where there is none to learn.

    Roots are predicted to have one of the labels that roots had in training. Where phrases are positive, neutral or
    negative, but sentences positive or negative, no sentence is neutral.

    Fitted attributes in addition to those of ``Classifier``: ``at_roots_`` (which of ``classes_`` roots had in
    training: bool [classes]).
    """

    takes: ClassVar[Literal["texts", "trees"]] = "trees"

    tokenizer: str = redeclared(
        TextModel, "tokenizer", default="space", choices=("space",), help="trees have words, which are kept as they are"
    )

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        at_roots_: NDArray[np.bool_] = dataclasses.field(init=False)

    @property
    def learns_from_nodes(self) -> bool:
        """Whether the labels of all nodes are learned, and not only those of the roots."""
        return True

    # ---------------------------------------------------------------------------------- what a subclass implements

    def probabilities_of_nodes(self, corpus: TreeCorpus) -> NDArray[np.float64]:
        """Return the probability of each class at each node: float64 [nodes, classes], rows sum to 1."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------------ fitting

    def fit(
        self,
        texts: Any,
        labels: Any = None,
        *,
        valid: Any = None,
        run: RunOptions | None = None,
        sample_weight: Any = None,
    ) -> Self:
        """Estimate the classifier from labelled trees and return self.

        A failed fit leaves the classifier unchanged.

        Args:
            texts: Trees: ``LabelledTrees``, or a sequence of bracketed strings or trees of NLTK.
            labels: Label of each tree's root, in place of its own: strings, integers or booleans.
            valid: Held-out trees, or ``(trees, labels)``, for early stopping. Trees whose root has no label, or one
                that is missing from training, are dropped, with a note.
            run: Options of the run, not of the classifier.
            sample_weight: One number per tree, for a classifier that can weight its trees; see ``Classifier.fit``.

        Raises:
            DataError: Trees or labels are unusable, or fewer than two classes are to be learned.
            HyperParameterError: Options contradict each other.
        """
        data, held_out = self.gather(texts, labels), None if valid is None else self.gather(valid)
        return self.fit_texts(data, held_out, run or RunOptions(), sample_weight)

    def learn_targets(self, data: TypedTrees) -> tuple[NDArray[np.int64], Mapping[str, Any], list[str]]:  # type: ignore[override]
        """Set ``classes_`` and ``at_roots_``; return the class of each node, -1 where there is none to learn.

        Raises:
            DataError: No root has a label, or there are fewer than two classes.
        """
        import numpy as np

        from nlmkit.text.label_notes import lone_note
        from nlmkit.text.labels import as_labels

        ids = data.label_ids.astype(np.int64)
        if not self.learns_from_nodes:
            ids = np.where(_is_root(data), ids, -1)
        if not (data.root_label_ids >= 0).any():
            raise DataError("no root of a training tree has a label: a classifier needs labels", source=data.source)
        used = np.unique(ids[ids >= 0])
        names = data.typed_names
        classes, numbers = np.unique(as_labels([names[id_] for id_ in used.tolist()]), return_inverse=True)
        if len(classes) < 2:
            what = "nodes" if self.learns_from_nodes else "roots"
            raise DataError(
                f"all labelled {what} have the label {classes.tolist()[0]!r}: a classifier needs two or more",
                source=data.source,
            )
        self.classes_ = classes
        class_of = np.full(len(names) + 1, -1, np.int64)  # the last for -1
        class_of[used] = numbers
        targets = class_of[ids]
        counts = np.bincount(targets[data.roots][data.root_label_ids >= 0], minlength=len(classes))
        self.at_roots_ = counts > 0
        by_name = {str(name): int(count) for name, count in zip(classes.tolist(), counts, strict=True) if count}
        lone = lone_note(by_name)
        facts = {"classes": by_name, "nodes": data.nodes, "labelled_nodes": int((data.label_ids >= 0).sum())}
        return targets, facts, [lone] if lone else []

    def validation_data(self, data: TypedTrees, notes: list[str]) -> tuple[TypedTrees, NDArray[np.int64]]:  # type: ignore[override]
        """Return the held-out trees whose root has one of the labels of roots, and the class of each node or -1.

        Raises:
            DataError: None of them has.
        """
        import numpy as np

        data = self._of_own_kind(data)
        targets = self._targets(data)
        of_roots = targets[data.roots]
        known = (of_roots >= 0) & self.at_roots_[of_roots]
        if not known.any():
            raise DataError("no root of a validation tree has a label of the training trees", source=data.source)
        if not known.all():
            ids = np.unique(data.root_label_ids[~known])
            unknown = sorted(repr(data.typed_names[id_]) for id_ in ids.tolist() if id_ >= 0)
            named = ", ".join([*unknown[:_NAMED], *(["..."] if len(unknown) > _NAMED else [])])
            why = f"missing from training ({named})" if unknown else "missing"
            notes.append(f"{int((~known).sum())} validation trees are ignored: the labels of their roots are {why}")
            data = data.take(np.flatnonzero(known))
            targets = self._targets(data)
        if not self.learns_from_nodes:
            targets = np.where(_is_root(data), targets, -1)
        return data, targets

    def validation_report(self, corpus: Any, targets: NDArray[Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the accuracy on held-out trees, if the classifier's own report lacks it."""
        if "validation_accuracy" in own:
            return {}
        found = self.probabilities(corpus).argmax(axis=1)
        return {"validation_accuracy": float((found == targets[corpus.forest.roots]).mean())}

    def _targets(self, data: TypedTrees) -> NDArray[np.int64]:
        """Return the class of each node, -1 without one: int64 [nodes]."""
        import numpy as np

        place = {label: number for number, label in enumerate(self.classes_.tolist())}
        class_of = np.array([*(place.get(name, -1) for name in data.typed_names), -1], np.int64)
        return class_of[data.label_ids]

    def _of_own_kind(self, data: TypedTrees) -> TypedTrees:
        """Return trees with labels of the type of the classes, if their labels, as strings, spell such.

        Raises:
            DataError: Labels were given separately, and are of another type.
        """
        from nlmkit.classifiers.trees.typed import TypedTrees
        from nlmkit.text.labels import label_kind

        ours = label_kind(self.classes_)
        if len(data) and data.kind not in ("U", ours):
            kinds = {"U": "strings", "i": "integers", "b": "booleans"}
            raise DataError(
                f"these labels are {kinds[data.kind]}, but training used {kinds[ours]}: no prediction could be correct",
                source=data.source,
            )
        return TypedTrees.as_kind(data, ours)

    # ------------------------------------------------------------------------------------------------------ judging

    @classmethod
    def gather(cls, texts: Any, targets: Any = None) -> TypedTrees:  # type: ignore[override]
        """Return trees, and labels of their roots if given, as one object.

        Raises:
            DataError: Trees or labels are unusable, or their numbers differ.
        """
        from nlmkit.classifiers.trees.typed import TypedTrees

        return TypedTrees.gather(texts, targets)

    def labelled(self, texts: Any, labels: Any = None) -> TypedTrees:  # type: ignore[override]
        """Return trees with labels of the same type as the classifier's.

        Raises:
            DataError: The labels are of another type than those of training, or a root has none.
        """
        self.check_fitted()
        data = self._of_own_kind(self.gather(texts, labels))
        _ = data.labels  # raises where there are none
        return data

    def node_accuracy(self, trees: Any, labels: Any = None) -> float:
        """Return the share of labelled nodes whose label is predicted; NaN without labelled nodes.

        A label missing from training is never predicted and counts as an error.
        """
        import numpy as np

        self.check_fitted()
        data = self._of_own_kind(self.gather(trees, labels))
        judged = np.flatnonzero(data.label_ids >= 0)
        if not len(judged):
            return float("nan")
        found = self._most_probable_nodes(data)
        return float((found[judged] == self._targets(data)[judged]).mean())

    # ------------------------------------------------------------------------------------------------------ scoring

    def encode(self, texts: Any) -> TreeCorpus:
        """Return the words of trees as for training: a corpus with one tree per sentence.

        Args:
            texts: Trees in any form, or a corpus that this method returned.

        Raises:
            DataError: The input is not trees.
        """
        from nlmkit.classifiers.trees.words import TreeCorpus
        from nlmkit.text import Corpus

        self.check_fitted()
        if isinstance(texts, TreeCorpus):
            if texts.tokenization != self.tokenization_:
                raise DataError(
                    "the corpus of trees was read with another Unicode form or case than the classifier's: pass the "
                    "trees themselves"
                )
            return texts
        if isinstance(texts, Corpus):
            raise DataError(f"{self.name} classifies trees, but a corpus of texts was given: expected trees")
        return self.gather(texts).encode(self.pipeline_)

    def probabilities(self, corpus: Any) -> NDArray[np.float64]:
        """Return the probability of each class for the root of each tree: float64 [trees, classes]."""
        return self.of_roots(self.probabilities_of_nodes(corpus)[corpus.forest.roots])

    def of_roots(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return distributions over all classes as ones over those that roots had in training: float64 [n, classes]."""
        if self.at_roots_.all():
            return probabilities
        kept = probabilities * self.at_roots_
        total = kept.sum(axis=1, keepdims=True)
        uniform = self.at_roots_ / self.at_roots_.sum()
        found: NDArray[np.float64] = kept / total if (total > 0).all() else _divided(kept, total, uniform)
        return found

    def predict_proba_nodes(self, trees: Any) -> NDArray[np.float64]:
        """Return the probability of each class at each node: float64 [nodes, classes], rows sum to one.

        The nodes are those of all trees, one tree after another, each in post-order, as in ``LabelledTrees``. Roots,
        too, have the probabilities of all classes here.
        """
        import numpy as np

        corpus = self.encode(trees)
        if not corpus.sentences:
            return np.empty((0, len(self.classes_)))
        return self.probabilities_of_nodes(corpus)

    def predict_nodes(self, trees: Any) -> NDArray[Any]:
        """Return the label of each node, in the order of ``predict_proba_nodes``: array [nodes].

        That of a root is what ``predict`` returns.
        """
        best = self._most_probable_nodes(trees)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def _most_probable_nodes(self, trees: Any) -> NDArray[np.int64]:
        corpus = self.encode(trees)
        found = self.predict_proba_nodes(corpus)
        roots = corpus.forest.roots
        best: NDArray[np.int64] = found.argmax(axis=1)
        best[roots] = self.of_roots(found[roots]).argmax(axis=1)
        return best

    def predict(self, texts: Any) -> NDArray[Any]:
        """Return the most probable label of the root of each tree: array [trees] of the type of the labels."""
        best = self.predict_proba(texts).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    # ------------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return which classes roots had in training as metadata, with the state of a ``Classifier``."""
        state = super().fitted_state()
        return dataclasses.replace(state, metadata={**state.metadata, "at_roots": self.at_roots_.tolist()})

    def restore(self, state: FittedState) -> None:
        """Set the classes of roots; see ``Classifier.restore``.

        Raises:
            SavedModelError: They are missing.
        """
        import numpy as np

        super().restore(state)
        found = state.metadata.get("at_roots")
        valid = isinstance(found, list) and all(isinstance(value, bool) for value in found) and any(found)
        if not valid or len(state.metadata["at_roots"]) != len(self.classes_):
            raise SavedModelError("at_roots is missing from its metadata, or wrong; save the model again")
        self.at_roots_ = np.array(found, np.bool_)


def _is_root(data: TypedTrees) -> NDArray[np.bool_]:
    import numpy as np

    found = np.zeros(data.nodes, np.bool_)
    found[data.roots] = True
    return found


def _divided(
    kept: NDArray[np.float64], total: NDArray[np.float64], uniform: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return distributions of which some underflowed: those are uniform."""
    import numpy as np

    found: NDArray[np.float64] = np.where(total > 0, kept / np.where(total > 0, total, 1.0), uniform)
    return found
