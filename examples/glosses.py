"""From a word to its definition: a language model of definitions that is told the vector of the word.

    python examples/glosses.py

Words that are used alike have similar vectors, so that a model that has read the definitions of some words can guess
what kind of thing another one is. Everything here is small: sentences about animals, fruit, tools and rooms, the word
vectors that LSA finds in them, and one definition per word, of which some are held out. ``benchmarks/glosses.py`` does
the same with a dictionary.
"""

from __future__ import annotations

import itertools

from nlmkit import LSA, ParallelTexts, VectorDecoder

KINDS = {
    "an animal that": (
        {
            "cat": "lives in a house and hunts mice",
            "dog": "lives in a house and barks",
            "fox": "lives in the woods",
            "hare": "lives in the fields and runs",
            "goat": "lives on a farm and climbs",
            "cow": "lives on a farm",
            "horse": "lives on a farm and runs",
            "wolf": "lives in the woods and hunts",
        },
        ("the {} sleeps under the tree", "we feed the {} at night", "a {} runs away", "the {} drinks and sleeps"),
    ),
    "a fruit that": (
        {
            "apple": "grows on a tree and is red",
            "pear": "grows on a tree and is green",
            "plum": "grows on a tree",
            "cherry": "grows on a tree and is small",
            "grape": "grows on a vine",
            "lemon": "grows on a tree and is sour",
            "berry": "grows on a bush and is small",
            "melon": "grows on the ground",
        },
        ("she eats a ripe {}", "the {} tastes sweet", "a basket with a {} and bread", "we peel the {} and cook jam"),
    ),
    "a tool that": (
        {
            "hammer": "drives nails",
            "saw": "cuts wood",
            "axe": "cuts wood and is heavy",
            "file": "smooths metal",
            "drill": "makes holes",
            "chisel": "cuts stone",
            "rake": "gathers leaves",
            "spade": "digs the ground",
        },
        ("he repairs it with a {}", "the {} hangs in the shed", "hold the {} by its handle", "a rusty {} of steel"),
    ),
    "a room where": (
        {
            "kitchen": "people cook",
            "bedroom": "people sleep",
            "office": "people write",
            "hall": "people meet",
            "library": "people read",
            "studio": "people paint",
            "cellar": "people keep wine",
            "attic": "people keep boxes",
        },
        ("the door of the {} is open", "she walks into the {}", "the {} has two windows", "light falls into the {}"),
    ),
}
HELD_OUT = ("wolf", "berry", "spade", "attic")


def sentences() -> list[str]:
    """Return the text from which words get their vectors."""
    return [
        pattern.format(word)
        for words, patterns in KINDS.values()
        for word, pattern in itertools.product(words, patterns)
    ]


def definitions() -> dict[str, str]:
    """Return the definition of each word."""
    return {word: f"{kind} {what}" for kind, (words, _) in KINDS.items() for word, what in words.items()}


def main() -> tuple[float, float]:
    """Fit both models, show the definitions that are found, and return the perplexities: told the word, and not."""
    vectors = LSA(dimension=8, min_count=1).fit(sentences())
    glosses = definitions()
    known = [word for word in glosses if word not in HELD_OUT]

    def pairs(words: list[str] | tuple[str, ...], *, told: bool = True) -> ParallelTexts:
        found = vectors.vectors(words)
        return ParallelTexts(found if told else found * 0, [glosses[word] for word in words])

    model = VectorDecoder(vector_scaling="unit", embedding=24, hidden=32, epochs=40, batch=60, lr=0.01)
    told = model.fit(pairs(known))
    for word, found in zip(HELD_OUT, told.predict(pairs(HELD_OUT)), strict=True):
        print(f"{word}: {found}  (held out: {glosses[word]})")
    figures = [told.perplexity(pairs(HELD_OUT))]
    untold = VectorDecoder(**told.get_params(deep=False)).fit(pairs(known, told=False))
    figures.append(untold.perplexity(pairs(HELD_OUT, told=False)))
    print(f"perplexity of the definitions held out: {figures[0]:.2f} told the word's vector, {figures[1]:.2f} without")
    return figures[0], figures[1]


if __name__ == "__main__":
    main()
