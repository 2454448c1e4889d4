"""Tree-LSTM: each node against the equations of Tai et al. (2015), node by node; chains against an LSTM."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toys.networks import array, randomized, seeded

from nlmkit.classifiers.trees.forest import Forest
from nlmkit.layers.tree import ChildSumTreeLSTM, NaryTreeLSTM
from nlmkit.layers.word_input import PAD_ID

N, H = 3, 4

BINARY = [[-1], [2, 2, -1], [2, 2, 6, 5, 5, 6, -1], [2, 2, 4, 4, 8, 7, 7, 8, -1]]
"""Parent of each node of some trees in post-order."""
BUSY = [[-1], [4, 4, 3, 4, -1], [3, 2, 3, -1], [1, 2, 3, -1], [5, 5, 5, 5, 5, -1]]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def forest(trees, *, words):
    """Trees as a forest: ``words`` is ``leaves``, ``all``, or ``some`` of the nodes that have one."""
    offsets = np.append(0, np.cumsum([len(parents) for parents in trees]))
    parent = np.concatenate(
        [np.array(tree) + np.where(np.array(tree) < 0, 0, at) for tree, at in zip(trees, offsets[:-1], strict=True)]
    )
    ids = np.arange(3, 3 + len(parent))
    if words == "leaves":
        ids[np.unique(parent[parent >= 0])] = PAD_ID
    elif words == "some":
        ids[::3] = PAD_ID
    return Forest.of(ids.astype(np.int64), offsets.astype(np.int64), parent.astype(np.int64))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(cell, vectors, trees, masks=None):
    """Hidden states of all nodes, by recursion, given a vector per id: float64 [nodes, h]."""
    w, u, b = array(cell.weight_input), array(cell.weight_recurrent), array(cell.bias)
    of_word = np.array([np.zeros(N) if id_ == PAD_ID else array(vectors)[id_] for id_ in trees.ids])
    found = np.zeros((len(trees.ids), H))
    gate = [slice(k * H, (k + 1) * H) for k in range(4 + getattr(cell, "branching", 0))]

    def states(node):
        x = of_word[node]
        below = [states(child) for child in np.flatnonzero(trees.parent == node)]
        driven = w @ x + b
        if isinstance(cell, ChildSumTreeLSTM):
            total = sum((h for h, _ in below), np.zeros(H))
            i, o = (sigmoid(driven[gate[k]] + u[gate[k]] @ total) for k in (0, 1))
            candidate = np.tanh(driven[gate[2]] + u[gate[2]] @ total)
            kept = [sigmoid(driven[gate[3]] + u[gate[3]] @ h) * c for h, c in below]
        else:
            sides = [h for h, _ in below] + [np.zeros(H)] * (cell.branching - len(below))
            recurrent = [sum(u[g][:, gate[k]] @ h for k, h in enumerate(sides)) for g in gate[: 3 + cell.branching]]
            i, o = (sigmoid(driven[gate[k]] + recurrent[k]) for k in (0, 1))
            candidate = np.tanh(driven[gate[2]] + recurrent[2])
            kept = [sigmoid(driven[gate[3]] + recurrent[3 + k]) * c for k, (_, c) in enumerate(below)]
        c = i * candidate + sum(kept, np.zeros(H))
        found[node] = o * np.tanh(c)
        return found[node], c

    for root in np.flatnonzero(trees.parent < 0):
        states(root)
    return found


def states_of(cell, vectors, trees, chosen=None):
    """Hidden states of the nodes of some trees by the layer, in the order of the trees."""
    chosen = np.arange(len(trees)) if chosen is None else np.array(chosen)
    batch, nodes = trees.trees(chosen, judged=np.ones(len(trees.ids), np.bool_))
    return cell(vectors[batch.ids], batch.levels, seeded())[batch.judged], nodes


CASES = {
    "n-ary, words at leaves": (lambda: NaryTreeLSTM(N, H, seeded(), branching=2), BINARY, "leaves"),
    "n-ary, words anywhere": (lambda: NaryTreeLSTM(N, H, seeded(), branching=5), BUSY, "some"),
    "child-sum, words everywhere": (lambda: ChildSumTreeLSTM(N, H, seeded()), BUSY, "all"),
    "child-sum, words anywhere": (lambda: ChildSumTreeLSTM(N, H, seeded()), [*BUSY, *BINARY], "some"),
}


@pytest.fixture(params=CASES)
def case(request):
    build, trees, words = CASES[request.param]
    cell, made = randomized(build()).double(), forest(trees, words=words)
    vectors = torch.randn(3 + len(made.ids), N, dtype=torch.double, generator=seeded(2))
    return cell, vectors, made


def test_nodes_follow_the_equations(case):
    cell, vectors, trees = case
    found, nodes = states_of(cell, vectors, trees)
    np.testing.assert_allclose(array(found), by_hand(cell, vectors, trees)[nodes], atol=1e-12)


def test_a_tree_does_not_depend_on_its_batch(case):
    cell, vectors, trees = case
    wanted = array(states_of(cell, vectors, trees)[0])
    for chosen in ([2], [3, 0], [3, 2, 1]):
        found, nodes = states_of(cell, vectors, trees, chosen)
        np.testing.assert_allclose(array(found), wanted[nodes], atol=1e-12)


@pytest.mark.slow
def test_gradients_are_those_of_the_equations(case):
    cell, vectors, trees = case
    batch = trees.batch(np.arange(min(3, len(trees))))
    inputs = vectors[batch.ids].requires_grad_()
    mask = torch.rand(batch.levels.nodes, H, dtype=torch.double, generator=seeded(3))

    def states(inputs, *parameters):
        return cell.recursion(inputs @ cell.weight_input[:rows].T, mask, batch.levels)

    rows = 4 * H
    assert torch.autograd.gradcheck(states, (inputs, *cell.parameters()))
    if not sum(batch.levels.words[1:]):  # then the layer leaves out the forget gates of words
        rows = 3 * H
        assert torch.autograd.gradcheck(states, (inputs, *cell.parameters()))


def chain(length):
    return forest([[*range(1, length), -1]], words="all")


@pytest.mark.parametrize("build", [ChildSumTreeLSTM, lambda *sizes: NaryTreeLSTM(*sizes, branching=1)])
def test_a_chain_is_an_lstm(build):
    cell = randomized(build(N, H, seeded())).double()
    trees = chain(7)
    vectors = torch.randn(10, N, dtype=torch.double, generator=seeded(4))
    found, _ = states_of(cell, vectors, trees)
    lstm = torch.nn.LSTM(N, H).double()
    i, o, u, f = (slice(k * H, (k + 1) * H) for k in range(4))
    with torch.no_grad():
        for own, theirs in ((cell.weight_input, lstm.weight_ih_l0), (cell.weight_recurrent, lstm.weight_hh_l0)):
            theirs.copy_(torch.cat([own[part] for part in (i, f, u, o)]))
        lstm.bias_ih_l0.copy_(torch.cat([cell.bias[part] for part in (i, f, u, o)]))
        lstm.bias_hh_l0.zero_()
    wanted = lstm(vectors[3:].unsqueeze(1))[0].squeeze(1)
    np.testing.assert_allclose(array(found), array(wanted), atol=1e-12)


@pytest.mark.slow
def test_trees_may_be_deep():
    cell, trees = NaryTreeLSTM(N, H, seeded(), branching=1), chain(5000)
    vectors = torch.randn(5003, N, generator=seeded(5)).requires_grad_()
    found, _ = states_of(cell, vectors, trees)
    assert trees.heights.tolist() == [*range(5000)]
    found[-1].sum().backward()
    assert found.isfinite().all()
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()


def test_dropout_is_on_the_candidates_in_training_alone():
    trees = forest(BINARY, words="leaves")
    cell = NaryTreeLSTM(N, H, seeded(), dropout=0.5)
    vectors = torch.randn(3 + len(trees.ids), N, generator=seeded(6))
    trained = states_of(cell, vectors, trees)[0]
    assert torch.equal(trained, states_of(cell, vectors, trees)[0])  # the same generator
    assert (trained[0] == 0).any()
    cell.eval()
    np.testing.assert_allclose(array(states_of(cell, vectors, trees)[0]), by_hand(cell, vectors, trees), atol=1e-6)


def test_initial_forget_bias_and_repr():
    cell = ChildSumTreeLSTM(N, H, seeded(), forget_bias=2.0)
    assert cell.bias.tolist() == [0.0] * (3 * H) + [2.0] * H
    assert repr(NaryTreeLSTM(N, H, seeded())) == f"NaryTreeLSTM({N}, {H}, dropout=0.0)"


def test_levels_are_those_of_the_heights():
    trees = forest(BINARY, words="leaves")
    levels = trees.batch(np.arange(4)).levels
    assert levels.bounds == (0, *np.cumsum(np.bincount(trees.heights)).tolist())
    assert levels.nodes == len(trees.ids) == 20
    assert levels.words == (12, 0, 0, 0)
