"""The language model ``kenlm``."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from nlmkit.plugin import (
    Context,
    DataError,
    FittedState,
    HyperParameterError,
    LanguageModel,
    MissingFileError,
    RunOptions,
    SavedModelError,
    check_context,
    optional,
    param,
)

if TYPE_CHECKING:
    import numpy as np
    from nlmkit.plugin import Corpus, Vocabulary
    from numpy.typing import NDArray

_ORDER: Final = 5
_MASS_TOLERANCE: Final = 1e-3
_ROUNDING: Final = 1e-4


class _Fitted(LanguageModel):
    """Fitted state, declared separately so that dataclass does not treat it as hyper-parameters."""

    model_: Any
    file_: NDArray[np.uint8]
    order_: int
    fit_report_: dict[str, Any]


@dataclasses.dataclass(kw_only=True)
class KenLM(_Fitted):
    """KenLM model (Heafield 2011): an ARPA or binary file, or one estimated as by KenLM's lmplz, queried by KenLM.

    With ``file``, ``fit`` reads that file, and a text beside it only says how text is to be read and how many of
    its words the model knows. Without, it estimates modified Kneser–Ney from the text with nlmkit's n-gram model,
    whose figures are those of ``lmplz``, and hands the result to KenLM as an ARPA file.

    The bytes of the file are part of the saved model, so that it can be moved; give KenLM's binary format (``trie``,
    quantised) where that should be small. A compressed file stays compressed there.

    KenLM computes in single precision: log-probabilities differ from those of ``ngram`` in the seventh digit. Its
    reader trusts binary files; take those of strangers as ARPA.

    Fitted attributes beside those of every language model: ``model_`` (``kenlm.Model``), ``file_`` (the file, uint8
    [bytes]), ``order_``, and ``fit_report_``, a JSON-ready dictionary.

    Example:
        >>> lm = KenLM(order=3).fit([["the", "cat", "sat"], ["the", "dog", "sat"]])
        >>> round(lm.perplexity([["the", "cat", "sat"]]), 3) < 4
        True
    """

    name = "kenlm"
    conformance_settings: ClassVar[dict[str, Any]] = {"order": 3}

    file: str | None = param(None, help="KenLM file (ARPA or binary) to load; none: estimate a model from the text")
    words: str | None = param(None, help="file with one word per line, for a binary file built without words")
    order: int | None = param(None, ge=2, le=6, help=f"length of the longest n-gram to estimate; none: {_ORDER}")
    prune: tuple[int, ...] | None = param(
        None, ge=0, help="maximum count of n-grams to drop, per order; the last value applies to higher orders"
    )

    # --------------------------------------------------------------------------------------------------- fitting

    def fit(self, data: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Read the KenLM file, or estimate a model from text.

        Args:
            data: Text: anything that Corpus.read takes, or a Corpus. With ``file`` it may be left out; the model
                then splits text at spaces.
            valid: Validation text; its perplexity is noted in ``fit_report_``.
            run: Progress.

        Raises:
            HyperParameterError: options contradict each other, or there is neither text nor file.
            DataError: the text or the file is unusable.
        """
        run = run or RunOptions()
        self._check_options(data)
        from nlmkit.plugin import Corpus, TextPipeline

        corpus = None
        if data is not None:
            run.stage("reading text")
            corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        pipeline = (corpus.pipeline if corpus is not None else None) or TextPipeline()
        if self.file is not None:
            fitted = self._from_file(run)
            if corpus is not None:
                fitted.report["unknown_tokens"] = int(corpus.oov_mask(fitted.vocabulary).sum())
                fitted.report["tokens"] = corpus.tokens
        else:
            assert corpus is not None
            fitted = self._estimated(corpus, run)
        self.pipeline_ = pipeline
        self._set_fitted(fitted)
        self.fit_report_["notes"] = [*self.fit_report_["notes"], *self._notes_on_mass()]
        if valid is not None:
            self.fit_report_["validation_perplexity"] = self._validation_perplexity(valid)
        return self

    def _check_options(self, data: Any) -> None:
        optional.require("kenlm", extra="kenlm", who="the component kenlm")
        if self.file is None:
            if data is None:
                raise HyperParameterError("kenlm needs text to estimate a model from, or a KenLM file: -p file=FILE")
            if self.words is not None:
                raise HyperParameterError("words requires file: it lists the words of a binary file")
            return
        for name in ("order", "prune"):
            if getattr(self, name) is not None:
                raise HyperParameterError(
                    f"{name} applies to estimated models only, but file={self.file} is already a model"
                )

    def _from_file(self, run: RunOptions) -> _Loaded:
        import numpy as np

        assert self.file is not None
        run.stage(f"reading {self.file}")
        try:
            size = os.path.getsize(self.file)
            # Mapped and not read: KenLM maps a binary file too, and one copy of gigabytes is enough.
            data = np.memmap(self.file, np.uint8, "r") if size else np.zeros(0, np.uint8)
        except FileNotFoundError as error:
            raise MissingFileError(f"cannot be read ({error.strerror})", source=self.file) from None
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})", source=self.file) from None
        loaded = _load(data, self.file, path=Path(self.file), word_list=self.words)
        return dataclasses.replace(loaded, report={**loaded.report, "source": "file"})

    def _estimated(self, corpus: Corpus, run: RunOptions) -> _Loaded:
        import numpy as np
        from nlmkit.plugin import NGram

        ngram = NGram(order=self.order or _ORDER, prune=self.prune).fit(corpus, run=run)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.arpa"
            ngram.export(path, run=run)
            data = np.fromfile(path, np.uint8)
            loaded = _load(data, "the estimated model", path=path, vocabulary=ngram.vocabulary_)
        return dataclasses.replace(loaded, report={**ngram.fit_report_, **loaded.report, "source": "estimated"})

    def _set_fitted(self, loaded: _Loaded) -> None:
        self.model_, self.file_, self.order_ = loaded.model, loaded.data, int(loaded.model.order)
        self.vocabulary_ = loaded.vocabulary
        self.fit_report_ = {"notes": [], **loaded.report}

    def _notes_on_mass(self) -> list[str]:
        """Return a note if the words' probabilities at the start of a sentence do not sum to one."""
        import numpy as np

        mass = float(np.exp(self.next_log_probs(self.start())).sum())
        if abs(mass - 1) <= _MASS_TOLERANCE:
            return []
        return [f"the probabilities after <s> sum to {mass:.4f}, not to 1: perplexities will be wrong"]

    def _validation_perplexity(self, valid: Any) -> float | None:
        import math

        from nlmkit.plugin import Corpus

        corpus = valid if isinstance(valid, Corpus) else Corpus.read(valid, self.pipeline_)
        found = self.perplexity(corpus)
        return found if math.isfinite(found) else None

    @property
    def unknown_rule(self) -> str:
        """``imported`` if the probability of ``<unk>`` is from a file."""
        return "imported" if self.file is not None else super().unknown_rule

    # ------------------------------------------------------------------------------------------ the state machine

    def start(self) -> tuple[int, ...]:
        """``<s>``."""
        from nlmkit.plugin import BOS_ID

        self.check_fitted()
        return (BOS_ID,)

    def advance(self, state: tuple[int, ...], word_id: int) -> tuple[int, ...]:
        """Return the last order−1 ids; KenLM itself remembers no more."""
        from nlmkit.plugin import EOS_ID

        if not 0 <= word_id < len(self.vocabulary_):
            raise IndexError(f"id {word_id} is out of range: the size of the vocabulary is {len(self.vocabulary_)}")
        if word_id == EOS_ID:
            return self.start()
        return (*state, int(word_id))[-(self.order_ - 1) :]

    def next_log_probs(self, state: tuple[int, ...]) -> NDArray[np.float64]:
        """Natural log-probability of each vocabulary id after ``state``: float64 [V], −inf at ``<s>``."""
        import kenlm
        import numpy as np
        from nlmkit.plugin import BOS_ID

        self.check_fitted()
        before, after, score = self._kenlm_state(state), kenlm.State(), self.model_.BaseScore
        words = self.vocabulary_.words
        found = np.fromiter((score(before, word, after) for word in words), np.float64, len(words))
        found *= np.log(10)
        found[BOS_ID] = -np.inf
        return self._at_most_zero(found)

    def _kenlm_state(self, state: tuple[int, ...]) -> Any:
        """KenLM's own state after these ids."""
        import kenlm
        from nlmkit.plugin import BOS_ID

        model, words = self.model_, self.vocabulary_.words
        before, after = kenlm.State(), kenlm.State()
        model.NullContextWrite(before)
        for word_id in state:
            if word_id == BOS_ID:
                model.BeginSentenceWrite(before)
            else:
                model.BaseScore(before, words[word_id], after)
                before, after = after, before
        return before

    # --------------------------------------------------------------------------------------------------- scoring

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Natural log-probability of every event: float64 [events]; both context modes agree."""
        import numpy as np

        check_context(context)
        corpus = self.encode(data)
        found = np.fromiter(self._scores(corpus), np.float64, corpus.events)
        found *= np.log(10)
        return self._at_most_zero(found)

    def _at_most_zero(self, log_probs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values, rounding errors above zero taken off.

        Raises:
            DataError: one is above zero by more, as a damaged backoff weight makes it.
        """
        import numpy as np

        largest = float(log_probs.max(initial=0.0))
        if not largest <= _ROUNDING:
            problem = (
                f"assigns a word the probability {np.exp(min(largest, 700.0)):.4g}: its backoff weights are damaged"
            )
            raise DataError(problem, source=self.file or "the KenLM file in the model")
        return np.minimum(log_probs, 0.0, out=log_probs)

    def _scores(self, corpus: Corpus) -> Iterator[float]:
        """log10 of every event's probability."""
        import kenlm

        model, score = self.model_, self.model_.BaseScore
        begin, before, after = kenlm.State(), kenlm.State(), kenlm.State()
        model.BeginSentenceWrite(begin)
        words = self.vocabulary_.words
        for text in self._sentences(corpus):
            state = begin
            for word_id in text:
                yield score(state, words[word_id], after)
                state, before, after = after, after, before

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        """``ngram_length``: length of the n-gram whose stored probability was used, int8 [events]."""
        import kenlm
        import numpy as np

        corpus = self.encode(data)
        lengths, words = np.empty(corpus.events, np.int8), self.vocabulary_.words
        begin, before, after = kenlm.State(), kenlm.State(), kenlm.State()
        self.model_.BeginSentenceWrite(begin)
        place = 0
        for text in self._sentences(corpus):
            state = begin
            for word_id in text:
                lengths[place] = self.model_.BaseFullScore(state, words[word_id], after).ngram_length
                state, before, after = after, after, before
                place += 1
        return {"ngram_length": lengths}

    def _sentences(self, corpus: Corpus) -> Iterator[list[int]]:
        """Event ids, sentence by sentence."""
        events, offsets = corpus.event_ids(self.vocabulary_), corpus.event_offsets.tolist()
        for begin, end in itertools.pairwise(offsets):
            yield events[begin:end].tolist()

    # ---------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return the file's bytes; the fit report as metadata."""
        import numpy as np

        self.check_fitted()
        return FittedState({"file": np.asarray(self.file_)}, {"fit_report": self.fit_report_})

    def restore(self, state: FittedState) -> None:
        """Load the file with KenLM, from a temporary copy that is removed immediately.

        Raises:
            SavedModelError: the arrays are no KenLM file, or one of other words than the vocabulary's.
        """
        from nlmkit.plugin import require, require_array

        optional.require("kenlm", extra="kenlm", who="the component kenlm")
        report = state.metadata.get("fit_report")
        require(isinstance(report, dict), "the saved model is damaged: fit_report is missing from its metadata")
        data = require_array(state.arrays, "file", dtype="uint8", shape=(None,))
        try:
            loaded = _load(data, "the KenLM file in the saved model", vocabulary=self.vocabulary_)
        except DataError as error:
            raise SavedModelError(f"the saved model is damaged: {error}") from error
        self._set_fitted(loaded)
        self.fit_report_ = dict(state.metadata["fit_report"])


