"""Adversarial training: shifts by definition, its losses, unlabelled texts, and what a run makes of them."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from toys.classifiers import LABELS, TEXTS, saved_and_loaded_is_the_same

from nlmkit import DataError, HyperParameterError, RunOptions
from nlmkit.classifiers.neural.cnn import CNN
from nlmkit.classifiers.neural.han import HAN
from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier
from nlmkit.classifiers.neural.vdcnn import VDCNN
from nlmkit.documents.neural import adversarial
from nlmkit.documents.neural.adversarial import Adversary, joined, unlabelled_batches
from nlmkit.documents.neural.batching import Documents
from nlmkit.documents.neural.estimator import NeuralTextModel
from nlmkit.regressors.neural.cnn_regressor import CNNRegressor
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.task import Step

TINY: dict[str, Any] = {"embedding": 6, "epochs": 1, "batch": 8, "lr": 0.01}
SOME = [TEXTS[0], "", "fine .", "a dull film . what a day ! awful awful"]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=["cnn", "han", "multichannel"])
def model(request: pytest.FixtureRequest) -> NeuralTextModel:
    if request.param == "han":
        return HAN(**TINY, hidden=4, attention=3).fit(TEXTS, LABELS)
    options: dict[str, Any] = {}
    if request.param == "multichannel":
        from nlmkit.representations.vectors import Vectors

        words = {word for text in TEXTS for word in text.split()}
        source = np.random.default_rng(1)
        vectors = Vectors().fit({word: source.normal(size=6) * [9, 1, 1, 1, 1, 1] for word in sorted(words)})
        options = {"representation": vectors, "tune": "multichannel"}
    return CNN(**TINY, maps=3, **options).fit(TEXTS, LABELS)


def scales_of(model: NeuralTextModel, ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """By definition: the standard deviation of each dimension over all words of the texts."""
    matrix = torch.cat(model.module_.words.channels, dim=1).detach().numpy()
    return np.asarray(matrix[ids].std(axis=0))


def vectors_of(model: NeuralTextModel, documents: Documents) -> list[torch.Tensor]:
    return model.module_.words.of_groups(documents.batch(np.arange(len(SOME))).groups, model.module_.generator)


@pytest.mark.parametrize("virtual", [False, True])
def test_shifts_have_the_norm_and_the_direction_by_definition(
    model: NeuralTextModel, virtual: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = model.module_.eval()
    documents, _ = model.documents_of(model.encode(SOME))
    ids = np.unique(documents.ids).repeat(2)  # any words
    batch = documents.batch(np.arange(len(SOME)))
    targets = torch.tensor([0, 1, 0, 1])
    seen: list[torch.Tensor] = []
    outputs = adversarial._Passes.outputs

    def noted(self: Any, shift: torch.Tensor) -> torch.Tensor:
        seen.append(shift.detach().clone())
        return outputs(self, shift)

    monkeypatch.setattr(adversarial._Passes, "outputs", noted)
    adversary = Adversary(module, ids, norm=0.5, adversarial=float(not virtual), virtual=float(virtual))
    step = adversary.step(batch, lambda found: functional.cross_entropy(found, targets), divergence)
    assert step.penalty is not None
    assert float(step.penalty.detach()) > 0
    scales = scales_of(model, ids)
    used = np.flatnonzero(scales > 1e-9)
    texts = np.concatenate(
        [
            np.repeat(np.repeat(np.arange(len(SOME)), batch.sentences)[rows.numbers], rows.ids.shape[1])
            for rows in batch.groups
        ]
    )
    is_word = torch.cat([rows.ids.flatten() for rows in batch.groups]).ne(1).numpy()
    words = np.bincount(texts, is_word)
    for number, norm in ((-1, 0.5), (1, 0)) if virtual else ((-1, 0.5),):
        shift = seen[number].numpy()
        assert not shift[~is_word].any()
        normalized = shift[:, used] / scales[used]
        for text in (0, 2, 3):
            wanted = norm * np.sqrt(words[text]) or adversarial.PROBE
            assert np.linalg.norm(normalized[texts == text]) == pytest.approx(wanted, rel=1e-4)
    if virtual:
        return
    # The gradient of the loss by the vectors themselves, as torch has it, in normalized units.
    zero = seen[0].requires_grad_()
    with module.words.shifted(zero):
        loss = functional.cross_entropy(module(batch), targets, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, zero)
    along = gradient.numpy() * scales * is_word[:, None]
    for text in (0, 2, 3):
        mine = along[texts == text]
        found = seen[-1].numpy()[texts == text]
        np.testing.assert_allclose(found, 0.5 * np.sqrt(words[text]) * mine / np.linalg.norm(mine) * scales, atol=1e-5)


def divergence(fixed: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
    p, q = fixed.softmax(1), outputs.softmax(1)
    return (p * (p.log() - q.log())).sum(1).mean()


def test_the_loss_rises_along_the_shift(model: NeuralTextModel) -> None:
    documents, _ = model.documents_of(model.encode(SOME))
    batch, targets = documents.batch(np.arange(len(SOME))), torch.tensor([0, 1, 0, 1])
    module = model.module_.eval()
    found = [
        Adversary(module, documents.ids, norm=norm, adversarial=1, virtual=0).step(
            batch, lambda found: functional.cross_entropy(found, targets), divergence
        )
        for norm in (1e-6, 0.02, 0.04)
    ]
    losses = [float(step.penalty.detach()) for step in found if step.penalty is not None]
    assert losses[0] == pytest.approx(float(found[0].loss.detach()), abs=1e-5)
    assert losses == sorted(losses)


def test_masks_of_all_passes_are_the_same() -> None:
    model = LSTMClassifier(**TINY, hidden=4, dropout_word=0.3).fit(TEXTS, LABELS)
    module = model.module_.train()
    documents, _ = model.documents_of(model.encode(SOME))
    batch = documents.batch(np.arange(len(SOME)))
    adversary = Adversary(module, documents.ids, norm=1e-30, adversarial=0, virtual=1)
    step = adversary.step(batch, lambda found: found.sum(), divergence)
    assert step.penalty is not None
    assert float(step.penalty.detach()) == pytest.approx(0, abs=1e-7)
    assert step.penalty.requires_grad
    further = adversary.unlabelled_step(batch, divergence)
    assert float(further.loss) == 0
    assert further.penalty is not None
    assert float(further.penalty.detach()) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("labelled", [True, False])
def test_the_pass_without_a_shift_alone_moves_running_statistics(labelled: bool) -> None:
    model = VDCNN(**TINY | {"embedding": 4}, maps=2, dense=(), k=2).fit(TEXTS, LABELS)
    module, before = model.module_.train(), [statistic.clone() for statistic in model.module_.statistics()]
    documents, _ = model.documents_of(model.encode(SOME))
    batch = documents.batch(np.arange(len(SOME)))
    module(batch)
    expected = [statistic.clone() for statistic in module.statistics()]
    assert not torch.equal(expected[0], before[0])
    for statistic, kept in zip(module.statistics(), before, strict=True):
        statistic.copy_(kept)
    adversary = Adversary(module, documents.ids, norm=1.0, adversarial=1.0, virtual=1.0)
    targets = torch.tensor([0, 1, 0, 1])

    def loss(outputs: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(outputs, targets)

    def divergence(found: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
        return functional.mse_loss(outputs, found)

    step = adversary.step(batch, loss, divergence) if labelled else adversary.unlabelled_step(batch, divergence)
    assert all(map(torch.equal, module.statistics(), expected))
    assert step.penalty is not None
    (step.loss + step.penalty).backward()  # type: ignore[no-untyped-call]
    assert module.weight.grad is not None


def test_divergences_of_the_kinds() -> None:
    from nlmkit.classifiers.neural.task import ClassificationTask
    from nlmkit.regressors.neural.task import RegressionTask

    source = torch.Generator().manual_seed(1)
    one, other = torch.randn(5, 3, generator=source), torch.randn(5, 3, generator=source)
    any_task: Any = None
    found = ClassificationTask.divergence(any_task, one, other)
    assert float(found) == pytest.approx(float(divergence(one, other)), rel=1e-5)
    found = RegressionTask.divergence(any_task, one[:, :1], other[:, :1])
    assert float(found) == pytest.approx(float(((one[:, 0] - other[:, 0]) ** 2).mean() / 2), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"adversarial": 1.0, "adversarial_norm": 0.2}, {"virtual_adversarial": 1.0, "adversarial_norm": 0.4}]
)
def test_it_learns_and_seeds_decide(options: dict[str, float], tmp_path: Path) -> None:
    def fitted(**more: Any) -> CNN:
        return CNN(**{**TINY, "epochs": 6, "lr": 0.03, **options, **more}, maps=4).fit(TEXTS, LABELS)

    first = fitted()
    assert first.score(TEXTS, LABELS) > 0.9
    assert first.digest == fitted().digest
    assert not np.array_equal(first.predict_proba(TEXTS), fitted(adversarial_norm=0.01).predict_proba(TEXTS))
    saved_and_loaded_is_the_same(first, tmp_path)


@pytest.mark.slow
def test_regressors_have_it_too() -> None:
    stars = [9.0 if label == "good" else 1.0 for label in LABELS]
    options = {**TINY, "epochs": 8, "lr": 0.03, "adversarial": 0.5, "virtual_adversarial": 0.5, "adversarial_norm": 0.2}
    assert CNNRegressor(**options, maps=4).fit(TEXTS, stars).score(TEXTS, stars) > 0.5


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "more.txt").write_text("a film , i say .\nwhat a grim day\n\n" * 4, encoding="utf-8")
    return str(tmp_path / "more.txt")


@pytest.mark.slow
def test_unlabelled_texts_take_part(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    step = Adversary.unlabelled_step

    def noted(self: Adversary, batch: Any, measure: Any) -> Step:
        seen.append(len(batch.sentences))
        return step(self, batch, measure)

    monkeypatch.setattr(Adversary, "unlabelled_step", noted)
    options = {**TINY, "virtual_adversarial": 1.0, "valid_share": 0.0}
    model = CNN(**options, maps=3, unlabelled=file).fit(TEXTS, LABELS)
    assert seen == [8, 8, 8, 8, 8]
    assert model.fit_report_["unlabelled"] == {"texts": 12, "words": 40}
    assert model.vocabulary_.words == CNN(**options, maps=3).fit(TEXTS, LABELS).vocabulary_.words  # not theirs
    again = CNN(**options, maps=3, unlabelled=file).fit(TEXTS, LABELS)
    assert again.digest == model.digest


@pytest.mark.slow
def test_a_run_with_unlabelled_texts_resumes_to_the_same(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle of an epoch; ``max_length`` cuts the unlabelled texts, too."""
    options = {**TINY, "epochs": 2, "virtual_adversarial": 1.0, "adversarial": 1.0, "max_length": 5}

    def fitted(**run: Any) -> CNN:
        return CNN(**options, maps=3, unlabelled=file).fit(TEXTS, LABELS, run=RunOptions(**run))

    whole = fitted()
    taken = []
    with monkeypatch.context() as patch:
        step = GradientStepper.step

        def stopped(self: GradientStepper[Any], moment: Any) -> float:
            taken.append(moment)
            if len(taken) == 7:
                signal.raise_signal(signal.SIGINT)
            return step(self, moment)

        patch.setattr(GradientStepper, "step", stopped)
        with pytest.raises(KeyboardInterrupt):
            fitted(checkpoint=tmp_path / "run")
    assert fitted(checkpoint=tmp_path / "run", resume=True).digest == whole.digest


