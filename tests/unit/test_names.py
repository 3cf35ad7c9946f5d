"""What services are called: in Chinese to whoever reads Chinese, and by Chinese names on the line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbstream.errors import NbstreamError
from nbstream.i18n import set_language, t
from nbstream.magics.verbs import using
from nbstream.providers import registry
from nbstream.providers.hosts import HOSTS
from nbstream.providers.natives import NATIVES
from nbstream.wire.request import WireResponse


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    yield
    set_language(None)


def test_a_service_is_named_in_the_language_in_use_not_in_that_of_the_import() -> None:
    spark = registry.get("spark")
    set_language("zh")
    assert spark.label == "讯飞星火" and spark.refused(WireResponse(500, {}, b"{}")).what.startswith(
        "讯飞星火在"
    )
    set_language("en")
    assert spark.label == "iFlytek Spark" and "iFlytek" in spark.refused(WireResponse(500, {}, b"{}")).what


def test_a_chinese_name_stands_in_a_chinese_sentence_without_blanks() -> None:
    def sentence(label: str) -> str:
        return t("error.permission.spark_license.what", "zh", label=label)

    assert sentence("讯飞星火").startswith("您的讯飞星火应用")
    assert sentence("智谱 GLM").startswith("您的智谱 GLM 应用")
    assert sentence("Groq").startswith("您的 Groq 应用")


@pytest.mark.parametrize(
    "host", [host for host in (*HOSTS, *NATIVES) if host.chinese], ids=lambda it: it.name
)
def test_english_names_hold_no_chinese(host: object) -> None:
    set_language("en")
    assert host.label.isascii()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("written", "name", "model"),
    [
        ("星火", "spark", "4.0Ultra"),
        ("讯飞星火:lite", "spark", "lite"),
        ("讯飞星火：lite", "spark", "lite"),
        ("星火HTTP", "spark-http", "4.0Ultra"),
        ("文心", "ernie", "ernie-5.1"),
        ("文心一言", "ernie", "ernie-5.1"),
        ("千帆:ernie-x1.1", "ernie", "ernie-x1.1"),
        ("通义千问", "qwen", "qwen-plus"),
        ("智谱", "zhipu", "glm-5.3"),
        ("月之暗面", "moonshot", "kimi-k2.5"),
        ("硅基流动", "siliconflow", "Qwen/Qwen3-8B"),
        ("深度求索", "deepseek", "deepseek-v4-flash"),
    ],
)
def test_a_chinese_name_is_a_name(written: str, name: str, model: str) -> None:
    provider, found = registry.split(written)
    assert (provider.name, found) == (name, model)


@pytest.mark.parametrize(("written", "line"), [("讯飞星伙", "%llm use 讯飞星火"), ("鹦鹉", "%llm models")])
def test_a_name_that_is_none_leads_to_the_nearest_or_to_the_list(written: str, line: str) -> None:
    with pytest.raises(NbstreamError) as caught:
        registry.split(written)
    assert caught.value.fix == line


def test_who_reads_chinese_finds_the_services_with_a_chinese_name_first() -> None:
    set_language("zh")
    rows = [row.split("|")[1].strip() for row in using.models().splitlines()[2:]]
    assert rows[:3] == ["deepseek", "ernie", "ernie-v1"] and rows.index("zhipu") < rows.index("anthropic")
    set_language("en")
    assert using.models().splitlines()[2].startswith("| anthropic")
