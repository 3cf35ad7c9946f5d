"""What the desk tells as data reaches the view as HTML in which nothing that somebody wrote acts."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from nbstream.panel import sheets
from nbstream.panel.frame import frame
from nbstream.panel.placing import placed
from tests.panel.view import Seen

EVIL = (
    '<img src=x onerror=alert(1)> "\' onfocus="alert(2)" </textarea></select><script>alert(3)</script>{view}'
)
OURS = {"p", "b", "a", "li", "span", "small", "button", "svg", "path", "div", "label", "img"}
OURS |= {"form", "input", "textarea", "select", "option"}


class Parsed(HTMLParser):
    """The elements of a piece of HTML, what acts in it, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.acts: list[str] = []
        self.text = ""
        self.values: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value for _, value in attrs if value]
        self.acts += [
            name for name, _ in attrs if name.startswith("on") or name in ("src", "style", "srcdoc")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [one for part in value.values() for one in strings(part)]
    if isinstance(value, list):
        return [one for part in value for one in strings(part)]
    return [value] if isinstance(value, str) else []


def harmless(*html: str) -> str:
    """The text of pieces of HTML in which nothing acts and everything is ours."""
    text = ""
    for one in html:
        parsed = Parsed(one)
        assert not parsed.acts and set(parsed.tags) <= OURS, one
        text += parsed.text + " ".join(parsed.values)
    return text


def test_names_prompts_and_errors_are_text_wherever_they_are_placed() -> None:
    fixes = [{"label": EVIL, "wish": {"do": "retry", "turn": EVIL}}, {"label": "Copy", "copy": EVIL}]
    notice = {"kind": "error", "text": EVIL, "why": EVIL, "fix": EVIL, "fixes": fixes}
    queue = [{"id": 1, "text": EVIL, "files": [EVIL], "held": True}, {"busy": EVIL}]
    state = placed(
        {"state": {"notice": notice, "queue": queue, "opening": {"prompts": [EVIL], "line": EVIL}}}
    )
    assert EVIL in harmless(*state["state"].values())

    files = [{"name": EVIL, "picture": picture} for picture in (True, False)]
    info = {"prompt": EVIL, "cell": True, "files": files, "error": {"html": "<p>so</p>", "fixes": fixes}}
    (operation,) = placed({"turns": [["turn", "t", None, info]]})["turns"]
    shown = operation[-1]["set"]
    assert shown[".nbp-prompt"] == {"textContent": EVIL}
    assert EVIL in harmless(shown[".nbp-files"]["innerHTML"], shown[".nbp-error"]["innerHTML"])


def test_sheets_and_completions_are_text_too() -> None:
    item = sheets.item(EVIL, {"do": "talk", "name": EVIL}, EVIL)
    field = {"name": "x", "label": EVIL, "value": EVIL}
    fields = [field, {**field, "tag": "textarea"}, {**field, "tag": "select", "options": [(EVIL, EVIL)]}]
    sheet = {
        "title": EVIL,
        "text": EVIL,
        "items": [item],
        "fields": fields,
        "verb": EVIL,
        "wish": item["wish"],
    }
    found = placed({"reply": {"to": "v", "id": 1, "sheet": sheet, "items": [item]}})["reply"]
    assert EVIL in harmless(found["sheet"], found["items"])
    option = {"text": EVIL, "detail": EVIL}
    assert EVIL in harmless(
        placed({"reply": {"to": "v", "fragment": "", "items": [option]}})["reply"]["items"]
    )


def test_a_form_for_keys_says_that_it_is_one_and_no_other_does() -> None:
    # By this mark the view sends what is typed in bytes that no log shows.
    from nbstream.providers import registry

    keys = placed({"reply": {"sheet": sheets.key(registry.get("spark"), {})}})["reply"]["sheet"]
    settings = placed({"reply": {"sheet": sheets.settings({}, "auto")}})["reply"]["sheet"]
    assert "data-secret" in keys and "data-secret" not in settings
    assert keys.count('type="password"') == 2


def test_what_the_desk_knows_is_not_changed_by_placing_it() -> None:
    seen = Seen()
    seen.session.conversation().begin("hello <you>", model="demo")
    view = seen.rest()
    info = next(iter(view.turns.values())).info
    before = dict(info)
    placed({"turns": [["turn", "t", None, info]], "state": view.state})
    assert info == before and info["prompt"] == "hello <you>"
    seen.close()


def test_the_frame_has_a_name_for_every_button() -> None:
    parsed = frame().split("<button")[1:]
    unnamed = [
        one[:80] for one in parsed if "aria-label" not in one.split(">")[0] and one.split(">")[1][:1] == "<"
    ]
    # The two that say what is in use, Send (or Stop), and the line of a code block are named by the view.
    assert len(unnamed) == 4, unnamed
