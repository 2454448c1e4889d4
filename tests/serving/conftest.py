"""Models of every kind, served in this process to a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.testclient import TestClient
from toys.sequence_to_sequence import ToyDescriber, ToyTranslator
from toys.tree_counts import TreeCounts

from nlmkit import HMMTagger, NGram, OneHot, TfidfLogReg, TfidfRidge
from nlmkit.core.component import Component
from nlmkit.serving.application import application_of
from nlmkit.serving.models import Served
from nlmkit.serving.settings import Limits, Settings

TRAIN = ["the cat sat on the mat", "the dog sat", "猫 坐 在 垫子 上", "the cat ran"]
TEXTS = ["the dog ran", "猫 ran away", "the cat sat"]
REVIEWS = (["good film", "a fine good film", "bad film", "a bad dull film"], ["pos", "pos", "neg", "neg"])
TREES = ["(pos (pos good) (neu film))", "(neg (neg bad) (neu film))"]

Served_ = Callable[..., TestClient]


def fitted() -> dict[str, Component]:
    """A model of each kind, by name."""
    words = [["He", "saw", "Ann", "Lee"], ["Bo", "ran"], ["Ann", "sat"]]
    tags = [["O", "O", "B-P", "I-P"], ["B-P", "O"], ["B-P", "O"]]
    segmented = [list("abcd"), list("cdab"), list("ab")], [list("BEBE"), list("BEBE"), list("BE")]
    return {
        "kn": NGram(order=3).fit(TRAIN),
        "stupid": NGram(order=2, smoothing="stupid-backoff").fit(TRAIN),
        "logreg": TfidfLogReg().fit(*REVIEWS),
        "trees": TreeCounts().fit(TREES),
        "ridge": TfidfRidge().fit(REVIEWS[0], [4.0, 5.0, 1.0, 0.5]),
        "people": HMMTagger().fit(words, tags),
        "segmenter": HMMTagger().fit(*segmented),
        "one-hot": OneHot().fit(TRAIN),
        "toy": ToyTranslator().fit(["a b", "b c", "c"], ["x y", "y z", "z"]),
        "describer": ToyDescriber().fit([[0.0, 1.0], [1.0, 0.0]], ["x y", "y"]),
    }


@pytest.fixture(scope="session")
def components() -> dict[str, Component]:
    return fitted()


@pytest.fixture(scope="session")
def serve() -> Iterator[Served_]:
    """What starts a server of components in this process and returns a client of it."""
    with ExitStack() as stack:

        def start(components: dict[str, Any], *, hosts: frozenset[str] | None = None, **limits: Any) -> TestClient:
            models = {name: Served.of(name, component) for name, component in components.items()}
            folders = tuple((name, f"/secret/place/{name}") for name in models)
            settings = Settings(models=folders, hosts=hosts, limits=Limits(**limits))
            return stack.enter_context(TestClient(application_of(models, settings)))

        yield start


@pytest.fixture(scope="session")
def client(serve: Served_, components: dict[str, Component]) -> TestClient:
    return serve(components)
