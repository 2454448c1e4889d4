"""Estimate n-gram models in memory, under a memory cap, in processes and on a cluster, beside KenLM's lmplz.

Each row is a process of its own, `nlmkit fit ngram` or `lmplz`, from a text file to a saved model or an ARPA file.
Memory is the greatest sum of the resident sets of the process and its children, disk that of its temporary files, both
read every 50 ms. The digest covers the arrays of the saved model: rows of the same text must agree.

    python benchmarks/ngram_scale.py compare TEXT --lmplz BIN/lmplz --memory 512M --kill
    python benchmarks/ngram_scale.py grow --words 10e6 30e6 100e6 --memory 2G TEXT...

`compare` reads a text of tokens with spaces between, one sentence per line, without words in angle brackets. `grow`
samples texts from a trigram model of the given ones and fits the exponent of time against words.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from measuring import processor

from nlmkit import NGram
from nlmkit.language_models.ngram.precision import plain
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.text import Corpus
from nlmkit.text.vocabulary import BOS_ID, EOS_ID, UNK_ID

STREAMS = 50_000
MAX_SENTENCE = 60
COLUMNS = ("row", "wall, s", "CPU, s", "peak memory, MB", "peak disk, MB", "output, MB", "digest")
HEADING = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


def sample_words(table: BackoffTable, state: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One next word for each of many histories; state is int32 [streams, order − 1], newest word first."""
    chosen = np.full(len(state), -1, np.int32)
    # index of each stream's context of 1, 2, … words, −1 where it is not in the table
    contexts = [state[:, 0]]
    for k in range(2, table.order):
        known = np.flatnonzero((contexts[-1] >= 0) & (state[:, k - 1] >= 0))
        ids = np.full(len(state), -1, np.int32)
        ids[known] = table.find(k, contexts[-1][known], state[known, k - 1])
        contexts.append(ids)
    for k in range(table.order - 1, 0, -1):
        begins, grams = table.successors[k - 1]
        mass = np.concatenate([[0.0], np.cumsum(np.exp(table.log_probs[k][grams]))])
        open_ = np.flatnonzero((chosen < 0) & (contexts[k - 1] >= 0))
        low = begins[contexts[k - 1][open_]]
        high = begins[contexts[k - 1][open_] + 1]
        # a draw beyond the mass of the seen words backs off
        drawn = mass[low] + rng.random(len(open_))
        hit = drawn < mass[high]
        at = np.searchsorted(mass, drawn[hit], side="right") - 1
        chosen[open_[hit]] = table.last[k][grams[np.minimum(at, high[hit] - 1)]]
    rest = np.flatnonzero(chosen < 0)
    unigram = np.exp(table.log_probs[0])
    unigram[UNK_ID] = 0.0
    cumulative = np.cumsum(unigram)
    chosen[rest] = np.searchsorted(cumulative, rng.random(len(rest)) * cumulative[-1], side="right")
    return chosen


