"""``crf-tagger`` keeps the contract of taggers."""

from __future__ import annotations

import pytest

from nlmkit import CRFTagger
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

test_contract = conformance(CRFTagger(iterations=40), CRFTagger(iterations=40, c1=0.05, c2=0.1, ngram=2, affixes=0))
