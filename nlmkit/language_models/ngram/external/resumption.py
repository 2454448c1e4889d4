"""Going on from the finished tasks of an earlier run, if it had the same text and settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.version import own_version
from nlmkit.language_models.ngram.external.engines import DONE
from nlmkit.language_models.ngram.external.store import Store
from nlmkit.language_models.ngram.external.windows import TEXT, TYPES

_MARKER: Final = "source"
_WRITTEN: Final = frozenset({TEXT, TYPES, "words"})
_OF_THE_RUN: Final = frozenset({"folder", "tidy"})


class Resumption:
    """Digest of what the tasks depend on, beside the tasks' markers.

    ``add`` takes the text and the vocabulary's ids while they are written; ``check`` then removes all that an earlier
    run with another digest has left.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, numbers: NDArray[Any]) -> None:
        """Add numbers to the digest."""
        self._digest.update(np.ascontiguousarray(numbers).data)

    def check(self, settings: Mapping[str, Any]) -> None:
        """Keep the finished tasks if the digest is that of the store, else remove them and their tables."""
        own = {name: value for name, value in settings.items() if name not in _OF_THE_RUN}
        self._digest.update(json.dumps([own_version(), own], sort_keys=True).encode())
        digest = self._digest.hexdigest()
        if not self._store.done(_MARKER) or self._store.result(_MARKER) != digest:
            self._store.remove_markers(DONE)
            for name in self._store.names():
                if name.partition("/")[0] not in _WRITTEN:
                    self._store.remove(name)
            self._store.commit(_MARKER, digest)
