"""Write the pages of docs/ that the code itself knows: magics, command, errors, the table of providers.

    python tools/reference.py            writes them
    python tools/reference.py --check    names those that are not up to date

The pages are kept in the repository, where they can be read without building anything; a test compares them
with the code. Nothing of this machine stands in them, and what comes out is the same each time.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from nbstream.cli.arguments import COMMANDS  # noqa: E402
from nbstream.cli.help import about, overview  # noqa: E402
from nbstream.errors import KINDS  # noqa: E402
from nbstream.i18n import LANGUAGES, sentences, set_language, t  # noqa: E402
from nbstream.magics.cell import llm  # noqa: E402
from nbstream.magics.help import _more, _options, groups  # noqa: E402
from nbstream.providers.ernie_codes import V1 as ERNIE_V1  # noqa: E402
from nbstream.providers.host import Host  # noqa: E402
from nbstream.providers.hosts import HOSTS  # noqa: E402
from nbstream.providers.natives import NATIVES  # noqa: E402
from nbstream.providers.refusals import KINDS_BY_STATUS  # noqa: E402
from nbstream.providers.spark_codes import CASES as SPARK  # noqa: E402

WORDS = {
    "en": {
        "note": "<!-- Written by tools/reference.py; change the code, not this page. -->",
        "other": "[简体中文]({page}.zh.md)",
        "magics": "Magics: every option and every verb",
        "magics_intro": "What `%%llm --help` and `%llm help` say, on one page. New here? Begin with "
        "[getting started](getting-started.md).",
        "cell": "%%llm: ask",
        "option": "option",
        "does": "what it does",
        "line": "%llm: everything else",
        "command": "The nbstream command",
        "command_intro": "For a shell or a script. It ends with 0; with 1 where something is broken; with 2 "
        "where it was not understood. `python -m nbstream` is the same.",
        "errors": "Every error, and what mends it",
        "errors_intro": "An error has three lines: what happened, why, and what to do. Search this page "
        "for the words that you see; `…` stands for what differs from case to case: a name, a number, what a "
        "service said. The heading is the first line, and the word beside each group is `error.kind` in "
        "Python. The twenty that people meet most are told at length in the [questions and answers](faq.md).",
        "numbers": "By number",
        "numbers_intro": "The search box of the site passes over bare numbers. Here they are:",
        "number_table": "| number | what it means |",
        "every": "HTTP",
        "why": "Why",
        "fix": "What to do",
        "label": "the service",
        "spark": "iFlytek Spark",
        "ernie": "Baidu ERNIE",
        "provider": "PROVIDER",
        "table": "| name | service, and where it gives out keys | keys, in the environment | default model |",
        "none": "none needed",
        "own": "as its package reads them",
        "or": " or ",
        "joint": ", ",
        "named": "say which",
        "bracketed": " (`{}`)",
        "colon": ": ",
    },
    "zh": {
        "note": "<!-- 由 tools/reference.py 生成：请修改代码，不要修改本页。 -->",
        "other": "[English]({page}.md)",
        "magics": "魔法命令：全部选项和命令",
        "magics_intro": "`%%llm --help` 和 `%llm help` 的内容汇总在这一页。"
        "初次使用请先看[快速上手](getting-started.zh.md)。",
        "cell": "%%llm：提问",
        "option": "选项",
        "does": "作用",
        "line": "%llm：其他命令",
        "command": "nbstream 命令",
        "command_intro": "在命令行或脚本里使用。退出码：0 表示正常，1 表示有问题，2 表示没有看懂命令。"
        "`python -m nbstream` 效果相同。",
        "errors": "全部报错与解决办法",
        "errors_intro": "每个报错都有三行：出了什么事、为什么、怎么办。请在本页搜索您看到的文字；"
        "`…` 代表每次不同的内容：名称、数字、服务商返回的话。"
        "标题是报错的第一行；每组标题旁的英文词是 Python 中的 `error.kind`。"
        "最常见的二十种在[常见问题](faq.zh.md)里有详细说明。",
        "numbers": "按错误码查找",
        "numbers_intro": "网站的搜索框会略过纯数字，请在这里查找：",
        "number_table": "| 错误码 | 含义 |",
        "every": "HTTP",
        "why": "原因",
        "fix": "解决",
        "label": "该服务",
        "spark": "讯飞星火",
        "ernie": "百度文心",
        "provider": "服务商",
        "table": "| 名称 | 服务（链接：取得密钥的页面） | 密钥（环境变量） | 默认模型 |",
        "none": "不需要",
        "own": "由它的软件包读取",
        "or": " 或 ",
        "joint": "、",
        "named": "请写明",
        "bracketed": "（`{}`）",
        "colon": "：",
    },
}
PASTE = re.compile(r"(%{1,2}\w+ |%env |%pip |nbstream\.|pip |\w+ = |\w+=)")
"""How a line begins that can be pasted."""


def page(lang: str, name: str) -> str:
    """Where a page stands: Chinese ones beside the English, as ``NAME.zh.md``."""
    return f"docs/{name}.md" if lang == "en" else f"docs/{name}.{lang}.md"


def pages() -> dict[str, str]:
    """All pages that are written whole, by path."""
    written = {}
    for lang in LANGUAGES:
        set_language(lang)
        try:
            written[page(lang, "magics")] = magics(lang)
            written[page(lang, "command")] = command(lang)
            written[page(lang, "errors")] = errors(lang)
            name = page(lang, "providers")
            written[name] = filled((ROOT / name).read_text(encoding="utf-8"), providers(lang))
        finally:
            set_language(None)
    return written


def code(text: str) -> str:
    """`text` as code in a cell of a table."""
    return f"`{text}`".replace("|", "\\|")


def prose(text: str) -> str:
    """A sentence as Markdown; what stands between backticks is code already."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([\\*_<\[\]|])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


