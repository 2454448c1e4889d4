"""Read a picture, write what it shows: the digits of scikit-learn, and their names letter by letter.

    python examples/digits.py

The 1,797 pictures have 8 × 8 gray values; the vector of a picture is these 64 numbers. Nothing tells the model that
there are ten digits, or how their names are spelt: it is a language model of letters whose first state comes from the
picture. It learns from 1,200 pictures and is asked about the others.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from nlmkit import ParallelTexts, VectorDecoder

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TRAINING = 1200


def data() -> tuple[ParallelTexts, ParallelTexts]:
    """Return training and test pictures with their names."""
    digits = load_digits()
    texts = [NAMES[number] for number in digits.target]
    vectors = digits.data.astype(np.float32)
    return (
        ParallelTexts(vectors[:TRAINING], texts[:TRAINING]),
        ParallelTexts(vectors[TRAINING:], texts[TRAINING:]),
    )


def fitted(train: ParallelTexts) -> VectorDecoder:
    """Return the model, fitted on some pictures."""
    model = VectorDecoder(
        condition="initial",
        vector_scaling="standardize",
        target_tokenizer="char",
        embedding=16,
        hidden=64,
        dropout_input=0.0,
        dropout_output=0.1,
        dropout_vector=0.2,
        epochs=12,
        batch=250,
        lr=0.01,
    )
    return model.fit(train)


def main() -> float:
    """Fit, show some pictures, and return the share of test pictures whose name is right."""
    train, test = data()
    model = fitted(train)
    written = model.predict(test, beam=2)
    right = sum(found == name for found, name in zip(written, test.targets or (), strict=True)) / len(test)
    picture = test.required_vectors()[0].reshape(8, 8)
    print("\n".join("".join(" .:#"[int(value) // 5] * 2 for value in line) for line in picture))
    print(f"is read as: {written[0]}")
    for found in model.n_best(test.subset([0]), 3)[0]:
        print(f"    {found.text:8} {np.exp(found.log_prob):.4f}")
    print(f"{right:.1%} of {len(test)} names are right, letter by letter")
    print(f"perplexity per letter: {model.perplexity(test):.3f}")
    return right


if __name__ == "__main__":
    main()
