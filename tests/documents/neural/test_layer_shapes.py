"""Shapes of layers as a table, as JSON, and of models that are not fitted."""

from __future__ import annotations

import pytest

from nlmkit import CNN, DPCNN, VDCNN, HyperParameterError
from nlmkit.regressors.neural.cnn_regressor import CNNRegressor


def test_the_layers_of_vdcnn_by_hand() -> None:
    """Conneau et al. 2017: 1,014 characters, 4.6 M parameters of filters at 29 layers, 17 of them up to level three."""
    found = VDCNN(depth=29).layer_summary()
    assert found.length == 1014
    rows = {layer.name: layer for layer in found}
    assert len(found) == len(rows) == 12
    assert [rows[f"level {n}: {layers} layers"].positions for n, layers in ((1, 10), (2, 10), (3, 4), (4, 4))] == [
        1014,
        507,
        254,
        127,
    ]
    assert rows["filters"].parameters == 16 * 64 * 3 + 64
    assert rows["level 1: 10 layers"].parameters == 10 * (64 * 64 * 3 + 2 * 64)
    assert rows["level 1: 10 layers"].receptive_field == 23
    assert rows["max pooling 1"].receptive_field == 25
    assert rows["level 2: 10 layers"].receptive_field == 25 + 10 * 2 * 2
    assert rows["dense 1"].parameters == 4096 * 2048 + 2048
    assert rows["8-max"].receptive_field is None
    assert rows["words"].parameters is None
    assert found.as_json()["layers"][1] == {
        "name": "filters",
        "positions": 1014,
        "features": 64,
        "receptive_field": 3,
        "parameters": 3136,
    }
    assert str(found).splitlines()[:4] == [
        "for a text of 1,014 tokens",
        "layer               positions  features  receptive field  parameters",
        "words                   1,014        16                1           ?",
        "filters                 1,014        64                3       3,136",
    ]
    assert found.by_name()["8-max"] == "8 × 512, receptive field whole text, 0 parameters"
    assert str(found.layers[0]) == "1,014 × 16, receptive field 1 token"


def test_pooling_decides_the_field() -> None:
    def of(pooling: str) -> dict[str, int | None]:
        return {layer.name: layer.receptive_field for layer in VDCNN(pooling=pooling).layer_summary(64)}

    assert of("kmax")["k-max pooling 1"] is None
    stride = of("stride")
    assert "level 2: 2 layers" in stride
    # 3, then two of width 3; then one of width 3 that halves, and one more at twice the distance.
    assert stride["level 1: 2 layers"] == 7
    assert stride["level 2: 2 layers"] == 7 + 2 + 4


def test_the_layers_of_cnn_with_and_without_pointwise() -> None:
    rows = CNN(embedding=10, maps=7, widths=(2, 3), padding=1).layer_summary(5).by_name()
    assert rows == {
        "words": "5 × 10, receptive field 1 token",
        "filters of 2": "7 × 7, receptive field 2 tokens, 147 parameters",
        "filters of 3": "6 × 7, receptive field 3 tokens, 217 parameters",
        "maximum": "1 × 14, receptive field whole text, 0 parameters",
    }
    model = CNNRegressor(embedding=10, maps=7, pointwise=2)
    summary = model.layer_summary()
    assert summary.length == 100
    assert [layer.name for layer in summary][:4] == ["words", "filters of 3", "1×1 layer 1 of 3", "1×1 layer 2 of 3"]
    assert summary.layers[2].parameters == 7 * 7 + 7


def test_lengths_and_options_are_checked() -> None:
    with pytest.raises(HyperParameterError, match="length=0: a text needs at least one token"):
        DPCNN().layer_summary(0)
    with pytest.raises(HyperParameterError, match="region=2: a region has a word in its middle"):
        DPCNN(region=2).layer_summary()
    assert DPCNN(max_length=None).layer_summary().length == 100
    assert CNN(max_length=30).layer_summary().length == 30
