"""Options without effect: declared with what they need, and refused by ``fit`` of every component in one place."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from nlmkit import CNN, GRU, HAN, LSTM, LSTMCNN, HyperParameterError, LSTMClassifier, NGram
from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.parameters import above, given, param, value_of

TEXTS, LABELS = ["a b", "b c", "c a", "a c"] * 5, ["x", "y", "x", "y"] * 5


@dataclasses.dataclass(kw_only=True)
class Toy(Component):
    name = "toy"
    kind = "toy"

    mode: str = param("plain", choices=("plain", "fancy", "odd"), help="how")
    size: int = param(0, ge=0, help="how many")
    source: str | None = param(None, help="from where")
    polish: float = param(0.5, help="of fancy ones", needs=value_of("mode", "fancy", "odd"))
    colour: str = param("red", help="of each", needs=above("size", 0))
    depth: int = param(1, help="of the source", needs=given("source"))

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Toy:
        self.fitted_ = True
        return self


@pytest.mark.parametrize(
    ("values", "missing", "needed"),
    [
        ({"polish": 0.7}, "polish=0.7 has no effect: it needs mode=fancy or odd", {"mode": "odd"}),
        ({"colour": "blue"}, "colour=blue has no effect: it needs size above 0", {"size": 1}),
        ({"depth": 2}, "depth=2 has no effect: it needs source", {"source": "x"}),
    ],
)
def test_fit_refuses_an_option_until_it_has_an_effect(
    values: dict[str, Any], missing: str, needed: dict[str, Any]
) -> None:
    with pytest.raises(HyperParameterError, match=f"^{missing}$"):
        Toy(**values).fit([])
    assert Toy(**values, **needed).fit([]).is_fitted
    assert Toy(**dict.fromkeys(values, None) | {name: getattr(Toy(), name) for name in values}).fit([]).is_fitted


@pytest.mark.parametrize("cls", [CNN, HAN, LSTMCNN, LSTMClassifier])
@pytest.mark.parametrize("values", [{"warmup": 0.3}, {"decay": 0.9}, {"averaging": "none", "ema_decay": 0.5}])
def test_classifiers_refuse_what_language_models_refuse(cls: type[Any], values: dict[str, Any]) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    option = list(values)[-1]
    with pytest.raises(HyperParameterError, match=f"^{option}={values[option]} has no effect"):
        cls(**values).fit(TEXTS, LABELS)


@pytest.mark.parametrize("cls", [LSTM, GRU])
@pytest.mark.parametrize("values", [{"schedule": "constant", "warmup": 0.3}, {"decay": 0.9}, {"ema_decay": 0.5}])
def test_language_models_refuse_them(cls: type[Any], values: dict[str, Any]) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(HyperParameterError, match="has no effect: it needs"):
        cls(**values).fit(["a b", "b c"])


def test_nothing_is_refused_at_its_default() -> None:
    NGram(order=2).fit(["a b", "b c"])
    for entry in registry.entries():
        if entry.builtin and entry.kind != "tokenizer":
            cls = registry.get(entry.name)
            cls().refuse_without_effect()
            for preset in getattr(cls, "presets", {}):
                cls(preset=preset).refuse_without_effect()
