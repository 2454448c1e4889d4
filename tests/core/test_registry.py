"""Names to components: plugins that work, collide, lie, fail in every way, or are switched off."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from toys.plugin_packages import model_source, write_package

import nlmkit
from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.registry import SWITCH, CheckResult, Entry
from nlmkit.errors import PluginError, RegistryError, UnknownComponentError
from nlmkit.language_models.base import LanguageModel
from nlmkit.text import Corpus, TextPipeline

pytestmark = pytest.mark.slow

MODELS, TOKENIZERS = "nlmkit.language_models", "nlmkit.tokenizers"
CLASSIFIER = "from nlmkit.classifiers.base import Classifier"
SOURCE_TREE = Path(nlmkit.__file__).parents[1]


@pytest.fixture(autouse=True)
def no_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)


Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package into a folder of its own; its modules are forgotten after the test."""

    def install_package(name: str, **contents: Any) -> Path:
        folder = tmp_path / f"{name}-{contents.get('version', '1.0')}"
        written = write_package(folder, name, **contents)
        monkeypatch.syspath_prepend(str(folder))
        return written

    yield install_package
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def good(install: Install) -> None:
    """Two working plugins with different names, and a tokenizer."""
    install(
        "good-models",
        groups={MODELS: {"good": "good_models:Model"}, TOKENIZERS: {"dots": "good_models:Dots"}},
        modules={
            "good_models": model_source("good", body="    size: int = param(3, help='size')")
            + "class Dots:\n"
            + "    name = 'dots'\n"
            + "    def tokenize(self, line):\n"
            + "        return line.split('.')\n"
        },
    )
    install(
        "Other_Models",
        version="2.5",
        groups={"nlmkit.classifiers": {"other": "other_models:Model"}},
        modules={"other_models": model_source("other", base="Classifier", before=CLASSIFIER)},
    )


def plugins() -> list[Entry]:
    return [entry for entry in registry.entries() if not entry.builtin]


# ------------------------------------------------------------------------------------------------ listing


def test_the_built_ins_are_declared_like_any_plugin() -> None:
    own = {(entry.kind, entry.name): entry for entry in registry.entries() if entry.builtin}
    assert {("language-model", "ngram"), *(("tokenizer", name) for name in ("space", "word", "char"))} <= own.keys()
    assert own["language-model", "ngram"] == Entry(
        name="ngram",
        kind="language-model",
        value="nlmkit.language_models.ngram.model:NGram",
        distribution="nlmkit",
        version=metadata.version("nlmkit"),
        builtin=True,
    )
    assert registry.is_installed()


@pytest.mark.usefixtures("good")
def test_listing_says_everything_and_imports_nothing() -> None:
    assert plugins() == [
        Entry("good", "language-model", "good_models:Model", "good-models", "1.0", False),
        Entry("other", "classifier", "other_models:Model", "Other_Models", "2.5", False),
        Entry("dots", "tokenizer", "good_models:Dots", "good-models", "1.0", False),
    ]
    assert not {"good_models", "other_models"} & set(sys.modules)
    assert [entry.builtin for entry in registry.entries()] == sorted(
        (entry.builtin for entry in registry.entries()), reverse=True
    )


def test_an_entry_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        registry.entries()[0].name = "mine"


def test_a_distribution_on_the_path_twice_is_listed_once(install: Install) -> None:
    groups = {MODELS: {"twice": "twice_module:Model"}}
    install("twice", version="1.0", groups=groups, modules={"twice_module": model_source("twice")})
    install("Twice", version="1.1", groups=groups, modules={"twice_module": model_source("twice")})
    assert [(entry.address, entry.version) for entry in plugins()] == [("twice", "1.1")]
    assert registry.get("twice").name == "twice"


def test_a_newer_version_that_declares_nothing_hides_the_older(install: Install, tmp_path: Path) -> None:
    install("shrunk", version="1.0", groups={MODELS: {"gone": "nowhere:Model"}})
    install("shrunk", version="2.0", groups={"console_scripts": {"shrunk": "nowhere:main"}})
    assert plugins() == []


# ------------------------------------------------------------------------------------------------ getting


