"""Plugins that are missing, broken, slow, rude or in each other's way: the rest works, and one line says what is up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from toys.plugin_packages import model_source, write_package

from nlmkit import Cache, NGram, load
from nlmkit.core import registry
from nlmkit.core.registry import SWITCH
from nlmkit.errors import PluginError, RegistryError, SavedModelError, UnknownComponentError
from nlmkit.text import Corpus, TextPipeline, tokenizers
from plugins.source_packages import environment

pytestmark = pytest.mark.slow

MODELS, TOKENIZERS = "nlmkit.language_models", "nlmkit.tokenizers"
TEXT = ["a.b a", "b.a"]

GOOD_MODEL = model_source(
    "good",
    before="from nlmkit.language_models.ngram.model import NGram",
    base="NGram",
)


def dots(mark: str) -> str:
    """Source of a tokenizer ``dots`` that puts a mark before every token."""
    return f"""
class Dots:
    "A tokenizer of a test."
    name = "dots"
    lossless = True
    def tokenize(self, line):
        return ["{mark}" + token for token in line.replace(".", " ").split()]
"""


Install = Callable[..., Callable[[], None]]


@pytest.fixture(autouse=True)
def no_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Install a package; what is returned uninstalls it. Its modules are forgotten in either case."""
    folders: list[Path] = []

    def forget(folder: Path) -> None:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None)).startswith(str(folder)):
                del sys.modules[name]

    def install_package(name: str, **contents: Any) -> Callable[[], None]:
        folder = tmp_path / f"site-{len(folders)}"
        folders.append(folder)
        write_package(folder, name, **contents)
        sys.path.insert(0, str(folder))
        return lambda: forget(folder)

    yield install_package
    for folder in folders:
        forget(folder)


def install_good(install: Install, package: str = "good-models") -> Callable[[], None]:
    module = package.replace("-", "_")
    return install(package, groups={MODELS: {"good": f"{module}:Model"}}, modules={module: GOOD_MODEL})


def install_dots(install: Install, package: str, mark: str) -> Callable[[], None]:
    module = package.replace("-", "_")
    return install(package, groups={TOKENIZERS: {"dots": f"{module}:Dots"}}, modules={module: dots(mark)})


def error_of(act: Callable[[], object]) -> str:
    """The one line that it raises."""
    with pytest.raises((RegistryError, SavedModelError)) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------------------------- the command line

