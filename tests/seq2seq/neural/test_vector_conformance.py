"""The conformance kit on the vector-decoder."""

from __future__ import annotations

import pytest

from nlmkit import VectorDecoder
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

test_every_step = conformance(VectorDecoder(**VectorDecoder.conformance_settings))
test_gate = conformance(
    VectorDecoder(**VectorDecoder.conformance_settings, condition="sc-gate", vector_scaling="unit", dropout_vector=0.1)
)
