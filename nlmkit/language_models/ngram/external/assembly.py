"""Assembly of the finished table: the n-grams of all parts in one suffix order, as plain files."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from nlmkit.language_models.ngram.external.files import ArrayFile
from nlmkit.language_models.ngram.external.merging import Cursor, joined, together
from nlmkit.language_models.ngram.external.probabilities import write_weights
from nlmkit.language_models.ngram.external.store import Store


def assemble_order(store: Store, settings: dict[str, Any], k: int) -> int:
    """Task: write the arrays of order ``k`` ≥ 3, and the backoff weights of order ``k`` − 1, into ``folder``.

    Returns:
        The number of n-grams.
    """
    folder, highest = settings["folder"], k == settings["order"]
    columns = ["word", "history", "first", "log_prob", *([] if highest else ["kept"])]
    cursors = [Cursor(store, f"scored/{k}/{part}", columns) for part in range(settings["parts"])]
    number = ends = 0
    with contextlib.ExitStack() as stack:
        files = {
            name: stack.enter_context(ArrayFile(folder, f"{name}.{k}", dtype))
            for name, dtype in (("history", np.int32), ("first", np.int32), ("log_prob", settings["dtype"]))
        }
        children = None if highest else stack.enter_context(ArrayFile(folder, f"children.{k}", np.int32))
        if children is not None:
            children.append(np.zeros(1, np.int32))
        for batch in together(cursors):
            rows = joined(batch, columns)
            for name, file in files.items():
                file.append(rows[name])
            number += len(rows["word"])
            if children is not None:
                running = np.cumsum(rows["kept"]) + ends
                ends = int(running[-1])
                children.append(running)
    if settings["tidy"]:
        for part in range(settings["parts"]):
            store.remove(f"scored/{k}/{part}")
    write_weights(store, settings, k - 1)
    return number