SOURCES = {
    "raising": "raise RuntimeError('first line\\nsecond')\n",
    "exiting": "import sys\nprint('noise')\nsys.exit(3)\n",
    "sleeping": "import time\ntime.sleep(600)\n",
    "lying": model_source("another-name"),
    "futuristic": model_source("futuristic", body="    api_version = 99"),
    "pretending": model_source("ngram"),
    "healthy": model_source("healthy"),
}
NAMES = {"pretending": "ngram"}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages, most of which are no good."""
    site = tmp_path_factory.mktemp("crowd")
    for word, source in SOURCES.items():
        groups = {MODELS: {NAMES.get(word, word): f"{word}_module:Model"}}
        write_package(site, f"{word}-package", groups=groups, modules={f"{word}_module": source})
    write_package(site, "absent-package", groups={MODELS: {"absent": "no_such_module:Model"}})
    for number in (1, 2):
        module = f"twin_{number}"
        write_package(
            site, f"twin-{number}", groups={MODELS: {"twin": f"{module}:Model"}}, modules={module: model_source("twin")}
        )
    written = write_package(site, "garbled-package", groups={})
    (written / "entry_points.txt").write_text("[nlmkit.language_models]\nno equals sign\n", encoding="utf-8")
    return site


def command(
    site: Path, *args: str, options: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    """The command line as a process, which is given a minute."""
    return subprocess.run(
        [sys.executable, *options, "-m", "nlmkit", *args],
        env=environment(site) | variables,
        cwd=site,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_listing_says_where_everything_comes_from_and_imports_nothing(crowd: Path) -> None:
    """Were one of them imported, the listing would end, or take ten minutes."""
    done = command(crowd, "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = {(entry["name"], entry["distribution"], entry["builtin"]) for entry in json.loads(done.stdout)}
    plugins = {(name, package) for name, package, builtin in found if not builtin}
    assert plugins >= {
        ("raising", "raising-package"),
        ("sleeping", "sleeping-package"),
        ("absent", "absent-package"),
        ("pretending-package:ngram", "pretending-package"),
        ("twin-1:twin", "twin-1"),
        ("twin-2:twin", "twin-2"),
    }
    assert ("ngram", "nlmkit", True) in found
    table = command(crowd, "list").stdout
    (line,) = [line for line in table.splitlines() if "pretending" in line]
    said = "language-model pretending-package:ngram pretending-package 1.0 the built-in ngram wins: say"
    assert " ".join(line.split()) == f"{said} pretending-package:ngram"


def test_help_does_not_look_at_plugins(crowd: Path) -> None:
    """So its time cannot grow with them."""
    done = command(crowd, "--help", options=("-X", "importtime"))
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "nlmkit.cli.group" in imported
    assert not {"nlmkit.core.registry", "importlib.metadata", "healthy_module"} & imported


def test_what_is_good_works_among_what_is_not(crowd: Path, tmp_path: Path) -> None:
    (crowd / "text.txt").write_text("a b a\nb a\n", encoding="utf-8")
    done = command(crowd, "fit", "ngram", "text.txt", "-o", str(tmp_path / "model"), "-p", "order=2", "--quiet")
    assert done.returncode == 0, done.stderr
    done = command(crowd, "perplexity", str(tmp_path / "model"), "text.txt", "--json")
    assert json.loads(done.stdout)["events"] == 7
    assert command(crowd, "show", "healthy").returncode == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raising", "its import fails: RuntimeError: first line second"),
        ("exiting", "its import fails: SystemExit: 3"),
        ("absent", "its import fails: ModuleNotFoundError: No module named 'no_such_module'"),
        ("lying", "Model.name is 'another-name', the entry point is named 'lying'"),
        ("futuristic", "install versions of futuristic-package and nlmkit that agree"),
        ("twin", "2 plugins have the name 'twin': say twin-1:twin or twin-2:twin"),
        ("garbled-package:any", "its entry_points.txt cannot be read"),
        ("nowhere:any", "comes from the package nowhere, which is not installed: pip install nowhere"),
    ],
)
def test_asked_for_by_name_it_is_one_line(crowd: Path, name: str, message: str) -> None:
    done = command(crowd, "show", name)
    assert (done.returncode, done.stdout) == (1, "")
    lines = [line for line in done.stderr.splitlines() if line != "noise"]  # what a plugin prints goes there
    assert len(lines) == 1
    assert lines[0].startswith("nlmkit: ")
    assert message in lines[0]


def test_check_names_every_broken_one(crowd: Path, tmp_path: Path) -> None:
    """But for the sleeping one, which NLMKIT_PLUGINS turns off here."""
    allowed = ",".join([*(f"{word}-package" for word in SOURCES if word != "sleeping"), "absent-package", "twin-1"])
    done = command(crowd, "plugins", "check", "--json", NLMKIT_PLUGINS=f"{allowed},twin-2,garbled-package")
    assert done.returncode == 1
    found = {result["name"]: result["ok"] for result in json.loads(done.stdout) if result["distribution"] != "nlmkit"}
    assert found == {
        "raising": False,
        "exiting": False,
        "lying": False,
        "futuristic": False,
        "absent": False,
        "garbled-package": False,
        "pretending-package:ngram": True,
        "healthy": True,
        "twin-1:twin": True,
        "twin-2:twin": True,
    }


# ------------------------------------------------------------------------------------ saved models and their plugin


def test_a_model_of_an_uninstalled_plugin_names_the_package(install: Install, tmp_path: Path) -> None:
    uninstall = install_good(install)
    registry.get("good")(order=2).fit(TEXT).save(tmp_path / "model")
    assert load(tmp_path / "model").name == "good"
    uninstall()
    message = error_of(lambda: load(tmp_path / "model"))
    assert message == (
        f"{tmp_path / 'model'}: component 'good' comes from the package good-models, which is not installed: "
        "pip install good-models"
    )
    install_good(install, "others-models")  # which has a component of that name, too
    assert error_of(lambda: load(tmp_path / "model")) == message


def test_the_command_line_says_so_and_can_still_show_the_model(install: Install, tmp_path: Path) -> None:
    uninstall = install_good(install)
    registry.get("good")(order=2).fit(TEXT).save(tmp_path / "model")
    uninstall()
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    done = command(nowhere, "perplexity", str(tmp_path / "model"), "-")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert done.stderr.endswith("which is not installed: pip install good-models\n")
    shown = json.loads(command(nowhere, "show", str(tmp_path / "model"), "--json").stdout)
    assert (shown["component"], shown["distribution"]) == ("good", "good-models")


def test_a_model_of_a_plugin_that_broke_says_what_is_broken(install: Install, tmp_path: Path) -> None:
    uninstall = install_good(install)
    registry.get("good")(order=2).fit(TEXT).save(tmp_path / "model")
    uninstall()
    groups = {MODELS: {"good": "good_models:Model"}}
    for source, message in (
        ("raise SystemExit('bye')", "its import fails: SystemExit: bye"),
        (GOOD_MODEL + "    api_version = 2\n", "written for version 2 of the component contract"),
        (model_source("good", body="    depth: int = param(1, help='x')"), "wrong hyper-parameters for good 3.0"),
    ):
        remove = install("good-models", version="3.0", groups=groups, modules={"good_models": source})
        found = error_of(lambda: load(tmp_path / "model"))
        assert found.startswith(str(tmp_path / "model"))
        assert message in found
        remove()
    install("good-models", version="3.0", groups={MODELS: {"better": "good_models:Model"}})
    assert "the installed package good-models 3.0 has no component 'good'" in error_of(lambda: load(tmp_path / "model"))


def test_a_model_of_a_plugin_that_is_turned_off(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_good(install)
    registry.get("good")(order=2).fit(TEXT).save(tmp_path / "model")
    monkeypatch.setenv(SWITCH, "")
    assert "add good-models to NLMKIT_PLUGINS or unset it" in error_of(lambda: load(tmp_path / "model"))


def test_a_member_of_an_uninstalled_plugin_is_named_by_its_place(install: Install, tmp_path: Path) -> None:
    uninstall = install_good(install)
    member = registry.get("good")(order=2).fit(TEXT)
    Cache(model=member, weight=0.1, decay=0.1).fit().save(tmp_path / "model")
    uninstall()
    message = error_of(lambda: load(tmp_path / "model"))
    assert "member model" in message
    assert message.endswith("pip install good-models")


# ------------------------------------------------------------------------------------- saved models and tokenizers


@pytest.fixture
def dotted(install: Install, tmp_path: Path) -> tuple[Path, Callable[[], None]]:
    """A saved model that reads text with a plugin's tokenizer, and a function that uninstalls that plugin."""
    uninstall = install_dots(install, "dots-package", "1")
    NGram(order=2).fit(Corpus.read(TEXT, TextPipeline(tokenizer="dots"))).save(tmp_path / "dotted")
    return tmp_path / "dotted", uninstall


