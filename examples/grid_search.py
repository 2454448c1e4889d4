"""Tune a text classifier with scikit-learn's tools.

python examples/grid_search.py
"""

from __future__ import annotations

from sklearn.model_selection import GridSearchCV

from nlmkit import NBSVM, LabelledTrees

NAMES = {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}


def sentences(split: str) -> tuple[list[str], list[str]]:
    """Return sentences with a sentiment, and what it is."""
    trees = LabelledTrees.read(f"corpus:trees-en{split}")
    rows = [(text, NAMES[label]) for text, label in zip(trees.texts, trees.labels, strict=True) if label in NAMES]
    texts, labels = zip(*rows, strict=True)
    return list(texts), list(labels)


def main() -> float:
    """Search by cross-validation on training sentences, report on test sentences, and return the accuracy."""
    search = GridSearchCV(NBSVM(), {"order": [1, 2, 3], "beta": [0.25, 1.0]}, cv=3)
    search.fit(*sentences(""))
    print(f"best of {len(search.cv_results_['params'])}: {search.best_params_}")
    print(f"accuracy on held-out folds {search.best_score_:.3f}")
    report = search.best_estimator_.report(*sentences("/test"))
    print(report.render())
    return float(report.accuracy)


if __name__ == "__main__":
    main()
