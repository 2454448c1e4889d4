"""Hyper-parameters that are declared again."""

from __future__ import annotations

import dataclasses

import pytest

from nlmkit.core.component import Component
from nlmkit.core.parameters import param, value_of
from nlmkit.core.presets import redeclared, with_default, with_needs
from nlmkit.errors import HyperParameterError


@dataclasses.dataclass(kw_only=True)
class Group:
    way: str = param("up", choices=("up", "down"), help="where to")
    rate: float = param(0.5, gt=0, le=1, help="how fast", needs=value_of("way", "up"))
    other: int = param(3, ge=1, help="something")


@dataclasses.dataclass(kw_only=True)
class Family(Component):
    """Declares the options of the group in another order, with another one between them."""

    name = "family"

    rate: float = redeclared(Group, "rate", default=0.25, help="how quickly")
    between: int = param(1, help="its own")
    way: str = redeclared(Group, "way", choices=("up", "sideways"))
    other: int = with_default(Group, "other", 7)


def test_what_is_not_changed_stays_as_the_group_declares_it() -> None:
    declared = Family.hyper_parameters()
    assert list(declared) == ["rate", "between", "way", "other"]
    assert (declared["rate"].default, declared["rate"].help) == (0.25, "how quickly")
    assert declared["rate"].bounds == {"gt": 0, "le": 1}
    assert declared["rate"].needs is not None
    assert (declared["way"].default, declared["way"].choices) == ("up", ("up", "sideways"))
    assert (declared["other"].default, declared["other"].bounds) == (7, {"ge": 1})


def test_the_bounds_hold() -> None:
    Family(way="sideways", rate=1.0)
    for wrong in ({"rate": 2.0}, {"way": "down"}, {"other": 0}):
        with pytest.raises(HyperParameterError):
            Family(**wrong)  # type: ignore[arg-type]


def test_the_group_is_left_alone() -> None:
    fields = {field.name: field for field in dataclasses.fields(Group)}
    with_needs(Group, "other", value_of("way", "down"))
    assert fields["way"].metadata["nlmkit"]["choices"] == ("up", "down")
    assert fields["other"].metadata["nlmkit"]["needs"] is None
    assert fields["rate"].default == 0.5
