"""``{{variables}}`` and files in a real kernel, with the packages that people have: what is sent."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.kernel.kernels import Kernel, Run
from tests.kernel.pairs import need, newest_first
from tests.served import Served

SETUP = """
import io, time
from pathlib import Path
import matplotlib; matplotlib.use("agg")
import matplotlib.pyplot as plt, numpy as np, pandas as pd, polars as pl, pyarrow as pa
from IPython.display import Image as Shown
from PIL import Image
df = pd.DataFrame({"n": range(12_345), "t": "text"})
lazy = pl.DataFrame({"n": range(3)})
arrow = pa.table({"n": range(3)})
fig, ax = plt.subplots(figsize=(2, 1))
photo = Image.new("RGB", (3_000, 1_000), "red")
out = io.BytesIO(); photo.resize((4, 4)).save(out, "PNG")
Path("red.png").write_bytes(out.getvalue())
Path("notes.txt").write_bytes("笔记：```三月```".encode("gbk"))
Path("report.pdf").write_bytes(b"%PDF-1.7 ...")
x, it = 7, iter("abc")
evil = "{{x}}"
def reader(name): return open(name).read()
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture(scope="module")
def asked(shared_kernel: Kernel, served: Served) -> Kernel:
    assert shared_kernel.run(served.setup()).status == "ok"
    run = shared_kernel.run(SETUP)
    assert run.status == "ok", run.errors
    return shared_kernel


def ask(kernel: Kernel, prompt: str, options: str = "--new", **more: Any) -> Run:
    return kernel.run(f"%%llm -m openai:words:3 {options}\n{prompt}", allow_stdin=True, **more)


def content(served: Served) -> Any:
    """What the user's last message holds, as it arrived."""
    return served.log()[-1]["body"]["messages"][-1]["content"]


def refused(kernel: Kernel, served: Served, prompt: str, options: str = "--new") -> str:
    """The card of a cell that sends nothing."""
    before = len(served.log())
    run = ask(kernel, prompt, options)
    assert run.status == "ok" and not run.errors
    assert len(served.log()) == before, "nothing may be sent"
    return run.markdown


def picture(part: dict[str, Any]) -> Any:
    data = base64.b64decode(part["image_url"]["url"].partition(";base64,")[2])
    return Image.open(io.BytesIO(data))


# --- what is put in -----------------------------------------------------------------------------------


def test_values_are_put_where_they_are_named(asked: Kernel, served: Served) -> None:
    ask(asked, "x is {{x}}, {{ x * 6 }}, {{[n for n in range(x) if n > 4]}} and {{len(df):,}}; {a} stays.")
    assert content(served) == "x is 7, 42, [5, 6] and {{len(df):,}}; {a} stays."


def test_frames_of_three_kinds_show_shape_types_and_rows(asked: Kernel, served: Served) -> None:
    ask(asked, "Compare {{df}} with {{lazy}} and {{arrow}} and {{np.arange(3)}}.")
    said = content(served)
    assert "DataFrame df: 12,345 rows × 2 columns (first 10 of 12,345 rows shown)\n\n|  | n (int64) |" in said
    assert "\n\nDataFrame lazy: 3 rows × 1 columns\n\n| n (Int64) |\n" in said
    assert "\n\nTable arrow: 3 rows × 1 columns\n\n| n (int64) |\n" in said
    assert "\n\nndarray int64 (3,), 3 values\n[0 1 2]\n\n." in said


def test_the_source_of_a_function_typed_in_the_notebook_is_there(asked: Kernel, served: Served) -> None:
    ask(asked, "Review {{reader}}")
    assert content(served).endswith("```python\ndef reader(name): return open(name).read()\n```")


def test_pictures_go_as_pictures_in_the_order_of_the_text(asked: Kernel, served: Served) -> None:
    ask(asked, "{{fig}} {{ax}} {{photo}} {{Path('red.png')}} {{Path('red.png').read_bytes()}} "
               "{{Shown('red.png')}} {{[photo, fig]}}")  # fmt: skip
    text, *parts = content(served)
    assert text["text"] == (
        "[image: fig.png] [image: ax.png] [image: photo.png] [image: red.png] [image: image] "
        "[image: image] [image: image-1.png] [image: image-2.png]"
    )
    found = [picture(part) for part in parts]
    assert len(found) == 8 and found[2].size == (1568, 523)
    assert [one.convert("RGB").getpixel((1, 1)) for one in found[2:6]] == [(255, 0, 0)] * 4
    assert all(one.format == "PNG" and not one.getexif() for one in found)


