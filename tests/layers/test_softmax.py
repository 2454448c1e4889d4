"""Output layers: against an independent calculation in NumPy, against one another, and against plain autograd."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.nn import functional
from toys.networks import COUNTS, V, array, random_ids, randomized, seeded, words

from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.layers.row_order import WordOrder
from nlmkit.layers.softmax import AdaptiveSoftmax, ClassFactoredSoftmax, FullSoftmax, SampledSoftmax, rows
from nlmkit.layers.softmax.adaptive import adaptive_cutoffs
from nlmkit.layers.softmax.class_factored import class_cutoffs
from nlmkit.layers.softmax.cross_entropy import linear_cross_entropy
from nlmkit.layers.softmax.sampled import inclusion_chances
from nlmkit.layers.softmax.sampled_cross_entropy import Sample, sampled_cross_entropy

WIDTH, N = 6, 17
BY_ROW = WordOrder.by_frequency(COUNTS).sorted(COUNTS)
CLUSTERS = {
    "full": None,
    "adaptive": [0, 7, 15, V - 1],
    "class-factored": [0, 1, 5, 12, 20, V - 1],
    "sampled": None,
}
KINDS = tuple(CLUSTERS)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(kind, *, tied=True, samples=9, random=True):
    inputs = words(WIDTH, cutoffs=CLUSTERS[kind])
    if kind == "sampled":
        output = SampledSoftmax(inputs, WIDTH, BY_ROW, seeded(), tied=tied, samples=samples)
    else:
        layers = {"full": FullSoftmax, "adaptive": AdaptiveSoftmax, "class-factored": ClassFactoredSoftmax}
        output = layers[kind](inputs, WIDTH, BY_ROW, seeded(), tied=tied)
    if random:
        randomized(inputs, seed=21)
        randomized(output, seed=22)
    return output


def features_and_targets(seed=1):
    return torch.randn(N, WIDTH, generator=seeded(seed)).requires_grad_(), random_ids(N, seed=seed)


def log_softmax(scores):
    highest = scores.max(-1, keepdims=True)
    return scores - highest - np.log(np.exp(scores - highest).sum(-1, keepdims=True))


def by_hand(output, kind, features):
    """ln p of each id, word by word, in float64: [N, V]."""
    f, rank = array(features), output.words.rank.tolist()
    found = np.full((len(f), V), -np.inf)
    bias = array(output.bias)
    word_weight = array(output.words.weight)[:-1] if output.tied else None
    if kind in ("full", "sampled"):
        weight = word_weight if output.tied else array(output.weight)
        by_row = log_softmax(f @ weight.T + bias)
        for word in set(range(V)) - {1}:
            found[:, word] = by_row[:, rank[word]]
        return found
    begins = CLUSTERS[kind]
    parts = list(itertools.pairwise(begins))
    for word in set(range(V)) - {1}:
        row = rank[word]
        cluster = next(i for i, (begin, end) in enumerate(parts) if begin <= row < end)
        begin, end = parts[cluster]
        if kind == "class-factored":
            weight = word_weight if output.tied else array(output.weight)
            classes = log_softmax(f @ array(output.class_weight).T + array(output.class_bias))
            within = log_softmax(f @ weight[begin:end].T + bias[begin:end])
            found[:, word] = classes[:, cluster] + within[:, row - begin]
            continue
        head_weight = word_weight[: begins[1]] if output.tied else array(output.head_weight)
        head = log_softmax(
            np.hstack(
                [f @ head_weight.T + bias[: begins[1]], f @ array(output.cluster_weight).T + array(output.cluster_bias)]
            )
        )
        if cluster == 0:
            found[:, word] = head[:, row]
            continue
        inner, weight = f, None if word_weight is None else word_weight[begin:end]
        if not output.tied:
            inner = f @ array(output.maps[cluster - 1]).T
            weight = array(output.tail_weights[cluster - 1])
        within = log_softmax(inner @ weight.T + bias[begin:end])
        found[:, word] = head[:, begins[1] + cluster - 1] + within[:, row - begin]
    return found


# ----------------------------------------------------------------------------------------------------- all kinds


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_equal_an_independent_calculation(kind, tied):
    output = build(kind, tied=tied)
    features, targets = features_and_targets()
    expected = by_hand(output, kind, features)
    found = array(output.all_log_probs(features))
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(np.exp(found).sum(1), 1, atol=1e-5)
    assert (found[:, 1] == -np.inf).all()
    one = array(output.log_probs(features, targets))
    np.testing.assert_allclose(one, expected[np.arange(N), targets], atol=2e-5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_start_of_sentence_is_never_predicted(kind, tied):
    output = build(kind, tied=tied)
    features, targets = features_and_targets()
    targets[3] = 1
    found = output.log_probs(features, targets)
    assert found[3] == -torch.inf
    assert found[[0, 1, 2, 4]].isfinite().all()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_mean_of_the_scores_and_so_are_its_gradients(kind, tied):
    output = build(kind, tied=tied).eval()
    features, targets = features_and_targets()
    wanted = [features, *output.parameters(), *([output.words.weight] if tied else [])]
    loss = output.loss(features, targets)
    mean = -output.log_probs(features, targets).mean()
    torch.testing.assert_close(loss, mean)
    torch.testing.assert_close(
        torch.autograd.grad(loss, wanted), torch.autograd.grad(mean, wanted), atol=1e-6, rtol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, 4, 16, 17, 100])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_size_of_chunks_changes_nothing(kind, tied, chunk):
    output = build(kind, tied=tied)
    features, targets = features_and_targets()
    found = []
    for size in (chunk, 5):
        output.generator = seeded(8)
        loss = output.loss(features, targets, chunk=size)
        found.append((loss, *torch.autograd.grad(loss, [features, *output.parameters()])))
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_tied_weights_are_the_word_vectors(kind):
    output = build(kind)
    features, targets = features_and_targets()
    own = {name for name, _ in output.named_parameters()}
    assert own <= {"bias", "cluster_weight", "cluster_bias", "class_weight", "class_bias"}
    before = output.all_log_probs(features)
    (gradient,) = torch.autograd.grad(output.loss(features, targets), [output.words.weight])
    assert gradient.abs().sum() > 0
    assert (gradient[-1] == 0).all()
    with torch.no_grad():
        output.words.weight += 0.1 * torch.randn(output.words.weight.shape, generator=seeded(2))
    assert not torch.allclose(output.all_log_probs(features), before)
    with pytest.raises(ValueError, match="4 is not 6"):
        FullSoftmax(output.words, 4, BY_ROW, seeded(), tied=True)


@pytest.mark.parametrize("kind", KINDS)
def test_no_features_have_no_scores(kind):
    output = build(kind)
    assert output.log_probs(torch.empty(0, WIDTH), torch.empty(0, dtype=torch.int64)).shape == (0,)
    assert output.all_log_probs(torch.empty(0, WIDTH)).shape == (0, V)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_has_a_gradient_whatever_the_targets(kind, tied):
    output = build(kind, tied=tied)
    features, _ = features_and_targets()
    frequent = int(output.words.rank.argmin())
    output.loss(features, torch.full((N,), frequent)).backward()
    assert all(weight.grad is not None for weight in output.parameters())


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_layer_gives_about_the_unigram_distribution(kind, tied):
    output = build(kind, tied=tied, random=False)
    found = array(output.all_log_probs(torch.zeros(1, WIDTH)))[0]
    smoothed = np.where(np.arange(V) == 1, 0, COUNTS + 1)
    # Clusters have one added to their count too.
    np.testing.assert_allclose(np.exp(found), smoothed / smoothed.sum(), atol=2e-3)


@pytest.mark.parametrize("kind", ["adaptive", "class-factored", "sampled"])
def test_label_smoothing_is_refused_where_not_every_word_is_computed(kind):
    with pytest.raises(HyperParameterError, match=f"label_smoothing .* softmax={kind}"):
        build(kind).loss(*features_and_targets(), label_smoothing=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_cutoffs_that_do_not_fit_the_weights_are_damage(kind):
    output = build(kind)
    output.check_cutoffs(output.words.order.cutoffs)
    if kind != "class-factored":  # whose classes may lie anywhere; their number is that of its weights
        with pytest.raises(SavedModelError, match="clusters"):
            output.check_cutoffs(np.array([0, 3, 9, 11, V - 1]))


# ---------------------------------------------------------------------------------------------------- full softmax


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_equals_torchs_in_value_and_gradients(smoothing):
    features, _ = features_and_targets()
    weight, bias = (torch.randn(*shape, generator=seeded(9)).requires_grad_() for shape in [(23, WIDTH), (23,)])
    targets = torch.arange(N) % 23
    ours = linear_cross_entropy(features, weight, bias, targets, chunk=5, label_smoothing=smoothing)
    logits = functional.linear(features, weight, bias)
    theirs = functional.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
    torch.testing.assert_close(ours, theirs)
    wanted = [features, weight, bias]
    torch.testing.assert_close(
        torch.autograd.grad(ours * 3, wanted), torch.autograd.grad(theirs * 3, wanted), atol=1e-5, rtol=1e-5
    )


def test_cross_entropy_against_finite_differences():
    source = seeded(4)
    inputs = [
        torch.randn(*shape, dtype=torch.float64, generator=source).requires_grad_() for shape in [(5, 3), (7, 3), (7,)]
    ]
    targets = torch.tensor([0, 6, 2, 2, 5])

    def loss(*given):
        return linear_cross_entropy(*given, targets, chunk=2, label_smoothing=0.1)

    assert torch.autograd.gradcheck(loss, inputs)


def test_cross_entropy_computes_only_the_gradients_that_are_wanted():
    features, _ = features_and_targets()
    weight, bias = torch.randn(23, WIDTH, generator=seeded(9)), torch.zeros(23)
    loss = linear_cross_entropy(features, weight, bias, torch.arange(N))
    (gradient,) = torch.autograd.grad(loss, [features])
    assert gradient.shape == features.shape
    with torch.no_grad():
        assert not linear_cross_entropy(features, weight, bias, torch.arange(N)).requires_grad


@pytest.mark.parametrize(
    ("name", "smoothing"), [("full", 0.0), ("full", 0.2), ("adaptive", 0.0), ("class-factored", 0.0)]
)
def test_losses_in_bfloat16_are_near_in_value_and_gradients_and_only_in_training(name, smoothing):
    features, targets = features_and_targets()
    output = build(name)
    wanted = [features, output.bias, output.words.weight]
    exact = output.loss(features, targets, chunk=5, label_smoothing=smoothing)
    output.trains_in_bfloat16 = True
    near = output.loss(features, targets, chunk=5, label_smoothing=smoothing)
    assert near.dtype == torch.float32
    assert near.item() == pytest.approx(exact.item(), rel=0.02)
    assert near.item() != exact.item()
    for ours, theirs in zip(torch.autograd.grad(near, wanted), torch.autograd.grad(exact, wanted), strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, atol=0.01, rtol=0.05)
    output.eval()
    lowered = output.loss(features, targets, chunk=5, label_smoothing=smoothing)
    output.trains_in_bfloat16 = False
    assert torch.equal(lowered, output.loss(features, targets, chunk=5, label_smoothing=smoothing))


@pytest.mark.parametrize(("words", "gains"), [(2**17 // WIDTH, False), (2**17 // WIDTH + 1, True)])
def test_size_from_which_an_output_layer_gains_from_bfloat16(words, gains, monkeypatch):
    output = build("full")
    monkeypatch.setattr(type(output), "predictable", words - 1 + (2**17 % WIDTH > 0))
    assert output.gains_from_bfloat16 == (output.width * output.predictable >= 2**17) == gains


@pytest.fixture(params=["python", pytest.param("machine", marks=pytest.mark.slow)])
def row_code(request, monkeypatch):
    """Machine code of rows for a vocabulary of any size, or the Python that it is compiled from."""
    pytest.importorskip("numba")
    from nlmkit.layers.fused import arithmetic
    from nlmkit.layers.softmax import row_kernels

    if request.param == "python":
        for module in (arithmetic, row_kernels):
            for name, value in vars(module).copy().items():
                if hasattr(value, "py_func"):
                    monkeypatch.setattr(module, name, value.py_func)
    monkeypatch.setattr(rows, "COMPILED_WORDS", 0)


@pytest.mark.parametrize("words", [1, 23, 64, 131])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_machine_code_of_rows_is_torchs_softmax_within_rounding(words, dtype, row_code, monkeypatch):
    source = seeded(9)
    features = torch.randn(N, WIDTH, generator=source, dtype=torch.float32).to(dtype)
    weight, bias = torch.randn(words, WIDTH, generator=source) * 3, torch.randn(words, generator=source)
    targets = torch.arange(N) % words
    code = rows.softmax_of_rows(features, bias, 0.0)
    assert isinstance(code, rows.CompiledRows)
    assert isinstance(rows.softmax_of_rows(features, bias, 0.1), rows.PlainRows)
    logits = torch.mm(features, weight.t().to(dtype))
    plain = rows.PlainRows()
    expected = plain(logits.clone(), bias, targets, 0.0)
    found = code(logits, bias, targets, 0.0)
    assert found.by_logits.data_ptr() == logits.data_ptr()
    torch.testing.assert_close(found[:2], expected[:2], atol=1e-5, rtol=1e-6)
    rounding = {"atol": 1e-6, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 1e-6, "rtol": 2**-8}
    torch.testing.assert_close(found.by_logits.float(), expected.by_logits, **rounding)
    for scale in (None, torch.rand(N, generator=source)):
        total = plain.sum(found.by_logits.float(), scale)
        torch.testing.assert_close(code.sum(found.by_logits, scale), total, atol=1e-5, rtol=1e-5)
    monkeypatch.setattr(rows, "has_machine_code", lambda: False)
    assert isinstance(rows.softmax_of_rows(features, bias, 0.0), rows.PlainRows)


@pytest.mark.parametrize("words", [1, 70])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_machine_code_of_rows_with_an_own_logit_of_the_target_is_torchs_within_rounding(words, dtype, row_code):
    source = seeded(9)
    logits = torch.randn(N, words, generator=source).to(dtype)
    bias, scores = torch.randn(words, generator=source), torch.randn(N, generator=source) * 5
    hits = torch.where(torch.arange(N) % 3 == 0, -1, torch.arange(N) % words)
    expected, by_scores = rows.PlainRows().sampled(logits.clone(), bias, hits, scores)
    found, near = rows.CompiledRows(dtype).sampled(logits, bias, hits, scores)
    torch.testing.assert_close((*found[:2], near), (*expected[:2], by_scores), atol=1e-5, rtol=1e-6)
    rounding = {"atol": 1e-6, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 1e-6, "rtol": 2**-8}
    torch.testing.assert_close(found.by_logits.float(), expected.by_logits, **rounding)
    assert (found.by_logits[hits >= 0, hits[hits >= 0]] == 0).all()


def test_logits_that_are_not_numbers_make_the_loss_none(row_code):
    logits = torch.randn(3, 70, generator=seeded()).bfloat16()
    logits[1, 66], logits[2, 5] = torch.nan, torch.nan
    found = rows.CompiledRows(torch.bfloat16)(logits, torch.zeros(70), torch.arange(3), 0.0)
    assert found.log_probs.isnan().tolist() == [False, True, True]
    assert found.loss.isnan()


def test_rows_after_the_words_are_ignored_and_have_no_gradient():
    features, _ = features_and_targets()
    weight, bias = torch.randn(25, WIDTH, generator=seeded(9)).requires_grad_(), torch.zeros(23)
    targets = torch.arange(N) % 23
    loss = linear_cross_entropy(features, weight, bias, targets, chunk=5)
    torch.testing.assert_close(loss, linear_cross_entropy(features, weight[:23], bias, targets))
    (gradient,) = torch.autograd.grad(loss, [weight])
    assert (gradient[23:] == 0).all()
    (empty,) = torch.autograd.grad(linear_cross_entropy(features[:0], weight, bias, targets[:0]), [weight])
    assert (empty == 0).all()


def test_cross_entropy_under_autocast_is_near_and_keeps_the_types_of_weights():
    features, targets = features_and_targets()
    output = build("full")
    wanted = [features, output.bias, output.words.weight]
    exact = output.loss(features, targets, chunk=5)
    with torch.autocast("cpu", torch.bfloat16):
        near = output.loss(features, targets, chunk=5)
    assert near.dtype == torch.float32
    assert near.item() == pytest.approx(exact.item(), rel=0.02)
    assert near.item() != exact.item()
    for ours, theirs in zip(torch.autograd.grad(near, wanted), torch.autograd.grad(exact, wanted), strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, atol=0.01, rtol=0.05)


def test_label_smoothing_spreads_over_all_words_but_the_start():
    output = build("full")
    features, targets = features_and_targets()
    log_probs = by_hand(output, "full", features)
    possible = log_probs[:, np.arange(V) != 1]
    expected = -(0.9 * log_probs[np.arange(N), targets] + 0.1 * possible.mean(1)).mean()
    assert output.loss(features, targets, label_smoothing=0.1).item() == pytest.approx(expected, rel=1e-5)


# ------------------------------------------------------------------------------------------------------- adaptive


def test_clusters_of_the_adaptive_softmax():
    assert adaptive_cutoffs(10_000, 2000).tolist() == [0, 2000, 10_000]
    assert adaptive_cutoffs(20_000, 2000).tolist() == [0, 2000, 20_000]
    assert adaptive_cutoffs(800_000, 2000).tolist() == [0, 2000, 20_000, 200_000, 800_000]
    with pytest.raises(HyperParameterError, match="softmax_head=50 leaves no rarer words in a vocabulary of 50"):
        adaptive_cutoffs(50, 50)


def test_untied_tails_are_narrower():
    inputs = words(32, cutoffs=[0, 5, 12, V - 1])
    output = AdaptiveSoftmax(inputs, 32, BY_ROW, seeded(), tied=False)
    assert [tuple(weight.shape) for weight in output.tail_weights] == [(7, 8), (V - 13, 2)]
    assert [tuple(weight.shape) for weight in output.maps] == [(8, 32), (2, 32)]


def test_a_training_step_computes_tails_only_where_the_target_is(monkeypatch):
    output = build("adaptive")
    features, targets = features_and_targets()
    seen = []

    def counting(part, weight, bias, target, **values):
        seen.append((len(part), len(weight)))
        return linear_cross_entropy(part, weight, bias, target, **values)

    monkeypatch.setattr("nlmkit.layers.softmax.adaptive.linear_cross_entropy", counting)
    output.loss(features, targets)
    rows = array(output.words.rank[targets])
    tails = [int(((rows >= begin) & (rows < end)).sum()) for begin, end in [(7, 15), (15, V - 1)]]
    assert seen == [(N, 7 + 2), (tails[0], 8), (tails[1], V - 1 - 15)]


# ------------------------------------------------------------------------------------------------- class-factored


@pytest.mark.slow
@given(
    counts=arrays.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 10**9)),
    classes=st.integers(1, 60),
)
def test_classes_are_ranges_none_of_which_is_empty(counts, classes):
    counts = np.sort(counts)[::-1]
    if classes > len(counts):
        with pytest.raises(HyperParameterError, match="softmax_classes"):
            class_cutoffs(counts, classes)
        return
    cutoffs = class_cutoffs(counts, classes)
    assert len(cutoffs) == classes + 1
    assert cutoffs[0] == 0
    assert cutoffs[-1] == len(counts)
    assert (np.diff(cutoffs) > 0).all()


def test_classes_have_about_the_same_sum_of_root_counts():
    counts = (1e6 / np.arange(1, 10_001)).astype(np.int64)
    cutoffs = class_cutoffs(counts, None)
    assert len(cutoffs) == 101
    masses = np.add.reduceat(np.sqrt(counts + 1.0), cutoffs[:-1])
    mean = masses.sum() / 100
    single = np.sqrt(counts[0] + 1.0)
    assert (np.abs(masses - mean) <= max(single, 0.5 * mean)).all()
    assert np.diff(cutoffs)[0] < np.diff(cutoffs)[-1]


# -------------------------------------------------------------------------------------------------------- sampled


@given(
    counts=arrays.arrays(np.int64, st.integers(2, 80), elements=st.integers(0, 10**6)),
    samples=st.integers(1, 90),
)
def test_chances_sum_to_the_size_of_the_sample(counts, samples):
    counts = np.sort(counts)[::-1]
    chances = inclusion_chances(counts, samples)
    assert chances.sum() == pytest.approx(min(samples, len(counts)), rel=1e-9)
    assert (chances > 0).all()
    assert (chances <= 1).all()
    assert (np.diff(chances) <= 1e-12).all()
    uncertain = chances < 1
    if uncertain.sum() > 1 and counts.any():
        ratio = chances[uncertain] / (counts[uncertain] + 1.0) ** 0.75
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)


def test_without_counts_chances_follow_the_log_uniform_distribution():
    chances = inclusion_chances(np.zeros(1000, np.int64), 5)
    ranks = np.arange(1000)
    expected = np.log((ranks + 2) / (ranks + 1)) ** 0.75
    assert chances[0] < 1
    np.testing.assert_allclose(chances / chances[0], expected / expected[0], rtol=1e-9)


@pytest.mark.parametrize("tied", [True, False])
def test_with_all_words_sampled_the_loss_is_the_full_one(tied):
    output = build("sampled", tied=tied, samples=V)
    features, targets = features_and_targets()
    assert output.sample().tolist() == list(range(V - 1))
    wanted = [features, *output.parameters()]
    loss, full = output.loss(features, targets, chunk=4), FullSoftmax.loss(output, features, targets)
    torch.testing.assert_close(loss, full)
    torch.testing.assert_close(
        torch.autograd.grad(loss, wanted), torch.autograd.grad(full, wanted), atol=1e-6, rtol=1e-4
    )


def test_the_sampled_loss_by_hand():
    output = build("sampled")
    features, targets = features_and_targets()
    output.generator = seeded(5)
    sample = set(output.sample().tolist())
    output.generator = seeded(5)
    loss = output.loss(features, targets).item()
    scores = array(features) @ array(output.words.weight)[:-1].T + array(output.bias)
    corrected = scores - np.log(array(output.chances))
    expected = [
        math.log(math.exp(scores[n, target]) + sum(math.exp(corrected[n, row]) for row in sample - {target}))
        - scores[n, target]
        for n, target in enumerate(output.words.rank[targets].tolist())
    ]
    assert loss == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.parametrize("chunk", [1, 4, 256])
@pytest.mark.parametrize("size", [0, 1, 5])
def test_gradients_of_the_sampled_loss_are_those_of_autograd(size, chunk):
    generator = seeded(3)
    values = [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((7, 3), (9, 3), (9,))]
    features, weight, bias = (value.requires_grad_() for value in values)
    targets = torch.randint(9, (7,), generator=generator)
    rows = torch.randperm(9, generator=generator)[:size].sort().values
    sample = Sample(rows, torch.rand(size, generator=generator, dtype=torch.float64).log())
    assert torch.autograd.gradcheck(
        lambda *inputs: sampled_cross_entropy(*inputs, targets, sample, chunk=chunk), (features, weight, bias)
    )
    scores = features @ weight.T + bias
    own = scores.gather(1, targets[:, None])
    others = (scores[:, rows] - sample.log_chances).masked_fill(rows == targets[:, None], -torch.inf)
    expected = (torch.cat([own, others], dim=1).logsumexp(dim=1) - own[:, 0]).sum()
    torch.testing.assert_close(sampled_cross_entropy(features, weight, bias, targets, sample, chunk=chunk), expected)
    torch.testing.assert_close(
        torch.autograd.grad(sampled_cross_entropy(features, weight, bias, targets, sample), [bias]),
        torch.autograd.grad(expected, [bias]),
    )


def test_the_sampled_loss_in_bfloat16_is_near():
    output = build("sampled", samples=4)
    features, targets = features_and_targets()
    rows = output.words.rank[targets]
    sample = Sample(torch.tensor([0, 2, 5]), torch.tensor([0.0, -1.0, -2.0]))
    arguments = (features, output.weights(), output.bias, rows, sample)
    exact = sampled_cross_entropy(*arguments)
    wanted = [features, *output.parameters()]
    torch.testing.assert_close(sampled_cross_entropy(*arguments, bfloat16=True), exact, rtol=0.01, atol=0.01)
    with torch.autocast("cpu", torch.bfloat16):
        low = sampled_cross_entropy(*arguments)
    assert low.dtype == torch.float32
    assert torch.equal(low, sampled_cross_entropy(*arguments, bfloat16=True))
    for one, other in zip(
        torch.autograd.grad(low, wanted, allow_unused=True, materialize_grads=True),
        torch.autograd.grad(exact, wanted, allow_unused=True, materialize_grads=True),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.05)


def test_the_expected_denominator_is_the_sum_over_all_words(monkeypatch):
    """All samples of a tiny vocabulary, each with its probability: the correction is the right one."""
    counts = np.array([3, 0, 5, 40, 9, 1])
    inputs = words(3, counts=counts)
    by_row = inputs.order.sorted(counts)
    output = SampledSoftmax(inputs, 3, by_row, seeded(), tied=False, samples=2)
    randomized(output, seed=4)
    assert (output.chances < 1).sum() >= 4
    features = torch.randn(1, 3, generator=seeded(6))
    for word in (0, 2, 3, 4, 5):
        target = torch.tensor([word])
        expected = 0.0
        for chosen in itertools.product([False, True], repeat=5):
            taken = torch.tensor(chosen)
            chance = torch.where(taken, output.chances, 1 - output.chances).prod()
            monkeypatch.setattr(output, "sample", lambda taken=taken: taken.nonzero()[:, 0])
            expected += float(chance * output.loss(features, target).detach().exp())  # 1 / p of this sample
        assert expected == pytest.approx(float(output.log_probs(features, target).detach().neg().exp()), rel=1e-5)


def test_late_in_a_run_a_sampled_softmax_may_compute_all_words():
    output = build("sampled")
    features, targets = features_and_targets()
    before = output.generator.get_state()
    output.is_full = True
    wanted = [features, *output.parameters()]
    loss, full = output.loss(features, targets), FullSoftmax.loss(output, features, targets)
    assert torch.equal(loss, full)
    assert all(map(torch.equal, torch.autograd.grad(loss, wanted), torch.autograd.grad(full, wanted)))
    assert torch.equal(output.generator.get_state(), before)


@pytest.mark.parametrize("is_mixed", [False, True])
def test_samples_have_as_many_logits_at_a_time_as_all_words_would(is_mixed, monkeypatch):
    sizes, sampled = [], rows.PlainRows.sampled

    def watched(self, logits, *rest):
        sizes.append(logits.numel())
        return sampled(self, logits, *rest)

    monkeypatch.setattr(rows.PlainRows, "sampled", watched)
    output = build("sampled", samples=3)
    features, targets = torch.randn(300, WIDTH, generator=seeded(1)), random_ids(300)
    if is_mixed:
        even = torch.full((300,), 0.5).log()
        output.mixture_loss(features, targets, even, even, chunk=5, alone=0.5)
    else:
        output.loss(features, targets, chunk=5)
    assert 4 * (V - 1) <= max(sizes) <= 5 * (V - 1)


def test_samples_come_from_the_generator_at_their_chances():
    output = build("sampled")
    output.generator = seeded(1)
    drawn = [output.sample() for _ in range(4000)]
    found = torch.cat(drawn).bincount(minlength=V - 1) / 4000
    torch.testing.assert_close(found, output.chances, atol=0.04, rtol=0)
    output.generator = seeded(1)
    assert torch.equal(output.sample(), drawn[0])
    output.generator = None
    with pytest.raises(ValueError, match="set_generator"):
        output.sample()


def test_in_evaluation_the_loss_is_the_full_one_and_draws_nothing():
    output = build("sampled").eval()
    features, targets = features_and_targets()
    before = output.generator.get_state()
    torch.testing.assert_close(output.loss(features, targets), -output.log_probs(features, targets).mean())
    assert torch.equal(output.generator.get_state(), before)
