"""Components as hyper-parameters of components: set, described, saved inside their owner, and every way to be wrong."""

from __future__ import annotations

import copy
import errno
import json
import mmap
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from toys.combined import GROUPS, Stack
from toys.language_models import Bigram, Uniform
from toys.plugin_packages import write_package

from nlmkit.cli.group import nlmkit
from nlmkit.contract import MAX_NESTING
from nlmkit.core.component import Component
from nlmkit.core.descriptions import built
from nlmkit.core.parameters import to_json
from nlmkit.core.parts import put
from nlmkit.core.storage import describe, load, save
from nlmkit.errors import (
    HyperParameterError,
    IntegrityError,
    PluginError,
    SavedModelError,
    UnknownComponentError,
)
from nlmkit.language_models.base import LanguageModel
from nlmkit.saving import load_folder, save_folder
from nlmkit.saving.state import FittedState

pytestmark = pytest.mark.slow

TRAIN = ["a b a", "b", "", "ä a c"]
TEST = ["a c", "", "b z ä"]


@pytest.fixture(autouse=True, scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("toys")
    write_package(folder, "toy-stacks", groups=GROUPS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.fixture
def fitted() -> Stack:
    inner = Stack(first=Bigram(alpha=0.5).fit(TRAIN), scale=2.0).fit(TRAIN)
    return Stack(first=Bigram(alpha=0.25).fit(TRAIN), others=(inner, Uniform().fit(TRAIN), Bigram(alpha=9))).fit(TRAIN)


@pytest.fixture
def saved(fitted: Stack, tmp_path: Path) -> Path:
    save(fitted, tmp_path / "model")
    return tmp_path / "model"


def resave(folder: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Change manifest and arrays, and save them with hashes that are right."""
    found = load_folder(folder)
    arrays = {name: np.array(array) for name, array in found.arrays.items()}
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format_version", "payloads")}
    change(manifest, arrays)
    save_folder(folder, manifest, arrays=arrays, vocabulary=found.vocabulary)


# ------------------------------------------------------------------------------------------------ as values


def test_members_are_kept_as_given() -> None:
    first, others = Bigram(), (Uniform(), Bigram(alpha=2.0))
    stack = Stack(first=first, others=others)
    assert stack.get_params()["first"] is first
    assert stack.get_params()["others"] is others
    clone = Stack(**stack.get_params(deep=False))
    assert all(clone.get_params()[name] is value for name, value in stack.get_params().items())
    assert clone == stack
    assert clone.set_params(first=others[0]).first is others[0]
    assert stack.first is first
    assert stack.members() == {"first": first, "others.0": others[0], "others.1": others[1]}
    assert Stack(others=list(others)).others == others


def test_copies_of_members_as_scikit_learns_clone_makes_them_are_taken() -> None:
    def clone(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(clone, value))
        return (
            type(value)(**{k: clone(v) for k, v in value.get_params(deep=False).items()})
            if hasattr(value, "get_params")
            else copy.deepcopy(value)
        )

    stack = Stack(first=Bigram(alpha=3.0).fit(TRAIN), others=(Uniform(),))
    cloned = clone(stack)
    assert cloned == stack
    assert cloned.first is not stack.first
    assert not cloned.first.is_fitted


def test_what_was_fitted_with_one_member_does_not_outlive_it() -> None:
    """Components of equal hyper-parameters are equal, but may be fitted to other texts."""
    first, others = Bigram().fit(TRAIN), (Uniform().fit(TRAIN),)
    stack = Stack(first=first, others=others).fit(TRAIN)
    stack.set_params(first=first, others=(*others,))
    assert stack.is_fitted
    stack.first = Bigram().fit(TEST)
    assert not stack.is_fitted
    stack.fit(TRAIN)
    stack.others = (Uniform().fit(TEST),)
    assert not stack.is_fitted
    assert not stack.fit(TRAIN).set_params(others=()).is_fitted


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"first": "model"}, "first must be LanguageModel | none, not 'model'"),
        ({"first": Bigram}, "first must be LanguageModel | none, not <class"),
        ({"others": Bigram()}, "others must be list of LanguageModel, not Bigram("),
        ({"others": (Bigram(), 3)}, "others must be list of LanguageModel, not (Bigram("),
        ({"others": ((Bigram(),),)}, "others must be list of LanguageModel, not ((Bigram("),
        ({"scale": Bigram()}, "scale must be float, not Bigram("),
        ({"scale": {"component": "toy-bigram"}}, "scale must be float, not {'component'"),
    ],
)
def test_what_is_no_member_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError) as caught:
        Stack(**values)
    assert message in str(caught.value)


def test_a_component_cannot_be_a_part_of_itself() -> None:
    stack = Stack()
    outer = Stack(others=(Bigram(), stack))
    for act in (lambda: stack.set_params(first=stack), lambda: setattr(stack, "others", (outer,))):
        with pytest.raises(HyperParameterError, match="toy-stack cannot be a part of itself"):
            act()
    assert stack == Stack()


def nested(levels: int, innermost: LanguageModel) -> LanguageModel:
    model = innermost
    for _ in range(levels - 1):
        model = Stack(first=model)
    return model


def test_nesting_has_a_limit(tmp_path: Path) -> None:
    deepest = nested(MAX_NESTING, Bigram())
    with pytest.raises(HyperParameterError, match="first: more than 8 components inside one another"):
        Stack(first=deepest)
    with pytest.raises(HyperParameterError, match="more than 8"):
        Stack(**{"first": deepest.description()})
    deepest.fit(TRAIN).save(tmp_path / "deepest")  # the JSON of the manifest is not too deep either
    assert load(tmp_path / "deepest") == deepest
    seventh = deepest
    for _ in range(MAX_NESTING - 2):
        assert isinstance(seventh, Stack)
        assert seventh.first is not None
        seventh = seventh.first
    seventh.set_params(first=Stack(first=Bigram()))  # the outer ones do not see this
    vars(deepest).pop("_digest", None)
    for act in (lambda: deepest.save(tmp_path / "deeper"), lambda: deepest.digest):
        with pytest.raises(SavedModelError, match="more than 8 components inside one another"):
            act()


# ------------------------------------------------------------------------------------------------ as JSON


def test_the_constructor_takes_back_what_json_says_of_unfitted_members() -> None:
    stack = Stack(first=Stack(first=Bigram(alpha=0.5)), others=(Uniform(min_count=2), Bigram()))
    values = stack.params_as_json()
    assert values["first"]["component"] == "toy-stack"
    assert values["others"][0] == {
        "component": "toy-uniform",
        "hyper_parameters": {"vocabulary_size": None, "min_count": 2, "vocabulary_file": None},
        "digest": None,
    }
    again = Stack(**json.loads(json.dumps(values, allow_nan=False)))
    assert again == stack
    assert type(again.others[0]) is Uniform


def test_a_short_description_will_do() -> None:
    assert Stack(first={"component": "toy-bigram"}).first == Bigram()
    assert Stack(others=[{"component": "toy-stacks:toy-bigram", "hyper_parameters": {"alpha": 2}}]).others[0] == Bigram(
        alpha=2
    )


def test_a_fitted_member_is_described_with_its_digest_and_not_made_again() -> None:
    model = Bigram().fit(TRAIN)
    values = Stack(first=model).params_as_json()
    assert values["first"] == to_json(model) == model.description()
    assert values["first"]["digest"] == model.digest
    with pytest.raises(
        HyperParameterError, match="description of a fitted toy-bigram contains no model: pass the model"
    ):
        Stack(**values)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({}, 'a component is described as {"component": NAME, "hyper_parameters": {...}}, not as {}'),
        ({"component": 3}, "not as {'component': 3}"),
        ({"component": "toy-bigram", "hyper_parameters": []}, "a component is described as"),
        ({"component": "toy-bigram", "alpha": 1}, "a component is described as"),
        ({"component": "toy-bigrm"}, "no component named 'toy-bigrm'; did you mean toy-bigram?"),
        ({"component": "toy-bigram", "hyper_parameters": {"alhpa": 1}}, "did you mean alpha?"),
        ({"component": "toy-bigram", "hyper_parameters": {"alpha": -1}}, "alpha must be > 0"),
        ({"component": "toy-bigram", "hyper_parameters": {"cls": 1}}, "wrong hyper-parameters for toy-bigram"),
    ],
)
def test_a_wrong_description_is_refused(description: dict[str, Any], message: str) -> None:
    for values in ({"first": description}, {"others": [Bigram(), description]}):
        with pytest.raises(HyperParameterError) as caught:
            Stack(**values)
        assert message in str(caught.value)


def test_values_without_descriptions_stay_the_very_objects() -> None:
    for value in ((Bigram(), (1, 2)), Bigram(), 3, "x", ()):
        assert built(value) is value


def test_put_names_a_place_that_is_not_there() -> None:
    values = {"a": {"x": 1}, "b": [1, [2]]}
    put(values, "b.1.0", Bigram())
    assert values["b"][1] == [Bigram()]
    for place in ("c", "b.2", "a.0", "b.0.0"):
        with pytest.raises(LookupError):
            put(values, place, Bigram())


# ------------------------------------------------------------------------------------------------ round trips


def test_a_loaded_owner_is_the_saved_one(fitted: Stack, saved: Path) -> None:
    loaded = load(saved)
    assert isinstance(loaded, Stack)
    assert loaded == fitted
    assert loaded.digest == fitted.digest == describe(saved)["digest"]
    np.testing.assert_array_equal(loaded.log_probs(TEST), fitted.log_probs(TEST), strict=True)
    assert loaded.own_ == fitted.own_
    assert loaded.own_.digest == fitted.own_.digest
    pairs = [(loaded.first, fitted.first), *zip(loaded.others, fitted.others, strict=True)]
    for member, expected in pairs:
        assert member is not None
        assert expected is not None
        assert (type(member), member.is_fitted) == (type(expected), expected.is_fitted)
        if member.is_fitted:
            assert member.digest == expected.digest
            np.testing.assert_array_equal(member.log_probs(TEST), expected.log_probs(TEST), strict=True)
    inner = loaded.others[0]
    assert isinstance(inner, Stack)
    assert inner.scale == 2.0
    assert [member.is_fitted for member in loaded.others] == [True, True, False]
    assert loaded.params_as_json() == fitted.params_as_json()


def test_a_member_may_be_used_by_itself(fitted: Stack, saved: Path, tmp_path: Path) -> None:
    member = vars(load(saved))["first"]
    member.save(tmp_path / "alone")
    assert fitted.first is not None
    fitted.first.save(tmp_path / "original")
    assert describe(tmp_path / "alone") == describe(tmp_path / "original")


def test_arrays_of_members_are_memory_mapped(saved: Path) -> None:
    loaded = load(saved)
    assert isinstance(loaded, Stack)
    inner = loaded.others[0]
    assert isinstance(inner, Stack)
    for array in (vars(loaded.first)["table_"], inner.weights_, vars(inner.first)["table_"], loaded.own_.table_):
        assert not array.flags.writeable
        base = array
        while not isinstance(base, (mmap.mmap, memoryview)):
            base = base.base
        assert isinstance(base, mmap.mmap) or isinstance(base.obj, mmap.mmap)


def test_an_owner_is_its_folder_alone(saved: Path, tmp_path: Path) -> None:
    expected = load(saved).digest
    before = sorted(path.name for path in saved.iterdir())
    assert len([name for name in before if not name.startswith(".")]) == 3
    shutil.move(saved, tmp_path / "elsewhere")
    assert load(tmp_path / "elsewhere").digest == expected


def test_the_same_owner_gives_the_same_bytes(fitted: Stack, saved: Path, tmp_path: Path) -> None:
    load(saved).save(tmp_path / "again")
    assert sorted(path.name for path in saved.iterdir()) == sorted(path.name for path in (tmp_path / "again").iterdir())
    for file in saved.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()
    load(saved).save(saved)  # over the very arrays that are mapped
    assert load(saved).digest == fitted.digest


def test_the_manifest_says_what_the_members_are(fitted: Stack, saved: Path) -> None:
    manifest = json.loads((saved / "manifest.json").read_text(encoding="utf-8"))
    assert list(manifest["members"]) == ["first", "others.0", "others.1", "others.2", "own_"]
    first, inner, unfitted = (manifest["members"][place] for place in ("first", "others.0", "others.2"))
    assert (first["component"], first["distribution"], first["fitted"]) == ("toy-bigram", "toy-stacks", True)
    assert first["hyper_parameters"]["alpha"] == 0.25
    assert first["metadata"] == {"trained_on": 11}
    assert list(inner["members"]) == ["first", "own_"]
    assert (unfitted["fitted"], unfitted["pipeline"], unfitted["vocabulary"]) == (False, None, None)
    assert fitted.first is not None
    reference = {"member": "first", "component": "toy-bigram", "digest": fitted.first.digest}
    assert manifest["hyper_parameters"]["first"] == reference
    assert manifest["hyper_parameters"]["others"][2] == {
        "member": "others.2",
        "component": "toy-bigram",
        "digest": None,
    }
    assert "toys.combined" not in json.dumps(manifest)  # no module and no class is named


def test_a_plain_model_has_no_members_in_its_manifest(tmp_path: Path) -> None:
    model = Bigram().fit(TRAIN)
    model.save(tmp_path / "plain")
    manifest = json.loads((tmp_path / "plain" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest.keys().isdisjoint({"members", "fitted", "vocabulary"})


def test_show_prints_the_members(saved: Path, fitted: Stack) -> None:
    shown = CliRunner().invoke(nlmkit, ["show", str(saved)])
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    outer = lines.index("Member others.0")
    inner = lines.index("  Member first", outer)
    assert ["alpha", "0.5"] in [line.split() for line in lines[inner : inner + 14]]
    assert all(line.startswith("    ") for line in lines[inner + 1 : inner + 4])
    assert fitted.first is not None
    assert ["first", f"toy-bigram ({fitted.first.digest})"] in [line.split(maxsplit=1) for line in lines]
    about = json.loads(CliRunner().invoke(nlmkit, ["show", str(saved), "--json"]).stdout)
    assert about["members"]["first"]["component"] == "toy-bigram"
    assert "list of LanguageModel" in CliRunner().invoke(nlmkit, ["show", "toy-stack"]).stdout


def test_an_equal_vocabulary_is_saved_once_and_shared(fitted: Stack, saved: Path) -> None:
    loaded = load(saved)
    assert isinstance(loaded, Stack)
    assert loaded.first is not None
    assert loaded.first.vocabulary_ is loaded.vocabulary_ is loaded.own_.vocabulary_
    assert not any("vocabulary.words" in name for name in load_folder(saved).arrays)


def test_another_vocabulary_is_the_members_own(tmp_path: Path) -> None:
    other = Bigram().fit(["naïve 猫 b"])
    recounted = Bigram().fit([*TRAIN, "a a"])
    stack = Stack(first=other, others=(recounted, Stack(first=Bigram().fit(["naïve 猫 b", "猫"])).fit(["x"]))).fit(
        TRAIN
    )
    stack.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert isinstance(loaded, Stack)
    assert loaded.first is not None
    assert loaded.first.vocabulary_.words[3:] == ("naïve", "猫", "b")
    np.testing.assert_array_equal(loaded.first.vocabulary_.counts, other.vocabulary_.counts)
    np.testing.assert_array_equal(loaded.others[0].vocabulary_.counts, recounted.vocabulary_.counts)
    assert loaded.others[0].vocabulary_ == loaded.vocabulary_
    inner = loaded.others[1]
    assert isinstance(inner, Stack)
    assert inner.vocabulary_.words[3:] == ("x",)
    assert inner.first is not None
    assert inner.first.vocabulary_.words[3:] == ("naïve", "猫", "b")
    assert loaded.digest == stack.digest


# ------------------------------------------------------------------------------------------------ digests


def test_the_digest_covers_the_members() -> None:
    def digest_of(first: LanguageModel, *, scale: float = 1.0) -> str:
        return Stack(first=first, scale=scale).fit(TRAIN).digest

    alike = [digest_of(Bigram().fit(TRAIN)) for _ in range(2)]
    assert alike[0] == alike[1]
    renamed = Bigram().fit(TRAIN)
    renamed.trained_on_ += 1  # metadata alone
    different = {
        alike[0],
        digest_of(Bigram()),
        digest_of(Bigram(alpha=1.5).fit(TRAIN)),
        digest_of(Bigram().fit([*TRAIN, "a"])),
        digest_of(Bigram().fit(["a", *TRAIN[1:]])),
        digest_of(renamed),
        digest_of(Uniform().fit(TRAIN)),
        digest_of(Bigram().fit(TRAIN), scale=2.0),
    }
    assert len(different) == 8


def test_the_places_of_members_matter_to_the_digest() -> None:
    one, two = Bigram().fit(TRAIN), Uniform().fit(TRAIN)
    orders = [Stack(others=(one, two)), Stack(others=(two, one)), Stack(first=one, others=(two,))]
    assert len({stack.fit(TRAIN).digest for stack in orders}) == 3


def test_the_digest_of_a_fitted_member_found_by_fit_counts_too(fitted: Stack) -> None:
    before = fitted.digest
    fitted.own_ = Bigram(alpha=7.0).fit(TRAIN)
    assert fitted.digest != before


# ------------------------------------------------------------------------------------------------ damage


def assert_refused(folder: Path, message: str, error: type[Exception] = SavedModelError) -> None:
    with pytest.raises(error) as caught:
        load(folder)
    text = str(caught.value)
    assert message in text
    assert str(folder) in text
    assert text.isprintable()


def test_a_flipped_byte_in_a_members_arrays_is_found(saved: Path) -> None:
    (payload,) = saved.glob("arrays-*")
    data = bytearray(payload.read_bytes())
    data[-1] ^= 1
    payload.write_bytes(bytes(data))
    assert_refused(saved, "SHA-256", IntegrityError)
    assert load(saved, verify=False).is_fitted


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("members/first/table", (6, 7), "member first: "),
        ("members/others.0/members/first/table", (7, 6), "member others.0, member first: "),
        ("members/others.0/weights", (3,), "array 'weights' has shape [3], expected [2]"),
        ("members/own_/vocabulary.counts", (6,), "member own_: "),
        ("members/first/more", (1,), ""),
        ("members/nowhere/table", (1,), "array 'members/nowhere/table' does not belong to a member in the manifest"),
        ("members/others.0/members/own/x", (1,), "member others.0: "),
    ],
)
def test_arrays_that_contradict_a_member_name_it(saved: Path, name: str, shape: tuple[int, ...], message: str) -> None:
    resave(saved, lambda manifest, arrays: arrays.update({name: np.zeros(shape, arrays.get(name, np.ones(1)).dtype)}))
    if message:
        assert_refused(saved, message)
    else:
        assert load(saved).is_fitted  # what a toy does not look for, as with the owner's own arrays


def test_a_missing_array_names_the_member(saved: Path) -> None:
    resave(saved, lambda manifest, arrays: arrays.pop("members/others.0/members/first/table"))
    assert_refused(saved, "member others.0, member first: ")
    assert_refused(saved, "array 'table' is missing; the file contains")


def at(manifest: dict[str, Any], path: str) -> dict[str, Any]:
    """The record of a member."""
    for place in path.split("/"):
        manifest = manifest["members"][place]
    return manifest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(members=[]), "members has a wrong type"),
        (lambda m: m["members"].update({"../x": {}}), "members has a wrong type"),
        (lambda m: m["members"].update(first=3), "member first has a wrong type"),
        (lambda m: at(m, "first").pop("fitted"), "member first: fitted is missing"),
        (lambda m: at(m, "first").update(fitted="yes"), "member first: fitted has a wrong type"),
        (lambda m: at(m, "others.0/first").pop("kind"), "member others.0, member first: kind is missing"),
        (
            lambda m: at(m, "first").update(api_version=2),
            "member first: written for version 2 of the component contract",
        ),
        (lambda m: at(m, "first").update(kind="classifier"), "member first: holds a 'classifier'"),
        (lambda m: at(m, "first").update(component="os:system"), "member first: component cannot be 'os:system'"),
        (lambda m: at(m, "first").update(vocabulary="own"), "member first: "),
        (lambda m: at(m, "first").update(vocabulary=None), "member first: a language model without a vocabulary"),
        (lambda m: at(m, "first").update(metadata={}), "member first: damaged: KeyError while restoring toy-bigram"),
        (lambda m: at(m, "first").update(hyper_parameters={"alpha": -1}), "member first: wrong hyper-parameters for"),
        (lambda m: at(m, "first").update(fitted=False), "has shape [4], expected [3]"),
        (
            lambda m: m["members"].update({"others.7": m["members"].pop("others.2")}),
            "the hyper-parameters do not have the member others.7",
        ),
        (lambda m: m["members"].update({"scale": at(m, "others.2")}), "scale must be float, not Bigram("),
        (
            lambda m: m["hyper_parameters"].update(others=3),
            "the hyper-parameters do not have the member others.0",
        ),
        (lambda m: m["members"].pop("others.2"), "a component is described as"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(saved: Path, change: Any, message: str) -> None:
    resave(saved, lambda manifest, arrays: change(manifest))
    assert_refused(saved, message)


def test_a_fitted_member_that_is_gone_is_not_made_up(saved: Path) -> None:
    def remove(manifest: dict[str, Any], arrays: dict[str, Any]) -> None:
        del manifest["members"]["first"]
        for name in [name for name in arrays if name.startswith("members/first/")]:
            del arrays[name]

    resave(saved, remove)
    assert_refused(saved, "a component is described as")


def test_a_member_made_by_fit_that_is_gone_is_missed(saved: Path) -> None:
    def remove(manifest: dict[str, Any], arrays: dict[str, Any]) -> None:
        del manifest["members"]["own_"]
        for name in [name for name in arrays if name.startswith("members/own_/")]:
            del arrays[name]

    resave(saved, remove)
    assert_refused(saved, "the own member is missing")


def test_a_manifest_nested_too_deep_is_refused(saved: Path) -> None:
    def deepen(manifest: dict[str, Any], arrays: dict[str, Any]) -> None:
        record = copy.deepcopy(at(manifest, "others.2"))
        record |= {"component": "toy-stack", "hyper_parameters": {}}
        for _ in range(MAX_NESTING):
            record = copy.deepcopy(record) | {"members": {"first": record}}
        manifest["members"]["others.2"] = record

    resave(saved, deepen)
    assert_refused(saved, "more than 8 components inside one another")


def test_a_members_package_that_is_gone_is_named(saved: Path) -> None:
    resave(saved, lambda manifest, arrays: at(manifest, "first").update(distribution="gone-package"))
    assert_refused(saved, "member first: component 'toy-bigram' comes from the package gone", UnknownComponentError)


def test_an_unregistered_member_is_not_saved(tmp_path: Path) -> None:
    class Private(Bigram):
        """Private."""

    model = Stack(first=Private().fit(TRAIN)).fit(TRAIN)
    with pytest.raises(PluginError, match="Private is not registered"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("name", ["members/first/table", "vocabulary.words", "vocabulary.counts"])
def test_reserved_names_are_refused(name: str, fitted: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Uniform, "fitted_state", lambda self: FittedState({name: np.zeros(1)}))
    with pytest.raises(SavedModelError, match=r"toy-uniform: .* is reserved for the (members|vocabulary)"):
        save(fitted, tmp_path / "model")


@pytest.mark.parametrize("place", ["first", "others.3", "a/b", "", "x.y"])
def test_a_place_that_is_taken_or_none_is_refused(
    place: str, fitted: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Stack, "fitted_state", lambda self: FittedState({}, {}, {place: Uniform()}))
    with pytest.raises(SavedModelError, match="is not a valid place for a member"):
        save(fitted, tmp_path / "model")


# ------------------------------------------------------------------------------------------------ interruption


@pytest.mark.parametrize("name", ["replace", "fsync", "write"])
def test_an_error_at_any_call_leaves_the_old_owner_or_the_new_one(
    fitted: Stack, saved: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fitted.digest
    newer = Stack(first=Uniform().fit(TRAIN), others=(Bigram().fit(["x y"]),)).fit(["y x"])
    seen = set()
    for call in range(18):
        calls = iter(range(10**9))
        real: Callable[..., Any] = getattr(os, name)

        def failing(*args: Any, call: int = call, calls: Any = calls, real: Any = real, **kwargs: Any) -> Any:
            if next(calls) >= call:
                raise OSError(errno.EIO, "Input/output error")
            return real(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(os, name, failing)
            try:
                newer.save(saved)
                done = True
            except SavedModelError:
                done = False
        found: Component = load(saved)
        assert found.digest in (old, newer.digest)
        assert (found.digest == newer.digest) or not done
        seen.add(found.digest)
        fitted.save(saved)
    assert seen == {old, newer.digest}
