"""The built-in linear classifiers keep what the contracts promise: the kit that plugins run, too."""

from __future__ import annotations

import pytest

from nlmkit.classifiers.linear.nbsvm import NBSVM
from nlmkit.classifiers.linear.tfidf_logreg import TfidfLogReg
from nlmkit.core import registry
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

LINEAR = [
    NBSVM(),
    NBSVM(order=1, loss="logistic", calibration=0),
    NBSVM(order=3, min_documents=2, beta=1.0, lowercase=False),
    TfidfLogReg(),
    TfidfLogReg(order=1, sublinear=False, tokenizer="space", unicode_form="NFC"),
]

# Sparse rows are summed one by one, so a text's figures do not depend on the others to the last bit but one.
test_linear = conformance(*LINEAR, tolerance=1e-12, sum_tolerance=1e-12)


def test_no_built_in_is_left_out() -> None:
    # The others are checked in neural, combined and trees.
    neural = {"cnn", "dpcnn", "han", "lstm-classifier", "lstm-cnn", "vdcnn"}
    elsewhere = neural | {"ensemble", "lm-classifier", "tree-lstm"}
    checked = {type(one).name for one in LINEAR} | elsewhere
    assert checked == {entry.name for entry in registry.entries() if entry.builtin and entry.kind == "classifier"}