@dataclasses.dataclass(frozen=True)
class _Loaded:
    """Loaded KenLM file.

    Attributes:
        model: The ``kenlm.Model``.
        data: The file: uint8 [bytes].
        vocabulary: Its words.
        report: What there is to say of it.
    """

    model: Any
    data: NDArray[np.uint8]
    vocabulary: Vocabulary
    report: dict[str, Any]


def _load(
    data: NDArray[np.uint8],
    source: str,
    *,
    path: Path | None = None,
    word_list: str | None = None,
    vocabulary: Vocabulary | None = None,
) -> _Loaded:
    """Load a KenLM file.

    Args:
        data: The file: uint8 [bytes].
        source: What errors call it.
        path: Where it is; a temporary copy is made if it is nowhere, or compressed.
        word_list: A file with its words, for a binary file without.
        vocabulary: Its words, if they are known; they are checked.

    Raises:
        DataError: it is no KenLM file, or its words are not to be had.
        HyperParameterError: ``word_list`` is given where it is not wanted.
    """
    from nlmkit.plugin import Vocabulary

    from nlmkit_kenlm import vocabulary as reading

    beginning = bytes(data[:128])
    binary = reading.is_binary(beginning)
    header = reading.read_header(data, source) if binary else None
    if word_list is not None and (header is None or header.has_words):
        raise HyperParameterError(f"{source} contains its words: omit words={word_list}")
    report: dict[str, Any] = {"bytes": len(data)}
    with _on_disk(data, None if not binary and reading.compression(beginning) else path) as place:
        if header is not None:
            order, size = len(header.counts), header.counts[0]
            report |= {"format": header.model, "ngrams": list(header.counts)}
            if vocabulary is not None:
                words = list(vocabulary.words[3:])
            elif header.has_words:
                words = reading.words_of_binary(data, header, source)
            elif word_list is not None:
                words = reading.words_of_list(word_list)
            else:
                raise DataError(
                    "was built without its words, which are required to list the next words: pass a file with one "
                    "word per line (-p words=FILE), or rebuild it with them",
                    source=source,
                )
        else:
            with place.open("rb") as file:
                order, words = reading.words_of_arpa(file, source)
            size, report["format"] = len(words) + 3, "arpa"
        if order < 2:
            raise DataError("is a unigram model, which KenLM does not load", source=source)
        model = _open(place, source)
    origin = word_list or source
    reading.check_words(words, model, origin)
    known = vocabulary if vocabulary is not None else Vocabulary(words)
    if set(known.words[3:]) != set(words):
        raise DataError("has other words than the vocabulary", source=source)
    if header is not None and not size - 3 <= len(words) <= size:
        raise DataError(
            f"has {len(words)} words, but the model has {size - 3} besides <unk>, <s> and </s>", source=origin
        )
    return _Loaded(model, data, known, report)