def test_contradictions_are_refused(tmp_path: Path) -> None:
    for options, message in (
        ({"adversarial_norm": 2.0}, "adversarial_norm=2.0 has no effect: it needs adversarial or virtual_adversarial"),
        ({"unlabelled": "x", "adversarial": 1.0}, "unlabelled=x has no effect: it needs virtual_adversarial above 0"),
    ):
        with pytest.raises(HyperParameterError, match=message):
            CNN(**TINY, **options).fit(TEXTS, LABELS)
    (tmp_path / "blank").write_text("\n\n", encoding="utf-8")
    for name in ("missing", "blank"):
        with pytest.raises(DataError, match=name):
            CNN(**TINY, virtual_adversarial=1.0, unlabelled=str(tmp_path / name)).fit(TEXTS, LABELS)


def test_models_without_it_are_saved_as_before() -> None:
    assert not {"adversarial", "virtual_adversarial", "adversarial_norm", "unlabelled"} & set(CNN().saved_params())
    assert CNN(adversarial=1.0).saved_params()["adversarial"] == 1.0


def test_small_pieces() -> None:
    one = Documents(np.array([5, 6, 7]), np.array([0, 2, 3]), np.array([0, 1, 2]))
    other = Documents(np.array([8, 9]), np.array([0, 1, 2]), np.array([0, 2]))
    both = joined(one, other)
    assert both.ids.tolist() == [5, 6, 7, 8, 9]
    assert both.sentence_offsets.tolist() == [0, 2, 3, 4, 5]
    assert both.document_offsets.tolist() == [0, 1, 2, 4]
    lengths = np.arange(5, dtype=np.int64)
    epochs = [unlabelled_batches(lengths, 2, 3, sort_within=2, seed=1, epoch=epoch) for epoch in range(5)]
    assert all([len(batch) for batch in epoch] == [2, 2, 2] for epoch in epochs)
    assert np.bincount(np.concatenate([np.concatenate(epoch) for epoch in epochs])).tolist() == [6] * 5
