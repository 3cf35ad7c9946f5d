"""Random answers: words, and Markdown documents. Fresh for every request."""

from __future__ import annotations

import random
import re

_ENGLISH = (
    "ocean light river signal carbon window garden silver matrix engine shadow paper bridge forest "
    "number copper planet method thread cloud pattern stone winter valley circle moment market letter"
)
WORDS = _ENGLISH.split()
HAN = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏数据模型函数向量学习"


def word(rng: random.Random) -> str:
    if rng.random() < 0.25:
        return "".join(rng.choice(HAN) for _ in range(rng.randint(2, 4)))
    return rng.choice(WORDS)


def words(count: int) -> list[str]:
    """`count` tokens of plain text, a paragraph about every 60 words."""
    rng = random.Random()
    out: list[str] = []
    left = rng.randint(50, 70)
    for index in range(count):
        left -= 1
        if index == count - 1:
            out.append(word(rng) + ".")
        elif left == 0:
            out.append(word(rng) + ".\n\n")
            left = rng.randint(50, 70)
        else:
            out.append(word(rng) + " ")
    return out


def rich(count: int) -> list[str]:
    """At least `count` tokens of Markdown: headings, a table, a list, a fence, paragraphs."""
    rng = random.Random()

    def some(n: int) -> str:
        return " ".join(word(rng) for _ in range(n))

    def paragraph() -> str:
        return f"{some(rng.randint(20, 40))} **{some(2)}** and `{word(rng)}`."

    def table() -> str:
        rows = "\n".join(
            f"| {word(rng)} | {rng.randint(1, 999)} | {some(2)} |" for _ in range(rng.randint(3, 8))
        )
        return f"| name | count | note |\n|---|---:|---|\n{rows}"

    def bullets() -> str:
        return "\n".join(f"- {some(rng.randint(3, 8))}" for _ in range(rng.randint(3, 8)))

    def fence() -> str:
        lines = "\n".join(f"    total += {rng.randint(1, 99)}  # {some(2)}" for _ in range(rng.randint(3, 8)))
        return f"```python\ndef {rng.choice(WORDS)}(total):\n{lines}\n    return total\n```"

    blocks = [f"# {some(3)}", paragraph(), f"## {some(2)}", table(), bullets(), fence()]
    tokens = tokenized("\n\n".join(blocks))
    while len(tokens) < count:
        block = rng.choice([paragraph, paragraph, table, bullets, fence, lambda: f"## {some(2)}"])()
        tokens += tokenized(f"\n\n{block}")
    return tokens


def tokenized(text: str) -> list[str]:
    """`text` in pieces about as large as a model's tokens; joined they are `text` again."""
    return re.findall(r"\s*\w{1,8}|\s*[^\w\s]{1,3}|\s+", text)
