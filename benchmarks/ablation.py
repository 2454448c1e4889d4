"""An ablation table: options of a recipe switched on or off, each in turn, beside the recipe itself.

    python benchmarks/ablation.py TRAIN VALID --output ablation.jsonl [--component lstm] [--preset none] \
        [--steps 2000 | --epochs 10 | --budget 1200] [--seeds 3] [-p dropout_output=0.4 ...] \
        [--with optimizer=muon,lr=0.008 ...] [--without dropout_input ...] [--checkpoints FOLDER]
    python benchmarks/ablation.py --output ablation.jsonl --table

With --steps or --epochs all runs take the same number of steps of the same schedule, whatever the machine is doing
meanwhile; with --budget each takes what the time allows, so the machine must be left alone. Each is one line of JSON,
appended when it is done: the same command goes on where it was interrupted, and does nothing twice; with --checkpoints
also within a run. The table has the mean perplexity on VALID of the seeds, the standard deviation between them, and
the difference to the whole recipe, seed by seed. A run counts with the weights that fit keeps, those of its best
evaluation.

What is switched on is each argument of --with: values separated by commas are set together. What is removed is each
option of the table REGULARISERS that is on; --without names others, and with --with alone nothing is removed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import shutil
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import nlmkit
from nlmkit.core import registry
from nlmkit.core.run import RunOptions
from nlmkit.text import Corpus

REGULARISERS: Mapping[str, Any] = {
    "dropout_input": 0.0,
    "dropout_hidden": 0.0,
    "dropout_output": 0.0,
    "dropout_embedding": 0.0,
    "dropout_recurrent": 0.0,
    "weight_drop": 0.0,
    "zoneout": 0.0,
    "ar": 0.0,
    "tar": 0.0,
    "l1": 0.0,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "noising": 0.0,
    "state_reset": 0.0,
    "layer_norm": False,
    "bptt_random": False,
    "averaging": "none",
    "clip_norm": None,
    "clip_value": None,
    "locked": False,
    "tied": False,
}
"""Options that regularise, or are counted among them, and what each is when it is off."""

WHOLE = "—"


def main() -> None:
    """Train what is still missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", nargs="?")
    parser.add_argument("valid", nargs="?")
    parser.add_argument("--output", type=Path, required=True, help="file of JSON lines, appended to")
    parser.add_argument("--component", default="lstm", choices=("lstm", "gru", "rnnlm", "nnlm"))
    parser.add_argument("--preset", default="none")
    parser.add_argument("-p", dest="params", action="append", default=[], metavar="KEY=VALUE", help="as in nlmkit fit")
    parser.add_argument(
        "--with", dest="added", nargs="+", default=[], metavar="KEY=VALUE[,KEY=VALUE]", help="set these, each in turn"
    )
    parser.add_argument("--without", nargs="+", choices=tuple(REGULARISERS), help="remove these only, each in turn")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="of each run; 2000 by default")
    length.add_argument("--epochs", type=int, help="of each run")
    length.add_argument("--budget", type=float, help="seconds of each run")
    parser.add_argument("--checkpoints", type=Path, help="folder for checkpoints of the run that is under way")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each kind, with the seeds 1, 2, …")
    parser.add_argument("--threads", type=int, help="of torch; its own choice by default")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--table", action="store_true", help="train nothing, print what there is")
    arguments = parser.parse_args()
    if not arguments.table:
        if arguments.valid is None:
            parser.error("TRAIN and VALID are needed, or --table")
        run_all(arguments)
    print_table(read(arguments.output))


def run_all(arguments: argparse.Namespace) -> None:
    """Every run that the file lacks."""
    import torch

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    given = values_of(arguments.params)
    cls: Any = registry.get(arguments.component)
    recipe: dict[str, Any] = cls(preset=arguments.preset, **given).get_params()
    removed = arguments.without or ([] if arguments.added else switched_on(recipe))
    changes: list[tuple[str | None, dict[str, Any]]] = [(None, {})]
    changes += [(None, values_of(text.split(","))) for text in arguments.added]
    changes += [(option, {}) for option in removed]
    train, valid = Corpus.read(arguments.train), Corpus.read(arguments.valid)
    facts = {
        "component": arguments.component,
        "preset": arguments.preset,
        "given": given,
        **length_of(arguments),
        "train": train.events_digest,
        "valid": valid.events_digest,
    }
    done = {key_of(line) for line in read(arguments.output)}
    runs = [
        facts | {"without": option, "with": added, "seed": seed}
        for seed in range(1, arguments.seeds + 1)
        for option, added in changes
    ]
    missing = [line for line in runs if key_of(line) not in done]
    for number, line in enumerate(missing, 1):
        print(f"run {number} of {len(missing)}: {title_of(line)}, seed {line['seed']}", flush=True)
        values = given | {"preset": arguments.preset, "seed": line["seed"]} | line["with"]
        if line["without"] is not None:
            values[line["without"]] = REGULARISERS[line["without"]]
        if line.get("epochs"):
            values["epochs"] = line["epochs"]
        begin = time.perf_counter()
        report = fitted(cls(**values), train, valid, line, arguments).fit_report_
        figures = {
            "validation_perplexity": report["validation_perplexity"],
            "steps_taken": report["steps"],
            "epochs_taken": report["epochs"],
            "parameters": report["parameters"],
            "seconds": round(time.perf_counter() - begin, 1),
            "tokens_per_second": report["tokens_per_second"],
            "nlmkit": nlmkit.__version__,
            "torch": torch.__version__,
        }
        with arguments.output.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line | figures) + "\n")


