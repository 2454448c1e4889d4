"""``nlmkit.plugin``: what plugins import, all of it and nothing else; and the stubs of public names."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import nlmkit
import nlmkit.plugin
from nlmkit.core.kinds import KINDS

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "nlmkit" / "scaffold" / "template"
PACKAGES = sorted((ROOT / "plugins").glob("*/nlmkit_*/*.py"))
BLANKS = sorted(TEMPLATES.glob("*/*.py.txt"))
TESTS = sorted((ROOT / "plugins").glob("*/tests/*.py"))


def imports_of_nlmkit(code: str) -> Iterator[tuple[str, str]]:
    """Each name that is imported of nlmkit, with its module; a module that is imported whole has no name."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.partition(".")[0] == "nlmkit")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "nlmkit":
            yield from ((node.module or "", alias.name) for alias in node.names)


def python_of(template: Path) -> str:
    return re.sub(r"{{(\w+)}}", r"\1_", template.read_text(encoding="utf-8"))


def test_there_is_something_to_check() -> None:
    assert {file.parent.parent.name for file in PACKAGES} == {
        f"nlmkit-{name}" for name in ("chinese", "fasttext", "kenlm", "template", "transformer")
    }
    assert {kind.template for kind in KINDS} < {folder.name for folder in TEMPLATES.iterdir()}
    found = {module for file in PACKAGES for module, _ in imports_of_nlmkit(file.read_text(encoding="utf-8"))}
    assert found == {"nlmkit.plugin"}


@pytest.mark.parametrize("file", PACKAGES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_plugins_import_nothing_else(file: Path) -> None:
    for module, name in imports_of_nlmkit(file.read_text(encoding="utf-8")):
        assert (module, name in nlmkit.plugin.__all__) == ("nlmkit.plugin", True), f"{module} {name}"


@pytest.mark.parametrize("file", TESTS, ids=lambda file: f"{file.parents[1].name}/{file.name}")
def test_their_tests_import_public_names_beside(file: Path) -> None:
    """And the texts that the conformance kits use."""
    for module, name in imports_of_nlmkit(file.read_text(encoding="utf-8")):
        public = {"nlmkit.plugin": nlmkit.plugin.__all__, "nlmkit": nlmkit.__all__, "nlmkit.testing": ["data"]}
        assert name in public.get(module, ()), f"{module} {name}"


@pytest.mark.parametrize(
    "file", sorted(TEMPLATES.glob("*/*.py.txt")), ids=lambda file: f"{file.parent.name}/{file.name}"
)
def test_new_plugins_import_nothing_else(file: Path) -> None:
    for module, name in imports_of_nlmkit(python_of(file)):
        assert (module, name in nlmkit.plugin.__all__) == ("nlmkit.plugin", True), f"{module} {name}"


def test_the_guide_imports_nothing_else() -> None:
    guide = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    found = set(re.findall(r"(?:from|import) (nlmkit[\w.]*)", guide))
    assert found == {"nlmkit.plugin"}


def test_every_name_is_what_its_module_has() -> None:
    homes = {name: home for home, names in nlmkit.plugin._HOMES.items() for name in names}
    assert sorted(homes) == nlmkit.plugin.__all__
    for name, home in homes.items():
        value = getattr(nlmkit.plugin, name)
        assert value is getattr(import_module(home), name), name
        assert vars(nlmkit.plugin)[name] is value
    assert set(nlmkit.plugin.__all__) <= set(dir(nlmkit.plugin))


def test_the_docstring_lists_every_name_once() -> None:
    listed = re.findall(r"``(\w+)", nlmkit.plugin.__doc__ or "")
    wanted = set(nlmkit.plugin.__all__)
    assert {name for name in listed if name in wanted} == wanted
    assert set(listed) - wanted == {"nlmkit", "fit", "sentence", "stream", "fitted_state", "restore"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'nlmkit\.plugin' has no attribute 'parma'"):
        nlmkit.plugin.parma  # noqa: B018
    with pytest.raises(ImportError):
        from nlmkit.plugin import parma  # noqa: F401


def test_the_bases_of_all_kinds_are_there() -> None:
    for kind in KINDS:
        assert getattr(nlmkit.plugin, kind.base_name) is kind.base_class()


def test_the_stubs_are_up_to_date() -> None:
    """Run scripts/public_names.py if this fails."""
    spec = importlib.util.spec_from_file_location("public_names", ROOT / "scripts" / "public_names.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = module.stubs()
    assert sorted(file.name for file in written) == ["__init__.pyi", "plugin.pyi"]
    for file, text in written.items():
        assert file.read_text(encoding="utf-8") == text, file.name


@pytest.mark.slow
def test_types_of_a_plugin_are_checked(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api", reason="types are checked by mypy")
    right = tmp_path / "right.py"
    right.write_text(
        "from nlmkit.plugin import LanguageModel, RunOptions, load, optional, param\n"
        "size: int = param(3, ge=1, help='so many')\n"
        "run: RunOptions = RunOptions(progress=None)\n"
        "lm: LanguageModel = load('model', LanguageModel)\n"
        "optional.require('kenlm', extra='kenlm', who='kenlm')\n",
        encoding="utf-8",
    )
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from nlmkit.plugin import RunOptions, parma\nRunOptions(workers='two')\n", encoding="utf-8")
    # Other packages are left out, of which torch alone takes most of the time; the types are of nlmkit.
    settings = tmp_path / "mypy.ini"
    settings.write_text(
        f"[mypy]\nmypy_path = {ROOT}\nstrict = true\nfollow_imports = skip\n[mypy-nlmkit.*]\nfollow_imports = silent\n",
        encoding="utf-8",
    )
    options = ["--no-error-summary", "--config-file", str(settings), "--cache-dir", str(tmp_path / "cache")]
    out, err, _ = api.run([*options, str(right), str(wrong)])
    assert err == ""
    found = [line for line in out.splitlines() if ": error:" in line]
    assert [line.rpartition("[")[2] for line in found] == ["attr-defined]", "arg-type]"], out


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import nlmkit.plugin; dir(nlmkit.plugin), nlmkit.plugin.__all__",
        "from nlmkit.plugin import Classifier, LanguageModel, Regressor, Representation, VocabularyLimits, param",
        "from nlmkit.plugin import DataError, FittedState, RunOptions, check_context, load, require, require_array",
        "from nlmkit.plugin import NGram, NeuralLanguageModel, RegularizationOptions, WordTokenizer, optional",
    ],
)
def test_importing_names_imports_nothing_heavy(code: str) -> None:
    heavy = ("numpy", "torch", "gensim", "nltk", "scipy", "sklearn", "pytest", "click", "safetensors")
    probe = f"{code}\nimport sys; print(*(name for name in {heavy!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
