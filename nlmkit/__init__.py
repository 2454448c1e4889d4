"""Language models that may honestly stand in one table.

>>> from nlmkit import NGram, load
>>> lm = NGram(order=5).fit("train.txt")
>>> lm.perplexity("test.txt")
>>> lm.save("kn5"); load("kn5").score("test.txt")

Every name below is imported when it is first used, so that ``import nlmkit`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlmkit.classifier import Classifier
    from nlmkit.classifiers.cnn import CNN
    from nlmkit.classifiers.han import HAN
    from nlmkit.classifiers.lstm_classifier import LSTMClassifier
    from nlmkit.classifiers.lstm_cnn import LSTMCNN
    from nlmkit.classifiers.nbsvm import NBSVM
    from nlmkit.classifiers.tfidf_logreg import TfidfLogReg
    from nlmkit.components import Component, LanguageModel, RunOptions
    from nlmkit.errors import (
        DataError,
        ExportError,
        HyperParameterError,
        IntegrityError,
        MissingFileError,
        MissingModelError,
        NlmkitError,
        NotComparableError,
        NotFittedError,
        NotNormalizedError,
        PluginError,
        RegistryError,
        SavedModelError,
        UnknownComponentError,
    )
    from nlmkit.evaluation.comparing import compare
    from nlmkit.language_models.cache import Cache
    from nlmkit.language_models.dynamic import DynamicEvaluation
    from nlmkit.language_models.gru import GRU
    from nlmkit.language_models.lstm import LSTM
    from nlmkit.language_models.mixture import Mixture
    from nlmkit.language_models.ngram import NGram
    from nlmkit.language_models.nnlm import NNLM
    from nlmkit.language_models.rnnlm import RNNLM
    from nlmkit.language_models.temperature import Temperature
    from nlmkit.models import load
    from nlmkit.representation import Representation
    from nlmkit.representations.glove import GloVe
    from nlmkit.representations.lsa import LSA
    from nlmkit.representations.one_hot import OneHot
    from nlmkit.representations.vectors import Vectors
    from nlmkit.representations.word2vec import Word2Vec
    from nlmkit.text import Corpus, TextPipeline, Vocabulary

    __version__: str

__all__ = [
    "CNN",
    "GRU",
    "HAN",
    "LSA",
    "LSTM",
    "LSTMCNN",
    "NBSVM",
    "NNLM",
    "RNNLM",
    "Cache",
    "Classifier",
    "Component",
    "Corpus",
    "DataError",
    "DynamicEvaluation",
    "ExportError",
    "GloVe",
    "HyperParameterError",
    "IntegrityError",
    "LSTMClassifier",
    "LanguageModel",
    "MissingFileError",
    "MissingModelError",
    "Mixture",
    "NGram",
    "NlmkitError",
    "NotComparableError",
    "NotFittedError",
    "NotNormalizedError",
    "OneHot",
    "PluginError",
    "RegistryError",
    "Representation",
    "RunOptions",
    "SavedModelError",
    "Temperature",
    "TextPipeline",
    "TfidfLogReg",
    "UnknownComponentError",
    "Vectors",
    "Vocabulary",
    "Word2Vec",
    "__version__",
    "compare",
    "load",
]

_HOMES = {
    "nlmkit.classifier": ("Classifier",),
    "nlmkit.classifiers.cnn": ("CNN",),
    "nlmkit.classifiers.han": ("HAN",),
    "nlmkit.classifiers.lstm_classifier": ("LSTMClassifier",),
    "nlmkit.classifiers.lstm_cnn": ("LSTMCNN",),
    "nlmkit.classifiers.nbsvm": ("NBSVM",),
    "nlmkit.classifiers.tfidf_logreg": ("TfidfLogReg",),
    "nlmkit.components": ("Component", "LanguageModel", "RunOptions"),
    "nlmkit.errors": tuple(name for name in __all__ if name.endswith("Error")),
    "nlmkit.evaluation.comparing": ("compare",),
    "nlmkit.language_models.cache": ("Cache",),
    "nlmkit.language_models.dynamic": ("DynamicEvaluation",),
    "nlmkit.language_models.gru": ("GRU",),
    "nlmkit.language_models.lstm": ("LSTM",),
    "nlmkit.language_models.mixture": ("Mixture",),
    "nlmkit.language_models.ngram": ("NGram",),
    "nlmkit.language_models.nnlm": ("NNLM",),
    "nlmkit.language_models.rnnlm": ("RNNLM",),
    "nlmkit.language_models.temperature": ("Temperature",),
    "nlmkit.models": ("load",),
    "nlmkit.representation": ("Representation",),
    "nlmkit.representations.glove": ("GloVe",),
    "nlmkit.representations.lsa": ("LSA",),
    "nlmkit.representations.one_hot": ("OneHot",),
    "nlmkit.representations.vectors": ("Vectors",),
    "nlmkit.representations.word2vec": ("Word2Vec",),
    "nlmkit.text": ("Corpus", "TextPipeline", "Vocabulary"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = _version()
    elif name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    else:
        raise AttributeError(f"module 'nlmkit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("nlmkit")
    except PackageNotFoundError:
        return "0+uninstalled"  # run from a source tree; the registry says what to do about it
