"""Tests of the language model ``transformer``: the contract, its state, and its place in the shared training loop."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from nlmkit import load
from nlmkit.plugin import HyperParameterError, conformance, registered
from nlmkit.testing import data

from nlmkit_transformer.model import Transformer
from nlmkit_transformer.network import TransformerBody


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products, and equal bytes are promised for equal thread counts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny(**options: object) -> Transformer:
    """A model that is fitted in a moment."""
    return Transformer(**{**Transformer.conformance_settings, **options})


def body(window: int = 5, layers: int = 2) -> TransformerBody:
    """A body with random weights that are large enough to matter, without dropout."""
    source = torch.Generator().manual_seed(3)
    made = TransformerBody(
        8, layers=layers, heads=2, hidden=12, window=window, dropout=0.0, locked=False, generator=source
    )
    return made.eval()


def run(made: TransformerBody, vectors: torch.Tensor, pieces: list[int], state=None) -> torch.Tensor:
    """Outputs of a text [T, B, 8] that is read in pieces of these lengths."""
    state = made.initial_state(vectors.shape[1]) if state is None else state
    found = []
    with torch.inference_mode():
        for piece in torch.split(vectors, pieces):
            output, state = made(piece, torch.empty(0), state, torch.Generator())
            found.append(output)
    return torch.cat(found)


test_contract = conformance(tiny())


def test_pieces_of_any_length_give_the_same_outputs() -> None:
    """Shorter and longer than the window, and word by word."""
    vectors = torch.randn(23, 3, 8, generator=torch.Generator().manual_seed(1))
    made = body()
    expected = run(made, vectors, [23])
    for pieces in ([1] * 23, [4, 4, 4, 11], [5, 18], [2, 20, 1]):
        torch.testing.assert_close(run(made, vectors, pieces), expected, atol=1e-5, rtol=0)


def test_attention_reaches_exactly_the_window_in_each_block() -> None:
    """Of L blocks L·(window−1) steps back, and never ahead."""
    made, steps, layers, window = body(window=4, layers=2), 16, 2, 4
    vectors = torch.randn(steps, 1, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
    output, _ = made(vectors, torch.empty(0), made.initial_state(1), torch.Generator())
    for step in (0, 3, 9, 15):
        # A single value: the sum of a layer norm's outputs is constant.
        (gradient,) = torch.autograd.grad(output[step, 0, 0], vectors, retain_graph=True)
        reached = np.flatnonzero(gradient.abs().sum(dim=(1, 2)).numpy() > 1e-9).tolist()
        assert reached == list(range(max(0, step - layers * (window - 1)), step + 1))


def test_columns_may_have_memories_of_different_lengths() -> None:
    """One that begins anew beside one that goes on is read as if it were alone."""
    source = torch.Generator().manual_seed(1)
    made, before, after = body(), torch.randn(7, 1, 8, generator=source), torch.randn(6, 2, 8, generator=source)
    with torch.inference_mode():
        _, state = made(before, torch.empty(0), made.initial_state(1), torch.Generator())
    fresh = made.initial_state(1)
    together = run(made, after, [6], tuple(torch.cat([old, new], dim=1) for old, new in zip(state, fresh, strict=True)))
    torch.testing.assert_close(together[:, :1], run(made, after[:, :1], [6], state), atol=1e-5, rtol=0)
    torch.testing.assert_close(together[:, 1:], run(made, after[:, 1:], [6]), atol=1e-5, rtol=0)


def test_positions_are_relative() -> None:
    """What lies further back than all windows leaves no trace, wherever in a text one is."""
    source = torch.Generator().manual_seed(1)
    made, late = body(window=3), torch.randn(9, 1, 8, generator=source)
    found = [
        run(made, torch.cat([torch.randn(length, 1, 8, generator=source), late]), [length + 9])[-3:]
        for length in (0, 5, 100)
    ]
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], atol=1e-5, rtol=0)


def test_a_stream_goes_on_and_a_sentence_begins_anew() -> None:
    """The first sentence scores alike in both contexts, the second does not."""
    model = tiny().fit(data.train(), valid=data.valid())
    text = data.test()[:2]
    first = len(text[0]) + 1
    sentence, stream = model.log_probs(text), model.log_probs(text, context="stream")
    np.testing.assert_allclose(sentence[:first], stream[:first], atol=1e-5)
    assert not np.allclose(sentence[first:], stream[first:], atol=1e-3)


def test_it_learns_what_stands_further_back_than_a_bigram_sees() -> None:
    """The last word repeats the first of three."""
    drawn = np.random.default_rng(1).choice(list("abcd"), (1500, 3))
    text = [[*words, words[0]] for words in drawn.tolist()]
    model = tiny(epochs=8, lr=0.004, batch=8, bptt=16).fit(text)
    # Of five events three are free, each one of four; without looking back so far, four are.
    assert model.perplexity(text) < 1.1 * 4 ** (3 / 5) < 4 ** (4 / 5)


def test_a_model_starts_from_another_of_its_kind(tmp_path: Path) -> None:
    """Heads are not in the shapes of the weights, so they are compared by name; the window may differ."""
    with registered(Transformer):
        start = tiny().fit(data.train())
        start.save(tmp_path / "start")
        assert load(tmp_path / "start").digest == start.digest
        with pytest.raises(HyperParameterError, match="start_from was fitted with heads=2: set the same"):
            tiny(heads=4, start_from=start).fit(data.other())
        grown = tiny(window=9, start_from=str(tmp_path / "start"), epochs=1).fit(data.other())
    assert grown.fit_report_["started_from"]["new_words"] > 0


def test_it_can_be_looked_into() -> None:
    """A block's outputs at each step, and how far back the loss reaches."""
    model = tiny().fit(data.train())
    seen = model.inspect("the cat sees the dog")
    assert [layer["hidden"].shape for layer in seen.layers] == [(6, 16), (6, 16)]
    norms = seen.gradient_norms["hidden"]
    assert (norms[0, 5, :6] > 0).all()
    assert (norms[1, 5, 1:6] == 0).all()  # above the last block nothing looks back any more
    assert model.module_.parameter_counts().keys() >= {"words", "block 1", "block 2", "norm"}
    assert [len(states) for states in model.hidden_states(["the cat"])] == [3]


def test_widths_that_cannot_be_shared_are_refused() -> None:
    """With what would do."""
    with pytest.raises(HyperParameterError, match="the width must be a multiple of 12"):
        tiny(heads=6).fit(data.train())
    with pytest.raises(HyperParameterError, match="projection must be one of auto, linear"):
        tiny(projection="last-layer")


def test_another_output_layer_and_projection() -> None:
    """The shared options reach the network."""
    model = tiny(projection="linear", softmax="adaptive", softmax_head=10, tied=False).fit(data.train())
    assert {"projection", "output"} <= model.module_.parameter_counts().keys()
    assert abs(np.exp(model.next_log_probs(model.start())).sum() - 1) < 1e-5
