"""Deep encoders: padding, short texts, gradients at 29 layers, and shapes as announced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nlmkit.classifiers.neural.vdcnn import BLOCKS
from nlmkit.documents.neural.batching import Documents
from nlmkit.documents.neural.deep_encoders import DeepEncoder, PyramidEncoder, VeryDeepEncoder, batch_norms
from nlmkit.documents.neural.layer_shapes import ShapeTracer
from nlmkit.documents.neural.module import TextModule
from nlmkit.layers.residual import PyramidBlock
from nlmkit.layers.temporal import max_pool
from nlmkit.layers.word_input import WordInput

LENGTHS = [40, 0, 1, 3, 8, 17]


def very_deep(depth: int = 9, **options: Any) -> VeryDeepEncoder:
    given: dict[str, Any] = {"pooling": "max", "shortcut": False, "k": 3, "dense": (6,), "dropout": 0.0, **options}
    return VeryDeepEncoder(5, 4, BLOCKS[depth], torch.Generator().manual_seed(1), **given)


def pyramid(blocks: int = 4) -> PyramidEncoder:
    return PyramidEncoder(5, 4, 3, blocks, torch.Generator().manual_seed(1))


ENCODERS = [
    very_deep(),
    very_deep(pooling="kmax", shortcut=True, dense=()),
    very_deep(pooling="stride", shortcut=True),
    very_deep(pooling="stride"),
    pyramid(),
    pyramid(1),
]


def texts(columns: int = 40) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(7)
    vectors = torch.zeros(len(LENGTHS), 5, columns)
    for row, length in enumerate(LENGTHS):
        vectors[row, :, :length] = torch.randn(5, length, generator=source)
    return vectors, torch.tensor(LENGTHS)


def read(encoder: DeepEncoder, vectors: Tensor, lengths: Tensor) -> Tensor:
    return encoder.read(vectors, lengths, torch.Generator())


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS, ids=range(len(ENCODERS)))
def test_padding_changes_nothing(encoder: DeepEncoder, training: bool) -> None:
    """In training too, where batch normalization counts real positions."""
    encoder.train(training)
    with torch.no_grad():
        found, padded = read(encoder, *texts()), read(encoder, *texts(61))
    torch.testing.assert_close(padded, found, rtol=0, atol=1e-5)
    assert found.shape == (len(LENGTHS), encoder.width)
    assert found.isfinite().all()


@pytest.mark.parametrize("encoder", ENCODERS, ids=range(len(ENCODERS)))
def test_a_text_alone_has_the_features_it_has_among_others(encoder: DeepEncoder) -> None:
    encoder.eval()
    vectors, lengths = texts()
    with torch.no_grad():
        together = read(encoder, vectors, lengths)
        for row, length in enumerate(LENGTHS):
            alone = read(encoder, vectors[row : row + 1, :, : max(1, length)], lengths[row : row + 1])
            torch.testing.assert_close(alone[0], together[row], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("shortcut", "pooling"), [(False, "max"), (True, "max"), (True, "kmax"), (True, "stride")])
def test_gradients_flow_through_29_layers(shortcut: bool, pooling: str) -> None:
    """The norm of the gradient of a layer's weights, relative to them, is of one order from bottom to top."""
    encoder = very_deep(29, shortcut=shortcut, pooling=pooling)
    vectors = torch.randn(16, 5, 128, generator=torch.Generator().manual_seed(3)).requires_grad_(True)
    features = read(encoder, vectors, torch.full((16,), 128))
    (features - features.mean(dim=0)).square().sum().backward()
    convolutions = [layer for name, layer in encoder.named_modules() if hasattr(layer, "stride") and "proj" not in name]
    assert len(convolutions) == 29
    norms = [float(layer.weight.grad.norm() / layer.weight.detach().norm()) for layer in convolutions]  # type: ignore[union-attr, operator]
    assert max(norms) / min(norms) < 300
    assert vectors.grad is not None
    assert float(vectors.grad.norm()) > 1e-3 * float(features.detach().norm())


