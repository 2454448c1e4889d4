"""Suggestions for unknown names of components and tokenizers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from nlmkit.core.entries import Entry
from nlmkit.core.kinds import KINDS

_CALLED: Final = {
    **dict.fromkeys(("cbow", "skipgram", "skip-gram", "sgns"), "word2vec"),
    **dict.fromkeys(("svd", "lsi", "ppmi", "tf-idf", "tfidf"), "lsa"),
    **dict.fromkeys(("svm", "nb", "naive-bayes"), "nbsvm"),
    **dict.fromkeys(("logreg", "logistic-regression", "maxent"), "tfidf-logreg"),
    **dict.fromkeys(("ridge", "linear-regression", "tfidf-linear"), "tfidf-ridge"),
    **dict.fromkeys(("textcnn", "text-cnn", "kim"), "cnn"),
    **dict.fromkeys(("bilstm", "bi-lstm"), "lstm-classifier"),
    **dict.fromkeys(("rnn", "elman"), "rnnlm"),
    **dict.fromkeys(("mlp", "feedforward", "feed-forward"), "nnlm"),
    **dict.fromkeys(("interpolation", "ensemble", "mix"), "mixture"),
    **dict.fromkeys(("class-based", "class-lm", "brown"), "class-ngram"),
    "fasttext": "word2vec with -p subwords=true",
    "unigram": "ngram with -p order=1",
    "bigram": "ngram with -p order=2",
    "trigram": "ngram with -p order=3",
}
"""What components are called elsewhere."""

_SMOOTHING: Final = (
    *("modified-kneser-ney", "kneser-ney", "absolute", "witten-bell", "katz", "jelinek-mercer", "add-k"),
    *("stupid-backoff", "mle"),
)

_PLUGINS: Final = ("transformer", "kenlm", "jieba")
"""What packages called nlmkit-NAME add."""

_KINDS: Final = {
    **{name: kind.name for kind in KINDS for name in (kind.name, *kind.synonyms)},
    "tokenizer": "tokenizer",
}


def what_is_meant(name: str, what: str, declared: Iterable[Entry]) -> str:
    """Return a hint about an unknown ``name``, as the end of a message; empty if there is none.

    Args:
        name: The name, without a distribution.
        what: ``component`` or ``tokenizer``, which was looked for.
        declared: All declarations.
    """
    return next(_readings(name.lower().replace("_", "-").replace(" ", "-"), what, list(declared)), "")


def _readings(name: str, what: str, declared: list[Entry]) -> Iterator[str]:
    kind = _KINDS.get(name.removesuffix("s"))
    if kind is not None:
        names = ", ".join(entry.address for entry in declared if entry.kind == kind)
        yield f": it is a kind of component; choose one of: {names}"
    for entry in declared:
        if entry.name == name and what == "tokenizer" and entry.kind != "tokenizer":
            yield f": {entry.address} is a {entry.kind}"
        if entry.name == name and what == "component" and entry.kind == "tokenizer":
            yield f": {name} is a tokenizer, given as --tokenizer {name} (in Python to a TextPipeline)"
    if what == "component":
        if name in _CALLED:
            yield f": use {_CALLED[name]}"
        if name in _SMOOTHING:
            yield f": it is a smoothing method; use ngram with -p smoothing={name}"
        if name in _PLUGINS:
            yield f": it is in the package nlmkit-{name}, which is not installed"