# --- the magics ---------------------------------------------------------------------------------------


def magics(lang: str) -> str:
    """Options and verbs, each with all that its help says."""
    words = WORDS[lang]
    lines = [f"# {words['magics']}", "", words["other"].format(page="magics"), "", words["note"], ""]
    lines += [words["magics_intro"], "", f"## {words['cell']}", ""]
    lines += ["```text", t("help.cell"), "```", "", f"| {words['option']} | {words['does']} |", "|---|---|"]
    lines += [f"| {code(one.strip())} | {prose(does)} |" for one, does in _options(llm.parser)]
    lines += ["", f"## {words['line']}"]
    for group, verbs in groups().items():
        lines += ["", f"### {t(f'group.{group}')}"]
        for verb in verbs:
            _, rows, more = _more(verb.name)
            usage = verb.usage if verb.name != "status" else verb.usage.removesuffix(" status")
            lines += ["", f"#### %llm {verb.name}", "", "```text", usage, "```", ""]
            lines.append(prose(t(f"verb.{verb.name}")))
            if rows:
                lines += ["", "| | |", "|---|---|"]
                lines += [f"| {code(one)} | {prose(does)} |" for one, does in rows]
            lines += [each for one in more for each in ("", prose(one))]
    return "\n".join(lines) + "\n"


def command(lang: str) -> str:
    """What the help of ``nbstream`` says: all of it, and of each command."""
    words = WORDS[lang]
    lines = [f"# {words['command']}", "", words["other"].format(page="command"), "", words["note"], ""]
    lines += [words["command_intro"], "", "```text", overview(), "```"]
    for name in COMMANDS:
        lines += ["", f"## nbstream {name}", "", "```text", about(name), "```"]
    return "\n".join(lines) + "\n"


# --- the errors ---------------------------------------------------------------------------------------


def cases() -> dict[str, list[str]]:
    """The cases of each kind: first what comes from outside, then the many that are said of a call."""
    keys = [key.removesuffix(".what") for key in sentences("en") if re.match(r"error\..*\.what$", key)]
    kinds = sorted(KINDS, key=lambda kind: kind == "config")
    return {kind: sorted(key for key in keys if key.startswith(f"error.{kind}.")) for kind in kinds}


def anchor(key: str) -> str:
    """The address of an error on its page, which no change of its words moves."""
    return key.removeprefix("error.").replace(".", "-")


def shown(key: str, lang: str) -> str:
    """A sentence as one reads it: dots for what is filled in, a word for some."""
    words = WORDS[lang]
    whose = next((name for name in ("spark", "ernie") if f".{name}_" in key), "label")
    fields = {"label": words[whose], "provider": words["provider"]}
    text = sentences(lang)[key]
    text = re.sub(r"{{|}}|{(\w+)}", lambda one: fields.get(one[1], "…") if one[1] else one[0][0], text)
    text = re.sub(r"…(\s*…)+", "…", text).replace("….", "…").replace("…。", "…")
    name = re.escape(words[whose])
    if lang == "zh":  # no blanks between Chinese and Chinese
        text = re.sub(rf"(?<=[\u4e00-\u9fff，。：]) (?={name})|(?<={name}) (?=[\u4e00-\u9fff])", "", text)
    return text[:1].upper() + text[1:] if text.startswith("the ") else text


