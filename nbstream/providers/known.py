"""Models as data: how much they read and write, whether they see, what they cost. A new model is one row.

Names and prices go stale in months, so each row says where it is from and when that was true. Nothing is
guessed: what nobody told stands as None, and is shown as unknown. Prices are list prices for a million
tokens, at the service's own address and without its discounts.

[doc] the service's own pages, [3p] others' pages or catalogues.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost.

    Parameters
    ----------
    input, output : float
    cached : float or None
        Input that the service had kept from an earlier request.
    currency : str
        As in ISO 4217. Amounts of two currencies are never added up.
    above : int or None
        A request with more input than this costs what `long` says, all of it.
    long : Price or None
        None with `above`: not known.
    until : str
        The last day on which it holds, where the service says so: ``2026-12-31``.
    """

    input: float
    output: float
    cached: float | None = None
    currency: str = "USD"
    above: int | None = None
    long: Price | None = None
    until: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of the models of `provider` whose name `pattern` matches, in lower case, as a whole."""

    provider: str
    pattern: str
    source: str
    date: str
    window: int | None = None
    """Tokens of what is sent and of the answer together."""
    max_input: int | None = None
    """Tokens of what is sent, where that has a bound of its own."""
    max_output: int | None = None
    sees: bool | None = None
    price: Price | None = None
    name: str = ""
    """What one types, where that is not how the pattern begins."""


def _long(price: Price, above: int, input: float = 2, output: float = 1.5) -> Price:
    """`price`, and its multiples for requests with more than `above` tokens of input."""
    dearer = Price(
        price.input * input,
        price.output * output,
        None if price.cached is None else price.cached * input,
        price.currency,
    )
    return Price(price.input, price.output, price.cached, price.currency, above, dearer, price.until)


_OPENAI = "developers.openai.com/api/docs/models"
_CATALOGUE = "vercel.com/ai-gateway/models, docs.github.com/copilot [3p]"
_CLAUDE = "platform.claude.com/docs/en/about-claude/pricing"
_GROQ = "console.groq.com/docs/models"
_DEEPSEEK = "api-docs.deepseek.com/zh-cn/quick_start/pricing"
_QIANFAN = "cloud.baidu.com/doc/qianfan"
_V1 = "cloud.baidu.com/doc/WENXINWORKSHOP"

ROWS: tuple[Row, ...] = (
    # OpenAI bills writing to its cache at 1.25 times the input and does not tell how much that was: the
    # cost of a long prompt may be up to a quarter of its input too low. [doc]
    Row("openai", r"gpt-6-luna(-\d.*)?", _OPENAI, "2026-09-22", 1_050_000, 922_000, 128_000, True,
        _long(Price(0.10, 0.50, 0.01), 272_000)),
    Row("openai", r"gpt-6-sol(-\d.*)?", _OPENAI, "2026-09-22", price=_long(Price(2, 10, 0.20), 272_000)),
    Row("openai", r"gpt-6-astra(-\d.*)?", _OPENAI, "2026-09-03",
        price=Price(10, 50, 1.00, above=272_000)),
    Row("openai", r"gpt-6\.1-terra(-\d.*)?", _OPENAI, "2026-10-26",
        price=_long(Price(1, 5, 0.05), 272_000)),
    Row("openai", r"gpt-5\.6-luna(-\d.*)?", _OPENAI, "2026-07-30", 1_050_000, None, 128_000, True,
        _long(Price(0.20, 1.20, 0.02), 272_000)),
    Row("openai", r"gpt-5\.6-terra(-\d.*)?", _OPENAI, "2026-07-30", 1_050_000, None, 128_000, True,
        _long(Price(2, 12, 0.20), 272_000)),
    # The older ones stand in others' tables alone, which agree. [3p]
    Row("openai", r"gpt-4\.1(-2025.*)?", _CATALOGUE, "2026-11", 1_047_576, None, 32_768, True,
        Price(2, 8, 0.50)),
    Row("openai", r"gpt-4\.1-mini(-\d.*)?", _CATALOGUE, "2026-11", 1_047_576, None, 32_768, True,
        Price(0.40, 1.60, 0.10)),
    Row("openai", r"gpt-4o(-2024-(08|11).*)?", _CATALOGUE, "2026-05", 128_000, None, 16_384, True,
        Price(2.50, 10, 1.25)),
    Row("openai", r"gpt-4o-mini(-\d.*)?", _CATALOGUE, "2026-05", 128_000, None, 16_384, True,
        Price(0.15, 0.60, 0.075)),
    # Anthropic: all of these take text and images. [doc]
    Row("anthropic", r"claude-fable-5-1.*", _CLAUDE, "2026-10-10", 1_000_000, None, 128_000, True,
        Price(10, 50, 0.25)),
    Row("anthropic", r"claude-opus-5-5.*", _CLAUDE, "2026-09-23", 1_000_000, None, 128_000, True,
        Price(4, 20, 0.20)),
    Row("anthropic", r"claude-opus-5(-2\d{7})?", _CLAUDE, "2026-07-24", 1_000_000, None, 128_000, True,
        Price(5, 25, 0.50)),
    Row("anthropic", r"claude-sonnet-5-5.*", _CLAUDE, "2026-10-07", 1_000_000, None, 128_000, True,
        Price(2, 10, 0.10)),
    Row("anthropic", r"claude-sonnet-5(-2\d{7})?", _CLAUDE, "2026-07-24", 1_000_000, None, 128_000, True,
        Price(2, 10, 0.20)),
    Row("anthropic", r"claude-haiku-5-5.*", _CLAUDE, "2026-10-24", 1_000_000, None, 128_000, True,
        _long(Price(0.10, 0.50, 0.01), 100_000, 5, 5)),
    Row("anthropic", r"claude-haiku-4-5.*", _CLAUDE, "2026-07-24", 200_000, None, 64_000, True,
        Price(1, 5, 0.10)),
    Row("gemini", r"gemini-3\.8-flash.*", "ai.google.dev/gemini-api/docs/pricing", "2026-10-07",
        1_000_000, None, 65_536, True, Price(0.75, 3.75, until="2026-12-31")),
    Row("mistral", r"mistral-medium-(latest|3[.-]5.*)", "docs.mistral.ai/models/model-cards", "2026-04-28",
        256_000, sees=True, price=Price(1.50, 7.50), name="mistral-medium-latest"),
    Row("groq", r"openai/gpt-oss-120b", _GROQ, "2026-05", 131_072, None, 65_536, False, Price(0.15, 0.60)),
    Row("groq", r"openai/gpt-oss-20b", _GROQ, "2026-05", 131_072, None, 65_536, False, Price(0.075, 0.30)),
    Row("groq", r"llama-3\.3-70b-versatile", _GROQ, "2026-05", 131_072, None, 32_768, False,
        Price(0.59, 0.79)),
    Row("groq", r"llama-3\.1-8b-instant", _GROQ, "2026-05", 131_072, None, 131_072, False,
        Price(0.05, 0.08)),
    # DeepSeek's price doubles at the busy hours of Chinese working days, and an account pays in yuan or in
    # dollars: what a turn costs cannot be known here. [doc]
    Row("deepseek", r"deepseek-(v4-)?flash.*", _DEEPSEEK, "2026-10", 1_000_000, None, 384_000, True,
        name="deepseek-v4-flash"),
    Row("deepseek", r"deepseek-v4-pro.*", _DEEPSEEK, "2026-10", 1_000_000, None, 384_000, False),
    # Qwen's price goes by the length of the request, and by region: not told here.
    Row("qwen", r"qwen-plus(-latest)?", "openrouter.ai/qwen/qwen-plus [3p]", "2026-10",
        1_000_000, None, 32_768, False),
    Row("qwen", r"qwen3\.7-plus.*", "apidog.com/blog/how-to-use-qwen-3-7-plus-api [3p]", "2026-06-03",
        1_000_000, sees=True),
    Row("zhipu", r"glm-5\.3", "docs.apiyi.com/models/glm-5-3 [3p]", "2026-09-08",
        1_000_000, None, 128_000, False),
    Row("zhipu", r"glm-5", "help.aliyun.com/zh/model-studio/glm-5-by-zhipu [3p]", "2026",
        204_800, None, 131_072, False),
    Row("moonshot", r"kimi-k3", "platform.kimi.com/docs/pricing/chat-k3 [3p]", "2026-07-18",
        1_048_576, None, 131_072, True, Price(20, 100, 2, "CNY")),
    Row("moonshot", r"kimi-k2\.[56]", "platform.kimi.com/docs/pricing/chat-k26", "2026-05",
        256_000, sees=True, name="kimi-k2.5"),
    # Qianfan V2: from catalogues, late in 2026; its prices were not found for these.
    Row("ernie", r"ernie-5\.1", _QIANFAN, "2026-10", 128_000, 119_000, 65_536, False),
    Row("ernie", r"ernie-5\.0.*", _QIANFAN, "2026-10", 128_000, None, 65_536),
    Row("ernie", r"ernie-x1\.1.*", _QIANFAN, "2026-10", 64_000, None, 65_536, False),
    # V1: 20,000 characters and 5,120 tokens of input, whatever the name says. [doc]
    Row("ernie-v1", r"completions(_pro|_adv_pro)?|ernie-4\.0-(turbo-)?8k.*", _V1, "2024-12",
        None, 5_120, 2_048, False),
    # The embedded lessons: free, and with a window like a small model's, so that one can see without a
    # key what happens to a long conversation.
    Row("demo", r".*", "nbstream", "2026-11", 8_192, price=Price(0, 0, 0)),
)  # fmt: skip