def test_the_tokenizers_package_is_recorded(dotted: tuple[Path, Callable[[], None]]) -> None:
    manifest = json.loads((dotted[0] / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["tokenizer"] == {"distribution": "dots-package", "version": "1.0"}
    assert manifest["libraries"]["dots-package"] == "1.0"
    model = load(dotted[0])
    assert model.vocabulary_.words[3:] == ("1a", "1b")
    assert model.digest == NGram(order=2).fit(Corpus.read(TEXT, TextPipeline(tokenizer="dots"))).digest


def test_a_built_in_tokenizer_is_not_recorded(tmp_path: Path) -> None:
    NGram(order=2).fit(TEXT).save(tmp_path / "model")
    assert "tokenizer" not in json.loads((tmp_path / "model" / "manifest.json").read_text(encoding="utf-8"))


def test_a_model_whose_tokenizer_is_uninstalled_names_the_package(dotted: tuple[Path, Callable[[], None]]) -> None:
    path, uninstall = dotted
    uninstall()
    assert error_of(lambda: load(path)) == (
        f"{path}: tokenizer 'dots' comes from the package dots-package, which is not installed: "
        "pip install dots-package"
    )


def test_another_packages_tokenizer_of_the_name_is_not_taken(
    dotted: tuple[Path, Callable[[], None]], install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, uninstall = dotted
    expected = load(path).perplexity(TEXT)
    install_dots(install, "other-dots", "2")
    with pytest.raises(PluginError, match="2 plugins have the name 'dots'"):
        TextPipeline(tokenizer="dots").tokenize("a")
    assert load(path).perplexity(TEXT) == expected

    class BuiltIn(tokenizers.SpaceTokenizer):
        name = "dots"

    monkeypatch.setitem(tokenizers.BUILT_IN, "dots", BuiltIn)  # as a later nlmkit might have it
    assert load(path).perplexity(TEXT) == expected
    uninstall()
    assert "pip install dots-package" in error_of(lambda: load(path))


def test_a_tokenizer_named_with_its_package(install: Install, tmp_path: Path) -> None:
    install_dots(install, "dots-package", "1")
    uninstall = install_dots(install, "other-dots", "2")
    model = NGram(order=2).fit(Corpus.read(TEXT, TextPipeline(tokenizer="other-dots:dots")))
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").perplexity(TEXT) == model.perplexity(TEXT)
    uninstall()
    assert "tokenizer 'dots' comes from the package other-dots" in error_of(lambda: load(tmp_path / "model"))


def test_a_member_keeps_its_tokenizer(dotted: tuple[Path, Callable[[], None]], tmp_path: Path) -> None:
    path, uninstall = dotted
    Cache(model=load(path), weight=0.1, decay=0.1).fit().save(tmp_path / "cache")
    assert load(tmp_path / "cache").perplexity(TEXT) > 1
    uninstall()
    assert error_of(lambda: load(tmp_path / "cache")).endswith("pip install dots-package")


@pytest.mark.parametrize("value", ["dots-package", None, {}, {"distribution": 3}, {"distribution": "../x"}])
def test_a_damaged_record_of_the_tokenizer_is_an_error(dotted: tuple[Path, Callable[[], None]], value: Any) -> None:
    path = dotted[0] / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["tokenizer"] = value
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert "tokenizer has a wrong type" in error_of(lambda: load(dotted[0]))


def test_a_model_is_saved_though_its_tokenizer_was_uninstalled(install: Install, tmp_path: Path) -> None:
    """Nothing that was trained is lost; only reading text is not possible then."""
    uninstall = install_dots(install, "dots-package", "1")
    model = NGram(order=2).fit(Corpus.read(TEXT, TextPipeline(tokenizer="dots")))
    uninstall()
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.perplexity([["1a", "1b"]]) == model.perplexity([["1a", "1b"]])
    with pytest.raises(UnknownComponentError, match="no tokenizer named 'dots'"):
        again.perplexity(["a b"])