def _open(path: Path, source: str) -> Any:
    """Return the ``kenlm.Model``; errors of KenLM while loading become a DataError."""
    import kenlm

    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        return kenlm.Model(str(path), config)
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise DataError(f"KenLM cannot load it ({reason[-300:]})", source=source) from None


@contextlib.contextmanager
def _on_disk(data: NDArray[np.uint8], path: Path | None) -> Iterator[Path]:
    """A file with these bytes, decompressed: ``path`` if it is one, otherwise a temporary copy.

    KenLM reads an ARPA file to its end, and what it has mapped of a binary one stays when the copy is removed.
    """
    if path is not None:
        yield path
        return
    from nlmkit_kenlm.vocabulary import compression

    with tempfile.TemporaryDirectory(prefix="nlmkit-kenlm-") as folder:
        given, plain = Path(folder) / "given", Path(folder) / "model"
        try:
            data.tofile(given)
            opener = compression(bytes(data[:8]))
            if opener is None:
                given.rename(plain)
            else:
                with opener(given) as compressed, plain.open("wb") as file:
                    shutil.copyfileobj(compressed, file)
        except (OSError, EOFError) as error:
            raise DataError(
                f"a temporary copy of {len(data)} bytes, which KenLM needs, cannot be written ({error}); set TMPDIR "
                f"to another folder"
            ) from None
        yield plain