def fitted(model: Any, train: Corpus, valid: Corpus, line: Mapping[str, Any], arguments: argparse.Namespace) -> Any:
    """Train one model, from its checkpoint if there is one."""
    options: dict[str, Any] = {"device": arguments.device}
    if line.get("budget"):
        options["budget_seconds"] = line["budget"]
    folder: Path | None = None
    if arguments.checkpoints is not None:
        folder = arguments.checkpoints / hashlib.sha256(key_of(line).encode()).hexdigest()[:16]
        folder.parent.mkdir(parents=True, exist_ok=True)
        options |= {"checkpoint": folder, "resume": folder.exists()}
    with exactly(line["steps"]) if line.get("steps") else contextlib.nullcontext():
        model.fit(train, valid=valid, run=RunOptions(**options))
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    return model


def length_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Length of each run: steps, epochs or seconds of a budget."""
    if arguments.budget is not None:
        return {"budget": arguments.budget}
    if arguments.epochs is not None:
        return {"epochs": arguments.epochs}
    return {"steps": arguments.steps or 2000}


@contextlib.contextmanager
def exactly(steps: int) -> Iterator[None]:
    """Let training plan just so many steps, in place of a number of epochs: schedules end with them."""
    from nlmkit.language_models.neural.streams import TrainingStream

    own = TrainingStream.steps
    TrainingStream.steps = lambda self, epochs: steps  # type: ignore[method-assign]
    try:
        yield
    finally:
        TrainingStream.steps = own  # type: ignore[method-assign]


def switched_on(recipe: Mapping[str, Any]) -> list[str]:
    """Regularisers that a recipe uses."""
    return [name for name, off in REGULARISERS.items() if name in recipe and recipe[name] != off]


def values_of(pairs: Iterable[str]) -> dict[str, Any]:
    """Values by option, from ``KEY=VALUE``."""
    return {key: value_of(text) for key, _, text in (pair.partition("=") for pair in pairs)}


def title_of(line: Mapping[str, Any]) -> str:
    """What is changed of the recipe."""
    if line["without"] is not None:
        return f"without {line['without']}"
    return ", ".join(f"{key}={json.dumps(value)}" for key, value in line.get("with", {}).items()) or WHOLE


def value_of(text: str) -> Any:
    """A value as JSON, or else as a string."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def read(path: Path) -> list[dict[str, Any]]:
    """Finished runs; an incomplete last line is dropped."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    if lines and not lines[-1].endswith("\n"):
        path.write_text("".join(lines[:-1]), encoding="utf-8")
        lines = lines[:-1]
    return [json.loads(line) for line in lines]


def key_of(line: Mapping[str, Any]) -> str:
    """What makes two runs the same."""
    names = ("component", "preset", "given", "steps", "epochs", "budget", "train", "valid", "without", "seed")
    return json.dumps([*(line.get(name) for name in names), line.get("with", {})], sort_keys=True)


def print_table(lines: list[dict[str, Any]]) -> None:
    """One Markdown table for each recipe in the file."""
    recipes: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        given = " ".join(f"{key}={json.dumps(value)}" for key, value in line["given"].items())
        units = {"steps": "steps", "epochs": "epochs", "budget": "seconds"}
        length = ", ".join(f"{line[name]:g} {unit}" for name, unit in units.items() if line.get(name))
        title = f"{line['component']}, preset={line['preset']} {given}".rstrip() + f", {length}"
        recipes.setdefault(f"{title} (texts {line['train'][:8]}, {line['valid'][:8]})", []).append(line)
    for title, runs in recipes.items():
        print(f"\n{title}\n")
        print("| changed | validation perplexity | ± | difference | ± | tokens/s | seeds | parameters |")
        print("|---|---|---|---|---|---|---|---|")
        by_option: dict[str, dict[int, dict[str, Any]]] = {}
        for run in runs:
            by_option.setdefault(title_of(run), {})[run["seed"]] = run
        whole = by_option.get(WHOLE, {})
        rows = []
        for option, by_seed in by_option.items():
            found = [run["validation_perplexity"] for run in by_seed.values()]
            paired = [
                run["validation_perplexity"] - whole[seed]["validation_perplexity"]
                for seed, run in by_seed.items()
                if seed in whole
            ]
            own = (statistics.fmean(paired), spread(paired)) if paired and option != WHOLE else ("", "")
            rows.append((option, statistics.fmean(found), spread(found), *own, len(found), by_seed))
        for option, mean, deviation, difference, between, seeds, by_seed in sorted(
            rows, key=lambda row: (row[0] != WHOLE, -row[1])
        ):
            shown = f"{difference:+.2f}" if isinstance(difference, float) else ""
            size = next(iter(by_seed.values()))["parameters"]
            speed = statistics.median(run["tokens_per_second"] for run in by_seed.values())
            print(f"| {option} | {mean:.2f} | {deviation} | {shown} | {between} | {speed:,.0f} | {seeds} | {size:,} |")


def spread(values: list[float]) -> str:
    """Standard deviation between seeds, as text."""
    return f"{np.std(values, ddof=1):.2f}" if len(values) > 1 else ""


if __name__ == "__main__":
    main()
