"""The transcript of the chat panel in a bare page: what it does with the messages that it is sent.

The view is the real one, with the composer, and no other neighbours; the test is the kernel. The last test
is in a notebook.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

import nbstream.panel
import nbstream.show
from nbstream.panel.panel import words
from nbstream.panel.placing import placed
from nbstream.show.highlight import CSS
from nbstream.show.pages import Pages
from tests.browser.page import FrontEnd
from tests.browser.panel import Panel
from tests.served import Served

SHOW, PANEL = Path(nbstream.show.__file__).parent, Path(nbstream.panel.__file__).parent
SCRIPTS = [SHOW / "ops.js", *(PANEL / f"{name}.js" for name in ("core", "transcript", "composer"))]
STYLES = [PANEL / f"{name}.css" for name in ("panel", "transcript", "composer", "head")]
NEIGHBOURS = """
const createLife = () => ({});
const createHead = () => ({ chooseModel: async () => 'demo:other' });
const dress = (panel, body, from, to) => {
  for (const { dataset } of [...body.children].slice(from, to)) dataset.dressed = +(dataset.dressed ?? 0) + 1;
};
window.show = (words) => {
  window.said = [];
  const model = {
    get: name => ({ panel: 'p', words, control: '' })[name], on: (_, build) => { model.change = build; },
    off() {}, send: wish => said.push(wish),
  };
  window.panel = createPanel(model, document.body);
};
"""
NUMBERS = itertools.count(1)


class View:
    """A panel in a bare page, and what its kernel would send."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.seq = 0
        self.last: str | None = None
        page.set_content("<style>" + "\n".join(path.read_text("utf-8") for path in STYLES) + CSS + "</style>")
        page.add_script_tag(content="\n".join(path.read_text("utf-8") for path in SCRIPTS) + NEIGHBOURS)
        page.evaluate("words => show(words)", words())
        self.full([])

    def send(self, *turns: Any, state: dict[str, Any] | None = None, full: bool = False) -> None:
        self.seq += 1
        message = {"seq": self.seq, "turns": turns, "state": state or {}, **({"full": True} if full else {})}
        self.page.evaluate("message => panel.receive(message)", placed(message))

    def full(self, turns: list[Any], **state: Any) -> None:
        self.seq += 1  # as if something had been missed
        self.send(*turns, state=state, full=True)

    def reply(self, wish: dict[str, Any], **facts: Any) -> None:
        self.seq = self.page.evaluate(
            "([wish, facts]) => { const seq = panel.seq + 1;"
            " panel.receive({ seq, reply: { to: wish.view, id: wish.id, ...facts } }); return seq; }",
            [wish, facts],
        )

    def said(self, do: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate("do_ => said.filter(wish => wish.do === do_)", do)
        return found

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    def turn(self, place: int = -1) -> Locator:
        return self.page.locator("article").nth(place)

    def settled(self, prompt: str, answer: str, after: str | None = None, **more: Any) -> list[Any]:
        """The operations of a turn that has ended."""
        name = more.pop("id", None) or f"t{next(NUMBERS)}"
        return [["turn", name, after, info(prompt, **more)], ["ops", name, blocks(answer)]]

    def begin(self, prompt: str, after: str | None = None) -> str:
        """A turn that runs."""
        name = f"t{next(NUMBERS)}"
        self.send(
            ["turn", name, after, info(prompt, status="running", can=["copy", "remove"], foot="")],
            state={"busy": {"turn": name, "status": {"text": "demo {s} s", "seconds": 7, "step": 1}}},
        )
        return name


def info(prompt: str, **more: Any) -> dict[str, Any]:
    return {
        "number": 1,
        "prompt": prompt,
        "model": "demo",
        "cell": False,
        "files": [],
        "versions": [1, 1],
        "code": "%llm code 1.{k}",
        "status": "done",
        "can": ["retry", "edit", "remove", "copy"],
        "foot": "<p><em>⟡ demo · 12 tokens</em></p>",
        "error": None,
        "time": 0,
    } | more


def blocks(text: str) -> list[Any]:
    pages = Pages()
    return [*pages.feed(text), *pages.finish()]


@pytest.fixture
def view(context: BrowserContext) -> Iterator[View]:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield View(page)
    assert not errors
    page.close()


WORDS = "Words that fill a line or two of the page, and then some more of them. " * 6


def many(view: View, count: int, prefix: str = "m", after: str | None = None) -> list[Any]:
    turns: list[Any] = []
    for number in range(count):
        name = f"{prefix}{number}"
        answer = f"{prefix} answer {number}.\n\n{WORDS}\n\n```python\nx = {number}\n```\n\n{WORDS}"
        turns += view.settled(f"{prefix} prompt {number}", answer, after, id=name, number=number)
        after = name
    return turns


def place(view: View, text: str) -> float:
    """Where in its scrolling box a line stands."""
    found: float = view.page.get_by_text(text, exact=True).evaluate(
        "node => node.getBoundingClientRect().top - node.closest('.nbp-log').getBoundingClientRect().top"
    )
    return found


def frames(view: View, count: int = 3) -> None:
    view.page.evaluate(
        "n => new Promise(go => { const f = () => n-- ? requestAnimationFrame(f) : go(); f(); })", count
    )


def left(view: View) -> float:
    found: float = view.log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight")
    return found


def wheel(view: View, by: float) -> None:
    before = view.log.evaluate("log => log.scrollTop")
    view.log.hover(position={"x": 60, "y": 60})
    view.page.mouse.wheel(0, by)
    view.page.wait_for_function("was => document.querySelector('.nbp-log').scrollTop !== was", arg=before)
    frames(view)


def test_a_turn_shows_what_was_asked_what_came_and_what_one_may_do(view: View) -> None:
    expect(view.log).to_be_hidden()
    view.send(*view.settled("Hello <b>?</b>", "Some **words**.\n\n```python\nx = 1\n```\n\nEnd.", cell=True))
    turn = view.turn()
    assert turn.locator(".nbp-prompt").inner_text() == "Hello <b>?</b>"
    assert [
        block["h"]
        for block in turn.locator(".nbs-body > *").evaluate_all(
            "all => all.map(node => ({ h: node.tagName }))"
        )
    ] == ["P", "PRE", "P"]
    expect(turn.get_by_role("button", name="Continue")).to_be_hidden()
    expect(turn.locator(".nbp-steps")).to_be_hidden()
    expect(turn.locator(".nbp-foot")).to_have_text("⟡ demo · 12 tokens")
    assert turn.locator(".nbp-mark").inner_text() == "%%llm"
    expect(view.page.get_by_role("article", name="Turn 1")).to_have_count(1)

    name = turn.get_attribute("data-turn")
    turn.get_by_role("button", name="Try again", exact=True).click()
    turn.get_by_role("button", name="Try again with another model").click()
    assert [wish | {"view": 0, "id": 0} for wish in view.said("retry")] == [
        {"do": "retry", "turn": name, "view": 0, "id": 0},
        {"do": "retry", "turn": name, "model": "demo:other", "view": 0, "id": 0},
    ]
    view.send(["info", name, {"can": ["continue"], "status": "stopped", "versions": [2, 3]}])
    turn.get_by_role("button", name="Continue").click()
    expect(turn.locator(".nbp-steps")).to_have_text("2/3")
    turn.get_by_role("button", name="Earlier version").click()
    turn.get_by_role("button", name="Later version").click()
    assert [wish["step"] for wish in view.said("version")] == ["-1", "1"]
    assert view.said("continue")[0]["turn"] == name
    expect(turn.get_by_role("button", name="Edit")).to_be_hidden()
    view.send(["info", name, {"versions": [3, 3]}])
    expect(turn.get_by_role("button", name="Later version")).to_be_disabled()
    view.send(["gone", name])
    expect(view.log).to_be_hidden()


def test_an_error_stands_there_with_what_mends_it_as_buttons(view: View) -> None:
    error = {
        "html": '<blockquote role="alert"><p><strong>⚠ It broke off.</strong></p></blockquote>',
        "fixes": [
            {"label": "Mend it", "wish": {"do": "retry", "turn": "x"}},
            {"label": "Copy it", "copy": "%llm why"},
        ],
    }
    view.send(*view.settled("Hm", "It had begun", status="failed", error=error))
    view.turn().get_by_role("button", name="Mend it").click()
    assert view.said("retry")[0]["turn"] == "x"
    view.turn().get_by_role("button", name="Copy it").click()
    expect(view.page.locator(".nbp-unseen").last).to_have_text("Copied")
    expect(view.page.get_by_role("alert")).to_have_count(0)  # or each old one is called out when a page opens
    view.send(["info", view.turn().get_attribute("data-turn"), {"error": None}])
    expect(view.turn()).not_to_contain_text("broke off")


def test_deleting_asks_once_and_forgets_when_one_goes_elsewhere(view: View) -> None:
    view.send(*view.settled("Hello", "World", id="a"))
    button = view.turn().get_by_role("button", name="Delete")
    button.click()
    expect(button).to_have_text("Delete?")
    view.page.locator(".nbp-composer textarea").focus()
    expect(button).to_have_text("")
    button.click()
    assert not view.said("remove")
    button.click()
    assert view.said("remove")[0]["turn"] == "a"
    view.send(*view.settled("Hello", "Again", id="b"), ["gone", "a"])
    expect(view.log).to_be_focused()  # or the keyboard would be nowhere


def test_a_prompt_is_edited_in_the_box_which_gets_back_what_stood_in_it(view: View) -> None:
    view.send(*view.settled("First words", "Answer", id="a"))
    edit, box = view.turn().get_by_role("button", name="Edit"), view.page.locator("textarea")
    about = view.page.locator(".nbp-editing")
    box.fill("Half a thought")
    edit.click()
    expect(box).to_be_focused()
    expect(box).to_have_value("First words")
    expect(about).to_contain_text("message 1")
    box.evaluate("""box => {
        for (const how of [{ isComposing: true }, { keyCode: 229 }])
            box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, ...how }));
    }""")
    box.fill("Others")
    box.press("Shift+Enter")
    box.press_sequentially("too")
    assert not view.said("edit"), "Enter that ends a word of an input method sent it"
    box.press("Escape")
    expect(box).to_have_value("Half a thought")
    expect(about).to_be_hidden()
    edit.click()
    box.fill("Second\nwords")
    view.full(view.settled("First words", "Answer", id="a"))  # all anew: what was typed is kept
    view.page.evaluate("panel.model.change()")  # and in another language, too
    view.full(view.settled("First words", "Answer", id="a"))
    expect(box).to_have_value("Second\nwords")
    box.press("Enter")
    (wish,) = view.said("edit")
    assert (wish["turn"], wish["text"]) == ("a", "Second\nwords")
    expect(box).to_have_value("Half a thought")
    view.reply(wish, error="It runs.")
    expect(box).to_have_value("Second\nwords")
    view.page.get_by_role("button", name="Cancel").click()
    expect(box).to_have_value("Half a thought")
    expect(box).to_be_focused()
    assert not view.said("send")


def test_an_edit_that_is_refused_late_takes_nothing_from_what_is_written_meanwhile(view: View) -> None:
    view.send(
        *view.settled("First", "Answer", id="a"), *view.settled("Second", "Answer", "a", id="b", number=2)
    )
    box, about = view.page.locator("textarea"), view.page.locator(".nbp-editing")
    edits = view.page.get_by_role("button", name="Edit")
    edits.first.click()
    box.fill("First anew")
    box.press("Enter")
    edits.last.click()
    box.fill("Second anew")
    view.reply(view.said("edit")[0], error="It runs.")
    expect(box).to_have_value("Second anew")
    expect(about).to_contain_text("message 2")
    box.press("Escape")
    expect(box).to_have_value("First anew")
    # Nor is a message that is half written made an edit.
    edits.first.click()
    box.fill("First again")
    box.press("Enter")
    box.fill("Half a thought")
    view.reply(view.said("edit")[1], error="It runs.")
    expect(box).to_have_value("First again\n\nHalf a thought")
    expect(about).to_be_hidden()


def test_of_two_enters_or_clicks_the_second_is_not_for_what_it_did_not_see(view: View) -> None:
    view.send(*view.settled("First", "Answer", id="a"))
    box, button = view.page.locator("textarea"), view.page.locator(".nbp-acts button").last
    for held in (False, True):
        box.fill("Half a thought")
        view.turn().get_by_role("button", name="Edit").click()
        box.fill("First anew")
        # In the page: a loaded machine takes its time between two keys.
        box.evaluate(
            """(box, repeat) => {
            const enter = facts => box.dispatchEvent(
                new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...facts }));
            enter({});
            enter({ repeat });
        }""",
            held,
        )
        expect(box).to_have_value("Half a thought")
    view.turn().get_by_role("button", name="Edit").click()
    box.fill("First anew")
    button.dblclick()
    expect(box).to_have_value("Half a thought")
    assert len(view.said("edit")) == 3 and not view.said("send")
    box.fill("Half a thought that is whole now")
    box.press("Enter")
    assert view.said("send")[0]["text"] == "Half a thought that is whole now"
    view.turn().get_by_role("button", name="Delete").dblclick()
    expect(view.turn().get_by_role("button", name="Delete")).to_have_text("Delete?")
    assert not view.said("remove")


def test_arrow_up_edits_the_last_turn_at_once(view: View) -> None:
    view.send(
        *view.settled("First", "Answer", id="a"), *view.settled("Second", "Answer", "a", id="b", number=2)
    )
    box = view.page.locator("textarea")
    box.focus()
    view.page.keyboard.press("ArrowUp")
    view.page.keyboard.insert_text(" anew")
    view.page.keyboard.press("Enter")
    (wish,) = view.said("edit")
    assert (wish["turn"], wish["text"]) == ("b", "Second anew")


def test_a_key_that_waits_for_names_takes_none_that_belong_to_another_text(view: View) -> None:
    def named(*names: str, fragment: str) -> None:
        wish = view.said("complete")[-1]
        items = "".join(f"<li role=option>{name}<span></span></li>" for name in names)
        view.reply(wish, items=items, fragment=fragment)

    box = view.page.locator("textarea")
    box.focus()
    view.page.keyboard.insert_text("{{p")
    named("P", "prices", fragment="p")
    for key in ("r", "Tab", "i"):
        view.page.keyboard.press(key)
    for wish in view.said("complete")[1:2]:
        view.reply(wish, items="<li>prices</li>", fragment="pr")
    named("prices", fragment="pri")
    expect(box).to_have_value("{{pri")
    view.page.keyboard.press("ArrowLeft")
    view.page.keyboard.press("Tab")
    expect(box).to_have_value("{{pri")
    view.page.keyboard.press("End")
    view.page.keyboard.press("Tab")
    expect(box).to_have_value("{{prices}}")


def test_a_long_prompt_is_folded_and_files_are_named_or_shown(view: View) -> None:
    files = [
        {"name": "<i>table</i>.csv", "type": "text/csv", "size": 5, "picture": False},
        {"name": "dot.gif", "type": "image/gif", "size": 5, "picture": True},
    ]
    view.send(*view.settled("line\n" * 40 + "end", "ok", files=files))
    turn = view.turn()
    expect(turn.locator("span.nbp-file")).to_have_text("<i>table</i>.csv")
    folded = turn.locator(".nbp-prompt").bounding_box()
    turn.get_by_role("button", name="Show all").click()
    whole = turn.locator(".nbp-prompt").bounding_box()
    assert folded and whole and folded["height"] < 300 < whole["height"]
    expect(turn.get_by_role("button", name="Show all")).to_be_hidden()

    wish = view.said("picture")[0]
    assert (wish["turn"], wish["index"]) == (turn.get_attribute("data-turn"), 1)
    view.page.evaluate(
        """wish => {
          window.revoked = [];
          const revoke = URL.revokeObjectURL;
          URL.revokeObjectURL = url => { revoked.push(url); revoke.call(URL, url); };
          const bytes = atob('R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=');
          const reply = { to: wish.view, id: wish.id, type: 'image/gif' };
          panel.receive({ seq: panel.seq + 1, reply }, [Uint8Array.from(bytes, c => c.charCodeAt(0))]);
        }""",
        wish,
    )
    view.seq += 1
    image = turn.get_by_role("img", name="dot.gif")
    view.page.wait_for_function("() => revoked.length === 1")
    assert image.evaluate("image => image.naturalWidth") == 1


def test_the_end_is_followed_only_by_a_reader_who_is_there(view: View) -> None:
    view.full(many(view, 8))
    frames(view, 6)
    name = view.begin("And now?", after="m7")
    live = Pages()

    def more(text: str) -> None:
        view.send(["ops", name, live.feed(text)])
        frames(view)

    newest = view.page.get_by_role("button", name="Go to the newest")
    for _ in range(4):
        more(WORDS + "\n\n")
        assert left(view) < 2, "the end was not followed"
    expect(newest).to_be_hidden()
    wheel(view, -120)
    expect(newest).to_be_visible()
    here = view.log.evaluate("log => log.scrollTop")
    for _ in range(4):
        more(WORDS + "\n\n")
    assert view.log.evaluate("log => log.scrollTop") == here, "the text ran away from its reader"
    newest.click()
    assert left(view) < 2
    more(WORDS + "\n\n")
    assert left(view) < 2


def test_the_box_one_types_in_stays_in_sight_while_the_transcript_grows_to_its_full_height(
    view: View,
) -> None:
    view.page.set_viewport_size({"width": 800, "height": 500})
    view.page.add_style_tag(content="body { padding: 200px 0 900px; }")
    box = view.page.locator(".nbp-composer textarea")
    view.send(*view.settled("Hello", "World", id="a"))
    box.focus()
    view.send(*many(view, 1, after="a"))
    expect(box).to_be_in_viewport(ratio=1)
    view.page.evaluate("scrollTo(0, 800)")
    frames(view)
    here = view.page.evaluate("scrollY")
    view.send(*many(view, 2, "n", after="m0"))
    assert view.page.evaluate("scrollY") >= here, "the page was torn from a reader who had gone on"


def test_who_asks_again_sees_the_new_answer_and_the_panel_does_not_shrink_meanwhile(view: View) -> None:
    view.full(many(view, 4))
    frames(view, 6)
    wheel(view, -500)
    high = view.log.evaluate("log => log.offsetHeight")
    view.turn(0).get_by_role("button", name="Try again", exact=True).click()
    busy = {"turn": "again", "status": {"text": "demo", "seconds": 0, "step": 0}}
    turn = ["turn", "again", "m0", info("Again", status="running", can=["remove"], foot="")]
    gone = [["gone", name] for name in ("m1", "m2", "m3")]
    view.send(*gone, turn, ["gone", "m0"], state={"busy": busy})
    name = "again"
    assert view.log.evaluate("log => log.offsetHeight") == high
    expect(view.turn().locator("summary")).to_be_hidden()
    view.send(["think", name, "Hm."])
    expect(view.turn().locator("summary")).to_have_text("Thinking…")
    view.send(["ops", name, blocks("Word.")])
    expect(view.turn().locator("summary")).to_have_text("Thought")
    view.send(["info", name, {"status": "done", "foot": "", "can": []}], state={"busy": None})
    assert view.log.evaluate("log => log.offsetHeight") < high


def test_who_steps_through_versions_finds_the_arrow_where_it_was(view: View) -> None:
    view.full([*many(view, 6), *view.settled("Then?", WORDS, "m5", id="a", number=7, versions=[2, 3])])
    frames(view, 6)
    back = view.page.locator("article").last.get_by_role("button", name="Earlier version")
    back.focus()
    stood = back.bounding_box()
    view.page.keyboard.press("Enter")
    other = view.settled("Or so?", WORDS + WORDS, "m5", id="b", number=7, versions=[1, 3])
    view.send(["gone", "a"], *other, *many(view, 3, "later", "b"))
    frames(view, 6)
    turn = view.page.locator("article[data-turn=b]")
    now = turn.get_by_role("button", name="Earlier version").bounding_box()
    assert stood and now and abs(stood["y"] - now["y"]) < 1, "one must look for it"
    expect(turn).to_be_focused()  # it is the first one: the button itself cannot be


def test_a_place_of_reading_stays_when_all_is_built_anew(view: View) -> None:
    turns = many(view, 6)
    view.full(turns)
    frames(view, 6)
    wheel(view, -600)
    was = place(view, "m prompt 3")
    view.full(turns)
    frames(view, 6)
    assert abs(place(view, "m prompt 3") - was) < 1, "the place of reading jumped"


def test_what_one_reads_stays_in_its_place_when_older_turns_come(view: View) -> None:
    view.full(many(view, 6), more=True)
    frames(view, 6)
    assert not view.said("older"), "asked for at the end of the conversation"
    while not view.said("older"):
        wheel(view, -500)
    frames(view, 6)
    was = place(view, "m prompt 1")
    older = many(view, 12, "old")
    view.send(*older, state={"more": False})
    assert abs(place(view, "m prompt 1") - was) < 1, "the place of reading jumped"
    frames(view, 6)
    assert abs(place(view, "m prompt 1") - was) < 1
    assert len(view.said("older")) == 1
    order = view.page.locator("article").evaluate_all("all => all.map(turn => turn.dataset.turn)")
    assert order == [f"old{n}" for n in range(12)] + [f"m{n}" for n in range(6)]
    for _ in range(12):  # what comes in sight takes its real height
        before = view.page.locator("article").evaluate_all(
            "all => all.map(turn => turn.getBoundingClientRect().top)"
        )
        wheel(view, -150)
        after = view.page.locator("article").evaluate_all(
            "all => all.map(turn => turn.getBoundingClientRect().top)"
        )
        in_sight = [(a, b) for a, b in zip(before, after, strict=True) if -100 < a < 400]
        assert all(abs(b - a - 150) < 2 for a, b in in_sight), "the wheel moved another way than asked"


def test_turns_out_of_sight_are_not_laid_out(view: View) -> None:
    view.full(many(view, 60))
    frames(view, 6)
    drawn = view.page.locator("article > .nbp-line").evaluate_all(
        "all => all.filter(line => line.checkVisibility({ contentVisibilityAuto: true })).length"
    )
    assert 0 < drawn < 15


def test_finished_paragraphs_are_said_aloud_with_time_to_listen_and_code_is_not(view: View) -> None:
    view.page.clock.install(time=0)
    view.page.clock.pause_at(10_000)  # the test says when time goes on
    view.page.evaluate("window.spoken = []; panel.speak = sentence => spoken.push(sentence); void 0")
    name = view.begin("Tell me")
    live = Pages()
    for text in (
        "One is",
        " 3.14.\n\n",
        "Two.\n\nThree.\n\nFour.\n\n",
        "```python\nx = 1\n```\n\n",
        "Five.\n\nSix.\n\n后面",
    ):
        view.send(["ops", name, live.feed(text)])
        view.page.clock.fast_forward(2_000)
    assert view.page.evaluate("spoken") == ["One is 3.14. Two. ", "Three. Four. Five. "]
    view.send(["ops", name, live.finish()], ["info", name, info("Tell me")], state={"busy": None})
    assert view.page.evaluate("spoken").pop() == "Six. 后面 Answer complete."
    view.send(["info", name, {"foot": ""}])
    view.full([*view.settled("Another", "One.\n\nTwo."), ["turn", "run", None, info("Go", status="running")]])
    assert len(view.page.evaluate("spoken")) == 3, "what is old was said anew"


def test_the_line_of_a_running_turn_counts_and_gives_way_to_the_footer(view: View) -> None:
    view.page.clock.install(time=0)
    view.page.clock.pause_at(1_000)  # the test says when time goes on
    name = view.begin("Tell me")
    line = view.turn().locator(".nbp-foot")
    expect(line).to_have_text("demo 7 s")
    assert view.turn().get_attribute("aria-busy") == "true"
    view.page.clock.fast_forward(3_000)
    expect(line).to_have_text("demo 10 s")
    view.send(["think", name, "Let me see"])
    expect(view.turn().get_by_text("Thinking…")).to_be_visible()
    view.send(["info", name, info("Tell me")], state={"busy": None})
    expect(line).to_have_text("⟡ demo · 12 tokens")
    expect(view.turn().get_by_text("Thought", exact=True)).to_be_visible()
    view.page.clock.fast_forward(3_000)
    expect(line).to_have_text("⟡ demo · 12 tokens")


def test_while_it_comes_an_answer_never_gets_lower_and_finished_blocks_are_dressed_once(view: View) -> None:
    name = view.begin("Tell me")
    live, heights = Pages(), []
    text = f"# One\n\n{WORDS}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nlet x = 1;\n```\n\n"
    text += f"- a\n- b\n\n{WORDS}\n\nEnd"
    selection = "getSelection().toString()"
    for at in range(0, len(text), 11):
        view.send(["ops", name, live.feed(text[at : at + 11])])
        heights.append(view.turn().evaluate("turn => turn.offsetHeight"))
        if "let" in text[:at] and not view.page.evaluate(selection):
            view.turn().locator("h1").evaluate("head => getSelection().selectAllChildren(head)")
    assert heights == sorted(heights)
    assert view.page.evaluate(selection) == "One"
    dressed = "all => all.map(block => block.dataset.dressed ?? '0').join('')"
    assert view.turn().locator(".nbs-body > *").evaluate_all(dressed) == "1111100"
    view.send(["ops", name, live.finish()], ["info", name, info("Tell me")])
    assert view.turn().locator(".nbs-body > *").evaluate_all(dressed) == "1111111"
    view.send(["clear", name], ["ops", name, blocks("Withdrawn.")])
    assert view.turn().locator(".nbs-body > *").evaluate_all(dressed) == "1"


def test_room_that_was_kept_while_it_came_is_given_back_at_the_end(view: View) -> None:
    name = view.begin("Tell me")
    view.send(["ops", name, [["append", 0, "<p>1<br>2<br>3<br>4</p>"]]])
    frames(view)
    high = view.turn().evaluate("turn => turn.offsetHeight")
    view.send(["ops", name, [["replace", 0, "<p>1</p>"]]])
    assert view.turn().evaluate("turn => turn.offsetHeight") == high
    view.send(["info", name, info("Tell me")])
    assert view.turn().evaluate("turn => turn.offsetHeight") < high


def test_arrow_keys_go_from_turn_to_turn(view: View) -> None:
    view.full(many(view, 3))
    view.turn(1).focus()
    view.page.keyboard.press("ArrowUp")
    expect(view.turn(0)).to_be_focused()
    view.page.keyboard.press("ArrowUp")
    view.page.keyboard.press("ArrowDown")
    view.page.keyboard.press("ArrowDown")
    expect(view.turn(2)).to_be_focused()
    view.page.keyboard.press("Tab")
    expect(view.turn(2).get_by_role("button", name="Edit")).to_be_focused()
    expect(view.turn(2).locator(".nbp-ask .nbp-tools")).to_have_css("opacity", "1")


def test_a_narrow_page_and_any_direction_of_writing_hold_together(view: View) -> None:
    view.page.set_viewport_size({"width": 320, "height": 600})
    wide = (
        "| "
        + " | ".join(["column"] * 30)
        + " |\n|"
        + "---|" * 30
        + "\n\n```\n"
        + "x" * 400
        + "\n```\n\n"
        + "y" * 400
    )
    arabic = "مرحبا\n\nEnglish\n\n```\nx = 1\n```\n\n> مرحبا"
    view.full(view.settled("z" * 400, wide) + view.settled("مرحبا", arabic))
    assert view.page.evaluate("document.documentElement.scrollWidth") <= 320
    side = "node => getComputedStyle(node).direction"
    for part, direction in ((".nbs-body", "rtl"), ("pre", "ltr")):
        assert {part: view.turn(0).locator(part).first.evaluate(side)} == {part: direction}
    bars = "node => [getComputedStyle(node).borderLeftWidth, getComputedStyle(node).borderRightWidth]"
    assert view.turn(0).locator("blockquote").evaluate(bars) == ["0px", "5px"]


def test_in_a_notebook_the_reader_and_the_box_keep_their_places(lab: FrontEnd, served: Served) -> None:
    notebook = lab.open([served.setup() + "\n%llm use openai:say:0", "%llm chat"])
    notebook.page.set_viewport_size({"width": 1000, "height": 700})
    notebook.run_cell(0)
    panel = Panel.opened(notebook, 1)
    parts = [
        f"{name} begins.\n\n" + f"{WORDS}\n\n" * 4 + f"{name} ends." for name in ("First", "Second", "Third")
    ]
    panel.send("⏸".join(parts), wait=False)
    log, body = panel.root.get_by_role("log"), panel.turns.last.locator(".nbs-body")
    end = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
    expect(body).to_contain_text("First ends.")
    expect(panel.box).to_be_in_viewport(ratio=1)
    assert log.evaluate(end) < 2
    assert panel.root.evaluate("root => root.scrollWidth <= root.clientWidth")

    log.hover()
    notebook.page.mouse.wheel(0, -150)
    newest = panel.root.get_by_role("button", name="Go to the newest")
    expect(newest).to_be_visible()
    here = log.evaluate("log => log.scrollTop")
    served.release()
    expect(body).to_contain_text("Second ends.")
    assert log.evaluate("log => log.scrollTop") == here, "the text ran away from its reader"
    newest.click()
    served.release()
    expect(body).to_contain_text("Third ends.")
    panel.idle()
    assert log.evaluate(end) < 2
    expect(newest).to_be_hidden()
    expect(panel.box).to_be_in_viewport(ratio=1)
    expect(panel.turns.last.get_by_role("button", name="Copy", exact=True).first).to_be_visible()
