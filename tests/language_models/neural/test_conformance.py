"""The neural language models keep what the contracts promise: the kit that plugins run, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products, and equal bytes are promised for equal thread counts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny(cls: type[NeuralLanguageModel], **options: Any) -> NeuralLanguageModel:
    return cls(**{**cls.conformance_settings, **options})


test_lstm = conformance(tiny(LSTM))
test_gru = conformance(tiny(GRU))
test_rnnlm = conformance(tiny(RNNLM))
test_nnlm = conformance(tiny(NNLM, order=3))
