"""Train language models whose perplexities are actually comparable.

>>> from nlmkit import NGram, load
>>> lm = NGram(order=5).fit("train.txt")
>>> lm.perplexity("test.txt")
>>> lm.save("kn5"); load("kn5").score("test.txt")

Every name below is imported when it is first used, so that ``import nlmkit`` costs next to nothing.
"""

from __future__ import annotations

from typing import Any

from nlmkit.core.exports import exports
from nlmkit.text.tokenizer_lookup import look_up_with

_HOMES: dict[str, tuple[str, ...]] = {
    "nlmkit.classifiers.base": ("Classifier",),
    "nlmkit.classifiers.combined.ensemble": ("Ensemble",),
    "nlmkit.classifiers.combined.lm_classifier": ("LMClassifier",),
    "nlmkit.classifiers.neural.cnn": ("CNN",),
    "nlmkit.classifiers.neural.dpcnn": ("DPCNN",),
    "nlmkit.classifiers.neural.han": ("HAN",),
    "nlmkit.classifiers.neural.lstm_classifier": ("LSTMClassifier",),
    "nlmkit.classifiers.neural.lstm_cnn": ("LSTMCNN",),
    "nlmkit.classifiers.neural.vdcnn": ("VDCNN",),
    "nlmkit.classifiers.linear.nbsvm": ("NBSVM",),
    "nlmkit.classifiers.linear.tfidf_logreg": ("TfidfLogReg",),
    "nlmkit.classifiers.trees.tree_lstm": ("TreeLSTM",),
    "nlmkit.comparing.compare": ("compare_predictions",),
    "nlmkit.core.component": ("Component",),
    "nlmkit.core.run": ("RunOptions",),
    "nlmkit.language_models.base": ("LanguageModel",),
    "nlmkit.errors": (
        "DataError",
        "ExportError",
        "HyperParameterError",
        "IntegrityError",
        "MissingFileError",
        "MissingModelError",
        "NlmkitError",
        "NotComparableError",
        "NotFittedError",
        "NotNormalizedError",
        "PluginError",
        "RegistryError",
        "SavedModelError",
        "UnknownComponentError",
    ),
    "nlmkit.language_models.compare": ("compare",),
    "nlmkit.language_models.nltk_style": ("NltkStyle",),
    "nlmkit.language_models.word_surprisal": ("word_surprisals",),
    "nlmkit.language_models.combined.cache": ("Cache",),
    "nlmkit.language_models.combined.dynamic": ("DynamicEvaluation",),
    "nlmkit.language_models.neural.gru": ("GRU",),
    "nlmkit.language_models.hybrid.model": ("Hybrid",),
    "nlmkit.language_models.neural.lstm": ("LSTM",),
    "nlmkit.language_models.combined.mixture": ("Mixture",),
    "nlmkit.language_models.ngram.mixing": ("static_mix",),
    "nlmkit.language_models.classes.model": ("ClassNGram",),
    "nlmkit.language_models.ngram.count_files": ("NGramCountFiles",),
    "nlmkit.language_models.ngram.model": ("NGram",),
    "nlmkit.language_models.neural.nnlm": ("NNLM",),
    "nlmkit.language_models.neural.rnnlm": ("RNNLM",),
    "nlmkit.language_models.combined.temperature": ("Temperature",),
    "nlmkit.core.storage": ("load",),
    "nlmkit.regressors.base": ("Regressor",),
    "nlmkit.regressors.neural.cnn_regressor": ("CNNRegressor",),
    "nlmkit.regressors.neural.lstm_regressor": ("LSTMRegressor",),
    "nlmkit.regressors.tfidf_ridge": ("TfidfRidge",),
    "nlmkit.reporting.document": ("report",),
    "nlmkit.representations.base": ("Representation", "Vectors"),
    "nlmkit.representations.glove.model": ("GloVe",),
    "nlmkit.representations.lsa.model": ("LSA",),
    "nlmkit.representations.one_hot": ("OneHot",),
    "nlmkit.representations.word2vec.model": ("Word2Vec",),
    "nlmkit.seq2seq.base": ("SequenceToSequence",),
    "nlmkit.seq2seq.comparison": ("compare_pairs",),
    "nlmkit.seq2seq.neural.encoder_decoder": ("EncoderDecoder",),
    "nlmkit.seq2seq.neural.vector_decoder": ("VectorDecoder",),
    "nlmkit.taggers.base": ("Tagger",),
    "nlmkit.taggers.combined.ensemble_tagger": ("EnsembleTagger",),
    "nlmkit.taggers.crf.model": ("CRFTagger",),
    "nlmkit.taggers.hmm.model": ("HMMTagger",),
    "nlmkit.taggers.neural.bilstm_tagger": ("BiLSTMTagger",),
    "nlmkit.text": ("Corpus", "Decoding", "TextPipeline", "Tokenization", "Vocabulary"),
    "nlmkit.text.parallel": ("ParallelTexts",),
    "nlmkit.text.tagged": ("TaggedSentences",),
    "nlmkit.text.trees": ("LabelledTrees",),
}
"""The public names, by the module that has them. scripts/public_names.py writes ``__init__.pyi`` of it."""

_get, _names = exports(globals(), _HOMES)
__all__ = [*_names, "__version__"]  # noqa: PLE0604 - they are strings


def __getattr__(name: str) -> Any:
    if name != "__version__":
        return _get(name)
    from nlmkit.core.version import own_version

    globals()[name] = value = own_version()
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _tokenizer(name: str) -> Any:
    from nlmkit.text.segmenter import PREFIX

    if name.startswith(PREFIX):
        from nlmkit.core.saved_tokenizers import load_tokenizer

        return load_tokenizer(name.removeprefix(PREFIX))
    from nlmkit.core import registry

    return registry.get_tokenizer(name)


look_up_with(_tokenizer)  # text is read below the registry, and a text pipeline may name the tokenizer of a plugin