def test_gradients_flow_through_a_pyramid() -> None:
    encoder = pyramid(14)
    vectors = torch.randn(8, 5, 128, generator=torch.Generator().manual_seed(3)).requires_grad_(True)
    read(encoder, vectors, torch.full((8,), 128)).square().sum().backward()
    norms = [float(block.second.weight.grad.norm()) for block in encoder.blocks]  # type: ignore[union-attr, arg-type]
    assert min(norms) > 0
    assert max(norms) / min(norms) < 300


@pytest.mark.parametrize("encoder", ENCODERS, ids=range(len(ENCODERS)))
@pytest.mark.parametrize("length", [1, 2, 37, 64])
def test_shapes_are_those_of_the_network(encoder: DeepEncoder, length: int) -> None:
    seen: list[tuple[int, int]] = []

    def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
        seen.append((output.shape[2], output.shape[1]) if output.ndim == 3 else (1, output.shape[1]))

    if isinstance(encoder, VeryDeepEncoder):
        last = [encoder.first, *(level[-1] for level in encoder.levels), *encoder.dense]  # type: ignore[index]
    else:
        assert isinstance(encoder, PyramidEncoder)
        last = [encoder.regions, *encoder.blocks]
    hooks = [layer.register_forward_hook(keep) for layer in last]
    with torch.no_grad():
        read(encoder, torch.randn(2, 5, length), torch.tensor([length, 1]))
    for hook in hooks:
        hook.remove()
    shapes = ShapeTracer(length)
    encoder.trace(shapes)
    announced = [
        (layer.positions, layer.features)
        for layer in shapes.layers
        if "pooling" not in layer.name and "max" not in layer.name
    ]
    assert announced == seen
    counted = sum(layer.parameters or 0 for layer in shapes.layers)
    assert counted == sum(weight.numel() for weight in encoder.parameters())


def influence(output: Tensor, vectors: Tensor) -> int:
    """The number of tokens between the first and the last that a value in the middle of the output depends on."""
    middle = output[0, :, output.shape[2] // 2].sum()
    (gradient,) = torch.autograd.grad(middle, vectors, retain_graph=True)
    places = gradient[0].abs().sum(dim=0).nonzero()
    return int(places.max() - places.min()) + 1


def test_the_receptive_field_is_the_one_announced() -> None:
    """Of weights above zero and equal inputs; maxima of equal values go to one of them, so means take their place."""
    encoder = pyramid(3)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.abs_()
    vectors = torch.ones(1, 5, 128, requires_grad=True)
    shapes = ShapeTracer(128)
    encoder.trace(shapes)
    expected = [layer.receptive_field for layer in shapes.layers][:4]
    found = encoder.regions(vectors)
    fields = [influence(found, vectors)]
    for number, block in enumerate(encoder.blocks):
        assert isinstance(block, PyramidBlock)
        if number:
            assert max_pool(found, None).shape[2] == (found.shape[2] + 1) // 2
            found = nn.functional.avg_pool1d(found, 3, stride=2, padding=1)
        found = block(found, None)
        fields.append(influence(found, vectors))
    assert fields == expected == [3, 7, 17, 37]


def test_layers_have_names_and_a_place_in_the_module() -> None:
    encoder = very_deep()
    words = WordInput(torch.randn(9, 5))
    module = TextModule(words, encoder, 2, torch.Generator(), dropout=0.0)
    levels = [f"level {number}" for number in (1, 2, 3, 4)]
    assert [name for name, _ in module.parts()] == ["words", "filters", *levels, "output"]
    assert sum(module.parameter_counts().values()) == sum(weight.numel() for weight in module.parameters())
    assert len(module.statistics()) == 2 * len(list(batch_norms(encoder))) == 16
    assert module.floats_per_word > 4 * 5 + encoder.maps * 8 * 4
    documents = Documents.whole(np.array([3, 4, 5]), np.array([0, 2, 2, 3]))
    batch = documents.batch(np.arange(3))
    assert module(batch).shape == (3, 2)
    pyramidal = TextModule(words, pyramid(), 2, torch.Generator(), dropout=0.0)
    assert [name for name, _ in pyramidal.parts()][1:3] == ["region embedding", "block 1"]
    assert pyramidal.statistics() == []
    assert pyramidal.floats_per_word > 4 * 5
    assert very_deep(dense=()).head() == []
