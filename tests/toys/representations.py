"""A representation whose vectors a test gives; tests that save it register it as a plugin's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pytest

from nlmkit.core.run import RunOptions
from nlmkit.representations.base import Representation
from nlmkit.text import TextPipeline, Vocabulary
from toys.plugin_packages import write_package

if TYPE_CHECKING:
    from numpy.typing import NDArray

GROUPS = {"nlmkit.representations": {"toy-vectors": "toys.representations:ToyVectors"}}


@contextmanager
def registered(folder: Path) -> Iterator[None]:
    """Make the representation known to the registry."""
    write_package(folder, "toy-vectors", groups=GROUPS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@dataclass(kw_only=True)
class ToyVectors(Representation):
    """Vectors as they are given."""

    name: ClassVar[str] = "toy-vectors"
    learns_from: ClassVar[Literal["text", "vectors"]] = "vectors"

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> ToyVectors:
        return self.set_vectors(data)

    def set_vectors(
        self, vectors: Mapping[str, Any], counts: Sequence[int] | None = None, lowercase: bool = False
    ) -> ToyVectors:
        rows = np.array(list(vectors.values()), np.float32)
        self._set_fitted(
            vocabulary=Vocabulary(vectors, None if counts is None else [0, 0, 0, *counts]),
            pipeline=TextPipeline(lowercase=lowercase),
            matrix=np.concatenate([np.zeros((3, rows.shape[1]), np.float32), rows]),
            report={},
        )
        return self


class WithSubwords(ToyVectors):
    """A word that is unknown gets the vector of its first letter."""

    def _vector_of_unknown(self, word: str) -> NDArray[np.float32] | None:
        row = self.vocabulary_.id(word[0])
        return self.matrix_[row] if row else None


class Sparse(ToyVectors):
    """The same vectors, with a matrix as one-hot representations have it."""

    @property
    def matrix(self) -> Any:
        from scipy.sparse import csr_array

        return csr_array(self.matrix_)

    def has_special(self) -> tuple[bool, bool, bool]:
        return False, False, False


def toy(vectors: Mapping[str, Any], **options: Any) -> ToyVectors:
    """A fitted representation of these vectors."""
    return ToyVectors().set_vectors(vectors, **options)


def angles(degrees: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Unit vectors in the plane."""
    return {word: (np.cos(np.radians(angle)), np.sin(np.radians(angle))) for word, angle in degrees.items()}
