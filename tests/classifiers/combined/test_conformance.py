"""The combined classifiers keep what the contracts promise: the kit that plugins run, too."""

from __future__ import annotations

import pytest

from nlmkit import NBSVM, Ensemble, LMClassifier, NGram, TfidfLogReg
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

TWO = (NBSVM(calibration=0, order=1), TfidfLogReg())

test_combined = conformance(
    Ensemble(models=TWO, folds=2),
    Ensemble(models=(*TWO, NBSVM(calibration=0, tokenizer="space")), weights=(1.0, 0.5, 0.0), tokenizer="word"),
    LMClassifier(folds=2),
    LMClassifier(language_model=NGram(order=2, smoothing="witten-bell"), length_norm=1.0, temperature=0.1),
    tolerance=1e-12,
    sum_tolerance=1e-12,
)
