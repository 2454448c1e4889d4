"""Write the treebanks ``corpora/trees-en`` and ``corpora/trees-zh``: ``python scripts/treebanks.py``.

Sentences about films, food, hotels and other things are drawn from a small grammar, each phrase with its sentiment from
-2 to 2, calculated from that of its parts; labels are written from 0 to 4. The same seed writes the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, TypeVar

from nlmkit.text.tree_brackets import bracketed

SEED: Final = 15
SIZES: Final = {"train": 240, "valid": 60, "test": 60}
LABELS: Final = 5

T = TypeVar("T")

Modifiers: TypeAlias = Mapping[str, tuple[Callable[[int], int], Sequence[str]]]
"""How a kind of modifier changes sentiment, and its words."""


class Phrase(NamedTuple):
    """A phrase: its sentiment, and its word or its two parts."""

    value: int
    parts: tuple[Phrase, ...]
    word: str = ""


# ---------------------------------------------------------------------------------------------------------- sentiment


def intensified(value: int) -> int:
    """*very*: as strong as can be."""
    return 2 * sign(value)


def softened(value: int) -> int:
    """*rather*: weak."""
    return sign(value)


def negated(value: int) -> int:
    """*not*: praise becomes mild blame, mild blame mild praise; *not terrible* is neutral."""
    return {2: -1, 1: -1, 0: 0, -1: 1, -2: 0}[value]


def reversed_(value: int) -> int:
    """*anything but*: the opposite, as strong as can be."""
    return -2 * sign(value)


def joined(first: int, second: int) -> int:
    """*and*: the stronger of two that agree; of two that do not, their sum."""
    return first + second if first * second < 0 else max(first, second, key=abs)


def contrasted(first: int, second: int) -> int:
    """*but*: the second part decides, and is weakened by the opposite; of praise beside a neutral part half is left."""
    if second == 0:
        return sign(first) if abs(first) == 2 else 0
    return sign(second) if first * second < 0 else second


def sign(value: int) -> int:
    """Return -1, 0 or 1."""
    return (value > 0) - (value < 0)


# ------------------------------------------------------------------------------------------------------------- phrases


def word(text: str, value: int = 0) -> Phrase:
    """Return a word."""
    return Phrase(value, (), text)


def pair(left: Phrase, right: Phrase, value: int | None = None) -> Phrase:
    """Return a phrase of two parts, by default with the sum of their sentiment, of which one is usually neutral."""
    return Phrase(left.value + right.value if value is None else value, (left, right))


def row(*parts: Phrase | str) -> Phrase:
    """Return parts from left to right as a phrase that branches to the right."""
    found = [word(part) if isinstance(part, str) else part for part in parts]
    made = found.pop()
    while found:
        left = found.pop()
        made = pair(left, made, joined(left.value, made.value))
    return made


def under(function: Callable[[int], int], modifier: str, phrase: Phrase) -> Phrase:
    """Return a phrase below a modifier of one or more words that changes its sentiment."""
    words = row(*modifier.split())
    own = -1 if function in (negated, reversed_) else 0
    return pair(words._replace(value=own), phrase, function(phrase.value))


def coordinated(function: Callable[[int, int], int], first: Phrase, link: Sequence[str], second: Phrase) -> Phrase:
    """Return two phrases with what links them: a comma and a conjunction, or one of the two."""
    made = first
    for mark in link:
        made = pair(made, word(mark), made.value)
    return pair(made, second, function(first.value, second.value))


class Draw:
    """Draws from lists, none of them more often than others in the long run."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._decks: dict[str, list[object]] = {}

    def one(self, choices: Sequence[T]) -> T:
        """Return one of some choices."""
        deck = self._decks.setdefault(repr(choices), [])
        if not deck:
            deck += choices
            self._random.shuffle(deck)
        return deck.pop()  # type: ignore[return-value]

    def chance(self, share: float) -> bool:
        """Return whether something of that probability happens."""
        return self._random.random() < share

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a random order."""
        return self._random.sample(items, len(items))


# ------------------------------------------------------------------------------------------------------------- English


class Topic(NamedTuple):
    """What sentences are about.

    Attributes:
        things: The things; of Chinese with their measure words.
        aspects: What each of them has.
        adjectives: Their sentiment, by word.
        verbs: Verb phrases that judge, with their sentiment: verb and object; of English also the verb's base form.
        facts: Verb phrases that judge nothing.
    """

    things: Sequence[str]
    aspects: Sequence[str]
    adjectives: dict[str, int]
    verbs: dict[str, int]
    facts: Sequence[str]


ENGLISH: Final = (
    Topic(
        ("film", "comedy", "sequel", "documentary", "thriller"),
        ("plot", "acting", "ending", "dialogue", "music"),
        {"brilliant": 2, "unforgettable": 2, "clever": 1, "funny": 1, "moving": 1, "long": 0, "quiet": 0, "slow": -1}
        | {"predictable": -1, "silly": -1, "dreadful": -2, "unbearable": -2},
        {"charmed/charm the audience": 1, "thrilled/thrill us": 2, "bored/bore everyone": -1}
        | {"insulted/insult our intelligence": -2},
        ("lasts two hours", "opens on Friday", "was shot in Norway", "has three parts"),
    ),
    Topic(
        ("restaurant", "café", "bakery", "canteen", "bistro"),
        ("soup", "bread", "service", "menu", "coffee"),
        {"superb": 2, "heavenly": 2, "tasty": 1, "friendly": 1, "fresh": 1, "small": 0, "French": 0, "bland": -1}
        | {"greasy": -1, "careless": -1, "disgusting": -2, "inedible": -2},
        {"delighted/delight our guests": 2, "pleased/please the children": 1, "disappointed/disappoint us": -1}
        | {"poisoned/poison half the office": -2},
        ("opens at noon", "is near the station", "seats forty people", "takes cards"),
    ),
    Topic(
        ("hotel", "hostel", "guesthouse", "cottage", "campsite"),
        ("room", "bed", "view", "garden", "breakfast"),
        {"magnificent": 2, "perfect": 2, "comfortable": 1, "clean": 1, "cosy": 1, "old": 0, "plain": 0, "noisy": -1}
        | {"damp": -1, "shabby": -1, "filthy": -2, "horrible": -2},
        {"enchanted/enchant my parents": 2, "suited/suit us": 1, "annoyed/annoy the neighbours": -1}
        | {"ruined/ruin our holiday": -2},
        ("has twelve beds", "lies by the river", "closes in winter", "allows dogs"),
    ),
    Topic(
        ("phone", "laptop", "camera", "radio", "printer"),
        ("screen", "battery", "manual", "keyboard", "case"),
        {"outstanding": 2, "flawless": 2, "handy": 1, "sturdy": 1, "elegant": 1, "heavy": 0, "grey": 0, "fragile": -1}
        | {"clumsy": -1, "sluggish": -1, "useless": -2, "hopeless": -2},
        {"impressed/impress every engineer": 2, "helped/help me": 1, "irritated/irritate my colleagues": -1}
        | {"destroyed/destroy my files": -2},
        ("weighs a kilo", "comes in blue", "has two buttons", "needs a cable"),
    ),
    Topic(
        ("novel", "memoir", "cookbook", "biography", "thesis"),
        ("style", "opening", "hero", "translation", "index"),
        {"dazzling": 2, "masterly": 2, "witty": 1, "honest": 1, "gripping": 1, "short": 0, "Danish": 0, "dry": -1}
        | {"vague": -1, "pompous": -1, "appalling": -2, "worthless": -2},
        {"captivated/captivate readers": 2, "comforted/comfort my sister": 1, "confused/confuse the critics": -1}
        | {"disgusted/disgust its own editor": -2},
        ("has nine chapters", "appeared in spring", "costs ten euros", "is about bees"),
    ),
    Topic(
        ("concert", "lecture", "course", "tour", "festival"),
        ("speaker", "singer", "programme", "schedule", "finale"),
        {"sublime": 2, "marvellous": 2, "lively": 1, "useful": 1, "graceful": 1, "free": 0, "late": 0, "boring": -1}
        | {"chaotic": -1, "dull": -1, "awful": -2, "catastrophic": -2},
        {"inspired/inspire the whole town": 2, "amused/amuse us": 1, "tired/tire the students": -1}
        | {"enraged/enrage the visitors": -2},
        ("starts at seven", "fills the hall", "moves to Oslo", "ends on Sunday"),
    ),
)


ENGLISH_MODIFIERS: Final[Modifiers] = {
    "very": (intensified, ("very", "extremely", "really")),
    "rather": (softened, ("rather", "quite", "a bit")),
    "not": (negated, ("not",)),
    "anything but": (reversed_, ("anything but", "far from")),
}


class English:
    """Draws English sentences."""

    full_stop: Final = "."

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def sentence(self) -> Phrase:
        """Draw a sentence, without its full stop."""
        draw = self._draw
        topic = draw.one(ENGLISH)
        thing = draw.one(topic.things)
        shape = draw.one(("one", "one", "one", "one", "but", "but", "and", "although", "fact"))
        if shape == "fact":
            return row(row("The", thing), row(*draw.one(topic.facts).split()))
        first = self._clause(topic, thing, start=True)
        if shape == "one":
            return first
        second = self._clause(topic, thing, start=False)
        if shape == "although":
            inner = first._replace(parts=(self._lowered(first.parts[0]), first.parts[1]))
            made = pair(pair(word("Although"), inner, inner.value), word(","), inner.value)
            return pair(made, second, contrasted(inner.value, second.value))
        return coordinated(contrasted if shape == "but" else joined, first, (",", shape), second)

    def _lowered(self, phrase: Phrase) -> Phrase:
        """Return a subject in the middle of a sentence."""
        if phrase.word:
            return phrase._replace(word=phrase.word.lower())
        return phrase._replace(parts=(self._lowered(phrase.parts[0]), *phrase.parts[1:]))

    def _clause(self, topic: Topic, thing: str, *, start: bool) -> Phrase:
        draw = self._draw
        noun = thing
        if draw.chance(0.4):
            noun = draw.one(topic.aspects)
            subject = pair(row("The", noun), row("of", "the", thing)) if start else row("its", noun)
        elif draw.chance(0.35):
            subject = row("The" if start else "the", pair(self._adjective(topic), word(thing)))
        else:
            subject = row(draw.one(("The", "This", "That")), thing) if start else word("it")
        predicate = self._predicate(topic, noun)
        return pair(subject, predicate, joined(subject.value, predicate.value))

    def _adjective(self, topic: Topic) -> Phrase:
        adjective = self._draw.one([*topic.adjectives])
        return word(adjective, topic.adjectives[adjective])

    def _predicate(self, topic: Topic, noun: str) -> Phrase:
        draw = self._draw
        shape = draw.one(("is", "is", "is", "noun", "verb", "verb", "denied"))
        if shape == "is":
            return row(draw.one(("is", "was")), self._adjectives(topic))
        if shape == "noun":
            adjective = self._adjective(topic)
            article = "an" if adjective.word[0].lower() in "aeiou" else "a"
            whole = row(article, pair(adjective, word(noun)))
            return row("is", whole) if draw.chance(0.6) else row("is", under(negated, "not", whole))
        verb = draw.one([*topic.verbs])
        value = topic.verbs[verb]
        forms, _, rest = verb.partition(" ")
        past, base = forms.split("/")
        if shape == "verb":
            return pair(word(past, value), row(*rest.split()))
        did = draw.one(("did not", "never", "hardly"))
        own = pair(word(base if did == "did not" else past, value), row(*rest.split()))
        if did == "did not":
            return row("did", under(negated, "not", own))
        return under(negated, did, own)

    def _adjectives(self, topic: Topic) -> Phrase:
        draw = self._draw
        adjective = self._adjective(topic)
        shape = draw.one(("plain", "plain", "very", "rather", "not", "not", "anything but", "and", "but", "not very"))
        if shape in ENGLISH_MODIFIERS:
            function, modifiers = ENGLISH_MODIFIERS[shape]
            return under(function, draw.one(modifiers), adjective)
        if shape == "not very":
            return under(negated, "not", under(softened, "very", adjective))
        other = self._adjective(topic)
        if shape == "plain" or other == adjective:
            return adjective
        return coordinated(joined if shape == "and" else contrasted, adjective, (shape,), other)


# ------------------------------------------------------------------------------------------------------------- Chinese


CHINESE: Final = (
    Topic(
        ("这部 电影", "那部 喜剧", "这部 续集", "那部 纪录片", "这部 话剧"),
        ("情节", "演技", "结尾", "对白", "配乐"),
        {"精彩": 2, "震撼": 2, "有趣": 1, "感人": 1, "巧妙": 1, "长": 0, "安静": 0, "拖沓": -1, "老套": -1, "幼稚": -1}
        | {"糟糕": -2, "恶俗": -2},
        {"打动 了 观众": 1, "征服 了 全场": 2, "浪费 了 时间": -1, "侮辱 了 智商": -2},
        ("片长 两 小时", "周五 上映", "在 挪威 拍摄", "分 三 集"),
    ),
    Topic(
        ("这家 餐馆", "那家 面馆", "这家 食堂", "那家 茶楼", "这家 面包店"),
        ("汤", "点心", "服务", "菜单", "咖啡"),
        {"美味": 2, "惊艳": 2, "好吃": 1, "热情": 1, "新鲜": 1, "小": 0, "清淡": 0, "油腻": -1, "敷衍": -1, "难吃": -1}
        | {"恶心": -2, "恶劣": -2},
        {"满足 了 孩子": 1, "迷倒 了 客人": 2, "扫 了 我们 的 兴": -1, "吃坏 了 大家 的 肚子": -2},
        ("中午 开门", "在 车站 旁边", "有 四十 个 座位", "可以 刷卡"),
    ),
    Topic(
        ("这家 酒店", "那家 民宿", "这家 旅馆", "那家 客栈", "这个 营地"),
        ("房间", "床", "风景", "花园", "早餐"),
        {"完美": 2, "豪华": 2, "舒服": 1, "干净": 1, "温馨": 1, "旧": 0, "朴素": 0, "吵": -1, "潮湿": -1, "破旧": -1}
        | {"肮脏": -2, "可怕": -2},
        {"方便 了 老人": 1, "迷住 了 父母": 2, "打扰 了 邻居": -1, "毁 了 我们 的 假期": -2},
        ("有 十二 张 床", "在 河边", "冬天 关门", "可以 带 狗"),
    ),
    Topic(
        ("这款 手机", "那台 电脑", "这款 相机", "那台 收音机", "这台 打印机"),
        ("屏幕", "电池", "说明书", "键盘", "外壳"),
        {"出色": 2, "卓越": 2, "好用": 1, "结实": 1, "漂亮": 1, "重": 0, "薄": 0, "脆弱": -1, "笨重": -1, "卡": -1}
        | {"垃圾": -2, "没用": -2},
        {"帮 了 我 的 忙": 1, "折服 了 工程师": 2, "惹恼 了 同事": -1, "毁 了 我 的 文件": -2},
        ("重 一 公斤", "有 蓝色 的", "带 两 个 按钮", "需要 一 根 线"),
    ),
    Topic(
        ("这本 小说", "那本 传记", "这本 菜谱", "那本 诗集", "这篇 论文"),
        ("文笔", "开头", "主角", "译文", "目录"),
        {"深刻": 2, "杰出": 2, "幽默": 1, "真诚": 1, "好看": 1, "短": 0, "厚": 0, "枯燥": -1, "含糊": -1, "做作": -1}
        | {"拙劣": -2, "荒唐": -2},
        {"安慰 了 妹妹": 1, "迷住 了 读者": 2, "难倒 了 评论家": -1, "激怒 了 编辑": -2},
        ("有 九 章", "春天 出版", "卖 十 块 钱", "写 的 是 蜜蜂"),
    ),
    Topic(
        ("这场 音乐会", "那场 讲座", "这门 课", "那次 展览", "这个 庙会"),
        ("主持人", "歌手", "节目", "日程", "压轴"),
        {"精湛": 2, "动人": 2, "热闹": 1, "有用": 1, "生动": 1, "长": 0, "晚": 0, "无聊": -1, "混乱": -1, "沉闷": -1}
        | {"灾难": -2, "可恶": -2},
        {"逗乐 了 大家": 1, "鼓舞 了 全城": 2, "累坏 了 学生": -1, "气坏 了 游客": -2},
        ("七点 开始", "坐满 了 人", "搬 到 北京", "周日 结束"),
    ),
)

CHINESE_MODIFIERS: Final[Modifiers] = {
    "very": (intensified, ("非常", "特别", "极其")),
    "rather": (softened, ("有点", "还算", "比较")),
    "not": (negated, ("不", "并不", "不 怎么")),
    "at all": (reversed_, ("一点 也 不", "绝 不")),
}

NOUNS: Final = frozenset(("垃圾", "灾难"))
"""Adjectives of these lists that are nouns: 是 precedes them."""


class Chinese:
    """Draws Chinese sentences, divided into words."""

    full_stop: Final = "。"

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def sentence(self) -> Phrase:
        """Draw a sentence, without its full stop."""
        draw = self._draw
        topic = draw.one(CHINESE)
        thing = draw.one(topic.things)
        shape = draw.one(("one", "one", "one", "one", "but", "but", "and", "although", "fact"))
        if shape == "fact":
            return row(row(*thing.split()), row(*draw.one(topic.facts).split()))
        first = self._clause(topic, thing, short=False)
        if shape == "one":
            return first
        second = self._clause(topic, thing, short=True)
        if shape == "although":
            made = pair(pair(word("虽然"), first, first.value), word("，"), first.value)
            return pair(made, pair(word("但是"), second, second.value), contrasted(first.value, second.value))
        link = draw.one(("但是", "不过", "可是")) if shape == "but" else draw.one(("而且", "并且"))
        return coordinated(contrasted if shape == "but" else joined, first, ("，", link), second)

    def _clause(self, topic: Topic, thing: str, *, short: bool) -> Phrase:
        """Draw a clause; a short one is about an aspect and does not name the thing again."""
        draw = self._draw
        if short:
            subject = word(draw.one(topic.aspects))
        elif draw.chance(0.4):
            subject = pair(pair(row(*thing.split()), word("的")), word(draw.one(topic.aspects)))
        else:
            subject = row(*thing.split())
        predicate = self._predicate(topic)
        return pair(subject, predicate, joined(subject.value, predicate.value))

    def _adjective(self, topic: Topic) -> Phrase:
        adjective = self._draw.one([*topic.adjectives])
        return word(adjective, topic.adjectives[adjective])

    def _predicate(self, topic: Topic) -> Phrase:
        draw = self._draw
        if draw.chance(0.7):
            return self._adjectives(topic)
        verb = draw.one([*topic.verbs])
        value = topic.verbs[verb]
        first, *rest = verb.split()
        if draw.chance(0.65):
            return pair(word(first, value), row(*rest))
        return under(negated, "没有", pair(word(first, value), row(*(each for each in rest if each != "了"))))

    def _adjectives(self, topic: Topic) -> Phrase:
        draw = self._draw
        adjective = self._adjective(topic)
        if adjective.word in NOUNS:
            return row("是", adjective) if draw.chance(0.5) else under(negated, "不 是", adjective)
        shape = draw.one(("plain", "plain", "very", "rather", "not", "not", "at all", "and", "but", "too"))
        if shape in CHINESE_MODIFIERS:
            function, modifiers = CHINESE_MODIFIERS[shape]
            return under(function, draw.one(modifiers), adjective)
        if shape == "too" and adjective.value:
            return pair(under(intensified, "太", adjective), word("了"))
        other = self._adjective(topic)
        if shape in {"plain", "too"} or other == adjective or other.word in NOUNS:
            return pair(word("很"), adjective)
        if shape == "and":
            return coordinated(joined, pair(word("又"), adjective), ("又",), other)
        return coordinated(contrasted, adjective, ("但",), other)


# ------------------------------------------------------------------------------------------------------------- writing


def treebank(language: type[English | Chinese], seed: int) -> dict[str, list[str]]:
    """Return the trees of each split as strings: as many of each label, no sentence twice, no new word held out."""
    draw = Draw(seed)
    grammar = language(draw)
    parts: dict[str, list[Phrase]] = {name: [] for name in SIZES}
    seen: set[str] = set()
    known: set[str] = set()
    while any(len(parts[name]) < size for name, size in SIZES.items()):
        bare = grammar.sentence()
        made = pair(bare, word(language.full_stop), bare.value)
        text = " ".join(words(made))
        name = next(name for name, size in SIZES.items() if len(parts[name]) < size)
        of_label = sum(other.value == made.value for other in parts[name])
        if text in seen or of_label >= SIZES[name] // LABELS or (name != "train" and not known.issuperset(words(made))):
            continue
        seen.add(text)
        if name == "train":
            known.update(words(made))
        parts[name].append(made)
    return {name: [string(phrase) for phrase in draw.shuffled(phrases)] for name, phrases in parts.items()}


def words(phrase: Phrase) -> list[str]:
    """Return the words of a phrase."""
    return [phrase.word] if phrase.word else [each for part in phrase.parts for each in words(part)]


def string(phrase: Phrase) -> str:
    """Return a phrase as a bracketed tree."""
    nodes: list[tuple[str, str]] = []
    parents: list[int] = []

    def add(each: Phrase) -> int:
        children = [add(part) for part in each.parts]
        nodes.append((each.word, str(each.value + LABELS // 2)))
        parents.append(-1)
        for child in children:
            parents[child] = len(nodes) - 1
        return len(nodes) - 1

    add(phrase)
    return bracketed([node for node, _ in nodes], [label for _, label in nodes], parents)


def main() -> None:
    """Write both treebanks."""
    corpora = Path(__file__).parents[1] / "corpora"
    for name, language in (("trees-en", English), ("trees-zh", Chinese)):
        (corpora / name).mkdir(exist_ok=True)
        for split, trees in treebank(language, SEED).items():
            (corpora / name / f"{split}.txt").write_text("\n".join(trees) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
