"""Every registered representation keeps what the contract promises: the kit that plugins run, too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from nlmkit.core import registry
from nlmkit.errors import PluginError
from nlmkit.representations.base import Representation
from nlmkit.testing import Check, checks_for, conformance
from nlmkit.testing.representation import Subject

pytestmark = pytest.mark.slow

BUILT_IN = [entry for entry in registry.entries() if entry.builtin and entry.kind == "representation"]
NAMES = [entry.name for entry in BUILT_IN]

SMALL = {"dimension": 4, "min_count": 1}
"""For a text of some forty words, and another of seven."""


def small(name: str, **settings: object) -> Representation:
    """A representation with settings for a small text."""
    cls = registry.get(name)
    assert issubclass(cls, Representation)
    fitting = {key: value for key, value in SMALL.items() if key in cls.hyper_parameters()}
    return cls(**{**fitting, **getattr(cls, "conformance_settings", {}), **settings})


def cases() -> Iterator[object]:
    """Every check that applies to every representation; one that cannot be loaded fails by itself below."""
    for name in NAMES:
        with contextlib.suppress(PluginError):
            subject = Subject(small(name), tolerance=1e-6, sum_tolerance=1e-6)
            for check in checks_for(subject.component):
                yield pytest.param(subject, check, id=f"{name}-{check.name}")


@pytest.mark.parametrize("name", NAMES)
def test_a_registered_representation_can_be_loaded(name: str) -> None:
    assert small(name).name == name


@pytest.mark.parametrize(("subject", "check"), list(cases()))
def test_a_registered_representation_conforms(subject: Subject, check: Check) -> None:
    check.function(subject)


test_one_hot_of_a_limited_vocabulary = conformance(small("one-hot", min_count=3), small("one-hot", vocabulary_size=14))


def test_all_of_the_design_are_registered() -> None:
    assert {"one-hot", "lsa", "word2vec", "glove", "vectors"} == set(NAMES)
