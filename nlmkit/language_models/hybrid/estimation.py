"""N-gram models of a hybrid model: estimated with their leave-one-out probabilities, or read from a saved model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nlmkit.language_models.hybrid.experts import Experts
from nlmkit.language_models.hybrid.left_out import LeftOut, left_out
from nlmkit.language_models.ngram.counting import count_ngrams
from nlmkit.language_models.ngram.gathering import Gathered
from nlmkit.language_models.ngram.model import NGram
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.saving import require

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.language_models.neural.estimator import TrainingTexts
    from nlmkit.text import Vocabulary


def estimate(order: int, texts: TrainingTexts, run: RunOptions) -> tuple[Experts, LeftOut]:
    """Return modified Kneser–Ney models up to an order, and the training text as they see each event left out.

    Args:
        order: Highest order.
        texts: The training text and its vocabulary.
        run: Progress, and ``workers``, in whose number of threads n-grams are counted.
    """
    run.stage("counting n-grams", len(texts.events))
    counts = count_ngrams(texts.events, order, len(texts.vocabulary), workers=run.workers, advance=run.advance)
    gathered = Gathered(counts, texts.vocabulary, texts.pipeline, None)
    model = NGram(order=order, precision="float32").fit_counts(gathered, run)
    table: Any = model.table_
    run.stage("leaving out each event", len(texts.events))
    found = left_out(texts.events, counts, table, model.fit_report_["discounts"], run.advance)
    return Experts(model), found


def restored(member: Any, order: int, vocabulary: Vocabulary) -> Experts:
    """Return the n-gram models of a saved hybrid model.

    Raises:
        SavedModelError: They are missing, or do not match the hybrid model.
    """
    sound = isinstance(member, NGram) and member.is_fitted and member.order == order
    require(sound, f"the saved model is damaged: its n-gram model of order {order} is missing")
    require(isinstance(member.table_, BackoffTable), "the saved model is damaged: its n-grams are not in a plain table")
    require(member.vocabulary_ == vocabulary, "the saved model is damaged: its n-gram model has another vocabulary")
    return Experts(member)
