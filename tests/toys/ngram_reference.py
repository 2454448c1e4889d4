"""Smoothing methods straight from their definitions: dictionaries, recursion and exact fractions.

Slow, and shares no code with nlmkit; what the tests hold the fast methods against.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import log

UNK, BOS, EOS = 0, 1, 2
Gram = tuple[int, ...]


class Text:
    """Counts of a text.

    Args:
        sentences: How often each sentence occurs, without its marks.
        order: Length of the longest n-gram.
        size: Number of vocabulary ids.
        thresholds: For each order from 2 on, the largest raw count that is pruned.
    """

    def __init__(self, sentences: Mapping[Gram, int], order: int, size: int, thresholds: Sequence[int] = ()) -> None:
        self.order, self.size = order, size
        self.words = [word for word in range(size) if word != BOS]
        self.thresholds = [0, *thresholds]
        self.raw: Counter[Gram] = Counter()
        self.left: defaultdict[Gram, set[int]] = defaultdict(set)
        self.followers: defaultdict[Gram, set[int]] = defaultdict(set)
        for sentence, times in sentences.items():
            marked = (BOS, *sentence, EOS)
            for k in range(1, order + 1):
                for begin in range(len(marked) - k + 1):
                    gram = marked[begin : begin + k]
                    self.raw[gram] += times
                    self.left[gram[1:]].add(gram[0])
                    if gram != (BOS,):
                        self.followers[gram[:-1]].add(gram[-1])

    def grams(self, k: int) -> list[Gram]:
        """All k-grams; for k = 1, all ids."""
        if k == 1:
            return [(word,) for word in range(self.size)]
        return [gram for gram in self.raw if len(gram) == k]

    def events(self, gram: Gram) -> int:
        """How often the n-gram predicts its last word."""
        return 0 if gram == (BOS,) else self.raw[gram]

    def adjusted(self, gram: Gram) -> int:
        """Kneser and Ney's count: distinct words to the left, where a longer n-gram could be."""
        if gram == (BOS,):
            return 0
        if len(gram) == self.order or gram[0] == BOS:
            return self.raw[gram]
        return len(self.left[gram])

    def keeps(self, gram: Gram) -> bool:
        """Whether the n-gram survives pruning."""
        return len(gram) == 1 or self.raw[gram] > self.thresholds[min(len(gram), len(self.thresholds)) - 1]

    def kept_followers(self, context: Gram) -> set[int]:
        return {word for word in self.followers[context] if self.keeps((*context, word))}


class Model:
    """Probability of a word after a context of any length, by recursion."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self._known: dict[tuple[int, Gram], Fraction] = {}

    def probability(self, word: int, context: Gram) -> Fraction:
        if (word, context) not in self._known:
            self._known[word, context] = self.compute(word, context)
        return self._known[word, context]

    def compute(self, word: int, context: Gram) -> Fraction:
        raise NotImplementedError

    def shorter(self, word: int, context: Gram) -> Fraction:
        return self.probability(word, context[1:]) if context else Fraction(1, len(self.text.words))

    def count(self, gram: Gram) -> int:
        return self.text.events(gram)

    def total(self, context: Gram) -> int:
        return sum(self.count((*context, word)) for word in self.text.followers[context])


class Interpolated(Model):
    """Each n-gram keeps its own part of its context's mass; the rest goes through the shorter context."""

    def own(self, gram: Gram) -> Fraction:
        """What is left to a kept n-gram of its count."""
        raise NotImplementedError

    def mass(self, context: Gram) -> Fraction:
        return Fraction(self.total(context))

    def compute(self, word: int, context: Gram) -> Fraction:
        if not self.total(context):
            return self.shorter(word, context)
        kept = self.text.kept_followers(context)
        rest = self.mass(context) - sum(self.own((*context, follower)) for follower in kept)
        own = self.own((*context, word)) if word in kept else Fraction(0)
        return (own + rest * self.shorter(word, context)) / self.mass(context)


