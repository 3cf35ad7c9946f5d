"""Working with an answer in real kernels: what ``-o`` binds, the code in a new cell, JSON, ``%llm fix``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.kernel.kernels import Kernel, Run, running
from tests.kernel.pairs import need, newest_first
from tests.served import Served

CODE = "Two steps:\n\n```python\na = 20\n```\n\n```text\n20\n```\n\n```py\nprint(a + 1)\n```\n"
SHELL = "```sh\n$ ls\n```"
GOOD, BAD = '{"name": "成都", "people": 21}', '{"name": "成都"}'


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, served: Served) -> Iterator[Kernel]:
    with running(tmp_path_factory.mktemp("desk")) as kernel:
        run = kernel.run(served.setup())
        assert run.status == "ok", run.errors
        yield kernel


def says(*texts: str) -> str:
    """A model that says these texts, one after the other."""
    return "openai:recite:" + "|".join(quote(text, safe="") for text in texts)


def ask(kernel: Kernel, options: str, *texts: str, nobody: bool = False) -> Run:
    return kernel.run(f"%%llm --new {options} -m {says(*texts)}\nGo on", allow_stdin=not nobody)


def payloads(run: Run) -> list[dict[str, Any]]:
    assert run.reply is not None
    return [one for one in run.reply["payload"] if one["source"] == "set_next_input"]


# --- the answer as an object --------------------------------------------------------------------------------


def test_an_answer_gives_its_parts(desk: Kernel) -> None:
    ask(desk, "-o found", CODE + "\n|n|of|\n|-|-|\n|1|*a*|\n|2|b|\n")
    assert desk.value("found.tables") == "[[{'n': '1', 'of': 'a'}, {'n': '2', 'of': 'b'}]]"
    assert desk.value("found.blocks[1]") == "('text', '20\\n')"
    assert desk.value("'print(a + 1)' in found.code, found.usage.output_tokens > 5") == "True True"
    assert desk.value("found.timing.duration > 0") == "True"


def test_an_answer_can_be_asked_for_again_with_what_stood_before_it(desk: Kernel, served: Served) -> None:
    desk.run("%llm reset", allow_stdin=True)
    for text in ("one", "two"):
        desk.run(f"%%llm -m openai:echo -s Briefly -t 0.5 -o found\n{text}", allow_stdin=True)
    desk.run("%%llm -m openai:echo\nthree", allow_stdin=True)
    desk.run("other = found.retry(model='openai:words:3')", allow_stdin=True)
    body = served.log()[-1]["body"]
    assert (body["model"], body["temperature"]) == ("words:3", 0.5)
    assert [m["content"] for m in body["messages"] if m["role"] != "assistant"] == ["Briefly", "one", "two"]
    assert desk.value("len(other.text.split()), other.model") == "3 openai:words:3"
    assert desk.value("len(other.retry().text.split())") == "3", "and that one, too"
    history = desk.run("%llm history", allow_stdin=True).markdown
    assert "words:3" not in history, "the conversation stays as it is"


def test_an_answer_is_pickled_without_its_link_and_without_keys(desk: Kernel) -> None:
    ask(desk, "-o found", "Hello")
    desk.run("import pickle\nraw = pickle.dumps(found)\nloaded = pickle.loads(raw)")
    assert desk.value("loaded.text, b'sk-test' in raw, loaded == found") == "Hello False True"
    run = desk.run("loaded.retry()")
    assert run.status == "error" and "nbstream.ask" in str(run.errors)


def test_once_its_conversation_is_gone_an_answer_says_so(desk: Kernel) -> None:
    desk.run("%llm reset", allow_stdin=True)
    desk.run(f"%%llm -m {says('a')}\none", allow_stdin=True)
    desk.run(f"%%llm -m {says('a')} -o found\ntwo", allow_stdin=True)
    desk.run("%llm reset", allow_stdin=True)
    run = desk.run("found.retry()")
    assert run.status == "error" and "no longer there" in str(run.errors)


def test_in_the_background_the_live_stream_is_bound(desk: Kernel, served: Served) -> None:
    desk.run("%%llm --background --new -m openai:hold -o live\nGo", allow_stdin=True)
    assert desk.value("type(live).__name__, live.done") == "Stream False"
    served.release()
    assert desk.value("live.wait(20).text[-6:]") == "words."


# --- its code -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ipykernel", "ipython"), [("6.29", "8"), ("7.3", "9")])
def test_the_code_comes_into_a_new_cell_below_and_does_not_run_on_old_kernels_too(
    ipykernel: str, ipython: str, tmp_path: Path, served: Served
) -> None:
    pair = next(one for one in newest_first(ipykernel) if one.ipython == ipython)
    kernel = Kernel(tmp_path, need(pair)).ready()
    try:
        kernel.run(served.setup())
        [payload] = payloads(ask(kernel, "--code", CODE))
        assert (payload["text"], payload["replace"]) == ("a = 20\n\nprint(a + 1)", False)
        assert kernel.value("'a' in globals()") == "False"
        later = kernel.run("%llm code 1 -b 2", allow_stdin=True)
        assert payloads(later)[0]["text"] == "# text\n# 20"
        kernel.run("one = 1\none / 0", allow_stdin=True)
        asked = fixed(kernel, served)
        assert "In[5]" in asked and "one = 1" in asked and "ZeroDivisionError" in asked
    finally:
        kernel.close()


def test_another_language_gets_its_magic_and_what_was_left_out_is_said(desk: Kernel) -> None:
    assert payloads(ask(desk, "--code", SHELL))[0]["text"] == "%%bash\nls"
    run = ask(desk, "--code", CODE)
    assert "%llm code" in run.text and ".K" in run.text
    assert payloads(desk.run("%llm code .2", allow_stdin=True))[0]["text"] == "# text\n# 20"
    assert "no code block 7" in desk.run("%llm code .7", allow_stdin=True).markdown
    assert desk.complete("%llm code .|")["matches"] == [".1", ".2", ".3"]


def test_running_all_again_does_not_add_the_same_cell_each_time(desk: Kernel) -> None:
    def again(code: str) -> Run:
        return desk.run(f"%%llm --new --code -m {says(code)}\nGo on", cell_id="again", allow_stdin=True)

    assert payloads(again(CODE))
    second = again(CODE)
    assert not payloads(second) and "before" in second.text
    assert payloads(again(SHELL)), "other code is put into another cell"


def test_no_cell_is_made_of_an_answer_that_is_not_whole_or_has_no_code(desk: Kernel, served: Served) -> None:
    assert "no code" in ask(desk, "--code", "No.").text
    run = desk.start("%%llm --new --code -m openai:endless\nGo on", allow_stdin=True)
    served.wait_for(lambda log: log[-1]["body"]["model"] == "endless", "the question")
    desk.interrupt()
    run.finish()
    assert not payloads(run) and "not whole" in run.text


def test_with_nobody_there_the_code_is_only_told_of(desk: Kernel) -> None:
    desk.run("%llm reset", allow_stdin=True)
    run = ask(desk, "--code", CODE, nobody=True)
    assert not payloads(run) and "%llm code" in run.text
    wrong = desk.run("%llm code 1 -b 9", allow_stdin=True)
    assert not payloads(wrong) and "no code block 9" in wrong.markdown


# --- JSON ---------------------------------------------------------------------------------------------------


def test_json_by_a_model_is_asked_for_once_more_and_gives_an_object(desk: Kernel, served: Served) -> None:
    pydantic = desk.run("import pydantic\nclass City(pydantic.BaseModel):\n    name: str\n    people: int")
    assert pydantic.status == "ok", pydantic.errors
    desk.run("%llm reset", allow_stdin=True)
    run = ask(desk, "-f json --schema City -o city", BAD, GOOD)
    assert desk.value("type(city).__name__, city.people") == "City 21"
    sent = [m["content"]["data"]["content"] for m in run.messages if m["msg_type"] == "comm_msg"]
    assert "language-json" in str(next(one["ops"] for one in sent if "ops" in one)), "it streams as code"
    assert any(one.get("reset") for one in sent), "what did not fit gives way"
    [output] = run.outputs
    assert output["data"]["text/plain"] == GOOD
    assert output["data"]["text/markdown"].startswith(f"```json\n{GOOD}\n```\n")
    assert [r["body"]["response_format"]["type"] for r in served.log()[-2:]] == ["json_schema"] * 2
    desk.run("%%llm -m openai:echo -o after\nAnd?", allow_stdin=True)
    said = [m["content"] for m in served.log()[-1]["body"]["messages"]]
    assert said == ["Go on", GOOD, "And?"], "neither the schema nor what did not fit is sent again"
    shown = desk.run("%llm show 1", allow_stdin=True)
    assert "```json" in shown.markdown


def test_what_does_not_fit_twice_is_a_card_and_the_answer_is_bound(desk: Kernel) -> None:
    desk.run("shape = {'type': 'object', 'required': ['name', 'people']}")
    run = ask(desk, "--schema shape -o city", BAD)
    assert "⚠" in run.markdown and "people" in run.markdown and "成都" in run.markdown
    assert desk.value("city.text, city.error.kind") == f"{BAD} protocol"
    assert ask(desk, "--schema shape -o city", BAD, nobody=True).status == "error"


def test_a_schema_that_is_not_there_sends_nothing(desk: Kernel, served: Served) -> None:
    before = len(served.log())
    run = ask(desk, "--schema Nobody", GOOD)
    assert "no schema Nobody" in run.markdown and len(served.log()) == before


# --- what went wrong in a cell ------------------------------------------------------------------------------


def fixed(kernel: Kernel, served: Served, line: str = "%llm fix -m openai:words:5") -> str:
    run = kernel.run(line, allow_stdin=True)
    assert run.status == "ok", run.errors
    assert run.text.startswith("Asking about ") and "text/markdown" in run.outputs[1]["data"]
    kept = run.outputs[1]["metadata"]["nbstream"]["prompt"]
    assert kept.startswith("%llm fix") and "Error: " in kept, "a restart brings it back"
    return str(served.log()[-1]["body"]["messages"][-1]["content"])


def test_fix_asks_about_the_last_exception_without_keys(desk: Kernel, served: Served) -> None:
    desk.run("%llm reset", allow_stdin=True)
    desk.run(
        "from pathlib import Path\nmy_token = 'tok-0f9e8d7c6b'\ndef half(x):\n    return x / 0",
        allow_stdin=True,
    )
    bad = "rows = [1, 2]\nurl = f'https://me:pass@host/{my_token}'\n"
    bad += "api_key = 'a-key-in-the-cell'\nfor row in rows:\n    half(row)"
    assert desk.run(bad, allow_stdin=True).status == "error"
    asked = fixed(desk, served)
    assert "for row in rows:" in asked and "return x / 0" in asked, "both cells are there"
    assert "ZeroDivisionError: division by zero" in asked and "in half" in asked
    assert "IPython" not in asked and "ipykernel" not in asked, "what ran the cell is not in it"
    assert not any(one in asked for one in ("tok-0f9e8d7c6b", "a-key-in-the-cell", "me:pass"))
    assert "in a few sentences" in asked
    assert "%llm fix ZeroDivisionError" in desk.run("%llm history", allow_stdin=True).markdown


def test_fix_takes_a_question_and_knows_where_in_a_library_it_was(desk: Kernel, served: Served) -> None:
    cell = "import json\nfrom pathlib import Path\njson.loads(f'{{{Path.home()} sk-abcdefghijklmnop')"
    desk.run(cell, allow_stdin=True)
    asked = fixed(desk, served, '%llm fix "Why line 3?" -m openai:words:5')
    assert asked.startswith("Why line 3?") and "JSONDecodeError" in asked and "decoder.py" in asked
    assert "sk-abcdefghijklmnop" not in asked
    assert desk.value("str(Path.home())") not in asked, "nobody's home is told"


def test_fix_knows_a_cell_that_could_not_even_be_read(desk: Kernel, served: Served) -> None:
    desk.run("x = 1\nif x\n    print(x)", allow_stdin=True)
    asked = fixed(desk, served)
    assert "if x\n" in asked and "SyntaxError" in asked and "Cell In[" in asked


def test_a_long_cell_and_a_deep_fall_are_told_within_bounds(desk: Kernel, served: Served) -> None:
    long = "\n".join(f"v{n} = {n}  # a line of a long cell" for n in range(2_000))
    desk.run(f"{long}\ndef deep(n):\n    return deep(n - 1) if n else 1 / 0\ndeep(200)", allow_stdin=True)
    asked = fixed(desk, served)
    assert "ZeroDivisionError" in asked and "deep(200)" in asked and "190 frames left out" in asked
    assert len(asked) < 12_000


def test_with_nothing_to_fix_it_says_so(tmp_path: Path) -> None:
    with running(tmp_path) as kernel:
        kernel.run("%load_ext nbstream")
        assert "nothing to fix" in kernel.run("%llm fix", allow_stdin=True).markdown
