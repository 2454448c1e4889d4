"""Suggestions for misspelled names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

_SHORT: Final = 3
_OTHER_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "batch": ("batch_size", "minibatch", "bs"),
    "bidirectional": ("bidir", "bi"),
    "bptt": ("seq_len", "sequence_length", "seq_length", "context_length", "block_size"),
    "clip_norm": ("clip", "grad_clip", "gradient_clipping", "max_grad_norm"),
    "dimension": ("dim", "dims", "size", "vector_size", "embedding_dim", "embedding_size", "n_components", "d"),
    "embedding": ("embedding_dim", "embedding_size", "emb", "emsize", "d_model", "dim", "dimension", "vector_size"),
    "epochs": ("epoch", "num_epochs", "n_epochs", "max_epochs", "iter", "iterations", "n_iter"),
    "hidden": ("hidden_size", "hidden_dim", "hidden_units", "nhid", "units", "num_units"),
    "layers": ("num_layers", "n_layers", "nlayers", "depth"),
    "lr": ("learning_rate", "eta", "alpha", "step_size"),
    "max_iter": ("iterations", "n_iter"),
    "min_count": ("min_freq", "mincount", "min_frequency", "min_df", "cutoff"),
    "order": ("n", "ngram", "ngrams", "n_gram", "ngram_order", "ngram_range"),
    "optimizer": ("optimiser", "optim"),
    "seed": ("random_state", "random_seed"),
    "smoothing": ("method", "discounting"),
    "tied": ("tie_weights", "tie", "weight_tying"),
    "vocabulary_file": ("vocab", "vocabulary", "vocab_file", "word_list"),
    "vocabulary_size": ("vocab_size", "max_vocab", "vocabulary", "max_features", "max_vocab_size"),
    "weight_decay": ("wd", "wdecay", "l2"),
    "window": ("window_size", "context_size"),
}
"""Names of hyper-parameters here, and what they are called elsewhere."""


def known_as(word: str, known: Iterable[str]) -> str | None:
    """The known name that ``word`` is another spelling of, or that is called so elsewhere; None where there is none."""
    names, plain = list(known), word.lower().replace("-", "_")
    for name in names:
        if name.replace("_", "").lower() == plain.replace("_", ""):
            return name
    return next((name for name in names if plain in _OTHER_NAMES.get(name, ())), None)


def suggestion(word: str, known: Iterable[str]) -> str:
    """``'; did you mean X?'`` for the known word nearest to ``word``, or nothing."""
    names = list(known)
    if (meant := known_as(word, names)) is not None:
        return f"; did you mean {meant}?"
    cutoff = 0.6 if len(word) > _SHORT else 0.75  # two letters of three are alike by chance
    near = difflib.get_close_matches(word, names, n=1, cutoff=cutoff)
    return f"; did you mean {near[0]}?" if near else ""