def write_sample(model: NGram, words: int, path: Path, seed: int) -> None:
    """Write about `words` words, sampled from the model, one sentence per line."""
    rng = np.random.default_rng(seed)
    table = plain(model.table_)
    surface = [*model.vocabulary_.words]
    written = 0
    with path.open("w", encoding="utf-8") as out:
        while written < words:
            state = np.full((STREAMS, table.order - 1), -1, np.int32)
            state[:, 0] = BOS_ID
            live = np.arange(STREAMS)
            sentences: list[list[str]] = [[] for _ in range(STREAMS)]
            for _ in range(MAX_SENTENCE):
                following = sample_words(table, state, rng)
                going = following != EOS_ID
                live, state, following = live[going], state[going], following[going]
                for stream, word in zip(live.tolist(), following.tolist(), strict=True):
                    sentences[stream].append(surface[word])
                state = np.concatenate([following[:, None], state[:, :-1]], axis=1)
            written += sum(map(len, sentences))
            out.writelines(" ".join(sentence) + "\n" for sentence in sentences if sentence)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    compare = commands.add_parser("compare", help="the ways of fitting one text, beside lmplz")
    compare.add_argument("text", type=Path)
    compare.add_argument("--lmplz", type=Path, help="KenLM's program; without it only our rows are measured")
    compare.add_argument("--memory", default="512M")
    compare.add_argument("--kill", action="store_true", help="kill a worker of the cluster in the middle")
    compare.add_argument("--only", help="numbers of rows, with commas between")
    compare.set_defaults(run=compared)
    grow = commands.add_parser("grow", help="time per word of growing texts")
    grow.add_argument("texts", nargs="+", help="texts whose trigram model is sampled from")
    grow.add_argument("--words", type=float, nargs="+", default=[10e6, 30e6, 100e6])
    grow.add_argument("--memory", default="2G")
    grow.add_argument("--seed", type=int, default=1)
    grow.set_defaults(run=grown)
    for command in (compare, grow):
        command.add_argument("--order", type=int, default=5)
        command.add_argument("--folder", type=Path, help="folder of models and temporary files")
        command.add_argument("--json", type=Path, help="file that gets a line for each row")
    arguments = parser.parse_args()
    print(f"{processor()}; load {os.getloadavg()[0]:.1f} at the start\n")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        arguments.run(arguments, Path(folder))


def compared(arguments: argparse.Namespace, folder: Path) -> None:
    """Rows of one text."""
    cap = ["--memory", arguments.memory]
    rows: list[tuple[str, list[str] | None, int]] = [
        ("in memory", [], 0),
        ("in memory, 2 workers", ["--workers", "2"], 0),
        (f"cap {arguments.memory}", cap, 0),
        (f"cap {arguments.memory}, 2 workers", [*cap, "--workers", "2"], 0),
        (f"cap {arguments.memory}, Dask with 2 workers", cap, 2),
    ]
    if arguments.lmplz:
        rows = [("lmplz -S 70%", None, 0), (f"lmplz -S {arguments.memory}", None, 0), *rows]
    chosen = range(len(rows)) if arguments.only is None else map(int, arguments.only.split(","))
    print(HEADING)
    for number in chosen:
        label, options, cluster = rows[number]
        with cluster_of(cluster, kill=arguments.kill) as address:
            if options is None:
                size = label.split()[-1]
                figures = estimated_by_lmplz(arguments.lmplz, arguments.text, arguments.order, size, folder)
            else:
                more = options if address is None else [*options, "--engine", address]
                figures = fitted(arguments.text, arguments.order, more, folder)
        show({"row": label} | figures, arguments.json)


def grown(arguments: argparse.Namespace, folder: Path) -> None:
    """Rows of growing texts, and the exponent of the time."""
    model = NGram(order=3).fit(Corpus.read_files(arguments.texts))
    print(HEADING)
    seconds = []
    for words in arguments.words:
        text = folder / "sample.txt"
        write_sample(model, int(words), text, arguments.seed)
        figures = fitted(text, arguments.order, ["--memory", arguments.memory], folder)
        seconds.append(figures["wall"])
        show(
            {"row": f"{words / 1e6:g} M words, {1e6 * figures['wall'] / words:.2f} s per million"} | figures,
            arguments.json,
        )
    if len(seconds) > 1:
        exponent = np.polyfit(np.log(arguments.words), np.log(seconds), 1)[0]
        print(f"\ntime grows with the number of words to the power of {exponent:.2f}")


