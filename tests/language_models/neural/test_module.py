"""The whole network: from ids to features, its penalties, its parameters, and how it is taken over and continued."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from toys.networks import COUNTS, V, array, feedforward, random_ids, randomized, recurrent, seeded

from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.layers.masks import keep_mask

pytestmark = pytest.mark.slow

SOFTMAXES = ("full", "adaptive", "class-factored", "sampled")
T, B = 6, 3


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


BUILDERS = {
    "rnn": lambda **values: recurrent("rnn", **values),
    "lstm": lambda **values: recurrent("lstm", **values),
    "gru": lambda **values: recurrent("gru", **values),
    "nnlm": feedforward,
}


def read(module, ids, state=None):
    return module(ids, module.initial_state(ids.shape[1]) if state is None else state)


# ---------------------------------------------------------------------------------------------------- every model


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("softmax", SOFTMAXES)
@pytest.mark.parametrize("kind", BUILDERS)
def test_every_model_with_every_softmax_reads_scores_and_trains(kind, softmax, tied):
    module = BUILDERS[kind](softmax=softmax, tied=tied)
    ids, targets = random_ids(T, B), random_ids(T, B, seed=2).flatten()
    output = read(module, ids)
    assert output.features.shape == (T, B, 6 if tied else 8)
    assert output.raw.shape == output.dropped.shape == (T, B, 8)
    features = output.features.flatten(0, 1)
    assert array(module.output.all_log_probs(features)).shape == (T * B, V)
    (module.output.loss(features, targets, chunk=7) + module.penalty(output)).backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in module.parameters())
    assert module.vocabulary_size == V
    assert sum(module.parameter_counts().values()) == sum(weight.numel() for weight in module.parameters())


@pytest.mark.parametrize("kind", BUILDERS)
def test_two_windows_are_one(kind):
    module = randomized(BUILDERS[kind]()).eval()
    ids = random_ids(T, B)
    whole = read(module, ids)
    first = read(module, ids[:2])
    second = read(module, ids[2:], first.state)
    torch.testing.assert_close(torch.cat([first.features, second.features]), whole.features, atol=1e-5, rtol=0)
    torch.testing.assert_close(second.state, whole.state, atol=1e-5, rtol=0)
    by_step, state = [], module.initial_state(B)
    for t in range(T):
        step = read(module, ids[t : t + 1], state)
        state = step.state
        by_step.append(step.features)
    torch.testing.assert_close(torch.cat(by_step), whole.features, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", BUILDERS)
def test_later_words_and_other_columns_change_nothing(kind):
    module = randomized(BUILDERS[kind]()).eval()
    ids = random_ids(T, B)
    other = ids.clone()
    other[4:, 0] = (other[4:, 0] + 5) % V
    other[:, 2] = 2
    before, after = read(module, ids).features, read(module, other).features
    torch.testing.assert_close(before[:4, 0], after[:4, 0], atol=1e-6, rtol=0)
    torch.testing.assert_close(before[:, 1], after[:, 1], atol=1e-6, rtol=0)
    assert (before[4:, 0] != after[4:, 0]).any()
    torch.testing.assert_close(read(module, ids[:, :1]).features, before[:, :1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", BUILDERS)
def test_masks_come_from_the_generator_that_was_set(kind):
    values = {"dropout_input": 0.3, "dropout_output": 0.3, "dropout_embedding": 0.2}
    if kind != "nnlm":
        values |= {"layers": 2, "dropout_hidden": 0.3, "weight_drop": 0.3}
    module, ids = BUILDERS[kind](**values), random_ids(T, B)
    module.set_generator(seeded(5))
    first, further = read(module, ids).features, read(module, ids).features
    module.set_generator(seeded(5))
    assert torch.equal(read(module, ids).features, first)
    assert not torch.equal(first, further)
    module.eval()
    assert torch.equal(read(module, ids).features, read(module, ids).features)


RATES = ("dropout_input", "dropout_output", "dropout_embedding")
RECURRENT_RATES = (*RATES, "dropout_hidden", "dropout_recurrent", "weight_drop", "zoneout")


@pytest.mark.parametrize(
    ("kind", "option"),
    [("nnlm", name) for name in RATES] + [(kind, name) for kind in ("rnn", "lstm", "gru") for name in RECURRENT_RATES],
)
def test_each_rate_acts_in_training_by_itself_and_not_in_evaluation(kind, option):
    values = {} if kind == "nnlm" else {"layers": 2}
    module, plain = (randomized(BUILDERS[kind](**each)) for each in ({**values, option: 0.4}, values))
    ids = random_ids(T, B)
    assert not torch.equal(read(module, ids).features, read(module, ids).features)
    assert torch.equal(read(plain, ids).features, read(plain, ids).features)
    same = torch.allclose(read(module.eval(), ids).features, read(plain.eval(), ids).features, atol=1e-5)
    assert same == (option != "zoneout")  # which takes the expectation then


@pytest.mark.parametrize("kind", BUILDERS)
def test_the_same_seed_gives_the_same_network(kind):
    first, second, other = (BUILDERS[kind](seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["words.weight"], other["words.weight"])


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("softmax", SOFTMAXES)
def test_weights_can_be_taken_over_by_name(kind, softmax):
    module, other = (BUILDERS[kind](softmax=softmax, seed=seed) for seed in (1, 2))
    randomized(module)
    other.load_state_dict({name: tensor.clone() for name, tensor in module.state_dict().items()})
    other.check_structure()
    ids = random_ids(T, B)
    features = [read(each.eval(), ids).features.flatten(0, 1) for each in (module, other)]
    scores = [each.output.all_log_probs(part) for each, part in zip((module, other), features, strict=True)]
    assert torch.equal(*scores)
    twin = copy.deepcopy(module)
    assert twin.output.words is twin.words
    assert torch.equal(twin.output.all_log_probs(read(twin, ids).features.flatten(0, 1)), scores[0])


def test_a_damaged_order_of_words_is_noticed():
    module = recurrent()
    module.words.rank[3] = module.words.rank[4]
    with pytest.raises(SavedModelError, match="order of its 30 words"):
        module.check_structure()
    module = recurrent(softmax="adaptive")
    module.words.cutoffs[1] = 5
    with pytest.raises(SavedModelError, match="clusters"):
        module.check_structure()


def test_an_untrained_network_is_near_the_unigram_distribution():
    module = recurrent(embedding=64, hidden=64).eval()
    found = array(module.output.all_log_probs(read(module, random_ids(1, 1)).features[0]))[0]
    smoothed = np.where(np.arange(V) == 1, 0, COUNTS + 1)
    np.testing.assert_allclose(np.exp(found), smoothed / smoothed.sum(), rtol=0.15)


# ------------------------------------------------------------------------------------------------------ parameters


def test_tied_weights_are_one_storage_and_saved_once():
    module = recurrent(hidden=6)
    assert module.output.weights().data_ptr() == module.words.weight.data_ptr()
    assert set(module.state_dict()) == {
        "words.weight",
        "words.rank",
        "words.cutoffs",
        "body.layers.0.weight_input",
        "body.layers.0.weight_recurrent",
        "body.layers.0.bias",
        "output.bias",
    }
    assert module.parameter_counts() == {"words": V * 6, "lstm 1": 4 * (6 * 6 + 6 * 6 + 6), "output": V - 1}
    module.to(torch.float64)
    assert module.output.weights().data_ptr() == module.words.weight.data_ptr()
    untied = recurrent(hidden=6, tied=False)
    assert untied.output.weights().data_ptr() != untied.words.weight.data_ptr()
    assert untied.parameter_counts()["output"] == (V - 1) * 6 + V - 1


def test_an_lstm_of_128_units_over_256_d_vectors_counts_197120():
    assert recurrent(embedding=256, hidden=128).parameter_counts()["lstm 1"] == 197_120


@pytest.mark.parametrize(
    ("values", "widths", "projected", "features"),
    [
        ({}, [8, 8], True, 6),
        ({"hidden": 6}, [6, 6], False, 6),
        ({"tied": False}, [8, 8], False, 8),
        ({"tied": False, "projection": "linear"}, [8, 8], True, 6),
        ({"hidden": 6, "projection": "linear"}, [6, 6], True, 6),
        ({"projection": "last-layer"}, [8, 6], False, 6),
        ({"tied": False, "projection": "last-layer"}, [8, 6], False, 6),
        ({"tied": False, "projection": "none"}, [8, 8], False, 8),
    ],
)
def test_projection(values, widths, projected, features):
    module = recurrent("gru", layers=2, **values)
    assert [layer.hidden for layer in module.body.layers] == widths
    assert (module.projection is not None) == projected
    assert ("projection" in module.parameter_counts()) == projected
    assert read(module, random_ids(T, B)).features.shape == (T, B, features)


def test_widths_that_do_not_fit_are_refused():
    with pytest.raises(HyperParameterError, match="hidden=8 and vectors of width 6 require a projection"):
        recurrent(projection="none")
    with pytest.raises(HyperParameterError, match="last-layer"):
        feedforward(projection="last-layer")


def test_groups_for_an_optimizer_hold_every_trained_weight_once():
    module = recurrent(layer_norm=True, tied=False)
    *matrices, vectors = module.parameter_groups(0.3)
    assert {group["weight_decay"] for group in matrices} == {0.3}
    assert vectors["weight_decay"] == 0.0
    names = {id(weight): name for name, weight in module.named_parameters()}
    assert sorted(names[id(weight)] for weight in vectors["params"]) == [
        "body.layers.0.bias",
        "body.layers.0.norm.bias",
        "body.layers.0.norm.weight",
        "output.bias",
    ]
    assert len(matrices) + len(vectors["params"]) == len(names)
    torch.optim.AdamW(module.parameter_groups(0.1))


@pytest.mark.parametrize(
    ("module", "blocks"),
    [
        (lambda: recurrent("lstm", layers=2), {"body.layers.0": 4, "body.layers.1": 4, "projection": 1}),
        (lambda: recurrent("gru"), {"body.layers.0": 3, "projection": 1}),
        (lambda: recurrent("rnn"), {"body.layers.0": 1, "projection": 1}),
        (lambda: feedforward(direct=True), {"body.linear": 1, "projection": 1, "direct.linear": 1}),
    ],
)
def test_matrices_between_word_vectors_and_output_have_blocks(module, blocks):
    module = module()
    names = {id(weight): name.rpartition(".")[0] for name, weight in module.named_parameters()}
    groups = [(names[id(group["params"][0])], group.get("blocks", 0)) for group in module.parameter_groups()]
    assert dict(group for group in groups if group[1]) == blocks
    assert module.words.weight is module.parameter_groups()[0]["params"][0]
    assert groups[0] == ("words", 0)


def test_word_vectors_go_in_and_out_by_vocabulary_id():
    module = recurrent()
    vectors = torch.randn(V, 6, generator=seeded(1))
    module.set_word_vectors(vectors)
    assert torch.equal(module.word_vectors(), vectors)
    module.set_word_vectors(torch.zeros(2, 6), torch.tensor([5, 9]))
    vectors[[5, 9]] = 0
    assert torch.equal(module.word_vectors(), vectors)


# ------------------------------------------------------------------------------------------------------- penalties


@pytest.mark.parametrize("locked", [True, False])
def test_activation_regularisation_by_hand(locked):
    module = recurrent("gru", ar=2.0, tar=3.0, dropout_output=0.5, locked=locked)
    module.set_generator(seeded(4))
    output = read(module, random_ids(T, B))
    mask = keep_mask((1 if locked else T, B, 8), 0.5, seeded(4), output.raw)
    assert torch.equal(output.dropped, output.raw * mask)
    raw, dropped = array(output.raw), array(output.dropped)
    total = 2 * (dropped**2).sum() / dropped.size + 3 * ((raw[1:] - raw[:-1]) ** 2).sum() / raw[1:].size
    assert module.penalty(output).item() == pytest.approx(total, rel=1e-5)
    alone = read(module, random_ids(1, B))
    assert module.penalty(alone).item() == pytest.approx(2 * (array(alone.dropped) ** 2).mean(), rel=1e-5)


@pytest.mark.parametrize("kind", BUILDERS)
def test_l1_penalty_by_hand(kind):
    module = BUILDERS[kind](l1=0.01)
    total = sum(np.abs(array(weight)).sum() for weight in module.parameters() if weight.ndim == 2)
    penalty = module.penalty(read(module, random_ids(T, B)))
    assert penalty.item() == pytest.approx(0.01 * total, rel=1e-5)
    penalty.backward()
    torch.testing.assert_close(module.words.weight.grad, 0.01 * module.words.weight.sign())
    assert module.output.bias.grad is None


def test_without_penalties_there_is_none():
    module = recurrent()
    assert module.penalty(read(module, random_ids(T, B))).item() == 0


# ----------------------------------------------------------------------------------------------------- feed-forward


def nnlm_by_hand(module, ids, order=4):
    """Hidden layer and the vectors of the context side by side, step by step and column by column."""
    vectors, h, d = array(module.word_vectors()), array(module.body.linear.weight), array(module.body.linear.bias)
    hidden, contexts = np.empty((*ids.shape, len(d))), np.empty((*ids.shape, h.shape[1]))
    for b in range(ids.shape[1]):
        seen = [2] * (order - 1)
        for t in range(len(ids)):
            seen = [*seen[1:], int(ids[t, b])]
            contexts[t, b] = np.concatenate([vectors[word] for word in seen])
            hidden[t, b] = np.tanh(h @ contexts[t, b] + d)
    return hidden, contexts


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("direct", [True, False])
def test_the_feed_forward_model_by_hand(tied, direct):
    module = randomized(feedforward(tied=tied, direct=direct)).eval()
    ids = random_ids(T, B)
    hidden, contexts = nnlm_by_hand(module, ids)
    output = read(module, ids)
    np.testing.assert_allclose(array(output.raw), hidden, atol=1e-5)
    assert torch.equal(output.state[0], ids[-3:])
    features = hidden
    if tied:
        features = hidden @ array(module.projection.weight).T + array(module.projection.bias)
        if direct:
            features = features + contexts @ array(module.direct.linear.weight).T
    elif direct:
        features = np.concatenate([hidden, contexts], axis=-1)
    np.testing.assert_allclose(array(output.features), features, atol=1e-5)
    logits = features @ array(module.output.weights()).T + array(module.output.bias)
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    found = array(module.output.all_log_probs(output.features.flatten(0, 1))).reshape(T, B, V)
    rank = module.words.rank.numpy()
    np.testing.assert_allclose(np.delete(found, 1, axis=-1), expected[..., np.delete(rank, 1)], atol=1e-4)


def test_reading_the_end_of_a_sentence_at_the_start_changes_nothing():
    module = feedforward()
    state = module.initial_state(2)
    assert state[0].tolist() == [[2, 2]] * 3
    assert torch.equal(read(module, torch.tensor([[2, 2]])).state[0], state[0])


def test_a_bigram_model_sees_one_word():
    module = randomized(feedforward(order=2)).eval()
    features = read(module, torch.tensor([[5], [9], [5]])).features
    assert torch.equal(features[0], features[2])
    assert not torch.equal(features[0], features[1])


# ------------------------------------------------------------------------------------------------------ looking in


@pytest.mark.parametrize("kind", BUILDERS)
def test_a_trace_is_the_forward_pass(kind):
    module = randomized(BUILDERS[kind]()).eval()
    ids = random_ids(T, B)
    trace, output = module.trace(ids, module.initial_state(B)), read(module, ids)
    torch.testing.assert_close(trace.output, output, atol=1e-5, rtol=1e-5)
    assert len(trace.layers) == 1
    torch.testing.assert_close(torch.stack(trace.layers[0]["hidden"]), output.raw, atol=1e-5, rtol=1e-5)


def test_gradient_norms_of_an_elman_network_by_hand():
    module = randomized(recurrent("rnn", dropout_output=0.5))
    ids, targets = random_ids(T, B), random_ids(B, seed=4)
    norms = module.gradient_norms(ids, targets, module.initial_state(B))
    assert set(norms) == {"hidden"}
    assert module.training
    module.eval()
    hidden, u = array(read(module, ids).raw), array(module.body.layers[0].weight_recurrent)
    weights, projection = array(module.output.weights()), array(module.projection.weight)
    logits = (hidden[-1] @ projection.T + array(module.projection.bias)) @ weights.T + array(module.output.bias)
    wrong = np.exp(logits - np.log(np.exp(logits).sum(1, keepdims=True)))
    wrong[np.arange(B), module.words.rank[targets]] -= 1
    gradient = wrong @ weights @ projection
    for k in range(T):
        np.testing.assert_allclose(array(norms["hidden"])[0, k], np.linalg.norm(gradient, axis=1), rtol=1e-3)
        gradient = (gradient * (1 - hidden[T - 1 - k] ** 2)) @ u


def test_gradient_norms_of_every_layer_and_state():
    module = randomized(recurrent("lstm", layers=2))
    norms = module.gradient_norms(random_ids(T, B), random_ids(B), module.initial_state(B))
    assert {name: tuple(values.shape) for name, values in norms.items()} == {"hidden": (2, T, B), "cell": (2, T, B)}
    assert all((values > 0).all() for values in norms.values())
    assert all(weight.grad is None for weight in module.parameters())


def test_a_window_of_words_has_no_gradient_through_time():
    module = randomized(feedforward())
    norms = module.gradient_norms(random_ids(T, B), random_ids(B), module.initial_state(B))["hidden"]
    assert (norms[0, 0] > 0).all()
    assert (norms[0, 1:] == 0).all()


# ------------------------------------------------------------------------------------------------------ warm start


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("softmax", SOFTMAXES)
def test_a_network_that_takes_over_all_words_is_the_same(softmax, tied):
    old = randomized(recurrent(softmax=softmax, tied=tied)).eval()
    other_counts = COUNTS[::-1].copy()
    ids = np.r_[[0, 1, 2], np.random.default_rng(2).permutation(np.arange(3, V))]
    new = recurrent(softmax=softmax, tied=tied, counts=other_counts, seed=9).eval()
    new.copy_words(old, ids)
    new.check_structure()
    read_old = random_ids(T, B)
    read_new = torch.tensor(np.argsort(ids))[read_old]
    before = old.output.all_log_probs(read(old, read_old).features.flatten(0, 1))
    after = new.output.all_log_probs(read(new, read_new).features.flatten(0, 1))
    torch.testing.assert_close(after, before[:, ids], atol=1e-5, rtol=1e-5)
    assert sorted(new.state_dict()) == sorted(old.state_dict())


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("softmax", SOFTMAXES)
@pytest.mark.parametrize("extra", [1, 4, 60])
def test_new_words_join_without_upsetting_the_old_ones(softmax, tied, extra):
    old = randomized(recurrent(softmax=softmax, tied=tied)).eval()
    counts = np.r_[COUNTS, np.full(extra, 3)]
    ids = np.r_[np.arange(V), np.full(extra, -1)]
    new = recurrent(softmax=softmax, tied=tied, counts=counts, seed=9).eval()
    new.copy_words(old, ids)
    new.check_structure()
    texts = random_ids(T, B)
    before, after = read(old, texts), read(new, texts)
    torch.testing.assert_close(after.features, before.features, atol=1e-6, rtol=0)
    scores = old.output.all_log_probs(before.features.flatten(0, 1))
    grown = new.output.all_log_probs(after.features.flatten(0, 1))
    torch.testing.assert_close(grown.exp().sum(1), torch.ones(T * B), atol=1e-5, rtol=0)
    if softmax in ("full", "sampled"):
        shifts = (grown[:, :V] - scores)[:, np.arange(V) != 1]
        torch.testing.assert_close(shifts, shifts[:, :1].expand_as(shifts), atol=1e-4, rtol=0)
    else:  # within a cluster that no new word has joined, words keep their shares
        rows = old.words.rank.tolist()
        first = [word for word in range(V) if rows[word] < old.words.cutoffs[1]]
        shifts = (grown[:, :V] - scores)[:, first]
        torch.testing.assert_close(shifts, shifts[:, :1].expand_as(shifts), atol=1e-4, rtol=0)
    again = recurrent(softmax=softmax, tied=tied, counts=counts, seed=4).eval()
    again.load_state_dict(new.state_dict())
    again.check_structure()
    torch.testing.assert_close(again.output.all_log_probs(after.features.flatten(0, 1)), grown)


def test_new_words_start_around_the_old_ones():
    old = randomized(recurrent(tied=False))
    counts = np.r_[COUNTS, 1000, 1]
    new, initial = (recurrent(tied=False, counts=counts, seed=9) for _ in range(2))
    new.copy_words(old, np.r_[np.arange(V), -1, -1])
    vectors = array(new.word_vectors())
    np.testing.assert_array_equal(vectors[:V], array(old.word_vectors()))
    random, trained = array(initial.words.weight), array(old.words.weight)
    shift = (trained[: V - 1] - random[: V - 1]).mean(0)
    np.testing.assert_allclose(vectors[V:], random[V - 1 : V + 1] + shift, atol=1e-6)
    possible = np.delete(np.arange(V + 2), 1)
    shares = np.log((counts + 1) / (counts[possible] + 1).sum())
    expected = shares[V:] + array(old.output.bias).mean() - shares[possible[: V - 1]].mean()
    np.testing.assert_allclose(array(new.output.bias)[new.order.rank[V:]], expected, atol=1e-5)


def test_chances_of_samples_follow_their_words():
    old = recurrent(softmax="sampled")
    counts = COUNTS[::-1].copy()
    counts[1] = 0
    new = recurrent(softmax="sampled", counts=counts)
    expected = new.output.chances[new.words.rank[[0, *range(2, V)]]].clone()
    new.copy_words(old, np.arange(V))
    torch.testing.assert_close(new.output.chances[new.words.rank[[0, *range(2, V)]]], expected)


def test_a_warm_start_needs_the_same_shape_and_all_old_words():
    with pytest.raises(ValueError, match="differs in shape"):
        recurrent(hidden=9).copy_words(recurrent(), np.arange(V))
    with pytest.raises(ValueError, match="each old word once"):
        recurrent(counts=COUNTS[:-1]).copy_words(recurrent(), np.arange(V - 1))
