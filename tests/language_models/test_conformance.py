"""The built-in language models and tokenizers keep what the contracts promise: the kit that plugins run, too."""

from __future__ import annotations

from typing import Any

import pytest

from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.language_models.ngram.model import NGram
from nlmkit.language_models.ngram.smoothing import METHODS
from nlmkit.testing import conformance
from nlmkit.text.tokenizers import BUILT_IN

pytestmark = pytest.mark.slow

# n-gram models say the same in batch and word by word, to the last bit.
EXACT = {"tolerance": 0.0, "sum_tolerance": 1e-9}

UNIGRAMS = [NGram(order=1, smoothing=smoothing) for smoothing in METHODS]

OPTIONS = [
    NGram(),
    NGram(order=3, smoothing="mle"),
    NGram(order=2, discounts=(None, 0.5), smoothing="kneser-ney"),
    NGram(order=7, add_k=0.01, smoothing="add-k"),
    NGram(order=3, katz_max=2, smoothing="katz"),
    NGram(order=3, backoff_factor=0.1, smoothing="stupid-backoff"),
    NGram(order=3, vocabulary_size=12),
    NGram(order=2, min_count=3, smoothing="witten-bell"),
    NGram(order=3, prune=(0, 0, 1)),
    NGram(order=4, prune=(0, 1), smoothing="absolute"),
    NGram(order=3, prune=(0, 1), smoothing="stupid-backoff"),
    NGram(order=4, entropy_prune=0.01),
    NGram(order=3, keep_counts=True),
    NGram(order=3, prune=(0, 1), entropy_prune=1e-4, smoothing="jelinek-mercer"),
]

ROUNDED = [
    NGram(order=3, precision="float32"),
    NGram(order=3, precision="float32", prune=(0, 0, 1), smoothing="katz"),
    NGram(order=2, precision="float32", smoothing="mle"),
]

STACKED = ("mixture", "cache", "temperature", "dynamic")
"""Each has a file of tests of its own beside this one, where the kit checks it."""

TOKENIZERS = [tokenizer() for tokenizer in BUILT_IN.values()]

test_unigrams = conformance(*UNIGRAMS, **EXACT)
test_options = conformance(*OPTIONS, **EXACT)
test_single_precision = conformance(*ROUNDED, tolerance=0.0, sum_tolerance=1e-6)
test_tokenizers = conformance(*TOKENIZERS)


def test_no_built_in_is_left_out() -> None:
    checked: set[Any] = {
        (part.kind, part.name) for part in (*UNIGRAMS, *OPTIONS, *ROUNDED) if isinstance(part, Component)
    }
    checked |= {("tokenizer", tokenizer.name) for tokenizer in TOKENIZERS}
    # These are trained first: tests/text/test_subwords.py.
    checked |= {("tokenizer", "bpe"), ("tokenizer", "unigram")}
    # These need NLTK: tests/text/test_nltk_tokenizers.py.
    checked |= {("tokenizer", f"nltk-{name}") for name in ("treebank", "tweet", "punkt")}
    declared = {(entry.kind, entry.name) for entry in registry.entries() if entry.builtin}
    # The neural ones are in test_conformance_neural.py.
    checked |= {("language-model", name) for name in ("nnlm", "rnnlm", "lstm", "gru", *STACKED)}
    # Its own is hybrid/test_conformance.py.
    checked.add(("language-model", "hybrid"))
    # It requires a file: classes/test_model.py.
    checked.add(("language-model", "class-ngram"))
    assert {(kind, name) for kind, name in declared if kind in ("language-model", "tokenizer")} == checked
    assert {model.smoothing for model in OPTIONS if model.order > 1} == set(METHODS)
