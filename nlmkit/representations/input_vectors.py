"""The representation of an input layer: given fitted, loaded from a folder, or fitted on the training text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from nlmkit.representations.base import Representation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.core.run import RunOptions
    from nlmkit.saving.state import FittedState
    from nlmkit.text import Corpus, Vocabulary


class WithInputRepresentation:
    """Component with the hyper-parameter ``representation``: a fitted one, its folder, one to fit, or None.

    Fitted attribute: ``representation_``, where ``fit`` loaded or fitted one; it is saved inside the model.
    """

    representation: str | Representation | None

    def take_representation(self, corpus: Corpus, run: RunOptions) -> None:
        """Load the representation, or fit it on the training text, if requested."""
        from nlmkit.representations.resolve import fitted_representation

        given = self.representation
        if given is not None and (isinstance(given, str) or not given.is_fitted):
            self.representation_ = fitted_representation(given, corpus, run)

    def fitted_representation(self) -> Representation | None:
        """Fitted representation of the input layer, or None."""
        own: Representation | None = getattr(self, "representation_", None)
        given = self.representation
        return own if own is not None else None if isinstance(given, str) else given

    def saved_representation(self) -> dict[str, Any]:
        """Return the member of a saved model: the representation that ``fit`` loaded or fitted."""
        own = getattr(self, "representation_", None)
        return {} if own is None else {"representation_": own}

    def restore_representation(self, state: FittedState) -> None:
        """Set the representation of a saved model, if it has one.

        Raises:
            SavedModelError: The member is something else.
        """
        from nlmkit.saving import require

        member = state.members.get("representation_")
        if member is not None:
            require(isinstance(member, Representation), "its member representation_ is not a representation")
            self.representation_ = cast("Representation", member)

    def require_vectors(self, width: int) -> None:
        """Check that the representation of a saved model has vectors for words that its vocabulary lacks.

        Args:
            width: Width of the vectors of the network.

        Raises:
            SavedModelError: It is missing, or its vectors are of another width.
        """
        from nlmkit.saving import require

        if self.representation is None:
            return
        found = self.fitted_representation()
        require(found is not None and found.is_fitted, "its representation is missing; save the model again")
        if found is not None and found.name != "one-hot":  # which has none
            own = found.matrix.shape[1]
            require(own == width, f"its representation has vectors of width {own}, not {width}; save the model again")


def ids_beyond(
    types: Sequence[str], vocabulary: Vocabulary, representation: Representation | None
) -> tuple[NDArray[np.int64], NDArray[np.float32] | None]:
    """Return ids of words, and the vectors of the ids from V on: words known only to the representation.

    Args:
        types: Distinct words.
        vocabulary: Vocabulary of V words.
        representation: Source of vectors; None if words outside the vocabulary are unknown.

    Returns:
        Id of each word, int64 [types], and vectors float32 [n, d], or None if there are none.
    """
    import numpy as np

    ids = vocabulary.ids(types).astype(np.int64)
    if representation is None or representation.name == "one-hot":
        return ids, None
    new = [
        index
        for index in np.flatnonzero(ids == 0).tolist()
        if types[index] not in vocabulary and types[index] in representation
    ]
    if not new:
        return ids, None
    ids[new] = len(vocabulary) + np.arange(len(new))
    return ids, representation.vectors([types[index] for index in new])