def show(row: dict[str, Any], path: Path | None) -> None:
    """Print a row of the table, and append it to ``path`` as JSON."""
    cells = [f"{row['wall']:.1f}", f"{row['cpu']:.1f}", *(f"{row[key] / 1e6:.0f}" for key in ("rss", "disk", "output"))]
    print(f"| {row['row']} | {' | '.join(cells)} | {row['digest']} |", flush=True)
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def fitted(text: Path, order: int, options: list[str], folder: Path) -> dict[str, Any]:
    """Fit a model by the command line."""
    model, temporary = folder / "model", folder / "temporary"
    shutil.rmtree(model, ignore_errors=True)
    temporary.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "nlmkit",
        "fit",
        "ngram",
        str(text),
        "-o",
        str(model),
        "-p",
        f"order={order}",
        "-q",
    ]
    if "--memory" in options:
        options = [*options, "--temporary-folder", str(temporary)]
    figures = watched([*command, *options], temporary)
    return figures | {"output": bytes_of(model), "digest": digest(model)}


def estimated_by_lmplz(program: Path, text: Path, order: int, size: str, folder: Path) -> dict[str, Any]:
    """Estimate by lmplz, to an ARPA file."""
    arpa, temporary = folder / "model.arpa", folder / "temporary"
    temporary.mkdir(exist_ok=True)
    command = [
        str(program),
        "-o",
        str(order),
        "-S",
        size,
        "-T",
        f"{temporary}/",
        "--text",
        str(text),
        "--arpa",
        str(arpa),
    ]
    figures = watched(command, temporary) | {"output": bytes_of(arpa), "digest": "-"}
    arpa.unlink()
    return figures


def watched(command: list[str], temporary: Path) -> dict[str, Any]:
    """Run a command; return seconds, CPU seconds, and peaks of memory and of temporary files in bytes."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        peaks = {"rss": 0, "disk": 0}
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.05):
                peaks["rss"] = max(peaks["rss"], memory_of(process.pid))
                peaks["disk"] = max(peaks["disk"], open_bytes(process.pid, temporary))

        thread = threading.Thread(target=watch)
        thread.start()
        _, status, usage = os.wait4(process.pid, 0)
        done.set()
        thread.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)}: {errors.read().decode()[-2000:]}")
    # not usage.ru_maxrss, which begins with the peak of this process
    return {"wall": time.perf_counter() - begin, "cpu": usage.ru_utime + usage.ru_stime, **peaks}


def memory_of(pid: int) -> int:
    """Sum of the resident sets of a process and its descendants, in bytes."""
    total, waiting = 0, [pid]
    while waiting:
        each = waiting.pop()
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for task in Path(f"/proc/{each}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, IndexError):
            continue  # ended meanwhile
    return total


def open_bytes(pid: int, folder: Path) -> int:
    """Bytes of the files in a folder, and of removed files that a process holds open there, as lmplz does."""
    sizes = {}
    for parent, _, names in os.walk(folder):  # which skips what is removed meanwhile
        for name in names:
            try:
                about = os.stat(os.path.join(parent, name))
            except OSError:
                continue
            sizes[about.st_ino] = about.st_blocks * 512
    try:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            if os.readlink(handle).startswith(str(folder)):
                about = handle.stat()
                sizes[about.st_ino] = about.st_blocks * 512
    except OSError:
        pass
    return sum(sizes.values())


@contextmanager
def cluster_of(workers: int, *, kill: bool) -> Iterator[str | None]:
    """Start a cluster of worker processes; yield its address. One of them is killed after ten seconds."""
    if not workers:
        yield None
        return
    from distributed import LocalCluster

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(n_workers=workers, **options) as cluster:  # type: ignore[no-untyped-call]
        timer = threading.Timer(10.0, lambda: os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL))
        if kill:
            timer.start()
        yield f"dask://{cluster.scheduler_address.removeprefix('tcp://')}"
        timer.cancel()


def bytes_of(path: Path) -> int:
    """Size of a file, or of the files of a folder."""
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def digest(model: Path) -> str:
    """Digest of a saved model's arrays."""
    hashes = []
    for path in sorted(model.glob("*.safetensors")):
        with path.open("rb") as file:
            hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashlib.sha256("".join(hashes).encode()).hexdigest()[:12]


if __name__ == "__main__":
    main()