@pytest.mark.usefixtures("good")
def test_a_plugin_is_got_by_name_and_by_distribution() -> None:
    cls = registry.get("good")
    assert issubclass(cls, LanguageModel)
    assert cls().get_params() == {"size": 3}
    for name, distribution in [
        ("good-models:good", None),
        ("Good.Models:good", None),
        ("good", "good-models"),
        ("good", "GOOD_models"),
    ]:
        assert registry.get(name, distribution=distribution) is cls
    assert registry.entry_of(cls) == plugins()[0]
    assert registry.get("other").kind == "classifier"


@pytest.mark.parametrize(
    ("group", "kind", "base"),
    [
        ("nlmkit.representations", "representation", "Representation"),
        (MODELS, "language-model", "LanguageModel"),
        ("nlmkit.classifiers", "classifier", "Classifier"),
    ],
)
def test_every_kind_has_a_class_to_be_derived_from(install: Install, group: str, kind: str, base: str) -> None:
    source = model_source("based", base="Component", body=f"    kind = {kind!r}")
    install("based", groups={group: {"based": "based_module:Model"}}, modules={"based_module": source})
    with pytest.raises(PluginError, match=f"Model is not a subclass of nlmkit.{base}$"):
        registry.get("based")


def test_a_built_in_is_got_like_a_plugin() -> None:
    cls = registry.get("ngram")
    assert cls is nlmkit.NGram
    assert registry.get("nlmkit:ngram") is registry.get("ngram", distribution="nlmkit") is cls
    assert registry.entry_of(cls).builtin


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("goood", "no component named 'goood'; did you mean good?"),
        ("ngrams", "no component named 'ngrams'; did you mean ngram?"),
        ("good-models:god", "the installed package good-models 1.0 has no component 'god'; did you mean good?"),
        ("good-models:zzz", "the installed package good-models 1.0 has no component 'zzz'"),
        ("absent-package:good", "comes from the package absent-package, which is not installed: pip install absent-p"),
        ("numpy:good", f"the installed package numpy {metadata.version('numpy')} has no component 'good'"),
        ("dots", "no component named 'dots': dots is a tokenizer"),  # a tokenizer's name is no component's
        ("", "no component named ''; known: "),
        (":", "no component named ''; known: "),
        ("\x1b[31mred", r"no component named '\x1b[31mred'; known: "),
    ],
)
def test_an_unknown_name_says_what_would_help(name: str, message: str) -> None:
    with pytest.raises(UnknownComponentError) as caught:
        registry.get(name)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.usefixtures("good")
def test_the_known_names_are_listed_when_none_is_near() -> None:
    with pytest.raises(UnknownComponentError) as caught:
        registry.get("xyzzy")
    names, hint, _ = (
        str(caught.value).partition("; known: ")[2].partition(" (a plugin's are once its package is installed)")
    )
    assert hint
    listed = names.split(", ")
    assert {"good", "ngram", "other"} <= set(listed)
    assert not {"dots", "space"} & set(listed)


def test_the_package_of_a_saved_component_is_named_when_it_is_missing() -> None:
    with pytest.raises(UnknownComponentError) as caught:
        registry.get("ngram", distribution="some-plugin")
    assert str(caught.value) == (
        "component 'ngram' comes from the package some-plugin, which is not installed: pip install some-plugin"
    )


# ------------------------------------------------------------------------------------------------ collisions


def test_a_built_in_wins_over_a_plugin_with_its_name(install: Install) -> None:
    install("pretender", groups={MODELS: {"ngram": "pretending:Model"}}, modules={"pretending": model_source("ngram")})
    assert registry.get("ngram") is nlmkit.NGram
    assert registry.get("pretender:ngram").__module__ == "pretending"
    (entry,) = plugins()
    assert entry.address == entry.qualified_name == "pretender:ngram"
    assert entry.note == "the built-in ngram wins: say pretender:ngram"
    assert registry.entry_of(registry.get("pretender:ngram")) == entry
    own = registry.entry_of(nlmkit.NGram)
    assert (own.builtin, own.note, own.address) == (True, "", "ngram")


def test_a_built_in_name_of_another_kind_is_taken_too(install: Install) -> None:
    install(
        "pretender",
        groups={"nlmkit.classifiers": {"ngram": "pretending:Model"}},
        modules={"pretending": model_source("ngram", base="Classifier", before=CLASSIFIER)},
    )
    assert registry.get("ngram") is nlmkit.NGram
    assert registry.get("pretender:ngram").kind == "classifier"


