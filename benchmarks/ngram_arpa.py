"""ARPA files of nlmkit beside KenLM: writing, reading, and the perplexity of a text as a whole process.

    python benchmarks/ngram_arpa.py TEXT TEST [--order 5] [--workers 2] [--build-binary PATH --query PATH]

Fits an n-gram model on TEXT, and prints JSON: for each job wall and CPU seconds and the peak memory in MB of a process
of its own, which loads Python and the model too. KenLM's module reads the ARPA file into a probing table in memory;
with --build-binary and --query, its programs are measured too. The file that comes back must score TEST alike.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_NLMKIT = [sys.executable, "-m", "nlmkit"]
_KENLM = "import kenlm, sys; kenlm.Model(sys.argv[1])"


def measured(command: list[str], *, stdin: Path | None = None) -> dict[str, float]:
    """Run a command; return its wall and CPU seconds and its peak memory."""
    begin = time.perf_counter()
    with open(stdin or os.devnull, "rb") as file:
        process = subprocess.Popen(command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")
    return {
        "seconds": round(time.perf_counter() - begin, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss / 1024),
    }


def perplexity(model: Path, test: Path) -> float:
    """Return the perplexity of the test text."""
    answer = subprocess.run([*_NLMKIT, "perplexity", str(model), str(test), "--json"], capture_output=True, check=True)
    return float(json.loads(answer.stdout)["perplexity"])


def query_perplexity(query: str, binary: Path, test: Path) -> float:
    """Return the perplexity by KenLM's query, whose logarithms are float32."""
    with test.open("rb") as file:
        answer = subprocess.run([query, "-v", "summary", str(binary)], stdin=file, capture_output=True, check=True)
    line = next(line for line in answer.stdout.decode().splitlines() if line.startswith("Perplexity including OOVs"))
    return float(line.rpartition("\t")[2])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--build-binary", help="KenLM's build_binary")
    parser.add_argument("--query", help="KenLM's query")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, arpa, back = folder / "model", folder / "model.arpa", folder / "back"
        fit = [*_NLMKIT, "fit", "ngram", str(arguments.text), "-o", str(model), "-p", f"order={arguments.order}"]
        jobs = {"fit": measured(fit)}
        for workers in dict.fromkeys((1, arguments.workers)):
            threads = ["--workers", str(workers)]
            jobs[f"export, {workers} threads"] = measured([*_NLMKIT, "export", str(model), str(arpa), *threads])
            jobs[f"import, {workers} threads"] = measured([*_NLMKIT, "import", str(arpa), "-o", str(back), *threads])
            scored = [*_NLMKIT, "perplexity", str(model), str(arguments.test), *threads]
            jobs[f"perplexity, {workers} threads"] = measured(scored)
        jobs["KenLM's module reads the file"] = measured([sys.executable, "-c", _KENLM, str(arpa)])
        if arguments.build_binary:
            binary = folder / "model.bin"
            jobs["build_binary"] = measured([arguments.build_binary, str(arpa), str(binary)])
            if arguments.query:
                query = [arguments.query, "-v", "summary", str(binary)]
                jobs["query"] = measured(query, stdin=arguments.test)
        sizes = {"model": sum(file.stat().st_size for file in model.iterdir()), "arpa": arpa.stat().st_size}
        figures = {
            "perplexity": perplexity(model, arguments.test),
            "perplexity_read_back": perplexity(back, arguments.test),
        }
        if arguments.build_binary and arguments.query:
            figures["perplexity_query"] = query_perplexity(arguments.query, binary, arguments.test)
        print(json.dumps({"jobs": jobs, "bytes": sizes, **figures}, indent=2))
        if not all(math.isclose(value, figures["perplexity"], rel_tol=1e-5) for value in figures.values()):
            raise SystemExit("the perplexities differ")


if __name__ == "__main__":
    main()
