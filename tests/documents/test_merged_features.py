"""Merged features against the features themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from nlmkit.documents.merged_features import MergedFeatures

DENSE = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 12)), elements=st.sampled_from([0, 0, 1, 2.5]))


@pytest.mark.slow
@given(DENSE)
def test_inner_products_of_documents_stay(dense: np.ndarray) -> None:
    merged = MergedFeatures.of(csr_matrix(dense))
    matrix = merged.matrix.toarray()
    assert matrix @ matrix.T == pytest.approx(dense @ dense.T)
    assert merged.matrix.shape[1] <= dense.shape[1]
    alone = (np.count_nonzero(matrix, axis=0) == 1).sum()
    assert alone <= len(dense)


@given(DENSE)
def test_expanded_weights_give_the_same_margins_and_norm(dense: np.ndarray) -> None:
    merged = MergedFeatures.of(csr_matrix(dense))
    weights = np.random.default_rng(0).normal(size=merged.matrix.shape[1])
    expanded = merged.expanded(weights)
    assert expanded.shape == dense.shape[1:]
    assert dense @ expanded == pytest.approx(merged.matrix @ weights)
    assert expanded @ expanded == pytest.approx(weights @ weights)
    assert (expanded[~dense.any(axis=0)] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3])
def test_the_regression_stays_the_same(classes: int) -> None:
    generator = np.random.default_rng(0)
    dense = (generator.random((40, 300)) < 0.02) * generator.random((40, 300))
    targets = np.arange(40) % classes
    merged = MergedFeatures.of(csr_matrix(dense))
    assert merged.matrix.shape[1] < 200
    expected = LogisticRegression(C=10, tol=1e-8, max_iter=5000).fit(dense, targets)
    found = LogisticRegression(C=10, tol=1e-8, max_iter=5000).fit(merged.matrix, targets)
    expanded = np.stack([merged.expanded(row) for row in found.coef_])
    assert expanded == pytest.approx(expected.coef_, abs=1e-5)
    assert found.intercept_ == pytest.approx(expected.intercept_, abs=1e-5)