def test_two_plugins_with_one_name_are_both_reached_by_distribution(install: Install) -> None:
    for package in ("first-package", "second-package"):
        module = package.replace("-", "_")
        install(package, groups={MODELS: {"same": f"{module}:Model"}}, modules={module: model_source("same")})
    with pytest.raises(PluginError) as caught:
        registry.get("same")
    assert str(caught.value) == "2 plugins have the name 'same': say first-package:same or second-package:same"
    assert registry.get("first-package:same").__module__ == "first_package"
    assert registry.get("same", distribution="second-package").__module__ == "second_package"
    assert [(entry.address, entry.note) for entry in plugins()] == [
        ("first-package:same", "second-package also has a same: say first-package:same"),
        ("second-package:same", "first-package also has a same: say second-package:same"),
    ]
    assert [result.ok for result in registry.check("same")] == [True, True]


def test_one_name_in_two_kinds_of_one_package_leads_nowhere(install: Install) -> None:
    install(
        "doubled",
        groups={MODELS: {"same": "doubled_module:Model"}, "nlmkit.classifiers": {"same": "doubled_module:Model"}},
        modules={"doubled_module": model_source("same")},
    )
    for name in ("same", "doubled:same"):
        with pytest.raises(
            PluginError, match=r"doubled declares the name 'same' twice \(as language-model and as clas"
        ):
            registry.get(name)
    results = registry.check("doubled")
    assert [result.ok for result in results] == [False, False]
    assert "declares the name 'same' twice" in results[0].reason


def test_a_tokenizer_may_have_a_components_name(install: Install) -> None:
    install(
        "both",
        groups={MODELS: {"both": "both_module:Model"}, TOKENIZERS: {"both": "both_module:Split"}},
        modules={
            "both_module": model_source("both")
            + "class Split:\n    def tokenize(self, line):\n        return line.split()\n"
        },
    )
    assert [entry.note for entry in plugins()] == ["", ""]
    assert registry.get("both").name == "both"
    assert registry.get_tokenizer("both").tokenize("a b") == ["a", "b"]
    assert [(result.kind, result.ok) for result in registry.check("both")] == [
        ("language-model", True),
        ("tokenizer", True),
    ]


# ------------------------------------------------------------------------------------------------ broken plugins