class Discounting(Interpolated):
    """Discounts taken from counts; the last of an order's applies to all greater counts too."""

    def __init__(self, text: Text, discounts: Sequence[Sequence[Fraction]] | None = None) -> None:
        super().__init__(text)
        self.discounts = discounts or [self.estimate(self.numbers(k)) for k in range(1, text.order + 1)]

    def numbers(self, k: int) -> Counter[int]:
        return Counter(self.count(gram) for gram in self.text.grams(k))

    def estimate(self, numbers: Counter[int]) -> Sequence[Fraction]:
        if not numbers[1] or not numbers[2]:
            return [Fraction(3, 4)]
        return [Fraction(numbers[1], numbers[1] + 2 * numbers[2])]

    def own(self, gram: Gram) -> Fraction:
        discounts, count = self.discounts[len(gram) - 1], self.count(gram)
        return count - discounts[min(count, len(discounts)) - 1]


class Absolute(Discounting):
    """Ney, Essen & Kneser 1994."""


class KneserNey(Discounting):
    """Kneser & Ney 1995, interpolated."""

    def count(self, gram: Gram) -> int:
        return self.text.adjusted(gram)

    def numbers(self, k: int) -> Counter[int]:
        numbers = super().numbers(k)
        if k < self.text.order and self.text.grams(k):
            # KenLM: the last n-gram, compared from its last word on, enters with its raw count
            last = max(self.text.grams(k), key=lambda gram: gram[::-1])
            numbers[self.count(last)] -= 1
            numbers[self.text.raw[last]] += 1
        return numbers


class ModifiedKneserNey(KneserNey):
    """Chen & Goodman 1998."""

    def estimate(self, numbers: Counter[int]) -> Sequence[Fraction]:
        fallback = [Fraction(1, 2), Fraction(1), Fraction(3, 2)]
        if not (numbers[1] and numbers[2] and numbers[3]):
            return fallback
        y = Fraction(numbers[1], numbers[1] + 2 * numbers[2])
        discounts = [j - (j + 1) * y * Fraction(numbers[j + 1], numbers[j]) for j in (1, 2, 3)]
        return discounts if all(0 <= discount <= j for j, discount in enumerate(discounts, 1)) else fallback


class WittenBell(Interpolated):
    """Witten & Bell 1991, method C."""

    def own(self, gram: Gram) -> Fraction:
        return Fraction(self.count(gram))

    def mass(self, context: Gram) -> Fraction:
        return Fraction(self.total(context) + len(self.text.followers[context]))


class JelinekMercer(Interpolated):
    """Jelinek & Mercer 1980 with weights by order and by the power of two in the context's count."""

    def __init__(self, text: Text, weights: Sequence[Sequence[float]]) -> None:
        super().__init__(text)
        self.weights = [[Fraction(weight) for weight in row] for row in weights]

    def weight(self, context: Gram) -> Fraction:
        bucket = self.total(context).bit_length() - 1 if context else 0
        return self.weights[len(context)][bucket]

    def own(self, gram: Gram) -> Fraction:
        return self.weight(gram[:-1]) * self.count(gram)


class Katz(Model):
    """Katz 1987; a context that saves nothing gets one added to its count."""

    def __init__(self, text: Text, largest: int, ratios: Sequence[Sequence[Fraction]] | None = None) -> None:
        super().__init__(text)
        self.ratios = ratios or [self.estimate(k, largest) for k in range(1, text.order + 1)]

    def estimate(self, k: int, largest: int) -> Sequence[Fraction]:
        n = Counter(self.count(gram) for gram in self.text.grams(k))
        for limit in range(largest, 0, -1):
            if not all(n[r] for r in range(1, limit + 2)) or (limit + 1) * n[limit + 1] >= n[1]:
                continue
            common = Fraction((limit + 1) * n[limit + 1], n[1])
            stars = [Fraction((r + 1) * n[r + 1], n[r]) for r in range(1, limit + 1)]
            ratios = [(star / r - common) / (1 - common) for r, star in enumerate(stars, 1)]
            if all(0 < ratio <= 1 for ratio in ratios):
                return ratios
        return [(r - Fraction(1, 2)) / r for r in range(1, largest + 1)]

    def discounted(self, gram: Gram) -> Fraction:
        ratios, count = self.ratios[len(gram) - 1], self.count(gram)
        return count * ratios[count - 1] if count <= len(ratios) else Fraction(count)

    def compute(self, word: int, context: Gram) -> Fraction:
        kept = self.text.kept_followers(context)
        if not kept:
            return self.shorter(word, context)
        seen = sum(self.discounted((*context, follower)) for follower in kept)
        if len(kept) == len(self.text.words):
            return self.discounted((*context, word)) / seen
        total = Fraction(self.total(context))
        if seen == total:
            total += 1
        if word in kept:
            return self.discounted((*context, word)) / total
        unseen = [other for other in self.text.words if other not in kept]
        left = (total - seen) / total
        if not context:
            return left / len(unseen)
        return left * self.shorter(word, context) / sum(self.shorter(other, context) for other in unseen)


