"""Feed every reader hostile inputs for a while, and report what came of them.

    python tests/fuzz/run.py --seconds 600
    python tests/fuzz/run.py --seconds 60 --only checkpoint --first-seed 100

An input is refused with an NlmkitError or accepted; anything else (another exception, ten seconds, a gigabyte) is a
fault. A fault's input is shrunk and kept in --keep, where the seed that makes it again is named; the exit code is 1.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import logging
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzz.targets import Target, targets
from nlmkit.errors import NlmkitError

SECONDS, MEGABYTES = 10, 1000
"""What one input of some kilobytes may take."""

EXAMPLES = 100


@dataclasses.dataclass
class Tally:
    """What came of a target's inputs."""

    inputs: int = 0
    accepted: int = 0
    refused: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    faults: list[str] = dataclasses.field(default_factory=list)


class SlowInputError(Exception):
    """An input took too long."""


def _too_slow(_signal: int, _frame: FrameType | None) -> None:
    raise SlowInputError(f"still busy after {SECONDS} s")


def try_input(target: Target, value: Any, tally: Tally) -> None:
    """Read one input; only a fault raises.

    Raises:
        Exception: the fault.
    """
    before, message = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, ""
    tally.inputs += 1
    signal.signal(signal.SIGALRM, _too_slow)
    signal.alarm(SECONDS)
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("error")
            target.read(value, Path(folder))
        tally.accepted += 1
    except NlmkitError as error:
        tally.refused[type(error).__name__] += 1
        message = str(error).strip()
    finally:
        signal.alarm(0)
    assert "\n" not in message, f"a message of several lines: {message}"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MEGABYTES, f"{grown:.0f} MB"


def fuzz(target: Target, number: int, tally: Tally, *, examples: int = EXAMPLES) -> None:
    """Try ``examples`` inputs, which the seed ``number`` decides.

    Raises:
        Exception: a fault, shrunk.
    """
    profile = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    @seed(number)
    @profile
    @given(target.inputs)
    def run(value: Any) -> None:
        try_input(target, value, tally)

    run()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="how long")
    parser.add_argument("--only", action="append", help="name of a target; may be repeated")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), help="folder for what is found")
    given_ = parser.parse_args()
    logging.getLogger("nlmkit").addHandler(logging.NullHandler())
    import torch

    torch.set_num_threads(1)
    chosen = [target for target in targets() if not given_.only or target.name in given_.only]
    tallies = {target.name: Tally() for target in chosen}
    ends, number = time.monotonic() + given_.seconds, given_.first_seed
    while time.monotonic() < ends:
        for target in chosen:
            if time.monotonic() >= ends:
                break
            try:
                fuzz(target, number, tallies[target.name])
            except Exception as error:  # a fault, or several
                text = "".join(traceback.format_exception(error))
                tallies[target.name].faults.append(f"seed {number}: {str(error).splitlines()[:1]}")
                given_.keep.mkdir(parents=True, exist_ok=True)
                (given_.keep / f"{target.name.replace(' ', '-')}-{number}.txt").write_text(text, encoding="utf-8")
        number += 1
    for name, tally in tallies.items():
        refused = ", ".join(f"{kind} {count}" for kind, count in tally.refused.most_common())
        print(f"{name}: {tally.inputs} inputs, {tally.accepted} accepted, {len(tally.faults)} faults; {refused}")
        for fault in tally.faults:
            print(f"  {fault}")
    total = sum(len(tally.faults) for tally in tallies.values())
    print(json.dumps({"inputs": sum(tally.inputs for tally in tallies.values()), "faults": total}))
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