def test_what_was_put_in_is_not_looked_into_and_each_expression_runs_once(
    asked: Kernel, served: Served
) -> None:
    ask(asked, "{{evil}} {{next(it)}} {{next(it)}}")
    assert content(served) == "{{x}} a b"
    assert asked.value("next(it)") == "c"


def test_what_a_model_said_is_never_evaluated(asked: Kernel, served: Served) -> None:
    # The model repeats the question: its answer holds braces, in the history and in a variable.
    asked.run("%%llm -m openai:echo -c loop -o said --raw\nsay {{x}}", allow_stdin=True)
    assert asked.value("said.text.count('{{x}}')") == "1"
    asked.run("%%llm -m openai:echo -c loop\nagain {{said}}", allow_stdin=True)
    contents = [one["content"] for one in served.log()[-1]["body"]["messages"]]
    assert [text.count("{{x}}") for text in contents] == [1, 1, 1] and contents[2].startswith("again [")


def test_later_turns_send_what_was_sent_and_a_cell_that_runs_again_looks_anew(
    asked: Kernel, served: Served
) -> None:
    ask(asked, "x is {{x}} {{fig}}", "-c talk", cell_id="a")
    asked.run("x = 8")
    ask(asked, "and?", "-c talk", cell_id="b")
    first = served.log()[-1]["body"]["messages"][0]["content"]
    assert first[0]["text"].startswith("x is 7") and first[1]["type"] == "image_url"
    ask(asked, "x is {{x}}", "-c talk", cell_id="a")
    assert content(served) == "x is 8"
    asked.run("x = 7")


def test_what_is_asked_again_is_what_was_sent_and_runs_no_expression_anew(
    asked: Kernel, served: Served
) -> None:
    asked.run("calls = []\ndef count(): calls.append(1); return len(calls)")
    ask(asked, "{{count()}} {{fig}}", "-c again", cell_id="c")
    sent = content(served)
    assert asked.run("%llm retry -c again", allow_stdin=True).status == "ok"
    assert content(served) == sent and sent[0]["text"].startswith("1 ") and asked.value("len(calls)") == "1"


def test_raw_leaves_everything_as_it_stands(asked: Kernel, served: Served) -> None:
    run = ask(asked, "{{x}} {{1/0}} {{nobody}}", "--new --raw")
    assert content(served) == "{{x}} {{1/0}} {{nobody}}" and not run.text


def test_an_unknown_name_stays_and_is_told_with_the_nearest(asked: Kernel, served: Served) -> None:
    run = ask(asked, "{{pfoto}} {{id}} {{input}} {{user.name}}")
    assert content(served) == "{{pfoto}} {{id}} {{input}} {{user.name}}"
    assert run.text.splitlines() == [
        "{{pfoto}} is sent as it stands: nothing here is called pfoto. Did you mean photo? "
        "Corrected and run again, this cell takes its own place.",
        "{{id}} is sent as it stands: nothing here is called id.",
        "{{input}} is sent as it stands: nothing here is called input.",
    ]


def test_a_very_large_prompt_says_how_large_it_is(asked: Kernel, served: Served) -> None:
    run = ask(asked, "{{'word ' * 15_000}}{{'字' * 60_000}}")
    assert run.text == "This sends 135,000 characters, about 59,000 tokens.\n"
    assert len(content(served)) == 135_000


# --- what goes wrong ----------------------------------------------------------------------------------


def test_an_error_in_an_expression_is_a_card_and_nothing_is_sent(asked: Kernel, served: Served) -> None:
    card = refused(asked, served, "{{x}} {{1 / 0}}")
    assert "{{1 / 0}} failed: ZeroDivisionError: division by zero" in card and "Traceback" not in card
    assert "KeyError: 'gone'" in refused(asked, served, "{{df['gone']}}")
    assert "SystemExit" in refused(asked, served, "{{exit_now()}}{{(_ for _ in ()).throw(SystemExit)}}")
    asked.run("class Mute:\n    def __str__(self): raise RuntimeError('no words')\nmute = Mute()")
    assert "{{mute}} failed: RuntimeError: no words" in refused(asked, served, "{{mute}}")


