"""What a name that leads nowhere probably means."""

from __future__ import annotations

import pytest

from nlmkit.core import registry
from nlmkit.core.guesses import _PLUGINS, _SMOOTHING, what_is_meant
from nlmkit.core.suggestions import _OTHER_NAMES, known_as, suggestion
from nlmkit.errors import HyperParameterError, UnknownComponentError
from nlmkit.language_models.ngram.smoothing import METHODS


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("classifier", "no component named 'classifier': it is a kind of component; choose one of: cnn, dpcnn, "),
        ("representations", ": it is a kind of component; choose one of: glove, lsa, one-hot, vectors, word2vec"),
        ("Language_Model", ": it is a kind of component; choose one of: cache, "),
        ("lm", "ngram"),
        (
            "tokenizer",
            ": it is a kind of component; choose one of: bpe, char, nltk-punkt, nltk-treebank, nltk-tweet, space, "
            "unigram, word",
        ),
        ("char", ": char is a tokenizer, given as --tokenizer char"),
        ("kneser-ney", ": it is a smoothing method; use ngram with -p smoothing=kneser-ney"),
        ("bigram", ": use ngram with -p order=2"),
        ("skipgram", ": use word2vec"),
        ("fasttext", ": use word2vec with -p subwords=true"),
        ("word2vce", "; did you mean word2vec?"),
        ("n-gram", "; did you mean ngram?"),
    ],
)
def test_a_name_of_something_else_leads_there(name: str, message: str) -> None:
    with pytest.raises(UnknownComponentError) as caught:
        registry.get(name)
    assert message in str(caught.value)


def test_a_component_is_no_tokenizer() -> None:
    with pytest.raises(UnknownComponentError, match="no tokenizer named 'ngram': ngram is a language-model"):
        registry.get_tokenizer("ngram")
    with pytest.raises(UnknownComponentError, match="no tokenizer named 'wrod'; did you mean word"):
        registry.get_tokenizer("wrod")


@pytest.mark.parametrize("name", _PLUGINS)
def test_what_a_plugin_adds_leads_to_its_package(name: str) -> None:
    assert what_is_meant(name, "component", []) == f": it is in the package nlmkit-{name}, which is not installed"
    assert what_is_meant(name, "tokenizer", []) == ""


def test_every_way_to_smooth_is_known() -> None:
    assert set(_SMOOTHING) == set(METHODS)


@pytest.mark.parametrize(
    ("component", "given", "meant"),
    [
        ("lstm", "learning_rate", "lr"),
        ("lstm", "batch_size", "batch"),
        ("lstm", "num_layers", "layers"),
        ("lstm", "Hidden", "hidden"),
        ("lstm", "weightdecay", "weight_decay"),
        ("lstm", "drop_out", "dropout"),
        ("ngram", "n", "order"),
        ("ngram", "vocab_size", "vocabulary_size"),
        ("glove", "vector_size", "dimension"),
        ("glove", "learning_rate", "lr"),
        ("cnn", "random_state", "seed"),
    ],
)
def test_a_hyper_parameter_is_known_by_the_name_it_has_elsewhere(component: str, given: str, meant: str) -> None:
    with pytest.raises(HyperParameterError, match=f"has no hyper-parameter '{given}'; did you mean {meant}?"):
        registry.get(component).refuse_unknown([given])


def test_chance_likeness_is_no_guess() -> None:
    assert suggestion("foo", ["oov", "lr"]) == ""
    assert suggestion("ordr", ["order", "prune"]) == "; did you mean order?"
    assert known_as("epochs", ["order"]) is None


def test_the_other_names_are_of_hyper_parameters_that_exist() -> None:
    declared = {
        name
        for entry in registry.entries()
        if entry.builtin and entry.kind != "tokenizer"
        for name in registry.get(entry.name).hyper_parameters()
    }
    assert set(_OTHER_NAMES) <= declared
