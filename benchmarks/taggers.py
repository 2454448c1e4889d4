r"""F1, or accuracy, of taggers on a data set by its customary split, with minutes and speed, as a Markdown table.

    python benchmarks/taggers.py conll2000 DATA --component bilstm-tagger --seeds 1 2 3
    python benchmarks/taggers.py ud-ewt DATA --component hmm-tagger crf-tagger
    python benchmarks/taggers.py pku DATA --component bilstm-tagger --seeds 1 2 3 --budget 20m --json pku.jsonl
    python benchmarks/taggers.py resume-ner DATA --development --component bilstm-tagger -p hidden=100
    python benchmarks/taggers.py pku DATA --component ensemble-tagger --seeds 1 2 3 --threads 1 -p decoding=mbr
        -p weights=[0.57,0.145] -p 'models=[{"component":"bilstm-tagger",
        "hyper_parameters":{"dropout_bigram":0.5,"weight_drop":0.3}},{"component":"hmm-tagger","hyper_parameters":{"order":2}}]'
    python benchmarks/taggers.py conll2000 DATA --speed --threads 1

DATA is the folder that has the folders conll2000, ud-ewt, resume-ner and pku; see ``tagging_data``. Each tagger is
fitted with its defaults, unless ``-p`` says otherwise, once per seed where it has a seed, and the table has mean and
standard deviation. With ``--development`` the report is on development data, and test sentences are not read.

The figure is F1 of spans (conll2000, resume-ner, pku) or accuracy (ud-ewt), in percent. The OOV figure is the recall of
spans with a word that training lacked, for pku the recall of such words, and for ud-ewt the accuracy on them. Minutes
are of the whole fit; CPU minutes are those of the processor, of all threads, by which other work on the machine hardly
counts. Sentences per second of the fit count every pass over the training sentences; those of tagging are of
``predict`` on the test sentences. A row of the JSON file is one fit, and is there as soon as it is done.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

from measuring import processor, seconds, settings_of
from tagging_data import TASKS, Sets

from nlmkit import RunOptions, Tagger
from nlmkit.core import registry

COMPONENTS = ("hmm-tagger", "crf-tagger", "bilstm-tagger")

HEADINGS = (
    "tagger",
    "figure",
    "precision",
    "recall",
    "OOV",
    "fits",
    "fit, minutes",
    "CPU minutes",
    "passes",
    "fit, sentences/s",
    "tagging, sentences/s",
)


def main() -> None:
    """Fit, report, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("data", type=Path)
    parser.add_argument("--component", nargs="+", default=list(COMPONENTS), help="names of taggers")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="of the taggers that have one")
    parser.add_argument("--budget", help="of the fit of neural taggers, such as 90s or 10m, instead of their epochs")
    parser.add_argument("--threads", type=int, help="of torch; its own choice by default")
    parser.add_argument("--development", action="store_true", help="report on development data")
    parser.add_argument("-p", action="append", default=[], metavar="[NAME.]KEY=VALUE", help="a hyper-parameter")
    parser.add_argument("--json", type=Path, help="file that gets a line for each fit")
    parser.add_argument("--speed", action="store_true", help="time training and tagging instead; see tagger_speed")
    parser.add_argument("--rounds", type=int, default=3, help="of --speed")
    arguments = parser.parse_args()
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    print(f"{processor()}; load {os.getloadavg()[0]:.1f} at the start\n", flush=True)
    if arguments.speed:
        import tagger_speed

        sets = TASKS[arguments.task](arguments.data, development=arguments.development, features=True)
        tagger_speed.show(sets.train, sets.test, settings_of("bilstm-tagger", arguments.p), arguments.rounds)
        return
    print("| " + " | ".join(HEADINGS) + " |", flush=True)
    print("|" + "---|" * len(HEADINGS), flush=True)
    run = RunOptions(budget_seconds=None if arguments.budget is None else seconds(arguments.budget))
    for name in arguments.component:
        cls: Any = registry.get(name)
        sets = TASKS[arguments.task](arguments.data, development=arguments.development, features=cls.takes_features)
        settings = settings_of(name, arguments.p)
        found = []
        for seed in arguments.seeds if "seed" in cls.hyper_parameters() else [None]:
            tagger: Tagger = cls(**settings, **({} if seed is None else {"seed": seed}))
            found.append(measure(tagger, sets, run if cls.trains_in_steps else RunOptions()))
            if arguments.json is not None:
                about = {"task": arguments.task, "development": arguments.development, "cpu": processor()}
                with arguments.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(about | found[-1]) + "\n")
        print(row(name, found), flush=True)


def measure(tagger: Tagger, sets: Sets, run: RunOptions) -> dict[str, Any]:
    """Fit, report and tag once."""
    begin, worked = time.perf_counter(), time.process_time()
    tagger.fit(sets.train, run=run)
    fitted, worked = time.perf_counter() - begin, time.process_time() - worked
    report = tagger.report(sets.test)
    untagged = sets.test.without_tags()
    begin = time.perf_counter()
    tagger.predict(untagged)
    tagged = time.perf_counter() - begin
    passes = tagger.fit_report_.get("epochs")
    return {
        "tagger": tagger.name,
        "figure": report.score,
        "precision": report.precision,
        "recall": report.recall,
        "accuracy": report.accuracy,
        "oov": report.oov_accuracy if report.f1 is None else report.oov_recall,
        "intervals": report.intervals,
        "by_type": report.to_dict()["by_type"],
        "minutes": fitted / 60,
        "cpu_minutes": worked / 60,
        "passes": passes,
        "fit_sentences_per_second": len(sets.train) * (passes or 1) / fitted,
        "tagging_sentences_per_second": len(sets.test) / tagged,
        "sentences": [len(sets.train), len(sets.test)],
        "tokens": [sets.train.tokens, sets.test.tokens],
        "hyper_parameters": tagger.params_as_json(),
        "fit": {key: value for key, value in tagger.fit_report_.items() if key != "history"},
    }


def row(name: str, found: list[dict[str, Any]]) -> str:
    """A row of the table: means over the fits, with the standard deviation of the figure where there are several."""

    def percent(key: str) -> str:
        values = [100 * fit[key] for fit in found if fit[key] is not None]
        if not values:
            return "-"
        spread = f" ± {statistics.stdev(values):.2f}" if key == "figure" and len(values) > 1 else ""
        return f"{statistics.mean(values):.2f}{spread}"

    def mean(key: str, digits: int) -> str:
        values = [fit[key] for fit in found if fit[key] is not None]
        return f"{statistics.mean(values):.{digits}f}" if values else "-"

    minutes = [mean(key, 2) for key in ("minutes", "cpu_minutes")]
    cells = [percent(key) for key in ("figure", "precision", "recall", "oov")]
    speeds = [mean(key, 0) for key in ("fit_sentences_per_second", "tagging_sentences_per_second")]
    return "| " + " | ".join([name, *cells, str(len(found)), *minutes, mean("passes", 1), *speeds]) + " |"


if __name__ == "__main__":
    main()
