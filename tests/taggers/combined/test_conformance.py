"""``ensemble-tagger`` keeps the contract of taggers."""

from __future__ import annotations

import pytest

from nlmkit import CRFTagger, EnsembleTagger, HMMTagger
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

test_contract = conformance(
    EnsembleTagger(models=(CRFTagger(iterations=40), HMMTagger(order=2)), weights=(0.8, 0.2)),
    EnsembleTagger(models=(CRFTagger(iterations=40), HMMTagger(order=3))),
)