def test_with_nobody_there_the_cell_fails(asked: Kernel, served: Served) -> None:
    before = len(served.log())
    run = asked.run("%%llm -m openai:words:3\n{{1 / 0}}", allow_stdin=False)
    assert run.status == "error" and len(served.log()) == before


def test_an_expression_can_be_interrupted(asked: Kernel, served: Served) -> None:
    asked.run("def endless():\n    print('begun', flush=True)\n    while True: time.sleep(0.01)")
    before = len(served.log())
    run = asked.start("%%llm -m openai:words:3\n{{endless()}}", allow_stdin=True)
    run.until(lambda run: "begun" in run.text)
    asked.interrupt()
    run.finish(timeout=10)
    assert run.status == "ok" and not run.errors
    assert "Stopped while {{endless()}} was running." in run.markdown and len(served.log()) == before


# --- files --------------------------------------------------------------------------------------------


def test_files_go_along_as_pictures_and_as_text_and_the_receipt_names_them(
    asked: Kernel, served: Served
) -> None:
    run = ask(asked, "Compare.", "--new -a red.png --attach notes.txt")
    text, image = content(served)
    assert text["text"] == "Compare.\n\nnotes.txt:\n\n````\n笔记：```三月```\n````"
    assert picture(image).size == (4, 4)
    receipt = run.outputs[-1]["metadata"]["nbstream"]
    size = len(base64.b64decode(image["image_url"]["url"].partition(",")[2]))
    assert receipt["attachments"] == [
        {"name": "red.png", "type": "image/png", "size": size},
        {"name": "notes.txt", "type": "text/plain", "size": len("笔记：```三月```".encode())},
    ]
    assert "笔记" not in json.dumps(receipt, ensure_ascii=False)


def test_a_file_that_cannot_go_along_is_a_card(asked: Kernel, served: Served) -> None:
    for name, said in (
        ("note.txt", "`notes.txt`"),
        ("report.pdf", "pypdf"),
        (".", "is a folder"),
        ("~/nowhere.csv", "There is no file"),
    ):
        assert said.strip("`") in refused(asked, served, "Read it.", f"--new -a {name}"), name


def test_a_service_without_eyes_is_not_asked(asked: Kernel, served: Served) -> None:
    run = asked.run("%%llm -m demo\nWhat is {{fig}}?", allow_stdin=True)
    assert "is not sent images" in run.markdown and "fig.png" in run.markdown


# --- other kernels ------------------------------------------------------------------------------------


def test_the_same_holds_in_an_older_kernel_without_any_of_these_packages(
    tmp_path: Any, served: Served
) -> None:
    red = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(red, "PNG")
    (tmp_path / "red.png").write_bytes(red.getvalue())
    kernel = Kernel(tmp_path, need(newest_first("6.29")[0])).ready()
    try:
        assert (
            kernel.run(served.setup() + "\nimport time\nfrom pathlib import Path\nd = {'a': [1]}").status
            == "ok"
        )
        ask(kernel, "{{d}} {{nobody}} {{Path('red.png')}}", "--new -a red.png")
        text, first, second = content(served)
        assert text["text"] == "{'a': [1]} {{nobody}} [image: red.png]"
        assert picture(first).getpixel((0, 0)) == picture(second).getpixel((0, 0)) == (255, 0, 0)
        assert "ZeroDivisionError" in refused(kernel, served, "{{1/0}}")
        run = kernel.start(
            "%%llm -m openai:words:3\n{{print('begun', flush=True)}}{{time.sleep(60)}}", allow_stdin=True
        )
        run.until(lambda run: "begun" in run.text)
        begun = time.monotonic()
        kernel.interrupt()
        assert "Stopped while" in run.finish(timeout=20).markdown and time.monotonic() - begun < 20
    finally:
        kernel.close()
