"""The table of option × model: complete, in agreement with the components, and enforced."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nlmkit.cli.settings import resolve_parameters
from nlmkit.core import registry
from nlmkit.core.parameters import param
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.neural import options as option_groups
from nlmkit.language_models.neural.capabilities import MODELS, refuse
from nlmkit.language_models.neural.estimator import NeuralLanguageModel

DOCS = Path(__file__).parents[3] / "docs"
sys.path.insert(0, str(DOCS))
try:
    from neural_options import markdown, needs, objection, options, page
finally:
    sys.path.remove(str(DOCS))

ALL = tuple(options())
COMPONENTS = {name: registry.get(name) for name in MODELS}
GROUPS = (option_groups.RecurrentModelOptions, option_groups.FeedForwardModelOptions, option_groups.ForgetGateOptions)
WITHOUT_EFFECT = [
    ({"softmax_head": 50, "softmax": "full"}, {"softmax": "adaptive"}),
    ({"softmax_classes": 50}, {"softmax": "class-factored"}),
    ({"softmax_samples": 50}, {"softmax": "sampled"}),
    ({"softmax_samples": 50, "softmax": "sampled", "full_after": 0.0}, {"full_after": 0.5}),
    ({"full_after": 0.7}, {"softmax": "sampled"}),
    ({"muon_steps": 2}, {"optimizer": "muon"}),
    ({"muon_every": 2}, {"optimizer": "muon"}),
    ({"averaging_share": 0.5}, {"averaging": "tail"}),
    ({"dropout_hidden": 0.2}, {"layers": 2}),
    ({"locked": False, "dropout_input": 0.0, "dropout_output": 0.0}, {"dropout_input": 0.1}),
    ({"noising_scheme": "blank"}, {"noising": 0.1}),
    ({"warmup": 0.2, "schedule": "constant"}, {"schedule": "cosine"}),
    ({"decay": 0.5}, {"schedule": "plateau"}),
    ({"averaging_window": 3}, {"averaging": "nt-asgd"}),
    ({"ema_decay": 0.9}, {"averaging": "ema"}),
    ({"label_smoothing": 0.1, "softmax": "adaptive"}, {"softmax": "full"}),
    ({"forget_bias": 0.5, "start_from": "model"}, {"start_from": None}),
    ({"tar": 1.0, "bptt": 1}, {"bptt": 2}),
    ({"dropout": 0.3, "dropout_input": 0.1, "dropout_output": 0.2}, {"dropout_output": 0.3}),
    ({"tune": "frozen"}, {"representation": "glove"}),
    ({"normalization": "unit"}, {"representation": "glove"}),
    ({"oov": "zero"}, {"representation": "glove"}),
]


def test_the_table_covers_every_option_once():
    groups = [
        value for value in vars(option_groups).values() if isinstance(value, type) and dataclasses.is_dataclass(value)
    ]
    assert len(groups) >= 8
    declared = {field.name for group in (*groups, NeuralLanguageModel) for field in dataclasses.fields(group)}
    assert set(ALL) == declared
    assert len(ALL) == len(set(ALL))


@pytest.mark.parametrize("model", MODELS)
def test_a_component_has_exactly_the_options_that_the_table_gives_it(model):
    assert COMPONENTS[model].name == model
    assert set(COMPONENTS[model].hyper_parameters()) == {name for name in ALL if objection(name, model) is None}


def test_every_objection_is_a_reason():
    found = [objection(name, model) for name in ALL for model in MODELS]
    reasons = {reason for reason in found if reason is not None}
    assert len(reasons) >= 10
    assert all(reason.startswith(("has ", "reads ")) for reason in reasons)
    assert set(needs()) <= set(ALL)


@pytest.mark.parametrize(("option", "model"), [("zoneouts", "lstm"), ("zoneout", "transformer")])
def test_unknown_options_and_models_are_errors(option, model):
    with pytest.raises(KeyError):
        objection(option, model)


def test_the_markdown_table_has_a_row_for_every_option():
    text = markdown()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == len(ALL) + len(needs())
    assert "| `zoneout` | has no state that could keep its value | ✓ | ✓ | ✓ | probability that" in text
    assert "| `ema_decay` | averaging=ema |" in text
    assert "<" not in text
    tables = [line.count("|") for line in rows[: len(ALL)]]
    assert set(tables) == {len(MODELS) + 3}


@pytest.mark.parametrize("model", MODELS)
def test_defaults_and_presets_are_never_refused(model):
    for preset in COMPONENTS[model].presets:
        refuse(COMPONENTS[model](preset=preset))


@pytest.mark.parametrize(("values", "needed"), WITHOUT_EFFECT)
def test_an_option_without_effect_is_refused_until_it_has_one(values, needed):
    option = next(iter(values))
    lstm = COMPONENTS["lstm"]
    words = re.escape(needs()[option].words)
    with pytest.raises(HyperParameterError, match=f"^{option}=.* has no effect: it needs {words}"):
        refuse(lstm(**values))
    refuse(lstm(**{**values, **needed}))


def test_everything_that_needs_something_is_tried_above():
    assert {next(iter(values)) for values, _ in WITHOUT_EFFECT} == set(needs())


def test_a_value_that_only_the_preset_set_is_not_held_against_the_user():
    lstm = COMPONENTS["lstm"]
    assert lstm(preset="small").decay != lstm().decay
    refuse(lstm(preset="small", schedule="constant"))
    with pytest.raises(HyperParameterError, match=r"decay=0.3 has no effect"):
        refuse(lstm(preset="small", schedule="constant", decay=0.3))


def test_widths_that_do_not_fit_together_are_refused():
    lstm, nnlm = COMPONENTS["lstm"], COMPONENTS["nnlm"]
    with pytest.raises(HyperParameterError, match="projection=last-layer requires layers=2"):
        refuse(lstm(projection="last-layer"))
    refuse(lstm(projection="last-layer", layers=2))
    with pytest.raises(HyperParameterError, match="requires a recurrent model, not nnlm"):
        refuse(nnlm(projection="last-layer"))
    with pytest.raises(HyperParameterError, match="hidden=512 must equal embedding=256"):
        refuse(lstm(projection="none"))
    refuse(lstm(projection="none", tied=False))
    refuse(lstm(projection="none", hidden=256))
    refuse(lstm(projection="none", representation="glove"))  # whose width is not known here


OF_OTHERS = {
    "nnlm": ("layers", "zoneout", "ar", "weight_drop", "bptt"),
    "gru": ("forget_bias", "order"),
    "lstm": ("order", "direct"),
    "rnnlm": ("forget_bias",),
}


@pytest.mark.parametrize(("model", "option"), [(model, option) for model in OF_OTHERS for option in OF_OTHERS[model]])
def test_an_option_of_another_model_is_refused_with_the_reason_however_it_is_given(model, option):
    cls = COMPONENTS[model]
    message = f"^{option} is not for {model}: it {objection(option, model)}$"
    for give in (
        lambda: cls(**{option: 1}),
        lambda: cls().set_params(**{option: 1}),
        lambda: setattr(cls(), option, 1),
        lambda: resolve_parameters(cls, {option: "1"}, {}),
        lambda: resolve_parameters(cls, {}, {option: 1}),
    ):
        with pytest.raises(HyperParameterError, match=message):
            give()


def test_other_unknown_names_still_get_a_suggestion():
    with pytest.raises(HyperParameterError, match=r"nnlm has no hyper-parameter 'ordr'; did you mean order\?"):
        COMPONENTS["nnlm"](ordr=3)


def test_the_documentation_has_the_table():
    written = (DOCS / "neural-options.md").read_text(encoding="utf-8")
    assert written == page(), "write it anew: python docs/neural_options.py > docs/neural-options.md"
    assert written.endswith(markdown())


@pytest.mark.parametrize("model", MODELS)
def test_a_component_that_declares_what_its_model_cannot_have_is_refused_with_the_reason(model):
    """As a subclass might, or a later edit of a component."""
    missing = [name for name in ALL if objection(name, model) is not None]
    groups = {field.name: field for group in GROUPS for field in dataclasses.fields(group)}
    assert missing
    for name in missing:
        default = groups[name].default
        extra = dataclasses.make_dataclass(
            "Extra", [(name, type(default), param(default, help="here"))], bases=(COMPONENTS[model],), kw_only=True
        )
        extra.name = model
        refuse(extra())
        other = not default if isinstance(default, bool) else default * 2 if isinstance(default, str) else default + 1
        with pytest.raises(HyperParameterError, match=f"^{name} is not for {model}: it {objection(name, model)}$"):
            refuse(extra(**{name: other}))


def test_the_table_needs_no_torch():
    code = (
        f"import sys; sys.path.insert(0, {str(DOCS)!r}); import neural_options as table; "
        "table.markdown(); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
