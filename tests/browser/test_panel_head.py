"""The head of the chat panel: models and their keys, conversations, settings, export."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.page import FrontEnd, Notebook
from tests.browser.panel import CELL, Head, Panel
from tests.fakes import spark_server
from tests.served import Served

APP_ID, KEY, SECRET = (spark_server.CREDENTIALS[name] for name in ("app_id", "api_key", "api_secret"))


@pytest.fixture(scope="module")
def spark() -> Iterator[spark_server.SparkServer]:
    with spark_server.SparkServer() as server:
        yield server


def opened(lab: FrontEnd, served: Served, address: str, cells: int = 2) -> tuple[Notebook, list[Head]]:
    setup = f"{served.setup()}\nos.environ['SPARK_BASE_URL'] = {address!r}"
    notebook = lab.open([setup, *[CELL] * cells, "%llm"])
    notebook.run_cell(0)
    return notebook, [Head(Panel.opened(notebook, place)) for place in range(1, cells + 1)]


def test_a_model_is_chosen_by_typing_its_key_is_asked_for_and_it_is_in_use_everywhere(
    lab: FrontEnd, served: Served, spark: spark_server.SparkServer
) -> None:
    notebook, (first, second) = opened(lab, served, spark.url)
    for head in (first, second):
        expect(head.model).to_contain_text("openai:gpt")
    first.open(first.model)
    search = first.popup.get_by_role("searchbox")
    expect(search).to_be_focused()
    expect(first.item("openai:gpt").first).to_contain_text("OpenAI")
    expect(first.item("spark:4.0Ultra")).to_contain_text("Needs a key")
    notebook.page.keyboard.press("ArrowDown")
    expect(first.popup.locator(".nbp-list button").first).to_be_focused()
    first.panel.screenshot("head-models")
    notebook.page.keyboard.type("ultra")
    expect(first.popup.locator(".nbp-list button:visible")).to_have_count(2)
    for _ in range(12):
        notebook.page.keyboard.press("Tab")
        assert first.popup.evaluate("popup => popup.contains(document.activeElement)")
    notebook.page.keyboard.press("Escape")
    first.gone()
    expect(first.model).to_be_focused()
    notebook.page.keyboard.press("Enter")
    notebook.page.keyboard.type("openai:words:5")
    expect(first.item("openai:words:5")).to_be_visible()
    notebook.page.keyboard.press("Enter")
    for head in (first, second):
        expect(head.model).to_contain_text("openai:words:5")
    notebook.run_cell(3)
    notebook.see(3, "openai:words:5")

    # One that needs a key: it is asked for, checked, and kept nowhere in the page.
    head, other = first, second
    head.open(head.model)
    head.item("spark:4.0Ultra").first.click()
    expect(head.field("APPID")).to_be_focused()
    kinds = [head.field(name).get_attribute("type") for name in ("APPID", "APISecret", "APIKey")]
    assert kinds == ["text", "password", "password"]
    assert head.field("APIKey").get_attribute("autocomplete") == "off"
    assert (head.popup.get_by_role("link").get_attribute("href") or "").startswith("https://console.xfyun.cn")
    head.panel.screenshot("head-key-empty")

    def type_in(secret: str) -> None:
        for name, value in (("APPID", APP_ID), ("APISecret", secret), ("APIKey", KEY)):
            head.field(name).fill(value)
        notebook.screenshot("head-key")
        notebook.page.keyboard.press("Enter")

    type_in(SECRET[::-1])
    expect(head.popup.get_by_role("alert")).to_contain_text("HMAC signature does not match")
    expect(head.field("APPID")).to_be_focused()
    notebook.screenshot("head-key-refused")
    assert [head.field(name).input_value() for name in ("APPID", "APISecret", "APIKey")] == ["", "", ""]
    type_in(SECRET)
    expect(head.popup).to_contain_text(f"…{KEY[-4:]}")
    expect(head.popup).to_contain_text("✓")
    notebook.screenshot("head-key-taken")
    assert head.popup.locator("input").count() == 0
    notebook.page.keyboard.press("Enter")
    head.gone()
    for one in (head, other):
        expect(one.model).to_have_text("spark:4.0Ultra")
    head.panel.send("words:3")
    assert head.panel.answer()

    # Half of a key that somebody typed and left does not stay either.
    head.open(head.model)
    head.item("zhipu:").click()
    head.field("API Key").fill("half-of-a-key")
    box = head.field("API Key").element_handle()
    notebook.page.keyboard.press("Escape")
    head.gone()
    assert box.evaluate("input => input.value") == ""

    dumped = notebook.execute_hidden(
        "import ipywidgets, json; print(json.dumps(ipywidgets.Widget.get_manager_state()))"
    )
    notebook.page.evaluate("document.activeElement.blur()")
    notebook.save()
    seen = dumped + notebook.page.content() + notebook.file.read_text()
    assert KEY not in seen and SECRET not in seen


def test_conversations_and_settings_are_changed_and_no_panel_is_left_behind(
    lab: FrontEnd, served: Served, spark: spark_server.SparkServer
) -> None:
    notebook, (first, second) = opened(lab, served, spark.url)
    first.open(first.talks)
    expect(first.item("main")).to_be_focused()
    first.item("New conversation").click()
    first.field("Name").fill("方案")
    first.press("Create")
    first.gone()
    expect(first.talks).to_have_text("方案")
    expect(second.talks).to_have_text("main")
    second.open(second.talks)
    second.item("方案").click()
    expect(second.talks).to_have_text("方案")

    notebook.execute_hidden("import nbstream; nbstream.use('openai:words:5')")
    first.panel.send("one")
    first.open(first.talks)
    expect(first.item("方案")).to_contain_text("1 turn")
    notebook.screenshot("head-talks")
    first.item("Rename").click()
    expect(first.field("Name")).to_have_value("方案")
    first.field("Name").fill("main")
    first.press("Rename")
    expect(first.popup.get_by_role("alert")).to_contain_text("There is a conversation main already.")
    first.field("Name").fill("plan")
    first.press("Rename")
    for head in (first, second):
        expect(head.talks).to_have_text("plan")

    first.open(first.talks)
    first.item("Branch").click()
    first.press("Create")
    expect(first.talks).to_have_text("plan-1")
    expect(first.panel.turns).to_have_count(1)
    expect(second.talks).to_have_text("plan")

    notebook.execute_hidden("nbstream.use('openai:hold')")
    second.panel.send("two", wait=False)
    expect(second.panel.turns).to_have_count(2)
    first.open(first.talks)
    first.item("plan").first.click()
    expect(first.panel.turns).to_have_count(2)
    first.open(first.talks)
    first.item("Delete").click()
    expect(first.popup).to_contain_text("plan and its 2 turns")
    notebook.screenshot("head-delete")
    first.press("Delete")
    for head in (first, second):
        expect(head.talks).to_have_text("main")
        expect(head.panel.turns).to_have_count(0)
    served.release()
    talks = "import nbstream; from nbstream.chat.session import session; print(list(session().conversations))"
    assert notebook.execute_hidden(talks).strip() == "['main', 'plan-1']"

    # Settings hold for all panels of a conversation, the language for all.
    notebook.execute_hidden("nbstream.use('openai:echo')")
    first.open(first.settings)
    expect(first.field("System prompt")).to_be_focused()
    notebook.page.keyboard.type("Be brief.")
    first.field("Temperature").fill("0.5")
    first.field("tokens").fill("200")
    notebook.screenshot("head-settings")
    first.press("Save")
    first.gone()
    before = len(served.log())
    second.panel.send("hello")
    (asked,) = served.log()[before:]
    assert asked["body"]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert asked["body"]["temperature"] == 0.5
    assert 200 in asked["body"].values()

    with notebook.page.expect_download() as download:
        first.open(first.panel.root.get_by_role("button", name="Export"))
        first.item("Markdown").click()
    assert download.value.suggested_filename == "main.md"
    assert "> hello" in download.value.path().read_text("utf-8")
    assert not (lab.server.root / "main.md").exists()

    second.open(second.settings)
    expect(second.field("System prompt")).to_have_value("Be brief.")
    second.field("Temperature").fill("")
    second.field("Language").select_option("zh")
    second.press("Save")
    for head in (first, second):
        expect(head.panel.root.get_by_role("button", name="设置")).to_be_visible()
    assert notebook.execute_hidden("from nbstream.i18n import language; print(language())").strip() == "zh"
    first.open(first.panel.root.get_by_role("button", name="设置"))
    expect(first.field("系统提示词")).to_have_value("Be brief.")
    expect(first.field("温度")).to_have_value("")
    notebook.screenshot("head-settings-zh")
