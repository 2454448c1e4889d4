"""Hyper-parameters of neural classifiers of trees, by group. This module does not import torch."""

from __future__ import annotations

import dataclasses
from typing import Final

from nlmkit.core.parameters import Needs, param, value_of
from nlmkit.core.presets import redeclared, with_default
from nlmkit.documents.neural.options import InputOptions, TrainingOptions
from nlmkit.representations.base import Representation

_BINARY: Final = Needs("form=n-ary and branching=2", lambda model: model.form == "n-ary" and model.branching == 2)


@dataclasses.dataclass(kw_only=True)
class TreeInputOptions:
    """Options of the vectors of words; those of models of texts, without a maximal length."""

    representation: str | Representation | None = redeclared(  # noqa: RUF009
        InputOptions, "representation"
    )
    tune: str = redeclared(InputOptions, "tune")
    oov: str = redeclared(InputOptions, "oov")
    embedding: int = with_default(InputOptions, "embedding", 150)
    embedding_range: float = with_default(InputOptions, "embedding_range", 0.1)
    unknown_rate: float = redeclared(InputOptions, "unknown_rate")
    dropout_input: float = with_default(InputOptions, "dropout_input", 0.5)
    dropout_word: float = with_default(InputOptions, "dropout_word", 0.1)


@dataclasses.dataclass(kw_only=True)
class TreeShapeOptions:
    """Options of the network above the words."""

    form: str = param(
        "n-ary",
        choices=("n-ary", "child-sum"),
        help="n-ary: for constituents, knows which child is which; child-sum: for dependencies or any trees",
    )
    branching: int = param(2, ge=1, le=64, help="maximum number of children of a node", needs=value_of("form", "n-ary"))
    binarize: str = param(
        "left",
        choices=("left", "right", "none"),
        help="how nodes with more than two children are split; none: such trees are refused",
        needs=_BINARY,
    )
    hidden: int = param(150, ge=1, le=65536, help="units of a node's state")
    dropout_hidden: float = param(
        0.2, ge=0, lt=1, help="dropout on the candidates of the cells, a mask per node (Semeniuta et al. 2016)"
    )
    forget_bias: float = param(1.0, help="initial bias of the forget gates")
    train_on: str = param("nodes", choices=("nodes", "root"), help="labels that are learned: of all nodes, or of roots")
    label_smoothing: float = param(0.0, ge=0, lt=1, help="share of the target spread over all classes")


@dataclasses.dataclass(kw_only=True)
class TreeTrainingOptions(TrainingOptions):
    """Options of training, with other defaults than those of models of texts."""

    epochs: int = with_default(TrainingOptions, "epochs", 12)
    batch: int = redeclared(TrainingOptions, "batch", default=25, help="trees per step")
    sort_within: int = redeclared(
        TrainingOptions,
        "sort_within",
        default=1,
        help="number of batches whose trees are sorted by size together; 1: random batches",
    )
    dropout: float = with_default(TrainingOptions, "dropout", 0.5)
