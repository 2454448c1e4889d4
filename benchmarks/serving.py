"""Load on ``nlmkit serve``: requests per second and latency of n-gram sentence scores.

A server process with ``--workers`` answers another process, whose connections are kept open; each sends its next
request once it has the answer. The answers are compared with ``log_probs`` afterwards. Of the CPU time of both sides
per request the server's share is printed apart, since it does not depend on what else the machine does.

    python benchmarks/serving.py corpus:english corpus:english/test --workers 2
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import processor

from nlmkit import Corpus, LanguageModel, load

WARM_UP = 1.0  # seconds that are not counted


def main() -> None:
    """Fit a model, serve it, load it, and print the figures as JSON."""
    arguments = parsed()
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "kn")
        fit = ["fit", "ngram", arguments.train, "-o", model, "-p", f"order={arguments.order}", "--quiet"]
        subprocess.run([sys.executable, "-m", "nlmkit", *fit], check=True, stdout=subprocess.DEVNULL)
        lm = load(model, LanguageModel)
        texts = sentences(arguments.test, lm, arguments.texts)
        server, url = started(model, arguments.workers)
        try:
            found = asyncio.run(load_of(url, texts, arguments, server.pid))
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(60)
    wrong = differences(lm, found["answers"])
    latencies = sorted(found["latencies"])
    facts = {
        "requests_per_second": len(latencies) / arguments.seconds,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[int(0.99 * len(latencies))],
        "client_cpu_ms_per_request": 1000 * found["cpu"] / found["requests"],
        "server_cpu_ms_per_request": 1000 * found["server_cpu"] / found["requests"],
        "requests": found["requests"],
        "differences_from_log_probs": wrong,
        "exit_code_after_sigterm": code,
        "connections": arguments.connections,
        "workers": arguments.workers,
        "order": arguments.order,
        "load_average": os.getloadavg()[0],
        "cpu": processor(),
    }
    print(json.dumps(facts, indent=2))


def parsed() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--texts", type=int, default=500, help="different sentences, which requests repeat")
    return parser.parse_args()


def sentences(test: str, lm: LanguageModel, count: int) -> list[str]:
    """The first sentences of a text."""
    corpus = Corpus.read(test, lm.pipeline_)
    found = [" ".join(corpus.sentence(index)) for index in range(corpus.sentences)]
    return [text for text in found if text][:count]


def started(model: str, workers: int) -> tuple[subprocess.Popen[str], str]:
    """A server, and its URL."""
    command = [sys.executable, "-m", "nlmkit", "serve", model, "--port", "0", "--workers", str(workers)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    line = server.stderr.readline()
    url = re.search(r"http://\S+", line)
    if url is None:
        raise SystemExit(line)
    return server, url[0]


async def load_of(url: str, texts: list[str], arguments: argparse.Namespace, server: int) -> dict[str, Any]:
    """Send requests for some seconds over connections that are kept open."""
    connections = arguments.connections
    host, port = url.removeprefix("http://").rstrip("/").rsplit(":", 1)
    turns = itertools.cycle(range(len(texts)))
    requests = [request(text) for text in texts]
    answers: dict[int, bytes] = {}
    latencies: list[float] = []
    counts = []
    await ready(host, int(port), connections)
    begin = time.perf_counter() + WARM_UP
    end = begin + arguments.seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        number = 0
        while (sent := time.perf_counter()) < end:
            turn = next(turns)
            writer.write(requests[turn])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            answers[turn] = await reader.readexactly(length)
            if b" 200 " not in head.split(b"\r\n")[0]:
                raise SystemExit(f"{head!r} {answers[turn]!r}")
            number += 1
            if sent >= begin:
                latencies.append(time.perf_counter() - sent)
        counts.append(number)
        writer.close()

    own, its = time.process_time(), cpu_seconds(server)
    await asyncio.gather(*(client() for _ in range(connections)))
    cpu, server_cpu = time.process_time() - own, cpu_seconds(server) - its
    named = {texts[turn]: json.loads(answer) for turn, answer in answers.items()}
    return {"latencies": latencies, "answers": named, "requests": sum(counts), "cpu": cpu, "server_cpu": server_cpu}


def cpu_seconds(process: int) -> float:
    """CPU time of a process and its children, where the system has /proc; else NaN."""
    folder = Path(f"/proc/{process}")
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        children = [int(each) for file in folder.glob("task/*/children") for each in file.read_text().split()]
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(cpu_seconds, children))


async def ready(host: str, port: int, connections: int) -> None:
    """Wait until connections, some for every worker, are answered."""
    for _ in range(2):
        pairs = await asyncio.gather(*(asyncio.open_connection(host, port) for _ in range(connections)))
        for reader, writer in pairs:
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            await reader.read()
            writer.close()


def request(text: str) -> bytes:
    """An HTTP request for the score of a text."""
    body = json.dumps({"text": text}).encode()
    head = "POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def differences(lm: LanguageModel, answers: dict[str, Any]) -> int:
    """How many answers are not exactly those of ``line_figures``, the sums of ``log_probs``."""
    figures = lm.line_figures(list(answers))
    scores = [answer["results"][0] for answer in answers.values()]
    pairs = zip(scores, figures.log_prob.tolist(), figures.perplexity.tolist(), strict=True)
    return sum((score["log_prob"], score["perplexity"]) != (log_prob, ppl) for score, log_prob, ppl in pairs)


if __name__ == "__main__":
    main()
