"""The built-in regressors keep what the contracts promise: the kit that plugins run, too."""

from __future__ import annotations

import pytest
from toys.regressors import LengthRegressor

from nlmkit.core import registry
from nlmkit.regressors.tfidf_ridge import TfidfRidge
from nlmkit.testing import checks_for, conformance

pytestmark = pytest.mark.slow

LINEAR = [
    TfidfRidge(alpha=0.1),
    TfidfRidge(alpha=None),
    TfidfRidge(alpha=0.01, order=1, sublinear=False, tokenizer="space", lowercase=False, unicode_form="NFC"),
]

# Sparse rows are summed one by one, so a text's number does not depend on the others to the last bit but one.
test_linear = conformance(*LINEAR, tolerance=1e-12)


def test_no_built_in_is_left_out() -> None:
    # The neural ones are checked in tests/regressors/neural.
    checked = {type(one).name for one in LINEAR} | {"cnn-regressor", "lstm-regressor"}
    assert {entry.name for entry in registry.entries() if entry.builtin and entry.kind == "regressor"} <= checked


def test_there_are_checks_of_regressors() -> None:
    names = {check.name for check in checks_for(LengthRegressor())}
    assert {"score_is_r_squared", "line_feeds_are_spaces", "fit_returns_self"} <= names
