"""The built-in classifiers of trees keep what the contracts promise: the kit that plugins run, too."""

from __future__ import annotations

from typing import Any

import pytest

from nlmkit.classifiers.trees.tree_lstm import TreeLSTM
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {
    "embedding": 8,
    "hidden": 8,
    "epochs": 4,
    "batch": 8,
    "lr": 0.1,
    "dropout": 0.1,
    "dropout_word": 0.0,
}

# Sums in another order, in float32, and softmax in float64.
test_trees = conformance(
    TreeLSTM(**SMALL, dropout_input=0.0, dropout_hidden=0.0),
    TreeLSTM(**SMALL, dropout_input=0.0, form="child-sum", dropout_hidden=0.1, train_on="root", lowercase=False),
    tolerance=1e-5,
    sum_tolerance=1e-12,
)
