"""GloVe keeps what the contracts promise also where an epoch has several rounds, within which it is interrupted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nlmkit.representations.glove import stepper
from nlmkit.representations.glove.model import GloVe
from nlmkit.testing import Check
from nlmkit.testing.representation import Subject
from nlmkit.testing.training import CHECKS

MODELS = {name: GloVe(dimension=8, epochs=3, precision=name) for name in ("float32", "float64")}
SUBJECTS = {name: Subject(model, tolerance=0.0, sum_tolerance=0.0) for name, model in MODELS.items()}


@pytest.fixture(autouse=True, scope="module")
def short_rounds() -> Iterator[None]:
    """Some rounds an epoch, the last one shorter than the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepper, "_ROUND", 8 * 100)
        yield


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize("precision", MODELS)
def test_rounds_are_steps(precision: str, check: Check) -> None:
    check.function(SUBJECTS[precision])
