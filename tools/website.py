"""Build the site of docs/: Sphinx with MyST and furo, each language as a site of its own, beside the other.

English goes to build/docs/html, Chinese to build/docs/html/zh, the executed notebooks to
build/docs/html/notebooks. The pages are written so that they read well where the repository is shown; what a
site wants otherwise is done here to copies of them: links across languages and out of docs/, and the
contents, which are taken from the index page.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[1]
DOCS, BUILD = ROOT / "docs", ROOT / "build/docs"
LANGUAGES = {"en": "", "zh": "zh"}
"""Each language, and the folder of its site."""
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def suffix(lang: str) -> str:
    """How the names of a language's pages end."""
    return ".md" if lang == "en" else f".{lang}.md"


def own(lang: str) -> dict[str, Path]:
    """The pages of one language, by name."""
    every = sorted(DOCS.glob("*.md"))
    mine = [path for path in every if path.name.endswith(".zh.md") == (lang == "zh")]
    return {path.name.removesuffix(suffix(lang)): path for path in mine}


def laid(text: str, lang: str) -> str:
    """A page as its site wants it."""

    def link(found: re.Match[str]) -> str:
        said, target = found[1], found[2]
        path, _, part = target.partition("#")
        if "://" in target or target.startswith(("#", "mailto:")):
            return found[0]
        name = path.removesuffix(".md").removesuffix(".zh")
        if path.startswith("../notebooks/") and path.endswith(".ipynb"):
            up = "" if lang == "en" else "../"
            return f"[{said}](<site:{up}notebooks/{Path(path).stem}.html>)"
        if "/" in path:  # what stands in the repository and not on the site
            return said
        other = "zh" if path.endswith(".zh.md") else "en"
        if other == lang and not part:
            return f"[{said}]({name}.md)"
        where = "" if other == lang else "zh/" if other == "zh" else "../"
        return f"[{said}](<{'part' if part else 'site'}:{where}{name}.html{'#' + part if part else ''}>)"

    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)
    parts[::2] = [LINK.sub(link, part) for part in parts[::2]]
    return "".join(parts)


def contents(text: str, lang: str) -> str:
    """The table of contents, for the side of each page: the links under each heading of the index."""
    trees = []
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        caption, _, rest = section.partition("\n")
        linked = [target for _, target in LINK.findall(rest)]
        pages = [target for target in linked if target.endswith(suffix(lang)) and "/" not in target]
        if lang == "en":
            pages = [target for target in pages if not target.endswith(".zh.md")]
        names = dict.fromkeys(target.removesuffix(suffix(lang)) for target in pages)
        if names:
            lines = ["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```"]
            trees.append("\n".join(lines))
    return "\n\n".join(["", *trees, ""])


def stage(lang: str) -> Path:
    """Lay out one language's pages for Sphinx."""
    source = BUILD / "source" / lang
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for name, path in own(lang).items():
        text = path.read_text(encoding="utf-8")
        more = contents(text, lang) if name == "index" else ""
        (source / f"{name}.md").write_text(laid(text, lang) + more, encoding="utf-8")
    if (DOCS / "img").exists():
        shutil.copytree(DOCS / "img", source / "img")
    return source


def build() -> bool:
    """Build both sites; a warning fails them."""
    good = True
    for lang, folder in LANGUAGES.items():
        out = BUILD / "html" / folder
        words = ("-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-c", str(DOCS))
        places = ("-d", str(BUILD / "trees" / lang), str(stage(lang)), str(out))
        env = {**os.environ, "NBSTREAM_DOCS": "en" if lang == "en" else "zh_CN", "NBSTREAM_LANG": lang}
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        print("nbstream: sphinx,", lang, flush=True)
        good &= subprocess.run([sys.executable, *words, *places], cwd=ROOT, env=env).returncode == 0
    return good


def join(folder: Path) -> None:
    """Have the executed notebooks lead to each other and to the pages, as they do in the repository."""
    for path in sorted(folder.glob("*.html")):
        text = path.read_text(encoding="utf-8")
        path.write_text(joined(text), encoding="utf-8")


def joined(text: str) -> str:
    """The HTML of a notebook with the links that its site wants."""
    text = re.sub(r'href="([\w.-]+)\.ipynb(#[^"]*)?"', r'href="\1.html\2"', text)
    text = re.sub(r'href="\.\./docs/([\w-]+)\.zh\.md(#[^"]*)?"', r'href="../zh/\1.html\2"', text)
    return re.sub(r'href="\.\./docs/([\w-]+)\.md(#[^"]*)?"', r'href="../\1.html\2"', text)


def dead() -> list[str]:
    """Links of the built site that lead nowhere, anchors too, as ``page: link``."""
    site = BUILD / "html"
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))}
    names = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in texts.items()}
    found = []
    for path, text in texts.items():
        for link in sorted({unescape(one) for one in re.findall(r'<a\b[^>]*?\bhref="([^"]*)"', text)}):
            where, _, part = link.partition("#")
            where, parts = unquote(where), {part, unquote(part)}  # a browser tries both
            if re.match(r"[a-z]+:", where) or link in ("", "#"):
                continue
            there = Path(os.path.normpath(path.parent / where)) if where else path
            if not there.exists() or (part and there in names and not parts & names[there]):
                found.append(f"{path.relative_to(site)}: {link}")
    return found


def external() -> list[str]:
    """Addresses outside that the pages name, sorted; whether they answer is not asked."""
    pages = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    found = re.findall(r"\]\((https://[^)\s]+)\)|<(https://[^>\s]+)>", prose)
    return sorted({one or other for one, other in found})


if __name__ == "__main__":
    sys.exit(0 if build() else 1)
