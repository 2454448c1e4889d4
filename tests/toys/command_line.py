"""A plugin's models for the tests of the command line, registered by the fixtures of ``cli/conftest.py``."""

from __future__ import annotations

import dataclasses
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, ExportError
from nlmkit.language_models.base import LanguageModel
from nlmkit.saving import require_array
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENTRY_POINTS = {
    "nlmkit.language_models": {
        "toy-recency": "toys.command_line:Recency",
        "toy-scorer": "toys.command_line:Scorer",
        "toy-failing": "toys.command_line:Failing",
    }
}


@dataclasses.dataclass(kw_only=True)
class Recency(LanguageModel):
    """Half add-k unigram, a quarter each on the last two events, sentence ends among them.

    What stood before the sentence thus matters in the context ``stream`` and not in ``sentence``.
    """

    name: ClassVar[str] = "toy-recency"

    k: float = param(1.0, gt=0, help="added to every count")
    label: str = param("plain", help="any text")
    wide: tuple[int, ...] | None = param(None, ge=0, help="numbers")
    file: str | None = param(None, help="a file")
    ceiling: int | None = param(9, ge=1, help="a number, or none")

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Recency:
        import numpy as np

        from nlmkit.text import Corpus, TextPipeline, Vocabulary

        run = run or RunOptions()
        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        if not corpus.tokens:
            raise DataError("the training text holds no words")
        run.stage("counting words", corpus.events)
        self.pipeline_ = corpus.pipeline or TextPipeline()
        self.vocabulary_ = Vocabulary.from_corpus(corpus)
        counts = np.bincount(corpus.event_ids(self.vocabulary_), minlength=len(self.vocabulary_)) + self.k
        counts[1] = 0
        self.unigram_ = counts / counts.sum()
        run.advance(corpus.events)
        self.fit_report_ = {
            "ngrams": [len(corpus.types), 7],
            "perplexity": float("inf"),
            "held_out_tokens": None if valid is None else valid.tokens,
            "notes": ["the first note\x1b[31m", "the second note"],
        }
        return self

    def start(self) -> tuple[int, int]:
        return 2, 2

    def advance(self, state: tuple[int, int], word_id: int) -> tuple[int, int]:
        return word_id, state[0]

    def next_log_probs(self, state: tuple[int, int]) -> NDArray[np.float64]:
        import numpy as np

        row = 0.5 * self.unigram_
        for word_id in state:
            row[word_id] += 0.25
        with np.errstate(divide="ignore"):
            return np.log(row)

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        import numpy as np

        corpus = self.encode(data)
        lengths = np.array([len(word) for word in corpus.types], np.int64)[corpus.ids]
        details = np.zeros(corpus.events, np.int64)
        details[corpus.is_word] = lengths
        return {"letters": details, "half": details / 2}

    def fitted_state(self) -> FittedState:
        return FittedState({"unigram": self.unigram_})

    def restore(self, state: FittedState) -> None:
        self.unigram_ = require_array(state.arrays, "unigram", dtype="float64", shape=(len(self.vocabulary_),))

    def export(self, path: Path, format: str | None = None, *, run: object = None) -> None:
        if path.name.startswith("refused"):
            raise ExportError("the toy refuses")
        path.write_text(f"{format} {len(self.vocabulary_)}\n", encoding="utf-8")


@dataclasses.dataclass(kw_only=True)
class Scorer(Recency):
    """A scorer that is no distribution."""

    name: ClassVar[str] = "toy-scorer"

    @property
    def normalized(self) -> bool:
        return False

    export = None  # type: ignore[assignment]


@dataclasses.dataclass(kw_only=True)
class Failing(Recency):
    """Fails while it is fitted, in the way that is asked for."""

    name: ClassVar[str] = "toy-failing"

    how: str = param("bug", help="how to fail")

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Failing:
        if self.how == "memory":
            import numpy as np

            np.empty(1 << 50)
        raise {
            "bug": ZeroDivisionError("division by zero"),
            "recursion": RecursionError("maximum recursion depth exceeded"),
            "silent": AssertionError(),
            "exit": SystemExit(0),
            "eof": EOFError("no more"),
            "disk": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "some/file"),
            "interrupt": KeyboardInterrupt(),
            "lines": DataError("one\ntwo\x1b[31m", source="a\u202eb"),
        }[self.how]
