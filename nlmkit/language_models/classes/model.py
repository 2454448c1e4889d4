"""The class-based n-gram language model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Self

from nlmkit.core.parameters import param
from nlmkit.core.presets import redeclared
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits, shared_vocabulary
from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.language_models.base import Context, LanguageModel, check_context
from nlmkit.language_models.ngram.model import NGram
from nlmkit.language_models.ngram.smoothing import METHODS
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_OF_CLASSES: Final = (
    *("order", "smoothing", "discounts", "prune", "entropy_prune", "add_k", "katz_max", "backoff_factor"),
    *("precision", "closed"),
)
"""Hyper-parameters of the n-gram model of classes."""


@dataclasses.dataclass(kw_only=True)
class ClassNGram(VocabularyLimits, LanguageModel):
    """Class-based n-gram model: p(word | class) · p(class | preceding classes) (Brown et al. 1992).

    Classes come from a file (``read_classes``); a word that the file lacks is its own class. Where the file has no
    probabilities, those of the words in a class come from the training text.

    Fitted attributes, in addition to those of every language model: ``model_`` (``NGram`` over classes),
    ``membership_`` (``Membership``), and ``fit_report_``. The classes are saved with the model.

    Example:
        >>> lm = ClassNGram(order=3, classes="cities.classes").fit("train.txt")  # doctest: +SKIP
    """

    name = "class-ngram"

    classes: str | None = param(
        None, help="file with the class of each word: CLASS word, CLASS probability word, or word<TAB>CLASS"
    )
    member_add_k: float = param(
        1.0, ge=0, le=1e9, help="constant added to the count of a word in p(word | class), if the file has none"
    )
    order: int = redeclared(NGram, "order")
    smoothing: str = redeclared(NGram, "smoothing", choices=METHODS)
    discounts: tuple[float | tuple[float, ...] | None, ...] | None = redeclared(NGram, "discounts")
    prune: tuple[int, ...] | None = redeclared(NGram, "prune")
    entropy_prune: float = redeclared(NGram, "entropy_prune")
    add_k: float = redeclared(NGram, "add_k")
    katz_max: int = redeclared(NGram, "katz_max")
    backoff_factor: float = redeclared(NGram, "backoff_factor")
    precision: str = redeclared(NGram, "precision")
    closed: bool = redeclared(NGram, "closed")

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Count n-grams of classes and estimate the model.

        Args:
            data: Training text: anything ``Corpus.read`` takes, or a ``Corpus``.
            valid: Validation text, as for ``NGram``.
            run: Run options, of which progress is used.

        Raises:
            HyperParameterError: ``classes`` is missing, or options contradict each other.
            DataError: The text or the class file is unusable.
        """
        from nlmkit.language_models.classes.files import read_classes
        from nlmkit.language_models.classes.membership import class_vocabulary, membership
        from nlmkit.language_models.ngram.reports import with_validation
        from nlmkit.language_models.ngram.vocabularies import check_closed
        from nlmkit.text import Corpus, TextPipeline

        if self.classes is None:
            raise HyperParameterError("class-ngram requires the classes of words: set classes=FILE")
        run = run or RunOptions()
        model = NGram(**{name: getattr(self, name) for name in _OF_CLASSES})
        model.check_options_for(valid)
        run.stage("reading text")
        members = read_classes(self.classes)
        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        pipeline = corpus.pipeline or TextPipeline()
        valid_corpus = valid if valid is None or isinstance(valid, Corpus) else Corpus.read(valid, pipeline)
        vocabulary = self.limited_vocabulary(corpus)
        if self.closed:
            check_closed(corpus, vocabulary)
        classes = class_vocabulary(vocabulary, members, self.classes)
        found = membership(vocabulary, classes, members, self.member_add_k)
        held_out = None
        if valid_corpus is not None and self.smoothing == "jelinek-mercer":
            held_out = found.of_corpus(valid_corpus, vocabulary, classes)
        with shared_vocabulary(classes):
            model.fit(found.of_corpus(corpus, vocabulary, classes), valid=held_out, run=run)
        self.pipeline_, self.vocabulary_ = pipeline, vocabulary
        self.model_, self.membership_ = model, found
        report = {name: value for name, value in model.fit_report_.items() if name != "validation_perplexity"}
        self.fit_report_ = {"classes": found.classes, **report}
        if valid_corpus is not None:
            self.fit_report_ = with_validation(self.fit_report_, self, valid_corpus, f"smoothing={self.smoothing}")
        return self

    @property
    def normalized(self) -> bool:
        """False for ``stupid-backoff``."""
        return self.smoothing != "stupid-backoff"

    @property
    def unknown_rule(self) -> str:
        """``trained``, ``uniform-share``, or ``closed`` if ``<unk>`` has no probability."""
        return "closed" if self.closed else super().unknown_rule

    def start(self) -> tuple[int, ...]:
        """Return the context ``<s>``, in classes."""
        self.check_fitted()
        return self.model_.start()

    def advance(self, state: tuple[int, ...], word_id: int) -> tuple[int, ...]:
        """Return the shortest context of classes under which every continuation has the same probability."""
        if not 0 <= word_id < len(self.vocabulary_):
            raise IndexError(f"word id {word_id} is out of range: the vocabulary has {len(self.vocabulary_)} entries")
        return self.model_.advance(state, int(self.membership_.class_of[word_id]))

    def next_log_probs(self, state: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id after ``state``: float64 [V]."""
        self.check_fitted()
        log_probs: NDArray[np.float64] = self.model_.next_log_probs(state)[self.membership_.class_of]
        return log_probs + self.membership_.log_probs

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Natural log-probability of every event: float64 [events]; both context modes agree."""
        return self.log_probs_and_details(data, context=context)[0]

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        """``ngram_length``: length of the n-gram of classes whose stored probability was used, int8 [events]."""
        return self.log_probs_and_details(data)[1]

    def log_probs_and_details(
        self, data: Any, *, context: Context = "sentence"
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[Any]]]:
        """Both from one pass over the text."""
        check_context(context)
        events = self.encode(data).event_ids(self.vocabulary_)
        log_probs, lengths = self.model_.table_.score(self.membership_.class_of[events])
        return log_probs + self.membership_.log_probs[events], {"ngram_length": lengths}

    def fitted_state(self) -> FittedState:
        """Return the classes of the words as arrays, and the n-gram model as a member."""
        self.check_fitted()
        arrays: dict[str, NDArray[Any]] = {
            "class_of": self.membership_.class_of,
            "member_log_prob": self.membership_.log_probs,
        }
        return FittedState(arrays, {"fit_report": dict(self.fit_report_)}, {"model_": self.model_})

    def restore(self, state: FittedState) -> None:
        """Rebuild the model from a saved one."""
        import numpy as np

        from nlmkit.language_models.classes.membership import Membership, is_sound

        model, report = state.members.get("model_"), state.metadata.get("fit_report")
        if set(state.arrays) != {"class_of", "member_log_prob"} or not isinstance(report, dict):
            raise SavedModelError("the saved model is damaged: its arrays or report are not those of class-ngram")
        if not isinstance(model, NGram) or not model.is_fitted or model.order != self.order:
            raise SavedModelError("the saved model is damaged: its n-gram model of classes is missing or another")
        found = Membership(np.asarray(state.arrays["class_of"]), np.asarray(state.arrays["member_log_prob"]))
        if not is_sound(found, len(self.vocabulary_), len(model.vocabulary_)):
            raise SavedModelError("the saved model is damaged: the classes of its words are inconsistent")
        self.model_, self.membership_ = model, found
        self.fit_report_ = dict(report)
