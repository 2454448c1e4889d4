"""Fit one of everything to a few sentences, and save it: the folders that later releases must load for ever.

    python tests/releases/build.py FOLDER            write the models and what they answer (once for each release)
    python tests/releases/build.py --digests         print each model's digest, to compare two versions on one machine

One thread and fixed seeds; digests of neural models may still differ from one processor to another.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nlmkit.core import registry
from nlmkit.text import TextPipeline

TRAIN = """the farmer keeps a brown horse
the horse eats green apples
a girl brings the horse an apple
the farmer and the girl ride to town

in town they sell apples and bread
the bread is fresh and the apples are green
农夫 有 一 匹 马
马 吃 苹果
the girl eats bread and an apple
the old horse sleeps
""".splitlines()
VALID = ["the girl keeps a green apple", "the farmer eats bread", "马 吃 苹果"]
TEST = ["the horse eats bread", "", "a farmer sells an old cart", "农夫 吃 苹果"]
TEXTS = ["a warm and funny film", "dull , cold and long", "funny and fine", "a long dull evening"] * 4
LABELS = ["good", "bad", "good", "bad"] * 4
STARS = [5, 1.5, 4, 2] * 4
QUERIES = ["a fine film", "cold and dull", "nothing known"]
TREES = ["(good (0 a) (good (good warm) (0 film)))", "(bad (bad dull) (0 (0 and) (0 long)))"] * 4
ASKED_TREES = ["(_ (_ a) (_ (_ fine) (_ film)))", "(_ (_ cold) (_ and) (_ dull))", "(_ (_ nothing))"]
SENTENCES = [["the", "brown", "horse", "eats"], ["Ann", "sleeps"], ["马", "吃", "苹果"]] * 4
CHUNKS = [["B-NP", "I-NP", "I-NP", "O"], ["B-NP", "O"], ["B-NP", "O", "B-NP"]] * 4
TAGGED = [["the", "horse", "sleeps"], ["Ann", "eats", "bread"], ["苹果"]]

SOURCES = ["the horse eats", "a brown horse", "the girl sleeps", "an apple"] * 3
TARGETS = ["马 吃", "一 匹 马", "女孩 睡觉", "苹果"] * 3
VECTORS = [[0.0, 1.0], [1.0, 0.5], [-1.0, 0.0], [0.5, 0.5]] * 3
ASKED = ["the brown horse sleeps", "an old cart"]
ASKED_VECTORS = [[0.25, 1.0], [-1.0, 1.0]]

TINY = {"embedding": 4, "hidden": 5, "epochs": 2, "batch": 2, "bptt": 5}
TINY_CLASSIFIER = {"embedding": 4, "epochs": 2, "batch": 4}
TINY_TAGGER = {"embedding": 4, "hidden": 5, "epochs": 2, "batch": 4}
TINY_TRANSLATOR = {"embedding": 4, "hidden": 6, "encoder_hidden": 3, "epochs": 2, "batch": 20}


def models() -> Iterator[tuple[str, Any]]:
    """Each model's name in the release, and the fitted model; combinations hold models that came before."""
    fitted: dict[str, Any] = {}
    for name, make in _recipes(fitted).items():
        fitted[name] = make()
        yield name, fitted[name]


