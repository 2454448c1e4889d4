"""The task of neural taggers: what an epoch reads, parts of large batches, and the rule of divergence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.taggers.neural import task as task_module
from nlmkit.taggers.neural.bilstm_tagger import BiLSTMTagger
from nlmkit.taggers.neural.settings import TaggerSettings, enough_epochs
from nlmkit.taggers.neural.task import TaggingTask, digest
from nlmkit.text.tagged import TaggedSentences
from nlmkit.training.batches import hidden
from nlmkit.training.divergence import Diverged
from nlmkit.training.task import Task

WORDS = [["a", "b"], ["b", "a", "c"], ["a"], ["c", "c", "b", "a", "d"]]
TAGS = [["X", "Y"], ["Y", "X", "Y"], ["X"], ["Y", "Y", "Y", "X", "Y"]]
TINY: dict[str, Any] = {"embedding": 4, "hidden": 4, "epochs": 1, "batch": 4}


@pytest.fixture(scope="module")
def task() -> TaggingTask:
    """The task of a fitted tagger."""
    found: list[TaggingTask] = []
    with pytest.MonkeyPatch.context() as patch:
        made = TaggingTask.__init__

        def keep(self: TaggingTask, setup: Any) -> None:
            made(self, setup)
            found.append(self)

        patch.setattr(TaggingTask, "__init__", keep)
        BiLSTMTagger(**TINY).fit(WORDS, TAGS)
    return found[0]


def gradients(task: TaggingTask, data: Any) -> list[torch.Tensor]:
    """Gradients of a batch, part by part."""
    task.module.eval()  # without masks
    task.module.zero_grad()
    for part, share in task.parts(data):
        (task.loss(part, ()).loss * share).backward()  # type: ignore[no-untyped-call]
    return [weight.grad.clone() for weight in task.parameters() if weight.grad is not None]


def test_parts_of_a_batch_have_its_gradient(task: TaggingTask, monkeypatch: pytest.MonkeyPatch) -> None:
    data = task.epoch(0)[0].data
    whole = gradients(task, data)
    monkeypatch.setattr(task, "_whole", 4)
    assert len(list(task.parts(data))) == 3
    for one, two in zip(whole, gradients(task, data), strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-4)


def test_epochs_are_functions_of_their_number(task: TaggingTask) -> None:
    def read(number: int) -> list[int]:
        return task.epoch(number)[0].data.data.words.tolist()

    assert read(3) == read(3)
    assert len({tuple(read(number)) for number in range(8)}) > 1
    assert min(min(read(number)) for number in range(8)) == 0


def test_words_are_hidden_at_their_rates() -> None:
    ids = np.repeat(np.arange(3), 4000)
    chances = np.array([0.0, 0.25, 1.0], np.float32)
    found = hidden(ids, chances, 9, torch.Generator().manual_seed(1)).reshape(3, -1)
    np.testing.assert_allclose((found == 9).mean(1), chances, atol=0.03)
    assert hidden(ids, np.zeros(3, np.float32), 9, torch.Generator()) is ids


def test_weights_worse_than_equally_probable_tags_have_diverged(task: Task[Any]) -> None:
    with pytest.raises(Diverged, match=r"worse than the 1\.906 of equally probable tags"):
        task.judge(4.0, None, None)
    (note,) = task.judge(2.0, None, None)
    assert note.startswith("the loss on the training sentences, 2, is worse than the 1.906")
    assert task.judge(1.0, None, None) == []


def test_scores_that_are_not_finite_have_diverged(task: TaggingTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task.module, "bias", torch.nn.Parameter(torch.full_like(task.module.bias, torch.nan)))
    chain = task_module.chain_of(task.module, task._setup.legal)
    with pytest.raises(Diverged, match="not finite"):
        task_module.best_tags(task.module, task._sentences, chain)


def test_few_sentences_are_read_more_often() -> None:
    assert [enough_epochs(steps) for steps in (1, 10, 20, 38, 1000)] == [30, 30, 15, 8, 8]
    assert TaggerSettings.of(BiLSTMTagger(), 320).epochs == 30
    assert TaggerSettings.of(BiLSTMTagger(epochs=3), 320).epochs == 3


def test_options_without_effect_are_refused() -> None:
    for options, needs in (
        ({"dropout_hidden": 0.2}, "layers=2 or more"),
        ({"characters": "none", "character_maps": 3}, "characters=cnn"),
        ({"bigrams": False, "bigram_embedding": 3}, "bigrams"),
        ({"tune": "frozen"}, "representation"),
    ):
        with pytest.raises(HyperParameterError, match=f"has no effect: it needs {needs}"):
            BiLSTMTagger(**TINY, **options).fit(WORDS, TAGS)  # type: ignore[arg-type]
    with pytest.raises(HyperParameterError, match="patience=1 requires held-out sentences"):
        BiLSTMTagger(**TINY, patience=1).fit(WORDS, TAGS)
    with pytest.raises(HyperParameterError, match=r"character_widths=\[\]: the filters over characters need"):
        BiLSTMTagger(**TINY, character_widths=()).fit(WORDS, TAGS)


def test_filters_that_are_not_saved_are_refused() -> None:
    model = BiLSTMTagger(**TINY).fit([["ab", "ba"]], [["X", "Y"]])
    state = model.fitted_state()
    for widths in ((), (2,) * 9):
        other = BiLSTMTagger(**TINY, character_widths=widths)
        other.restore_text(model.vocabulary_, model.pipeline_)
        with pytest.raises(SavedModelError, match="its filters are not those of character_widths"):
            other.restore(state)


def test_the_digest_of_sentences_tells_which_spelling_is_where() -> None:
    """Words that differ in case have the same ids of words."""
    tagger = BiLSTMTagger(**TINY).fit([["ab", "AB"]], [["X", "X"]])
    one, two = (
        tagger.sentences_of(TaggedSentences([["ab", "AB"], last], [["X", "X"]] * 2))
        for last in (["ab", "AB"], ["AB", "ab"])
    )
    assert np.array_equal(one.words, two.words)
    assert digest(one) != digest(two)
