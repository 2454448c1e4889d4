"""Train language models whose perplexities are actually comparable.

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
    from nlmkit.classifiers.base import Classifier
    from nlmkit.classifiers.linear.nbsvm import NBSVM
    from nlmkit.classifiers.linear.tfidf_logreg import TfidfLogReg
    from nlmkit.classifiers.neural.cnn import CNN
    from nlmkit.classifiers.neural.han import HAN
    from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier
    from nlmkit.classifiers.neural.lstm_cnn import LSTMCNN
    from nlmkit.core.component import Component
    from nlmkit.core.run import RunOptions
    from nlmkit.core.storage import load
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
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.language_models.combined.cache import Cache
    from nlmkit.language_models.combined.dynamic import DynamicEvaluation
    from nlmkit.language_models.combined.mixture import Mixture
    from nlmkit.language_models.combined.temperature import Temperature
    from nlmkit.language_models.compare import compare
    from nlmkit.language_models.neural.gru import GRU
    from nlmkit.language_models.neural.lstm import LSTM
    from nlmkit.language_models.neural.nnlm import NNLM
    from nlmkit.language_models.neural.rnnlm import RNNLM
    from nlmkit.language_models.ngram.model import NGram
    from nlmkit.regressors.base import Regressor
    from nlmkit.regressors.neural.cnn_regressor import CNNRegressor
    from nlmkit.regressors.neural.lstm_regressor import LSTMRegressor
    from nlmkit.regressors.tfidf_ridge import TfidfRidge
    from nlmkit.representations.base import Representation
    from nlmkit.representations.glove.model import GloVe
    from nlmkit.representations.lsa.model import LSA
    from nlmkit.representations.one_hot import OneHot
    from nlmkit.representations.vectors import Vectors
    from nlmkit.representations.word2vec.model import Word2Vec
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
    "CNNRegressor",
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
    "LSTMRegressor",
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
    "Regressor",
    "Representation",
    "RunOptions",
    "SavedModelError",
    "Temperature",
    "TextPipeline",
    "TfidfLogReg",
    "TfidfRidge",
    "UnknownComponentError",
    "Vectors",
    "Vocabulary",
    "Word2Vec",
    "__version__",
    "compare",
    "load",
]

_HOMES = {
    "nlmkit.classifiers.base": ("Classifier",),
    "nlmkit.classifiers.neural.cnn": ("CNN",),
    "nlmkit.classifiers.neural.han": ("HAN",),
    "nlmkit.classifiers.neural.lstm_classifier": ("LSTMClassifier",),
    "nlmkit.classifiers.neural.lstm_cnn": ("LSTMCNN",),
    "nlmkit.classifiers.linear.nbsvm": ("NBSVM",),
    "nlmkit.classifiers.linear.tfidf_logreg": ("TfidfLogReg",),
    "nlmkit.core.component": ("Component",),
    "nlmkit.core.run": ("RunOptions",),
    "nlmkit.language_models.base": ("LanguageModel",),
    "nlmkit.errors": tuple(name for name in __all__ if name.endswith("Error")),
    "nlmkit.language_models.compare": ("compare",),
    "nlmkit.language_models.combined.cache": ("Cache",),
    "nlmkit.language_models.combined.dynamic": ("DynamicEvaluation",),
    "nlmkit.language_models.neural.gru": ("GRU",),
    "nlmkit.language_models.neural.lstm": ("LSTM",),
    "nlmkit.language_models.combined.mixture": ("Mixture",),
    "nlmkit.language_models.ngram.model": ("NGram",),
    "nlmkit.language_models.neural.nnlm": ("NNLM",),
    "nlmkit.language_models.neural.rnnlm": ("RNNLM",),
    "nlmkit.language_models.combined.temperature": ("Temperature",),
    "nlmkit.core.storage": ("load",),
    "nlmkit.regressors.base": ("Regressor",),
    "nlmkit.regressors.neural.cnn_regressor": ("CNNRegressor",),
    "nlmkit.regressors.neural.lstm_regressor": ("LSTMRegressor",),
    "nlmkit.regressors.tfidf_ridge": ("TfidfRidge",),
    "nlmkit.representations.base": ("Representation",),
    "nlmkit.representations.glove.model": ("GloVe",),
    "nlmkit.representations.lsa.model": ("LSA",),
    "nlmkit.representations.one_hot": ("OneHot",),
    "nlmkit.representations.vectors": ("Vectors",),
    "nlmkit.representations.word2vec.model": ("Word2Vec",),
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
