"""Every plugin under plugins/ in a clean virtual environment, as its users would have it.

    python benchmarks/plugins_clean_venv.py [--only NAME ...] [--keep FOLDER]

Builds the wheel of nlmkit and installs it with the versions of constraints.txt; installs and checks a package that
`nlmkit plugins new` writes; then, for each plugin: builds its wheel, installs it, finds its components in
`nlmkit list`, runs their conformance checks, fits, saves, loads and scores from the command line, uninstalls it, and
sees that everything else still works and that the saved model names the package that is missing. Prints one line a
step and ends with 1 at the first that fails. Needs pip's package index.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLUGINS = ROOT / "plugins"
CONSTRAINTS = ROOT / "constraints.txt"

# For each plugin: its components, the command that fits a model, and commands that use it.
SMALL = "layers=2 heads=2 embedding=32 hidden=64 window=16 epochs=1 batch=16 bptt=32"
PLAN: dict[str, tuple[list[str], list[str], list[list[str]]]] = {
    "nlmkit-template": (
        ["template"],
        ["fit", "template", "corpus:english", "-o", "{model}"],
        [["perplexity", "{model}", "corpus:english/test", "--json"]],
    ),
    "nlmkit-kenlm": (
        ["kenlm"],
        ["fit", "kenlm", "corpus:english", "-o", "{model}", "-p", "file={work}/english.arpa"],
        [["perplexity", "{model}", "corpus:english/test", "--json"], ["generate", "{model}", "--max-tokens", "5"]],
    ),
    "nlmkit-chinese": (
        ["jieba", "jieba-dictionary"],
        ["fit", "ngram", "corpus:chinese", "-o", "{model}", "-p", "order=2", "--tokenizer", "jieba"],
        [["perplexity", "{model}", "corpus:chinese/test", "--json"], ["generate", "{model}", "--max-tokens", "5"]],
    ),
    "nlmkit-fasttext": (
        ["fasttext"],
        ["fit", "fasttext", "corpus:english", "-o", "{model}", "-p", "dimension=16", "-p", "epochs=1"],
        [["similar", "{model}", "walkings"], ["show", "{model}", "--json"]],
    ),
    "nlmkit-transformer": (
        ["transformer"],
        ["fit", "transformer", "corpus:english", "-o", "{model}", *(f"-p{pair}" for pair in SMALL.split())],
        [["perplexity", "{model}", "corpus:english/test", "--json"], ["score", "{model}", "corpus:english/test"]],
    ),
}


class Environment:
    """A virtual environment and a folder to work in.

    Args:
        folder: Where both are made.
    """

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        venv.create(folder / "venv", with_pip=True)
        self._bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        hidden = ("NLMKIT", "PYTHON", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        self._variables = kept | {"PATH": f"{self._bin}{os.pathsep}{kept['PATH']}"}

    def run(self, what: str, *command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment and print a line about it; end the program if its exit code is wrong."""
        started = time.perf_counter()
        done = subprocess.run(
            [str(self._bin / command[0]), *command[1:]],
            cwd=self.work,
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
        )
        print(f"{time.perf_counter() - started:7.1f} s  {what}", flush=True)
        if done.returncode != code:
            fail(f"{' '.join(command)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done

    def pip(self, what: str, *arguments: str) -> None:
        """Run pip."""
        self.run(what, "python", "-m", "pip", "--disable-pip-version-check", "-q", *arguments)

    def install(self, source: Path) -> None:
        """Build the wheel of a source tree and install it with the versions of constraints.txt."""
        name = "nlmkit" if source == ROOT else source.name
        wheels = self.work / "wheels"
        self.pip(f"build the wheel of {name}", "wheel", "--no-deps", "-w", str(wheels), str(source))
        (wheel,) = wheels.glob(f"{name.replace('-', '_')}-[0-9]*.whl")
        self.pip(f"install {name}", "install", "-c", str(CONSTRAINTS), "--find-links", str(wheels), str(wheel))

    def listed(self) -> dict[str, str]:
        """Names of components and tokenizers that plugins add, each with its package."""
        entries = json.loads(self.run("nlmkit list", "nlmkit", "list", "--json").stdout)
        return {entry["name"]: entry["distribution"] for entry in entries if not entry["builtin"]}


def fail(problem: str) -> None:
    """End the program."""
    sys.exit(f"FAILED: {problem}")


def try_plugin(environment: Environment, name: str) -> None:
    """Install a plugin, use it, uninstall it."""
    names, fit, uses = PLAN[name]
    model = str(environment.work / f"model-of-{name}")

    def filled(arguments: Sequence[str]) -> list[str]:
        return [argument.format(model=model, work=environment.work) for argument in arguments]

    environment.install(PLUGINS / name)
    if environment.listed() != dict.fromkeys(names, name):
        fail(f"nlmkit list has other plugins than {', '.join(names)} of {name}")
    for component in names:
        checked = environment.run(f"check {component}", "nlmkit", "plugins", "check", component, "--json")
        (result,) = json.loads(checked.stdout)
        print(f"{'':10}  {len(result['checks'])} conformance checks passed")
    environment.run(f"{' '.join(fit[:2])}, save", "nlmkit", *filled(fit), "--quiet")
    for use in uses:
        done = environment.run(f"load, {use[0]}", "nlmkit", *filled(use))
        if "--json" in use and use[0] == "perplexity":
            found = json.loads(done.stdout)["perplexity"]
            print(f"{'':10}  perplexity {found:.6f}")
            if name == "nlmkit-kenlm" and abs(found / ngram_perplexity(environment) - 1) > 1e-5:
                fail("KenLM's perplexity is not that of nlmkit's own model")

    environment.pip(f"uninstall {name}", "uninstall", "-y", name)
    if environment.listed():
        fail(f"{name} is uninstalled and still listed")
    missing = environment.run("its model, without it", "nlmkit", "score", model, "corpus:english/test", code=1)
    if len(missing.stderr.splitlines()) != 1 or f"pip install {name}" not in missing.stderr:
        fail(f"the model of an uninstalled plugin says {missing.stderr!r}")
    ngram_perplexity(environment)
    environment.run("check the rest", "nlmkit", "plugins", "check")


def try_new_plugin(environment: Environment) -> None:
    """Let the installed nlmkit write a package, install it, and check it."""
    environment.run("nlmkit plugins new", "nlmkit", "plugins", "new", "my-model")
    environment.install(environment.work / "my-model")
    environment.run("check my-model", "nlmkit", "plugins", "check", "my-model")
    environment.pip("uninstall my-model", "uninstall", "-y", "my-model")


def ngram_perplexity(environment: Environment) -> float:
    """Perplexity of the built-in model, which must always be to be had, and always the same."""
    done = environment.run("built-in perplexity", "nlmkit", "perplexity", "english", "corpus:english/test", "--json")
    found: float = json.loads(done.stdout)["perplexity"]
    return found


def main() -> None:
    """Try all plugins, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PLAN, metavar="NAME", help="plugins to try; all by default")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make the environment here, and leave it there")
    chosen = parser.parse_args()
    if sorted(PLAN) != sorted(path.name for path in PLUGINS.iterdir() if (path / "pyproject.toml").is_file()):
        fail("there are other plugins than this program knows")
    with tempfile.TemporaryDirectory() as temporary:
        environment = Environment(chosen.keep or Path(temporary))
        environment.install(ROOT)
        environment.run("fit ngram", "nlmkit", "fit", "ngram", "corpus:english", "-o", "english", "-p", "order=3")
        environment.run("export it", "nlmkit", "export", "english", "english.arpa")
        expected = ngram_perplexity(environment)
        try_new_plugin(environment)
        for name in chosen.only or PLAN:
            print(f"\n{name}", flush=True)
            try_plugin(environment, name)
            if ngram_perplexity(environment) != expected:
                fail(f"after {name} the built-in model has another perplexity")
    print("\nall passed")


if __name__ == "__main__":
    main()
