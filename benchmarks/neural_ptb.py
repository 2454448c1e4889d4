"""Perplexity of every neural language model on the Penn Treebank in a given time, and what stacking adds.

    python benchmarks/neural_ptb.py TRAIN VALID TEST --out RUNS [--budget 20m] [--models lstm hybrid gru rnnlm nnlm]

Each model is fitted by ``nlmkit fit MODEL --budget`` with the settings below, on an otherwise idle machine; the test
text is scored once, in stream mode, when everything is chosen. Then KN5, the LSTM and caches are mixed, and the hybrid
model gets caches, all weights fitted on the validation text. Models that lie in RUNS already are not fitted again.
Prints one table, the curves of validation perplexity over minutes, and writes them to RUNS/table.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

NEURAL = {
    "lstm": (),
    "hybrid": (),
    "gru": ("dropout=0.4",),
    "rnnlm": ("dropout=0.3",),
    "nnlm": ("noising=0.2", "noising_scheme=kneser-ney"),
}
"""The models with what differs from their defaults, chosen on the validation text."""


def nlmkit(*args: str) -> dict[str, Any]:
    """Run the command line and read its JSON."""
    done = subprocess.run([sys.executable, "-m", "nlmkit", *args, "--json"], check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def fit_neural(name: str, chosen: argparse.Namespace) -> list[tuple[float, float]]:
    """Fit a model unless it is there; its curve as (minutes, validation perplexity)."""
    folder, log = chosen.out / name, chosen.out / f"{name}.jsonl"
    if not folder.exists():
        nlmkit(
            *("fit", name, chosen.train, "--valid", chosen.valid, "-o", str(folder), "--budget", chosen.budget),
            *("--seed", str(chosen.seed), "--log", str(log)),
            *(word for p in (*NEURAL[name], *chosen.p) for word in ("-p", p)),
        )
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [
        (line["seconds"] / 60, line["validation_perplexity"])
        for line in lines
        if line.get("validation_perplexity") is not None
    ]


def stack(chosen: argparse.Namespace, fitted: Collection[str]) -> list[str]:
    """KN5, the fitted LSTM or hybrid model, and caches; every weight is fitted on the validation text, as a stream."""
    out, stream = chosen.out, ("-p", "context=stream", "--valid", chosen.valid)
    steps: dict[str, tuple[str, ...]] = {"kn5": ("ngram", chosen.train, "-p", "order=5")}

    def cached(name: str) -> None:
        steps[f"{name}-cache"] = ("cache", "--model", str(out / name), *stream)

    def mixed(name: str, *members: str) -> None:
        steps[name] = ("mixture", *(word for each in members for word in ("--model", str(out / each))), *stream)

    cached("kn5")
    for name in [name for name in ("lstm", "hybrid") if name in fitted]:
        cached(name)
        steps[f"{name}-neural-cache"] = ("cache", "--model", str(out / name), "-p", "method=neural", *stream)
    if "lstm" in fitted:
        mixed("lstm-kn5", "kn5", "lstm")
        mixed("lstm-cache-kn5-cache", "kn5-cache", "lstm-cache")
        mixed("lstm-neural-cache-kn5-cache", "kn5-cache", "lstm-neural-cache")
    for name, (component, *rest) in steps.items():
        if not (out / name).exists():
            nlmkit("fit", component, *rest, "-o", str(out / name))
    return list(steps)


def main() -> None:
    """Fit, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("train", "valid", "test"):
        parser.add_argument(name)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", default="20m")
    parser.add_argument("--models", nargs="*", choices=NEURAL, default=list(NEURAL))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-p", action="append", default=[], help="a hyper-parameter for every neural model")
    parser.add_argument("--no-stack", action="store_true")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)

    curves = {name: fit_neural(name, chosen) for name in chosen.models}
    names = list(curves)
    if not chosen.no_stack:
        names += stack(chosen, curves)
    rows = []
    for name in names:
        report = nlmkit("perplexity", str(chosen.out / name), chosen.test, "--context", "stream")
        rows.append({key: report[key] for key in ("perplexity", "events", "adapted", "signature")} | {"model": name})
        print(f"{name:<30}{report['perplexity']:>9.2f}  {'adapts to the test text' if report['adapted'] else ''}")
    for name, curve in curves.items():
        print(name, " ".join(f"{minutes:.1f}m:{perplexity:.1f}" for minutes, perplexity in curve))
    (chosen.out / "table.json").write_text(json.dumps({"table": rows, "curves": curves}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
