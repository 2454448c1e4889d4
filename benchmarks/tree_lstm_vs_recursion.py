"""Time of a training step of ``tree-lstm``, level by level, beside recursion node by node, as a Markdown table.

    python benchmarks/tree_lstm_vs_recursion.py TREES [--form n-ary|child-sum] [--batch 25] [--batches 20] [--threads 1]

TREES is a file of labelled trees, such as ``train.txt`` of the Stanford Sentiment Treebank, or ``corpus:NAME``. Both
compute the same network over the same batches, with the same weights: vectors of words, Tree-LSTM, a linear layer at
each labelled node, mean cross-entropy, and all gradients, without dropout. The recursion visits each node with
operations of torch, as a tutorial writes it; the layer calculates all nodes of the same height at once. The two take
turns, and the largest difference of their losses is printed. The figures are seconds of processor time, by which other
work on the machine hardly counts; the fastest pass of each counts.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nlmkit.classifiers.trees.forest import Forest
from nlmkit.classifiers.trees.network import TreeModule
from nlmkit.classifiers.trees.tree_lstm import TreeLSTM
from nlmkit.core.run import RunOptions
from nlmkit.text.trees import LabelledTrees


def recursive_loss(module: TreeModule, forest: Forest, numbers: np.ndarray, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the labelled nodes of some trees, node by node."""
    cell: Any = module.encoder.cell
    vectors = module.words.channels[0]
    units = cell.hidden
    of_rest, of_forget = cell.weight_recurrent[: 3 * units], cell.weight_recurrent[3 * units :]
    child_sum, parents = not hasattr(cell, "branching"), forest.parent.tolist()
    losses = []
    for number in numbers.tolist():
        begin, end = int(forest.offsets[number]), int(forest.offsets[number + 1])
        below: dict[int, list[tuple[Tensor, Tensor]]] = {}
        for node in range(begin, end):  # in post-order, which is the order of the calls
            children = below.pop(node, [])
            sums: Tensor = cell.bias
            if int(forest.ids[node]) != 1:
                sums = sums + cell.weight_input @ vectors[int(forest.ids[node])]
            rest, forget = sums[: 3 * units], sums[3 * units :]
            kept: list[Tensor] = []
            if children and child_sum:
                rest = rest + of_rest @ torch.stack([h for h, _ in children]).sum(0)
                kept = [torch.sigmoid(forget + of_forget @ h) * c for h, c in children]
            elif children:
                missing = cell.branching - len(children)
                side_by_side = torch.cat([*(h for h, _ in children), torch.zeros(missing * units)])
                rest = rest + of_rest @ side_by_side
                gates = torch.sigmoid(forget.repeat(cell.branching) + of_forget @ side_by_side).split(units)  # type: ignore[no-untyped-call]
                kept = [gate * c for gate, (_, c) in zip(gates, children, strict=False)]
            enter, leave, candidate = rest.split(units)  # type: ignore[no-untyped-call]
            state = torch.sigmoid(enter) * torch.tanh(candidate) + sum(kept)
            hidden = torch.sigmoid(leave) * torch.tanh(state)
            if parents[node] >= 0:
                below.setdefault(parents[node], []).append((hidden, state))
            if int(targets[node]) >= 0:
                scores = module.weight @ hidden + module.bias
                losses.append(functional.cross_entropy(scores, targets[node]))
    return torch.stack(losses).mean()


def level_loss(module: TreeModule, forest: Forest, numbers: np.ndarray, targets: Tensor) -> Tensor:
    """The same, level by level."""
    batch, nodes = forest.trees(numbers, judged=targets.numpy() >= 0)
    return functional.cross_entropy(module(batch), targets[torch.from_numpy(nodes)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees")
    parser.add_argument("--form", choices=("n-ary", "child-sum"), default="n-ary")
    parser.add_argument("--batch", type=int, default=25)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--passes", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    trees = LabelledTrees.read(given.trees)
    chosen = np.random.default_rng(0).permutation(len(trees))[: given.batch * given.batches]
    trees = trees.take(chosen)
    model = TreeLSTM(form=given.form, epochs=1, valid_share=0).fit(trees, run=RunOptions(progress=None))
    module = model.module_
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    sample = model._sample(model.encode(trees), model._targets(model.gather(trees)))
    assert isinstance(sample.documents, Forest)
    forest, targets = sample.documents, torch.from_numpy(sample.targets)
    batches = np.array_split(np.arange(len(trees)), given.batches)
    seconds: dict[str, float] = {}
    difference = 0.0
    for _ in range(given.passes):
        losses: dict[str, list[float]] = {}
        for name, loss_of in (("level by level", level_loss), ("node by node", recursive_loss)):
            begin, losses[name] = time.process_time(), []
            for numbers in batches:
                loss = loss_of(module, forest, numbers, targets)
                loss.backward()  # type: ignore[no-untyped-call]
                module.zero_grad()
                losses[name].append(loss.item())
            seconds[name] = min(seconds.get(name, np.inf), time.process_time() - begin)
        one, two = (np.array(values) for values in losses.values())
        difference = max(difference, float(np.abs(one - two).max()))
    print(f"{len(trees)} trees, {trees.nodes} nodes, {given.form}, {given.threads} threads, batches of {given.batch}\n")
    print("| | seconds of processor time | nodes per second |\n|---|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value:.2f} | {trees.nodes / value:,.0f} |")
    print(
        f"\nratio {seconds['node by node'] / seconds['level by level']:.1f}; losses differ by {difference:.1e} at most"
    )


if __name__ == "__main__":
    main()
