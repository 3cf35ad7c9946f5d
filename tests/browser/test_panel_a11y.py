"""The panel for everybody: by keyboard alone, with a screen reader, large, narrow, dark, in high contrast."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from tests.browser.everything import CONTROLS, EVERYTHING, FOCUS, LAYOUT
from tests.browser.page import FrontEnd
from tests.browser.panel import Panel
from tests.served import Served

SHOW = 'nbstream.ChatPanel(model="openai:words:30")'
THEME = "apputils:change-theme"


# Within boxes that cut off what is larger, as the front end's are, axe takes all text for hidden;
# and what the page does not lay out has the colours of before.
UNBOXED = """
root => {
  for (let at = root.parentElement; at; at = at.parentElement) {
    at.style.setProperty('overflow', 'visible', 'important');
    at.style.setProperty('contain', 'none', 'important');
  }
  for (const turn of root.querySelectorAll('article')) turn.style.contentVisibility = 'visible';
}
"""


def opened(lab: FrontEnd, served: Served) -> Panel:
    """A panel on a conversation that has everything, an error at its end."""
    notebook = lab.open([served.setup(), EVERYTHING, SHOW])
    for index in (0, 1):
        notebook.run_cell(index)
    panel = Panel.opened(notebook, 2)
    expect(panel.turns).to_have_count(7)
    return panel


def choose(panel: Panel, model: str) -> None:
    """Have the panel ask `model`, by the keyboard."""
    panel.root.locator(".nbp-model").press("Enter")
    search = panel.root.get_by_role("searchbox")
    search.fill(f"openai:{model}")
    search.press("Enter")
    expect(panel.root.locator(".nbp-model")).to_contain_text(model)


def violations(panel: Panel) -> list[str]:
    """What axe finds in the panel, in a few words each."""
    panel.root.evaluate(UNBOXED)
    found = Axe().run(panel.page, context=".nbp", options={"resultTypes": ["violations"]})
    assert "button-name" in {one["id"] for one in found.response["passes"]}, "axe has not looked at the panel"
    return [
        f"{one['id']}: {node['html'][:150]} — {node['failureSummary'][:300]}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


def popup(panel: Panel, opener: Locator) -> Locator:
    opener.press("Enter")
    found = panel.root.locator("dialog[open]")
    expect(found.locator("button, input").first).to_be_visible()
    return found


def test_axe_finds_nothing_in_light_dark_and_high_contrast(lab: FrontEnd, served: Served) -> None:
    panel = opened(lab, served)
    page, log = panel.page, panel.root.get_by_role("log")
    found: dict[str, list[str]] = {}
    choose(panel, "status:401")
    panel.send("Fail.")
    expect(panel.turns.last.locator(".nbp-error")).not_to_be_empty()
    panel.root.evaluate("root => root.style.setProperty('--nbp-quiet', '#ddd')")
    assert any("color-contrast" in one for one in violations(panel)), "axe sees what is pale"
    panel.root.evaluate("root => root.removeAttribute('style')")
    for theme in ("Light", "Dark"):
        panel.notebook.command(THEME, theme=f"JupyterLab {theme}")
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", str(theme == "Light").lower())
        found[f"{theme}, the end"] = violations(panel)
        panel.screenshot(f"panel-a11y-{theme.lower()}")
        panel.turns.first.locator("summary").click()
        log.evaluate("log => { log.scrollTop = 0; }")
        found[f"{theme}, the beginning"] = violations(panel)
        panel.screenshot(f"panel-a11y-{theme.lower()}-top")
        panel.turns.first.locator("summary").click()
        for name in ("talks", "model"):
            popup(panel, panel.root.locator(f".nbp-{name}"))
            found[f"{theme}, the popup of {name}"] = violations(panel)
            page.keyboard.press("Escape")
        for name in ("Settings", "Export"):
            popup(panel, panel.root.get_by_role("button", name=name, exact=True))
            found[f"{theme}, {name}"] = violations(panel)
            page.keyboard.press("Escape")
        box = popup(panel, panel.root.get_by_role("button", name="Enter a key"))
        expect(box.locator("input[type=password]")).to_have_value("")
        found[f"{theme}, the key box"] = violations(panel)
        panel.screenshot(f"panel-a11y-{theme.lower()}-key")
        page.keyboard.press("Escape")
    panel.notebook.command(THEME, theme="JupyterLab Light")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "true")
    page.emulate_media(forced_colors="active")
    found["high contrast"] = violations(panel)
    panel.screenshot("panel-a11y-forced")
    page.emulate_media(forced_colors="none")
    lab.forget()  # the page was unboxed
    assert not {where: what for where, what in found.items() if what}


def test_every_control_is_reached_and_seen_by_the_tab_key_alone(lab: FrontEnd, served: Served) -> None:
    panel = opened(lab, served)
    page, root = panel.page, panel.root
    choose(panel, "status:401")
    panel.send("Fail.")
    expect(panel.turns.last.locator(".nbp-error button").first).to_be_visible()
    expect(panel.box).to_be_focused()
    root.locator(".nbp-head button").first.focus()
    page.keyboard.press("Shift+Tab")
    assert root.evaluate(FOCUS) is None, "the panel keeps the keyboard"
    root.locator(".nbp-head button").first.focus()
    passed: list[dict[str, Any]] = []
    while (at := root.evaluate(FOCUS)) and len(passed) < 150:
        passed.append(at)
        page.keyboard.press("Tab")
    assert len(passed) < 150, "the panel keeps the keyboard"
    wanted = root.evaluate(
        """(root, css) => {
          const all = [...root.querySelectorAll('*')];
          const usable = at => at.checkVisibility() && !at.disabled;
          const found = [...root.querySelectorAll(css)].filter(usable);
          return found.map(at => [all.indexOf(at), at.outerHTML.slice(0, 120)]);
        }""",
        CONTROLS,
    )
    reached = {at["key"] for at in passed}
    assert not [what for key, what in wanted if key not in reached]
    assert not [at for at in passed if not at["name"]], "something has no name"
    for fault in ("ring", "shown", "inView", "on"):
        assert not [at for at in passed if not at[fault]], f"what has the focus is not seen: {fault}"
    page.keyboard.press("Shift+Tab")
    assert root.evaluate(FOCUS), "one can come back"


def test_the_keyboard_is_never_lost(lab: FrontEnd, served: Served) -> None:
    panel = opened(lab, served)
    root, keyboard = panel.root, panel.page.keyboard

    def inside(what: str) -> None:
        here = root.evaluate("root => root.contains(document.activeElement)")
        assert here, f"after {what} the keyboard is nowhere"

    # Popups open upon Enter, hold the focus, and give it back.
    buttons = root.locator(".nbp-head button")
    for index in range(buttons.count()):
        box = popup(panel, buttons.nth(index))
        expect(box.locator(":focus")).to_have_count(1)
        keyboard.press("Escape")
        expect(root.locator("dialog")).to_have_count(0)
        expect(buttons.nth(index)).to_be_focused()
    # Messages.
    second = panel.turns.nth(1)
    second.focus()
    keyboard.press("ArrowDown")
    expect(panel.turns.nth(2)).to_be_focused()
    third = panel.turns.nth(2)
    third.get_by_role("button", name="Edit").press("Enter")
    expect(panel.box).to_be_focused()
    keyboard.press("Escape")
    inside("an edit that was given up")
    third.get_by_role("button", name="Copy", exact=True).press("Enter")
    inside("a copy")
    remove = third.get_by_role("button", name="Delete")
    text = third.locator(".nbp-prompt").inner_text()
    remove.press("Enter")
    inside("the question before a deletion")
    keyboard.press("Enter")
    expect(root.get_by_text(text)).to_have_count(0)
    inside("a deletion")
    versions = panel.turns.nth(4)
    versions.get_by_role("button", name="Earlier version").press("Enter")
    expect(root.get_by_text("The first answer.")).to_be_visible()
    inside("a step to another version")
    # Sending and stopping.
    choose(panel, "hold")
    inside("the choice of a model")
    panel.send("Hold on.", wait=False)
    expect(panel.turns.last.locator("h2")).to_be_visible()
    expect(panel.box).to_be_focused()
    stop = root.get_by_role("button", name="Stop")
    keyboard.press("Tab")
    keyboard.press("Tab")
    expect(stop).to_be_focused()
    keyboard.press("Enter")
    panel.idle()
    inside("Stop")
    panel.turns.last.get_by_role("button", name="Continue").press("Enter")
    inside("Continue")
    expect(panel.turns.last).to_have_attribute("aria-busy", "true")
    panel.box.focus()
    keyboard.press("Escape")
    panel.idle()
    expect(panel.box).to_be_focused()
    # A change of the language builds the panel anew.
    panel.notebook.execute_hidden("get_ipython().run_line_magic('llm', 'lang zh')")
    expect(root).to_have_attribute("aria-label", "聊天")
    expect(panel.turns.first).to_be_visible()
    inside("another language")
    panel.notebook.execute_hidden("get_ipython().run_line_magic('llm', 'lang en')")


def test_it_fits_narrow_and_large_in_both_languages(lab: FrontEnd, served: Served) -> None:
    panel = opened(lab, served)
    page, root = panel.page, panel.root
    choose(panel, "status:401")
    panel.send("Fail.")
    panel.notebook.command("application:toggle-left-area")
    found: dict[str, list[str]] = {}
    for language in ("en", "zh"):
        panel.notebook.execute_hidden(f"get_ipython().run_line_magic('llm', 'lang {language}')")
        for width, height in ((1600, 900), (640, 450), (400, 700)):
            page.set_viewport_size({"width": width, "height": height})
            panel.box.scroll_into_view_if_needed()
            where = f"{language}, {width}"
            for place in (0, 1e6):
                root.locator(".nbp-log").evaluate("(log, y) => { log.scrollTop = y; }", place)
                found[f"{where}, at {place:.0f}"] = root.evaluate(LAYOUT)
                panel.screenshot(f"panel-{language}-{width}-{place:.0f}")
            for index in range(4):
                popup(panel, root.locator(".nbp-head > button").nth(index))
                box = root.locator("dialog").bounding_box()
                assert box and box["x"] >= 0 and box["x"] + box["width"] <= width, (
                    f"{where}: {index} sticks out"
                )
                assert box["y"] >= 0 and box["y"] + box["height"] <= height, f"{where}: {index} is cut off"
                found[f"{where}, popup {index}"] = root.locator("dialog").evaluate(LAYOUT)
                page.keyboard.press("Escape")
        assert root.evaluate("root => root.offsetWidth") <= 330
    panel.notebook.command("application:toggle-left-area")
    assert not {where: what for where, what in found.items() if what}


@pytest.mark.parametrize("front", ["notebook"], indirect=True)
def test_notebook_7_opens_stops_and_reloads_it_as_well(front: FrontEnd, served: Served) -> None:
    notebook = front.open([served.setup(), 'import nbstream\nnbstream.ChatPanel(model="openai:hold")'])
    notebook.run_cell(0)
    panel = Panel.opened(notebook, 1)
    panel.send("Hold on.", wait=False)
    expect(panel.turns.last.locator("h2")).to_be_visible()
    panel.page.keyboard.press("Escape")
    panel.idle()
    expect(panel.turns.last.get_by_role("button", name="Continue")).to_be_attached()
    expect(panel.box).to_be_focused()
    assert not violations(panel)
    panel.screenshot("panel-a11y")
    notebook.cell(0).locator(".cm-content").click()
    notebook.save()
    notebook.reload()
    panel.ready()
    expect(panel.turns.last.locator("h2")).to_have_text("Held back")