class AddK(Model):
    """Lidstone's law, for full contexts; any other gives 1/V."""

    def __init__(self, text: Text, added: Fraction) -> None:
        super().__init__(text)
        self.added = added

    def compute(self, word: int, context: Gram) -> Fraction:
        full = len(context) == self.text.order - 1 or context[:1] == (BOS,)
        total = self.total(context) if full else 0
        count = self.count((*context, word)) if full else 0
        return (count + self.added) / (total + self.added * len(self.text.words))


class StupidBackoff(Model):
    """Brants et al. 2007; an unseen word counts as seen ``factor`` times."""

    def __init__(self, text: Text, factor: Fraction) -> None:
        super().__init__(text)
        self.factor = factor

    def compute(self, word: int, context: Gram) -> Fraction:
        if not self.total(()):
            return self.factor ** len(context) / len(self.text.words)
        if word in self.text.kept_followers(context):
            return Fraction(self.count((*context, word)), self.total(context))
        return self.factor * self.probability(word, context[1:]) if context else self.factor / self.total(())


class MaximumLikelihood(Model):
    """Relative frequencies of the longest suffix of the context that was seen."""

    def compute(self, word: int, context: Gram) -> Fraction:
        if not self.total(context):
            return self.shorter(word, context)
        return Fraction(self.count((*context, word)), self.total(context))


def em_weights(text: Text, valid: Iterable[Gram], steps: int) -> list[dict[int, float]]:
    """Jelinek–Mercer weights of each order by bucket, after so many steps of EM from one half on; nothing pruned.

    An event comes from one of the orders or from the uniform distribution (order 0); which one, is what EM infers.
    """
    model = MaximumLikelihood(text)
    events: list[list[tuple[int, float]]] = []
    for sentence in valid:
        marked = (BOS, *sentence, EOS)
        for at in range(1, len(marked)):
            choices = []
            for k in range(1, min(text.order, at + 1) + 1):
                gram = marked[at - k + 1 : at + 1]
                total = model.total(gram[:-1])
                if total:
                    bucket = total.bit_length() - 1 if k > 1 else 0
                    choices.append((k, bucket, text.events(gram) / total))
            events.append(choices)
    weights: list[defaultdict[int, float]] = [defaultdict(lambda: 0.5) for _ in range(text.order + 1)]
    for _ in range(steps):
        kept, reached = Counter(), Counter()
        for choices in events:
            joint, passed = [], 1.0
            for k, bucket, frequency in reversed(choices):
                weight = weights[k][bucket]
                joint.append(passed * weight * frequency)
                passed *= 1 - weight
            joint.append(passed / len(text.words))
            posterior = [value / sum(joint) for value in joint]
            for index, (k, bucket, _) in enumerate(reversed(choices)):
                kept[k, bucket] += posterior[index]
                reached[k, bucket] += sum(posterior[index:])
        for k, bucket in reached:
            weights[k][bucket] = (kept[k, bucket] + 1) / (reached[k, bucket] + 2)
    return [dict(row) for row in weights[1:]]


def log_posterior(model: JelinekMercer, valid: Iterable[Gram]) -> float:
    """What Jelinek–Mercer weights maximise: log-likelihood, and one event of either kind added to each weight."""
    value = sum(log(weight) + log(1 - weight) for row in model.weights for weight in row)
    for sentence in valid:
        marked = (BOS, *sentence, EOS)
        for at in range(1, len(marked)):
            value += log(model.probability(marked[at], marked[max(0, at - model.text.order + 1) : at]))
    return value
