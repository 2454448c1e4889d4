"""Small texts with something to learn, small settings, and what the tests of several classifiers ask alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nlmkit import load
from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.documents.neural.scoring import log_probabilities
from nlmkit.text.labelled import LabelledTexts

SUBJECTS = ("film", "day", "meal", "song", "book", "trip")
GOOD, BAD = ("fine", "lovely", "great"), ("dull", "awful", "poor")
TEXTS = [f"a {word} {subject} , i say ." for subject in SUBJECTS for word in (*GOOD, *BAD)]
LABELS = ["good" if word in GOOD else "bad" for _ in SUBJECTS for word in (*GOOD, *BAD)]
"""36 texts; which of six words they hold makes the label."""

ODD = [
    "",
    "fine",
    "qqq zzz",
    "a",
    "dull dull",
    " ".join(["a fine film . what a dull day !"] * 30),
    "what ? no ! 好 。 yes .",
    "awful",
]
"""Zero-length, shorter than any filter, all unknown, long."""


def padding_and_batches_change_nothing(classifier: NeuralClassifier) -> None:
    """Alone, together, in other order and beside a very long text: no probability moves by more than 1e-5."""
    texts = [*ODD, *TEXTS[:5]]
    alone = np.concatenate([classifier.predict_proba([text]) for text in texts])
    together = classifier.predict_proba(texts)
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(classifier.predict_proba(texts[::-1])[::-1], alone, rtol=0, atol=1e-5)
    documents, extra = classifier.documents_of(classifier.encode(texts))
    for words in (1, 7, 10**6):
        found = np.exp(log_probabilities(classifier.module_, documents, extra=extra, words=words))
        np.testing.assert_allclose(found, alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(alone.sum(axis=1), 1, atol=1e-12)
    assert np.ptp(alone[:, 0]) > 0.01  # they are not all alike


def saved_and_loaded_is_the_same(classifier: NeuralClassifier, folder: Path) -> None:
    """The same bytes of probabilities, the same digest, the same hyper-parameters."""
    texts = [*ODD, *TEXTS[:5]]
    classifier.save(folder / "model")
    loaded = load(folder / "model")
    assert type(loaded) is type(classifier)
    assert loaded.digest == classifier.digest
    assert loaded.params_as_json() == classifier.params_as_json()
    assert np.array_equal(loaded.predict_proba(texts), classifier.predict_proba(texts))  # type: ignore[attr-defined]


def seeds_decide(make: Any) -> None:
    """Equal seeds give equal bytes, another seed others; ``make(seed)`` fits."""
    first, second, other = make(1), make(1), make(2)
    assert first.digest == second.digest
    assert np.array_equal(first.predict_proba(ODD), second.predict_proba(ODD))
    assert not np.array_equal(first.predict_proba(ODD), other.predict_proba(ODD))


def learns(classifier: NeuralClassifier) -> None:
    """The training texts are learnt by heart."""
    classifier.fit(TEXTS, LABELS)
    assert classifier.score(TEXTS, LABELS) == 1
    assert classifier.module_.training is False


def many_classes(classes: int, texts: int, seed: int = 0) -> LabelledTexts:
    """Texts of common words, and two of their class's own ten."""
    generator = np.random.default_rng(seed)
    made, labels = [], []
    for index in range(classes * texts):
        own = generator.integers(0, 10, 2)
        common = generator.integers(0, 50, 8)
        made.append(" ".join([*(f"w{word}" for word in common), *(f"c{index % classes}x{word}" for word in own)]))
        labels.append(f"class {index % classes}")
    return LabelledTexts(made, labels)
