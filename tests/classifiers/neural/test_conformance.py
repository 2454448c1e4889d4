"""The built-in neural classifiers keep what the contracts promise: the kit that plugins run, too."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from nlmkit.classifiers.neural.cnn import CNN
from nlmkit.classifiers.neural.dpcnn import DPCNN
from nlmkit.classifiers.neural.han import HAN
from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier
from nlmkit.classifiers.neural.lstm_cnn import LSTMCNN
from nlmkit.classifiers.neural.vdcnn import VDCNN
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

# As few steps as learn the kit's texts: it fits each of them some hundred times.
SMALL: dict[str, Any] = {"embedding": 10, "epochs": 3, "batch": 16, "lr": 0.1, "dropout": 0.1, "dropout_input": 0.0}

NEURAL = [
    CNN(**SMALL, maps=6, dropout_word=0.0),
    LSTMClassifier(**SMALL, hidden=8),
    LSTMCNN(**SMALL, hidden=6, maps=5, dropout_output=0.0),
    HAN(**SMALL, hidden=6, attention=5, dropout_sentence=0.0),
    DPCNN(**SMALL, maps=6, blocks=3, dropout_word=0.0),
    VDCNN(**{**SMALL, "embedding": 8, "epochs": 12, "batch": 8, "lr": 0.01}, maps=4, k=2, dense=(12,)),
]

# Sums in another order, in float32, and softmax in float64.
test_neural = conformance(*NEURAL, tolerance=1e-5, sum_tolerance=1e-12)


def test_declarations_import_nothing_heavy() -> None:
    modules = ("cnn", "han", "lstm_classifier", "lstm_cnn", "dpcnn", "vdcnn")
    imports = "; ".join(f"import nlmkit.classifiers.neural.{module}" for module in modules)
    code = (
        f"import sys; {imports}; from nlmkit.classifiers.neural.cnn import CNN; CNN(preset='kim').params_as_json(); "
        "print(sorted({'numpy', 'scipy', 'sklearn', 'torch', 'gensim'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True)
    assert result.stdout == "[]\n"
