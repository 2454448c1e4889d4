"""The built-in neural regressors keep what the contracts promise: the kit that plugins run, too."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from nlmkit.regressors.neural.cnn_regressor import CNNRegressor
from nlmkit.regressors.neural.lstm_regressor import LSTMRegressor
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

# As few steps as learn the kit's texts: it fits each of them some hundred times.
SMALL: dict[str, Any] = {"embedding": 10, "epochs": 6, "batch": 16, "lr": 0.06, "dropout": 0.0, "dropout_input": 0.0}

NEURAL = [
    CNNRegressor(**SMALL, maps=6, dropout_word=0.0),
    CNNRegressor(**SMALL, maps=6, dropout_word=0.0, loss="huber", huber_delta=2.0),
    LSTMRegressor(**SMALL, hidden=8),
]

# Sums in another order, in float32, times the numbers' standard deviation.
test_neural = conformance(*NEURAL, tolerance=1e-4, sum_tolerance=1e-12)


def test_declarations_import_nothing_heavy() -> None:
    code = (
        "import sys; from nlmkit.regressors.neural.cnn_regressor import CNNRegressor; CNNRegressor().params_as_json(); "
        "from nlmkit.regressors.neural.lstm_regressor import LSTMRegressor; LSTMRegressor().params_as_json(); "
        "print(sorted({'numpy', 'scipy', 'sklearn', 'torch', 'gensim'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True)
    assert result.stdout == "[]\n"
