"""The hybrid model keeps what the contracts promise: the kit that plugins run, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from nlmkit.language_models.hybrid.model import Hybrid
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products, and equal bytes are promised for equal thread counts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


test_hybrid = conformance(Hybrid(**Hybrid.conformance_settings))
test_backward_gru = conformance(
    Hybrid(**{**Hybrid.conformance_settings, "cell": "gru", "gate_units": 0, "direction": "backward"})
)
