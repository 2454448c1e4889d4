"""Say everything that is to be said, and nothing else: sentences from the attributes of a dialogue act.

    python examples/dialogue_acts.py

An act of a program that talks about places to eat is a set of attributes: its type, and what it mentions. Names and
numbers are replaced by tokens such as NAME beforehand and put back afterwards (delexicalisation), so that the model
learns from few sentences. The gate of the SC-LSTM (Wen et al. 2015) reads the vector of attributes word by word and
takes out what has been said. Of 20 candidates, the one with the fewest errors is chosen: attributes that are missing,
or said though they are not part of the act.
"""

from __future__ import annotations

import itertools

import numpy as np

from nlmkit import VectorDecoder
from nlmkit.seq2seq.translations import Translation

Act = frozenset[str]

PHRASES = {
    "NAME": ("NAME is a place to eat", "there is a place called NAME"),
    "AREA": ("it is in AREA", "you find it in AREA"),
    "FOOD": ("they cook FOOD food", "the food there is FOOD"),
    "PHONE": ("the number is PHONE", "call PHONE"),
    "dogs": ("dogs are welcome",),
}
"""What is said of each attribute; its token is the attribute's own name, or the word itself."""

ORDER = ("NAME", "FOOD", "AREA", "dogs", "PHONE")
VALUES = {"NAME": "the blue door", "AREA": "the old harbour", "FOOD": "greek", "PHONE": "5 55 01 99"}

HELD_OUT = (
    Act({"NAME", "AREA", "FOOD", "dogs"}),
    Act({"NAME", "AREA", "PHONE"}),
    Act({"NAME", "FOOD", "dogs", "PHONE"}),
)


def examples() -> list[tuple[Act, str]]:
    """Return acts that are not held out, each in several words."""
    found = []
    for count in range(1, len(ORDER)):
        for others in itertools.combinations(ORDER[1:], count - 1):
            act = Act({"NAME", *others})
            if act not in HELD_OUT:
                spoken = [PHRASES[name] for name in ORDER if name in act]
                found += [(act, " , ".join(words)) for words in itertools.product(*spoken)]
    return found


def vectors(acts: list[Act]) -> np.ndarray:
    """Return a row per act: 1 for each attribute that it has."""
    return np.array([[float(name in act) for name in ORDER] for act in acts], np.float32)


def errors(act: Act, text: str) -> int:
    """Count attributes that are missing, and those said too often or without being part of the act."""
    words = text.split()
    return sum(abs(words.count(name) - (name in act)) for name in ORDER)


def spoken(text: str) -> str:
    """Put the values back."""
    return " ".join(VALUES.get(word, word) for word in text.split())


def main() -> int:
    """Fit, generate for acts that were never seen together, and return the number of errors."""
    acts, texts = zip(*examples(), strict=True)
    model = VectorDecoder(
        condition="sc-gate", target_tokenizer="space", embedding=24, hidden=32, epochs=30, batch=120, lr=0.02
    )
    model.fit(vectors(list(acts)), list(texts))

    def cost(place: int, candidate: Translation) -> float:
        return errors(HELD_OUT[place], candidate.text)

    found = model.predict(vectors(list(HELD_OUT)), candidates=20, rerank=cost, normalization="average")
    for act, text in zip(HELD_OUT, found, strict=True):
        print(f"{', '.join(name for name in ORDER if name in act)}\n    {spoken(text)}")
    return sum(errors(act, text) for act, text in zip(HELD_OUT, found, strict=True))


if __name__ == "__main__":
    main()