def errors(lang: str) -> str:
    """Each error: what it says, why, and the line that mends it."""
    words = WORDS[lang]
    lines = [f"# {words['errors']}", "", words["other"].format(page="errors"), "", words["note"], ""]
    lines += [words["errors_intro"], "", f"## {words['numbers']}", "", words["numbers_intro"], ""]
    lines += [words["number_table"], "|---|---|", *numbers(lang)]
    for kind, keys in cases().items():
        head = t(f"kind.{kind}")
        lines += ["", f"## {head[:1].upper()}{head[1:]}{words['bracketed'].format(kind)}"]
        for key in keys:
            what, why, fix = (shown(f"{key}.{part}", lang) for part in ("what", "why", "fix"))
            name = anchor(key)
            title = what if what != "…" else name.split("-")[1].replace("_", " ")
            lines += ["", f'<a id="{name}"></a>', "", f"### {prose(title)}", ""]
            lines.append(f"**{words['why']}**{words['colon']}{prose(why)}")
            if fix != "…":
                mend = f"`{fix}`" if PASTE.match(fix) and "`" not in fix else prose(fix)
                lines += ["", f"**{words['fix']}**{words['colon']}{mend}"]
    return "\n".join(lines) + "\n"


def numbers(lang: str) -> list[str]:
    """What each number of an error means, of HTTP and of the services that count theirs, with its place."""
    words = WORDS[lang]
    tables = {
        words["every"]: {str(status): kind for status, kind in KINDS_BY_STATUS.items()},
        words["spark"]: {"401": "auth.spark_key", "403": "auth.spark_date"} | SPARK,  # of the handshake
        words["ernie"] + " V1": {code: case for code, case in ERNIE_V1.items() if code.isdecimal()},
    }
    rows = []
    for whose, cases in tables.items():
        alike: dict[str, list[str]] = {}
        for number, case in cases.items():
            alike.setdefault(case if "." in case else f"{case}.service", []).append(number)
        for case, given in sorted(alike.items(), key=lambda one: int(one[1][0])):
            said = shown(f"error.{case}.what", lang) if not case.endswith(".service") else ""
            said = said or t(f"kind.{case.partition('.')[0]}")
            said = said.rstrip(".。")
            place = f"{Path(page(lang, 'errors')).name}#{anchor(f'error.{case}')}"
            rows.append(f"| {whose} {', '.join(given)} | [{prose(said)}]({place}) |")
    return rows


# --- the providers ------------------------------------------------------------------------------------


def providers(lang: str) -> str:
    """The table of what there is."""
    words = WORDS[lang]
    native = {host.name: host for host in NATIVES}
    first = ["spark", "spark-http", "ernie", "ernie-v1"]
    rest = [native[name] for name in native if name not in first]
    ordered = [*(native[name] for name in first), *rest, *HOSTS]
    home = {"deepseek", "qwen", "zhipu", "moonshot", "siliconflow"}
    if lang == "zh":  # those first that one can reach from there
        ordered.sort(key=lambda host: host.name not in {*first, *home})
    rows = [row(host, lang) for host in ordered]
    return "\n".join([words["table"], "|---|---|---|---|", *rows])


def row(host: Host, lang: str) -> str:
    """One service."""
    words = WORDS[lang]
    names = [name for name in (host.name, *host.aliases) if lang == "zh" or name.isascii()]
    wanted = host.needs or (tuple(field.name for field in host.fields if field.required),)
    env = {field.name: field.env[0] for field in host.fields if field.env}
    sets = [words["joint"].join(f"`{env[name]}`" for name in each) for each in wanted if {*each} <= {*env}]
    keys = words["or"].join(filter(None, sets)) or words["own" if host.package else "none"]
    model = f"`{host.default_model}`" if host.default_model else words["named"]
    label = f"[{host.label}]({host.key_page})" if host.key_page else host.label
    cells = [words["joint"].join(f"`{name}`" for name in names), label, keys, model]
    return "| " + " | ".join(cells) + " |"


def filled(text: str, table: str) -> str:
    """`text` with `table` between its marks."""
    return re.sub(
        r"(?<=<!-- providers -->\n).*?(?=<!-- end -->)", lambda _: f"\n{table}\n\n", text, flags=re.S
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="the pages that the code knows")
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale")
    check = parser.parse_args().check
    stale = 0
    for name, text in pages().items():
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(f"nbstream: {name} {'is not up to date: python tools/reference.py' if check else 'written'}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
