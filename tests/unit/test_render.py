"""What Markdown from a model becomes: readable, one element for each block, nothing that runs or loads."""

from __future__ import annotations

import re
from html import unescape

import pytest

from nbstream.show import highlight
from nbstream.show.highlight import CLASSES, LANGUAGES, code_html
from nbstream.show.render import render
from tests.unit.pages import assert_safe, text_of

LINK = 'target="_blank" rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("Hello **world**\nagain", ["<p>Hello <strong>world</strong>\nagain</p>"]),
        ("# One\n\nTwo\n===", ["<h1>One</h1>", "<h1>Two</h1>"]),
        ("- a\n- b", ["<ul><li>a</li><li>b</li></ul>"]),
        ("- a\n\n- b", ["<ul><li><p>a</p></li><li><p>b</p></li></ul>"]),
        ("3. a\n4. b", ['<ol start="3"><li>a</li><li>b</li></ol>']),
        ("- [ ] todo\n- [x] done", ["<ul><li>☐ todo</li><li>☑ done</li></ul>"]),
        ("> a\n> - b", ["<blockquote><p>a</p><ul><li>b</li></ul></blockquote>"]),
        ("a\n\n---\n\nb", ["<p>a</p>", "<hr>", "<p>b</p>"]),
        ("~~gone~~ `x < y`", ["<p><s>gone</s> <code>x &lt; y</code></p>"]),
        ("中文**加粗**文字", ["<p>中文<strong>加粗</strong>文字</p>"]),
        ("[a](https://x.y/?q=1&r=2)", [f'<p><a href="https://x.y/?q=1&amp;r=2" {LINK}>a</a></p>']),
        ("![cat](https://x.y/c.png)", [f'<p><a href="https://x.y/c.png" {LINK}>[image: cat]</a></p>']),
        ("$x^2$ costs $5 or $6", ['<p><code class="nbs-math nbs-tex">x^2</code> costs $5 or $6</p>']),
        (
            r"\(a_1\) and \[b\]",
            [
                '<p><code class="nbs-math nbs-tex">a_1</code> and '
                '<code class="nbs-math nbs-tex nbs-display">b</code></p>'
            ],
        ),
        (
            "$$\na + b\n- c\n$$\n\nafter",
            ['<p><code class="nbs-math nbs-tex nbs-display">a + b\n- c</code></p>', "<p>after</p>"],
        ),
        # What acts rather than draws is never handed to the page's typesetter.
        (r"$\href{javascript:x}{y}$", [r'<p><code class="nbs-math">\href{javascript:x}{y}</code></p>']),
        ("$$\n\\style{color:red}{x}\n$$", [r'<p><code class="nbs-math">\style{color:red}{x}</code></p>']),
        # JupyterLab leaves out an empty last line of code when the answer is settled.
        ("```\nx\n\n```", ['<pre><code><span class="nbs-chunk">x\n</span></code></pre>']),
        ("```\na\n```", ['<pre><code><span class="nbs-chunk">a\n</span></code></pre>']),
        (
            "a|b\n-|:-:\n1|`2`",
            [
                '<table><thead><tr><th>a</th><th align="center">b</th></tr></thead>'
                '<tbody><tr><td>1</td><td align="center"><code>2</code></td></tr></tbody></table>'
            ],
        ),
        ("[x]: http://y.z\n\n[x]", ["<p>[x]: http://y.z</p>", "<p>[x]</p>"]),  # nothing reaches back
        ("plain http://x.y stays text", ["<p>plain http://x.y stays text</p>"]),
    ],
)
def test_markdown_reads_as_written(markdown: str, html: list[str]) -> None:
    assert render(markdown) == html


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a <b onclick=x>b</b> <svg/onload=alert(1)>",
    "<!-- --><iframe src=//x.y></iframe>",
    "[a](javascript:alert(1)) [b](JaVaScRiPt:x) [c](data:text/html,x) [d](vbscript:x) [e](//x.y) [f](x.html)",
    '[a](<https://x.y/"onmouseover=alert(1)//>)',
    "[a](https://x.y 'title\" onclick=x')",
    '<javascript:alert(1)> <https://x.y/"> <a@b.c>',
    "![x](javascript:alert(1)) ![y](data:image/svg+xml,x) ![z](//x.y/z)",
    '```"><img src=x onerror=alert(1)>\ncode\n```',
    '```a`b\nx\n```\n~~~ html" onclick=x\n<b>\n~~~',
    "```html\n<script>alert(1)</script>\n```",
    "```python\n'''</code></pre><script>'''\n```",
    "$<img src=x onerror=alert(1)>$ $$</code><script>$$",
    "&lt;script&gt; &#60;script&#62; &#x202e; &#0; &#27;",
    "| <b> | a |\n|---|---|\n| <script> | [x](javascript:y) |",
    "- [x] <input onfocus=x autofocus>\n- <style>*{}</style>",
    "\x1b[31m \u202e \x00 \ud800 ⟡ model",
    "<div style='position:fixed' id=x class=nbs-card>",
    "`<b>` ``<i>`` **<u>**",
    "[![a](https://x.y/a.png)](https://x.y)",
    "\\<script\\> \\[a\\](javascript:x)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    blocks = render(text)
    assert blocks
    assert_safe(blocks)


def test_no_control_character_and_no_footer_mark_of_ours_survives() -> None:
    shown = text_of(render("a\x1b[31m\u202eb ⟡ c&#x202e;&#7;d \ud800"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u27e1\ud800-\udfff]", shown)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_coloured_code_is_the_code_to_the_letter(language: str) -> None:
    code = 'def f(x):\n\n    return "a & <b>" # \' $x `y`\n' + "x = 1 \\\n" * 60 + "{ /* " + "é😀\u00a0" * 500
    html = code_html(language, code)
    assert unescape(re.sub("<[^>]*>", "", html)) == code
    assert set(re.findall('class="([^"]*)"', html)) <= CLASSES


def test_a_string_that_is_longer_than_a_piece_keeps_its_colour() -> None:
    html = code_html("python", '"""\n' + "words\n" * 100 + '"""\nx = 1\n')
    pieces = html.split('<span class="nbs-chunk">')[1:]
    assert len(pieces) > 2
    assert pieces[1].startswith('<span class="nbs-s">words')


def test_every_class_has_its_colour_in_the_style_sheet() -> None:
    for name in CLASSES:
        assert f".{name}{{" in highlight.CSS


@pytest.mark.parametrize(
    "text",
    [
        ">" * 5_000 + "a",
        "- " * 5_000 + "a",
        "\n".join(" " * 2 * i + "- a" for i in range(200)),
        "fine\n\n" + "> " * 200 + "deep\n\n# after",
    ],
)
def test_text_that_is_nested_too_deeply_is_shown_as_it_is(text: str) -> None:
    blocks = render(text)
    assert_safe(blocks)
    assert blocks[-1] == "<pre>" + text.removeprefix("fine\n\n").replace(">", "&gt;") + "</pre>"