BROKEN = {
    "raises": (
        model_source("broken", before="raise ValueError('first line\\nsecond \\x1b[31m line')"),
        "its import fails",
    ),
    "exits": (model_source("broken", before="raise SystemExit(3)"), "its import fails: SystemExit: 3"),
    "bare": (model_source("broken", before="raise BaseException"), "its import fails: BaseException"),
    "unprintable": (
        model_source("broken", before="class Odd(Exception):\n    __str__ = None\nraise Odd"),
        "its import fails: Odd",
    ),
    "syntax": ("def broken(:\n", "its import fails: SyntaxError: "),
    "dependency": (
        model_source("broken", before="import a_module_that_nobody_has"),
        "its import fails: ModuleNotFoundError: No module named 'a_module_that_nobody_has'",
    ),
    "no class": ("Model = None\n", "broken_module:Model is not a subclass of nlmkit.Component"),
    "function": ("def Model():\n    pass\n", "broken_module:Model is not a subclass of nlmkit.Component"),
    "foreign class": (
        "class Model:\n    name = 'broken'\n",
        "broken_module:Model is not a subclass of nlmkit.Component",
    ),
    "missing attribute": ("Molde = None\n", "has no attribute 'Model'"),
    "newer contract": (
        model_source("broken", body="    api_version = 99"),
        "written for version 99 of the component contract, this nlmkit has version 1: install versions of "
        "broken-package and nlmkit that agree",
    ),
    "text as version": (model_source("broken", body="    api_version = '1'"), "written for version '1' of"),
    "wrong kind": (
        model_source("broken", base="Component", body="    kind = 'classifier'"),
        "Model.kind is 'classifier', the entry-point group is for 'language-model'",
    ),
    "no kind": (model_source("broken", base="Component"), "Model.kind is None"),
    "kind without base": (
        model_source("broken", base="Component", body="    kind = 'language-model'"),
        "Model is not a subclass of nlmkit.LanguageModel",
    ),
    "wrong name": (model_source("other"), "Model.name is 'other', the entry point is named 'broken'"),
    "undeclared field": (
        model_source("broken", body="    size: int = 3"),
        "its hyper-parameters are not declared correctly: TypeError: Model.size must be declared with",
    ),
    "unknown annotation": (
        model_source("broken", body="    size: 'Nowhere' = param(3, help='size')"),
        "its hyper-parameters are not declared correctly: NameError: name 'Nowhere' is not defined",
    ),
    "no dataclass": (
        model_source("broken", body="    size: int = param(3, help='size')", decorator=""),
        "Model is not decorated with @dataclass(kw_only=True)",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.usefixtures("good")
def test_a_broken_plugin_is_one_clear_error_and_disturbs_nothing(install: Install, fault: str) -> None:
    source, message = BROKEN[fault]
    install("broken-package", groups={MODELS: {"broken": "broken_module:Model"}}, modules={"broken_module": source})
    assert "broken" in [entry.name for entry in registry.entries()]
    assert registry.get("good").name == "good"
    with pytest.raises(PluginError) as caught:
        registry.get("broken")
    text = str(caught.value)
    assert text.startswith("language-model plugin 'broken' of broken-package 1.0 cannot be used: ")
    assert message in text
    assert text.isprintable()
    assert len(text) < 500
    results = {result.name: result for result in registry.check()}
    assert not results["broken"].ok
    assert results["broken"].reason == text
    assert all(results[name].ok for name in ("good", "other", "dots"))
    assert registry.check("broken") == [results["broken"]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such_module_anywhere:Model", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("broken_module", "the entry point must be module:Class, not 'broken_module'"),
        ("broken_module:", "the entry point must be module:Class"),
        ("broken_module:Model()", "the entry point must be module:Class"),
        ("os:system; x", "the entry point must be module:Class"),
        ("../evil:Model", "the entry point must be module:Class"),
        ("os:getcwd", "os:getcwd is not a subclass of nlmkit.Component"),
    ],
)
def test_an_entry_point_that_leads_nowhere(install: Install, value: str, message: str) -> None:
    install("broken-package", groups={MODELS: {"broken": value}})
    with pytest.raises(PluginError) as caught:
        registry.get("broken")
    assert message in str(caught.value)


def test_extras_in_an_entry_point_are_passed_over(install: Install) -> None:
    install(
        "extra",
        groups={MODELS: {"extra": "extra_module:Model [fast]"}},
        modules={"extra_module": model_source("extra")},
    )
    assert registry.get("extra").name == "extra"


def test_an_interruption_while_a_plugin_is_imported_is_passed_on(install: Install) -> None:
    source = model_source("slow", before="raise KeyboardInterrupt")
    install("slow", groups={MODELS: {"slow": "slow_module:Model"}}, modules={"slow_module": source})
    with pytest.raises(KeyboardInterrupt):
        registry.get("slow")
    with pytest.raises(KeyboardInterrupt):
        registry.check()


def test_what_a_plugin_prints_does_not_mix_with_results(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    source = model_source("loud", before="print('hello')")
    install("loud", groups={MODELS: {"loud": "loud_module:Model"}}, modules={"loud_module": source})
    assert registry.get("loud").name == "loud"
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


def test_defaults_that_break_their_own_rule_are_found_by_check(install: Install) -> None:
    source = model_source("odd", body="    size: int = param(3, ge=4, help='size')")
    install("odd", groups={MODELS: {"odd": "odd_module:Model"}}, modules={"odd_module": source})
    (result,) = registry.check("odd")
    assert not result.ok
    assert "Model() fails: HyperParameterError: size must be ≥ 4, not 3" in result.reason


def test_check_reports_all_declarations_and_remarks_on_names(install: Install) -> None:
    install("pretender", groups={MODELS: {"ngram": "pretending:Model"}}, modules={"pretending": model_source("ngram")})
    results = {result.name: result for result in registry.check()}
    assert results["ngram"] == CheckResult("ngram", "language-model", "nlmkit", nlmkit.__version__, True, "")
    assert results["pretender:ngram"].ok
    assert results["pretender:ngram"].reason == "the built-in ngram wins: say pretender:ngram"
    assert [result.name for result in registry.check("ngram")] == ["ngram", "pretender:ngram"]
    assert [result.name for result in registry.check("Pretender")] == ["pretender:ngram"]
    assert {"space", "word", "char"} <= {result.name for result in registry.check("nlmkit")}
    with pytest.raises(UnknownComponentError, match="no component named 'ngrm'; did you mean ngram"):
        registry.check("ngrm")


# ------------------------------------------------------------------------------------------------ broken metadata


def test_entry_points_that_cannot_be_parsed_disturb_nothing(install: Install) -> None:
    written = install("garbled", groups={})
    (written / "entry_points.txt").write_text("[nlmkit.language_models]\nno equals sign\n", encoding="utf-8")
    assert "ngram" in [entry.name for entry in registry.entries()]
    (result,) = registry.check("garbled")
    assert (result.name, result.kind, result.ok) == ("garbled", "distribution", False)
    assert result.reason.startswith("its entry_points.txt cannot be read: ")
    assert result in registry.check()
    with pytest.raises(UnknownComponentError, match=r"in the package garbled: its entry_points\.txt cannot"):
        registry.get("garbled:model")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe[nlmkit.language_models]\n", b"Name: \x1b[31m\nVersion: 1\n"])
def test_metadata_without_a_usable_name_disturbs_nothing(install: Install, content: bytes) -> None:
    written = install("nameless", groups={MODELS: {"lost": "lost_module:Model"}})
    (written / "METADATA").write_bytes(content)
    assert plugins() == []
    with pytest.raises(UnknownComponentError):
        registry.get("lost")


def test_an_undecodable_entry_points_file_disturbs_nothing(install: Install) -> None:
    written = install("undecodable", groups={})
    (written / "entry_points.txt").write_bytes(b"[nlmkit.language_models]\n\xff\xfe = a:b\n")
    assert plugins() == []


def test_unknown_groups_and_impossible_names_are_reported_by_check(install: Install) -> None:
    install(
        "typos",
        groups={
            "nlmkit.language_model": {"mine": "typos_module:Model"},
            MODELS: {"my model": "typos_module:Model", "\x1b[31m": "typos_module:Model", "-x": "typos_module:Model"},
        },
    )
    assert plugins() == []
    results = registry.check("typos")
    assert not any(result.ok for result in results)
    reasons = sorted(result.reason for result in results)
    assert "there is no entry-point group 'nlmkit.language_model'; did you mean nlmkit.language_models?" in reasons
    assert r"the name '\x1b[31m' must consist of letters, digits and . _ -" in reasons
    assert len(reasons) == 4
    assert all(result.name.isprintable() and result.reason.isprintable() for result in results)


# ------------------------------------------------------------------------------------------------ the switch


@pytest.mark.usefixtures("good")
def test_plugins_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, expected in [
        ("", []),
        (" ", []),
        (",", []),
        ("good_models", ["good", "dots"]),
        (" other-models ,", ["other"]),
        ("good-models,other.models", ["good", "other", "dots"]),
        ("nothing-of-the-sort", []),
    ]:
        monkeypatch.setenv(SWITCH, value)
        assert [entry.name for entry in plugins()] == expected
        assert registry.get("ngram") is nlmkit.NGram
        assert {"good", "other", "dots"} & {result.name for result in registry.check()} == set(expected)
    monkeypatch.delenv(SWITCH)
    assert [entry.name for entry in plugins()] == ["good", "other", "dots"]


@pytest.mark.usefixtures("good")
def test_a_name_that_is_turned_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "")
    for name in ("good", "good-models:good"):
        with pytest.raises(UnknownComponentError) as caught:
            registry.get(name)
        assert str(caught.value) == (
            "component 'good' is in the package good-models, which NLMKIT_PLUGINS turns off: add good-models to "
            "NLMKIT_PLUGINS or unset it"
        )
    with pytest.raises(UnknownComponentError, match="tokenizer 'dots' is in the package good-models, which NLMKIT"):
        registry.get_tokenizer("dots")


def test_a_plugin_that_is_turned_off_takes_no_name(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("first-package", "second-package"):
        module = package.replace("-", "_")
        install(package, groups={MODELS: {"same": f"{module}:Model"}}, modules={module: model_source("same")})
    monkeypatch.setenv(SWITCH, "second-package")
    assert registry.get("same").__module__ == "second_package"
    assert [entry.address for entry in plugins()] == ["same"]


def test_problems_of_packages_that_are_turned_off_are_not_reported(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = install("garbled", groups={})
    (written / "entry_points.txt").write_text("[nlmkit.language_models]\nno equals sign\n", encoding="utf-8")
    monkeypatch.setenv(SWITCH, "")
    assert all(result.ok for result in registry.check())


# ------------------------------------------------------------------------------------------------ tokenizers


def tokenizer(body: str, *, name: str = "dots") -> str:
    return f"class Dots:\n    name = {name!r}\n" + "".join(f"    {line}\n" for line in body.splitlines())


@pytest.mark.usefixtures("good")
def test_a_tokenizer_plugin_serves_a_text_pipeline() -> None:
    pipeline = TextPipeline(tokenizer="dots")
    assert pipeline.tokenize("a.b") == ["a", "b"]
    assert pipeline.detokenize(["a", "b"]) == "a b"
    assert TextPipeline(tokenizer="good-models:dots").tokenize("a.b") == ["a", "b"]


@pytest.mark.parametrize("name", ["space", "word", "char"])
def test_built_in_tokenizers_are_got_by_name(name: str) -> None:
    found = registry.get_tokenizer(name)
    assert found.tokenize("ab c") == TextPipeline(tokenizer=name).tokenize("ab c")
    assert found.name == name
    assert registry.get_tokenizer(f"nlmkit:{name}").name == name


def test_a_tokenizer_without_detokenize_keeps_its_method_for_many_lines(install: Install) -> None:
    source = """
class Letters:
    def tokenize(self, line):
        return list(line)
    def tokenize_lines(self, lines):
        return [["many", *line] for line in lines]
"""
    groups = {TOKENIZERS: {"letters": "letters_module:Letters"}}
    install("letters", groups=groups, modules={"letters_module": source})
    assert Corpus.read(["ab"], TextPipeline(tokenizer="letters")).sentence(0) == ["many", "a", "b"]


def test_a_tokenizers_own_detokenize_is_kept(install: Install) -> None:
    body = "def tokenize(self, line):\n    return [line]\ndef detokenize(self, tokens):\n    return '.'.join(tokens)"
    install("dots", groups={TOKENIZERS: {"dots": "dots_module:Dots"}}, modules={"dots_module": tokenizer(body)})
    assert registry.get_tokenizer("dots").detokenize(["a", "b"]) == "a.b"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise SystemExit", "its import fails: SystemExit"),
        ("Dots = 3", "dots_module:Dots is not a class"),
        ("def Dots():\n    pass\n", "dots_module:Dots is not a class"),
        (tokenizer("pass"), "Dots has no method tokenize(line)"),
        (tokenizer("tokenize = 3"), "Dots has no method tokenize(line)"),
        (tokenizer("def __init__(self, size):\n    pass"), "Dots() fails: TypeError: "),
        (tokenizer("def tokenize(self):\n    return []"), "tokenize fails: TypeError: "),
        (tokenizer("def tokenize(self, line):\n    raise LookupError(line)"), "tokenize fails: LookupError: a b"),
        (tokenizer("def tokenize(self, line):\n    return line"), "Dots.tokenize must return a list of str, not 'a b'"),
        (tokenizer("def tokenize(self, line):\n    return [1]"), "Dots.tokenize must return a list of str, not [1]"),
        (
            tokenizer("def tokenize(self, line):\n    return line.split()", name="x"),
            "Dots.name is 'x', the entry point",
        ),
    ],
)
def test_a_broken_tokenizer_is_one_clear_error(install: Install, source: str, message: str) -> None:
    install("dots-package", groups={TOKENIZERS: {"dots": "dots_module:Dots"}}, modules={"dots_module": source})
    with pytest.raises(PluginError) as caught:
        registry.get_tokenizer("dots")
    assert str(caught.value).startswith("tokenizer plugin 'dots' of dots-package 1.0 cannot be used: ")
    assert message in str(caught.value)
    (result,) = registry.check("dots")
    assert not result.ok
    assert registry.get_tokenizer("space").tokenize("a b") == ["a", "b"]


def test_an_unknown_tokenizer_says_what_would_help() -> None:
    with pytest.raises(UnknownComponentError, match="no tokenizer named 'spaces'; did you mean space"):
        registry.get_tokenizer("spaces")
    with pytest.raises(UnknownComponentError, match="no tokenizer named 'ngram'"):
        registry.get_tokenizer("ngram")


# ------------------------------------------------------------------------------------------------ from class to name


def test_a_class_that_nobody_declares_cannot_be_found_again() -> None:
    class Homeless(LanguageModel):
        """Homeless."""

        name = "homeless"

    with pytest.raises(PluginError) as caught:
        registry.entry_of(Homeless)
    assert "Homeless is not registered, so nothing could load it again" in str(caught.value)
    assert '[project.entry-points."nlmkit.language_models"]' in str(caught.value)

    class Impostor(LanguageModel):
        """Impostor."""

        name = "ngram"

    with pytest.raises(PluginError, match="Impostor is not registered"):
        registry.entry_of(Impostor)
    with pytest.raises(PluginError, match="Nameless is not registered"):
        registry.entry_of(type("Nameless", (Component,), {}))


# ------------------------------------------------------------------------------------------------ other processes


def run(code: str, *paths: Path, options: tuple[str, ...] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    search = os.pathsep.join([*map(str, paths), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *options, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": search, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_another_process_lists_and_gets_the_same(tmp_path: Path) -> None:
    write_package(
        tmp_path,
        "apart",
        groups={MODELS: {"apart": "apart_module:Model"}},
        modules={"apart_module": model_source("apart")},
    )
    write_package(
        tmp_path,
        "rude",
        groups={MODELS: {"rude": "rude_module:Model"}},
        modules={"rude_module": "import os, sys\nsys.exit('bye')\n"},
    )
    code = """
import json, sys
from nlmkit.core import registry
listed = [entry.address for entry in registry.entries() if not entry.builtin]
heavy = sorted({"numpy", "apart_module", "rude_module"} & set(sys.modules))
checked = {result.name: result.ok for result in registry.check() if result.distribution != "nlmkit"}
print(json.dumps([listed, heavy, checked, registry.get("apart").name]))
"""
    result = run(code, tmp_path)
    assert result.stderr == ""
    assert json.loads(result.stdout) == [["apart", "rude"], [], {"apart": True, "rude": False}, "apart"]
    result = run("from nlmkit.core import registry; print(len(registry.check('apart')))", tmp_path, NLMKIT_PLUGINS="")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].endswith(
        "which NLMKIT_PLUGINS turns off: add apart to NLMKIT_PLUGINS or unset it"
    )


def test_a_source_tree_that_is_not_installed_says_so(tmp_path: Path) -> None:
    shutil.copytree(
        SOURCE_TREE / "nlmkit", tmp_path / "nlmkit", ignore=shutil.ignore_patterns("__pycache__", "_corpora")
    )
    code = """
import nlmkit
from nlmkit.core import registry
from nlmkit.errors import RegistryError
assert nlmkit.__version__ == "0+uninstalled", nlmkit.__version__
assert not registry.is_installed() and registry.entries() == []
for act in (lambda: registry.get("ngram"), lambda: registry.get("ngram", distribution="nlmkit"),
            lambda: registry.get_tokenizer("space"), lambda: registry.entry_of(nlmkit.NGram)):
    try:
        act()
    except RegistryError as error:
        print(error)
print(registry.check())
"""
    # -S leaves site-packages out, and with it the metadata of an installed nlmkit.
    result = run(code, options=("-S",), PYTHONPATH=str(tmp_path))
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert len(lines) == 5
    assert all("without being installed" in line and "run pip install -e . in that tree" in line for line in lines)


def test_registry_errors_share_a_root() -> None:
    assert issubclass(UnknownComponentError, RegistryError)
    assert issubclass(PluginError, RegistryError)


def test_metadata_are_read_once_within_one_piece_of_work(
    good: None, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, reads = registry._distributions, []
    monkeypatch.setattr(registry, "_distributions", lambda: reads.append(None) or real())
    with registry.scanned_once():
        first = registry.entries()
        with registry.scanned_once():
            assert registry.get("good").name == "good"
        assert registry.entries() == first
        assert len(reads) == 1
        install("later-models", groups={MODELS: {"later": "later_models:Model"}})
        assert "later" in {entry.name for entry in registry.entries()}  # another folder is on sys.path
        assert len(reads) == 2
    registry.entries()
    registry.entries()
    assert len(reads) == 4  # whatever was installed since


def test_the_switch_counts_within_one_piece_of_work(good: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with registry.scanned_once():
        assert "good" in {entry.name for entry in registry.entries()}
        monkeypatch.setenv(SWITCH, "")
        assert {entry.distribution for entry in registry.entries()} == {"nlmkit"}


def test_what_is_changed_in_the_list_of_entries_stays_there(good: None) -> None:
    with registry.scanned_once():
        registry.entries().clear()
        assert registry.entries()
