"""A new kind is one row and its package: everything below works for a kind that nlmkit has never heard of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from toys.plugin_packages import write_package

import nlmkit

MODULES = {
    "counters_base": '''
from nlmkit.core.component import Component

class Counter(Component):
    """A number found in text."""

    kind = "counter"
''',
    "counters_words": '''
import dataclasses

from counters_base import Counter
from nlmkit.core.parameters import param
from nlmkit.saving.state import FittedState

@dataclasses.dataclass(kw_only=True)
class Words(Counter):
    """Counts words."""

    name = "words"
    factor: int = param(1, ge=1, help="of the count")

    def fit(self, data, *, valid=None, run=None):
        from nlmkit.text import Corpus

        self.total_ = self.factor * (data if isinstance(data, Corpus) else Corpus.read(data)).tokens
        return self

    def score(self, data):
        self.check_fitted()
        return float(self.total_)

    def fitted_state(self):
        self.check_fitted()
        return FittedState({}, {"total": self.total_})

    def restore(self, state):
        self.total_ = state.metadata["total"]
''',
    "counters_cli": """
import click

from nlmkit.cli import output
from nlmkit.cli.kinds.text import TextPart
from nlmkit.core.kinds import kind_called

class CounterPart(TextPart):
    kind = kind_called("counter")
    fit_options = {"tally": click.option("--tally", help="Counter: an option that no other kind has.")}
    score_flags = {"places": click.option("--places", type=int, help="Counter: digits of the score.")}

    def facts(self, fitted, data=None):
        return super().facts(fitted, data) | {"total": fitted.total_}

    def score(self, model, component, texts, *, as_json, encoding, quiet, places=0):
        output.write(f"{component.score(texts):.{places}f}\\n")

PART = CounterPart()
""",
    "counters_kit": """
from nlmkit.testing import component
from nlmkit.testing.checks import Check, require

class Subject(component.Subject):
    def training(self, *, other=False):
        return ((["a b", "c"] if other else ["a"]),), {}
    def results(self, component):
        return component.score(None)
    def uses(self, component):
        return {}
    def inputs(self):
        return []
    def score(self, component):
        return component.score(None)

def counts_words(subject):
    require(subject.fitted.total_ == subject.component.factor, "it miscounts")

CHECKS = (Check("counts_words", "It counts words.", counts_words, lambda subject: True),)
""",
}

PROGRAM = """
import json, os, sys
from pathlib import Path

import nlmkit.core.kinds as kinds

row = kinds.Kind(
    name="counter", group="nlmkit.counters", base="counters_base:Counter", data="nlmkit.cli.texts:read_texts",
    needs_text=False, cli="counters_cli", kit="counters_kit", template=os.getcwd() + "/template",
    serving="counters_serving", synonyms=("tally",),
)
kinds.KINDS = (*kinds.KINDS, row)
kinds._BY_NAME[row.name] = row

from click.testing import CliRunner
from nlmkit.cli.group import nlmkit
from nlmkit.core import registry, storage
from nlmkit.errors import UnknownComponentError
from nlmkit.scaffold import new_plugin
from nlmkit.testing import run_checks

def run(*args):
    done = CliRunner().invoke(nlmkit, args, prog_name="nlmkit")
    return done.exit_code, done.stdout or done.stderr

found = {}
found["listed"] = [entry.name for entry in registry.entries() if entry.kind == "counter"]
found["checked"] = [result.ok for result in registry.check("words")]
found["fit"] = run("fit", "words", "text.txt", "-o", "model", "-p", "factor=2", "--json")
found["score"] = run("score", "model", "--places", "2")
found["foreign"] = run("score", "model", "--analogies")
found["refused"] = run("fit", "ngram", "text.txt", "-o", "lm", "--tally", "x")
found["loaded"] = storage.load("model").total_
found["kit"] = [(outcome.name, outcome.passed) for outcome in run_checks(registry.get("words")(factor=3))]
new_plugin("my-counter", "counter", "package")
found["package"] = Path("package/my_counter/counter.py").read_text()
try:
    registry.get("tally")
except UnknownComponentError as error:
    found["synonym"] = str(error)
print(json.dumps(found))
"""


def test_a_row_and_a_package_are_all_that_a_new_kind_needs(tmp_path: Path) -> None:
    write_package(
        tmp_path / "site",
        "counters",
        groups={"nlmkit.counters": {"words": "counters_words:Words"}},
        modules=MODULES,
    )
    template = tmp_path / "template"
    template.mkdir()
    (template / "summary.txt").write_text("A counter\n", encoding="utf-8")
    (template / "component.py.txt").write_text("# {{kind}} {{class}}: {{summary}}\n", encoding="utf-8")
    (template / "test.py.txt").write_text("# {{name}}\n", encoding="utf-8")
    (tmp_path / "text.txt").write_text("a b c\nd e\n", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path / "site"), str(Path(nlmkit.__file__).parents[1]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["listed"], found["checked"]) == (["words"], [True])
    code, facts = found["fit"][0], json.loads(found["fit"][1])
    assert (code, facts["kind"], facts["total"], facts["corpus"]["tokens"]) == (0, "counter", 10, 5)
    assert facts["resolved"]["params"] == {"factor": 2}
    assert found["score"] == [0, "10.00\n"]
    assert found["foreign"][0] == 2
    assert "--analogies does not apply to a counter, which model is" in found["foreign"][1]
    assert found["refused"][0] == 2
    assert "--tally: for counters, and ngram is a language-model" in found["refused"][1]
    assert found["loaded"] == 10
    assert found["kit"] == [["counts_words", True]]
    assert found["package"] == "# counter MyCounter: A counter\n"
    assert "it is a kind of component; choose one of: words" in found["synonym"]