def _recipes(fitted: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    def lm(name: str, **settings: Any) -> Any:
        return registry.get(name)(**settings)

    def text(name: str, **settings: Any) -> Callable[[], Any]:
        return lambda: lm(name, **settings).fit(TRAIN)

    def neural(name: str, **settings: Any) -> Callable[[], Any]:
        known = registry.get(name).hyper_parameters()
        chosen = {key: value for key, value in {**TINY, **settings}.items() if key in known}
        return lambda: lm(name, **chosen).fit(TRAIN, valid=VALID)

    def of_texts(name: str, targets: list[Any], **settings: Any) -> Callable[[], Any]:
        known = registry.get(name).hyper_parameters()
        chosen = {key: value for key, value in {**TINY_CLASSIFIER, **settings}.items() if key in known}
        return lambda: lm(name, **chosen).fit(TEXTS, targets)

    def classifier(name: str, **settings: Any) -> Callable[[], Any]:
        return of_texts(name, LABELS, **settings)

    def regressor(name: str, **settings: Any) -> Callable[[], Any]:
        return of_texts(name, STARS, **settings)

    def tagger(name: str, **settings: Any) -> Callable[[], Any]:
        known = registry.get(name).hyper_parameters()
        chosen = {key: value for key, value in {**TINY_TAGGER, **settings}.items() if key in known}
        return lambda: lm(name, **chosen).fit(SENTENCES, CHUNKS)

    def translator(name: str, sources: list[Any], **settings: Any) -> Callable[[], Any]:
        known = registry.get(name).hyper_parameters()
        chosen = {key: value for key, value in {**TINY_TRANSLATOR, **settings}.items() if key in known}
        return lambda: lm(name, **chosen).fit(sources, TARGETS)

    smoothings = registry.get("ngram").hyper_parameters()["smoothing"].choices or ()
    recipes: dict[str, Callable[[], Any]] = {}
    for smoothing in smoothings:
        if smoothing in ("imported", "mixed"):
            continue
        order = 1 if smoothing == "add-k" else 3
        recipes[f"ngram-{smoothing}"] = lambda s=smoothing, o=order: lm("ngram", smoothing=s, order=o).fit(
            TRAIN, valid=VALID if s == "jelinek-mercer" else None
        )
    recipes |= {
        "ngram-pruned": text("ngram", order=3, prune=(0, 1, 1), vocabulary_size=12),
        "ngram-words": lambda: lm("ngram", order=2).fit(
            _corpus(["The Horse eats, and sleeps.", "马吃苹果"], TextPipeline(tokenizer="word", lowercase=True))
        ),
        "ngram-imported": lambda: _through_file(fitted["ngram-modified-kneser-ney"], "model.arpa", "from_arpa"),
        "ngram-packed": text("ngram", order=3, precision="packed"),
        "ngram-quantised": text("ngram", order=3, precision="q8"),
        "ngram-counts": text("ngram", order=3, keep_counts=True),
        "ngram-closed": text("ngram", order=3, closed=True),
        "class-ngram": _of_classes,
        "one-hot": text("one-hot"),
        "lsa": text("lsa", dimension=3, min_count=1),
        "lsa-contexts": text("lsa", dimension=3, min_count=1, skip=1, context_smoothing=0.75, add_contexts=True),
        "word2vec": text("word2vec", dimension=4, min_count=1, epochs=2),
        "word2vec-subwords": text("word2vec", dimension=4, min_count=1, epochs=2, subwords=True, buckets=100),
        "glove": text("glove", dimension=4, min_count=1, epochs=2),
        "vectors": lambda: _through_file(fitted["lsa"], "vectors.vec", "from_file"),
        "nnlm": neural("nnlm"),
        "rnnlm": neural("rnnlm"),
        "lstm": neural("lstm"),
        "lstm-options": neural("lstm", layers=2, dropout=0.2, tied=False, softmax="class-factored", averaging="ema"),
        "lstm-vectors": lambda: lm(
            "lstm", hidden=4, epochs=1, batch=2, bptt=5, representation=fitted["lsa"], tune="frozen"
        ).fit(TRAIN),
        "gru": neural("gru"),
        "hybrid": neural("hybrid", order=3, gate_units=3),
        "mixture": lambda: lm("mixture", models=(fitted["ngram-modified-kneser-ney"], fitted["lstm"])).fit(
            None, valid=VALID
        ),
        "cache": lambda: lm("cache", model=fitted["lstm"]).fit(None, valid=VALID),
        "temperature": lambda: lm("temperature", model=fitted["lstm"]).fit(None, valid=VALID),
        "dynamic": lambda: lm("dynamic", model=fitted["lstm"]).fit(TRAIN, valid=VALID),
        "nbsvm": classifier("nbsvm"),
        "tfidf-logreg": classifier("tfidf-logreg"),
        "cnn": classifier("cnn", filters=3),
        "lstm-classifier": classifier("lstm-classifier", hidden=4),
        "lm-classifier": classifier("lm-classifier", folds=2),
        "ensemble": lambda: lm(
            "ensemble", models=(fitted["nbsvm"], lm("tfidf-logreg")), weights=(0.5, 1.0), class_weight={"good": 2.0}
        ).fit(TEXTS, LABELS),
        "lstm-cnn": classifier("lstm-cnn", hidden=4, filters=3),
        "han": classifier("han", hidden=4),
        "tree-lstm": lambda: lm("tree-lstm", **TINY_CLASSIFIER, hidden=5).fit(TREES),
        "cnn-pointwise": classifier("cnn", filters=3, pointwise=2),
        "dpcnn": classifier("dpcnn", maps=3, blocks=3),
        "vdcnn": classifier("vdcnn", maps=2, k=2, dense=(4,)),
        "tfidf-ridge": regressor("tfidf-ridge"),
        "cnn-regressor": regressor("cnn-regressor", maps=3),
        "lstm-regressor": regressor("lstm-regressor", hidden=4, loss="huber"),
        "bilstm-tagger": tagger("bilstm-tagger"),
        "crf-tagger": tagger("crf-tagger", iterations=5),
        "hmm-tagger": tagger("hmm-tagger"),
        "ensemble-tagger": tagger("ensemble-tagger", models=("hmm-tagger", lm("crf-tagger", iterations=5))),
        "encoder-decoder": translator("encoder-decoder", SOURCES),
        "encoder-decoder-subwords": translator(
            "encoder-decoder", SOURCES, target_tokenizer="bpe:300", source_tokenizer="unigram:290", decoder="gru"
        ),
        "vector-decoder": translator("vector-decoder", VECTORS, target_tokenizer="space"),
    }
    return recipes


def _of_classes() -> Any:
    """An n-gram model of classes, whose file goes away."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "classes.tsv"
        words = dict.fromkeys(word for line in TRAIN for word in line.split())
        path.write_text("".join(f"{word}\tCLASS{number % 3}\n" for number, word in enumerate(words)), encoding="utf-8")
        return registry.get("class-ngram")(classes=str(path), order=3).fit(TRAIN)


def _corpus(lines: list[str], pipeline: TextPipeline) -> Any:
    from nlmkit.text import Corpus

    return Corpus.read(lines, pipeline)


def _through_file(model: Any, name: str, reader: str) -> Any:
    """``model`` after an export and an import."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / name
        model.export(place)
        return getattr(registry.get("ngram" if name.endswith(".arpa") else "vectors"), reader)(place)


def answers(model: Any) -> dict[str, Any]:
    """What a model answers to the test data, as JSON: enough to see that it is the model that was saved."""
    found: dict[str, Any] = {"component": model.name, "kind": model.kind, "digest": model.digest}
    if model.kind == "language-model":
        found["log_probs"] = model.log_probs(TEST).tolist()
        found["vocabulary"] = len(model.vocabulary_)
    elif model.kind == "classifier":
        asked = ASKED_TREES if model.takes == "trees" else QUERIES
        found["probabilities"] = model.predict_proba(asked).tolist()
        found["labels"] = [str(label) for label in model.predict(asked)]
    elif model.kind == "regressor":
        found["predictions"] = model.predict(QUERIES).tolist()
    elif model.kind == "tagger":
        found["marginals"] = [row for values in model.predict_marginals(TAGGED) for row in values.tolist()]
        found["tags"] = [" ".join(tags) for tags in model.predict(TAGGED)]
    elif model.kind == "sequence-to-sequence":
        sources = ASKED if model.takes == "texts" else ASKED_VECTORS
        found["log_probs"] = model.log_probs(sources, ["马 睡觉", "一 苹果 x"]).tolist()
        found["predictions"] = model.predict(sources, max_length=8)
    else:
        words = [word for word in ("horse", "apple", "马") if word in model.vocabulary_]
        found["words"] = words
        found["vectors"] = model.vectors(words).tolist()
    return found


def main() -> None:
    """Write the release, or print its digests."""
    import torch

    torch.set_num_threads(1)
    if sys.argv[1:] == ["--digests"]:
        for name, model in models():
            print(f"{name}\t{model.digest}")
        return
    target = Path(sys.argv[1])
    expected = {}
    for name, model in models():
        model.save(target / name)
        (target / name / ".lock").unlink(missing_ok=True)
        expected[name] = answers(model)
    (target / "answers.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
