"""Copying and reversing of random strings by ``encoder-decoder``, with and without attention, as a Markdown table.

    python benchmarks/copying.py [--length 20] [--pairs 4000] [--epochs 8] [--seeds 3]

Each pair is drawn from 26 symbols; 500 other strings are the test. A target counts if it is right as a whole, found by
greedy search. The seconds are of processor time, over all threads, which other work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import random
import statistics
import string
import time

from nlmkit.core.run import RunOptions
from nlmkit.seq2seq.neural.encoder_decoder import EncoderDecoder

TASKS = {"copy": lambda text: text, "reverse": lambda text: text[::-1]}


def strings(count: int, length: int, seed: int) -> list[str]:
    """Random strings, symbols apart."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(string.ascii_lowercase, k=length)) for _ in range(count)]


def main() -> None:
    """Train, test, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    test = strings(500, arguments.length, -1)
    print("| task | attention | exact | CPU seconds of training |\n|---|---|---|---|")
    for task, change in TASKS.items():
        for attention in ("luong-general", "none"):
            shares, seconds = [], []
            for seed in range(1, arguments.seeds + 1):
                sources = strings(arguments.pairs, arguments.length, seed)
                model = EncoderDecoder(
                    target_tokenizer="space",
                    joint=True,
                    embedding=128,
                    hidden=128,
                    encoder_hidden=64,
                    attention_type=attention,
                    dropout_input=0.0,
                    dropout_output=0.0,
                    dropout_source=0.0,
                    label_smoothing=0.0,
                    averaging="none",
                    batch=1000,
                    lr=0.01,
                    epochs=arguments.epochs,
                    seed=seed,
                )
                begin = time.process_time()
                model.fit(sources, list(map(change, sources)), run=RunOptions(progress=None, device="cpu"))
                seconds.append(time.process_time() - begin)
                found = model.predict(test, beam=1)
                shares.append(sum(one == change(text) for one, text in zip(found, test, strict=True)) / len(test))
            print(
                f"| {task} | {attention} | {statistics.mean(shares):.1%} | {statistics.mean(seconds):.0f} |", flush=True
            )


if __name__ == "__main__":
    main()
