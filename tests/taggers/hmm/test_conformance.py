"""``hmm-tagger`` keeps the contract of taggers."""

from __future__ import annotations

import pytest

from nlmkit import HMMTagger, NGram
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

test_contract = conformance(HMMTagger(), HMMTagger(transitions=NGram(order=2, smoothing="add-k"), word_order=1))
