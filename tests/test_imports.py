"""What importing costs: names and declarations without NumPy, and without anything that a command may never need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import nlmkit
import nlmkit.errors

LEARNING = ["numpy", "scipy", "sklearn", "numba", "torch", "gensim", "nltk"]
HEAVY = [*LEARNING, "safetensors", "click", "rich", "filelock", "zstandard"]


def loaded_by(code: str) -> set[str]:
    """Heavy modules that a fresh interpreter has after running ``code``."""
    report = f"\nimport sys, json; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code + report], capture_output=True, text=True, check=True
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import nlmkit",
        "import nlmkit; nlmkit.__version__, nlmkit.Component, nlmkit.LanguageModel, nlmkit.NlmkitError, dir(nlmkit)",
        "import nlmkit.errors",
        "import nlmkit.core.parameters",
        "import nlmkit.core.component",
        "import nlmkit.core.registry; nlmkit.core.registry.entries()",
        "import nlmkit.core.storage",
        "import nlmkit.saving",
        "import nlmkit.text",
        "import nlmkit.training.checkpoint_folders",
        "import nlmkit.language_models.ngram.model",
        "import nlmkit.representations.base, nlmkit.classifiers.base, nlmkit.representations.formats",
        "from nlmkit import OneHot, LSA, Word2Vec, GloVe, Vectors; OneHot(), LSA(), Word2Vec(), GloVe(), Vectors()",
        "from nlmkit import CNN, LSTMClassifier, LSTMCNN, HAN, NBSVM, TfidfLogReg; NBSVM(), TfidfLogReg(), HAN()",
        "from nlmkit import EncoderDecoder, VectorDecoder; VectorDecoder().params_as_json(), EncoderDecoder()",
        "from nlmkit import NGram; NGram(order=5).params_as_json(), NGram.hyper_parameters()",
        "from nlmkit.core.registry import get, get_tokenizer; get('ngram'), get_tokenizer('word')",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    assert loaded_by(code) == set()


def test_the_probe_sees_what_is_imported() -> None:
    assert loaded_by("import nlmkit.language_models.report") == {"numpy"}
    assert "click" in loaded_by("import click")


def test_the_public_names_are_exactly_the_documented_ones() -> None:
    errors = {name for name, value in vars(nlmkit.errors).items() if isinstance(value, type)}
    models = {
        "NGram",
        "ClassNGram",
        "NNLM",
        "RNNLM",
        "LSTM",
        "GRU",
        "Hybrid",
        "Mixture",
        "Cache",
        "Temperature",
        "DynamicEvaluation",
    }
    models |= {"OneHot", "LSA", "Word2Vec", "GloVe", "Vectors"}
    models |= {"CNN", "LSTMClassifier", "LSTMCNN", "HAN", "NBSVM", "TfidfLogReg"}
    models |= {"DPCNN", "VDCNN", "Ensemble", "LMClassifier", "TreeLSTM"}
    models |= {"CNNRegressor", "LSTMRegressor", "TfidfRidge"}
    models |= {"BiLSTMTagger", "CRFTagger", "EnsembleTagger", "HMMTagger"}
    models |= {"EncoderDecoder", "VectorDecoder"}
    documented = {
        "LabelledTrees",
        "ParallelTexts",
        "TaggedSentences",
        "compare",
        "compare_pairs",
        "compare_predictions",
        "word_surprisals",
        "NltkStyle",
        "load",
        "report",
        "static_mix",
        "Corpus",
        "NGramCountFiles",
        "Decoding",
        "Tokenization",
        "TextPipeline",
        "Vocabulary",
        "RunOptions",
    }
    documented |= {"Component", "Representation", "LanguageModel", "Classifier", "Regressor", "Tagger"}
    documented |= {"SequenceToSequence"}
    assert set(nlmkit.__all__) == documented | models | errors | {"__version__"}
    assert len(nlmkit.__all__) == len(set(nlmkit.__all__))


def test_every_public_name_is_there_and_from_nlmkit() -> None:
    assert set(nlmkit.__all__) <= set(dir(nlmkit))
    for name in set(nlmkit.__all__) - {"__version__"}:
        value = getattr(nlmkit, name)
        assert value.__name__ == name
        assert value.__module__.startswith("nlmkit.")
        assert getattr(nlmkit, name) is value


def test_importing_everything_imports_the_public_names() -> None:
    code = "from nlmkit import *; import nlmkit; assert set(nlmkit.__all__) <= set(globals())"
    assert "torch" not in loaded_by(code)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'nlmkit' has no attribute 'NGrams'"):
        nlmkit.NGrams  # noqa: B018
    with pytest.raises(ImportError):
        from nlmkit import NGrams  # noqa: F401


def test_the_version_is_that_of_the_installed_package() -> None:
    from importlib.metadata import version

    assert nlmkit.__version__ == version("nlmkit")


def test_every_error_has_one_root() -> None:
    for name in nlmkit.__all__:
        if name.endswith("Error"):
            assert issubclass(getattr(nlmkit, name), nlmkit.NlmkitError)
            assert getattr(nlmkit, name).__doc__
