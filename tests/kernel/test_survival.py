"""Nothing is lost, even when a part of nbstream itself fails."""

from __future__ import annotations

import time

from tests.kernel.kernels import Kernel, Run
from tests.served import Served

BREAK = """
from nbstream.show import {module} as broken
def fail(*args, **kwargs):
    raise RuntimeError("a bug")
broken.{name} = fail
"""


def shown(run: Run) -> str:
    """All text that went to the view."""
    sent = [m["content"]["data"].get("content") or {} for m in run.messages if m["msg_type"] == "comm_msg"]
    return "".join(op[-1] for message in sent for op in message.get("ops") or [])


def test_text_that_cannot_be_rendered_is_shown_as_it_is(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    kernel.run(BREAK.format(module="live", name="LiveMarkdown.feed"))
    run = kernel.run("%%llm -m openai:words:300@3000\nHello", allow_stdin=True)
    text = served.log()[-1]["text"]
    assert text in shown(run).replace("<pre></pre>", "")
    assert run.outputs[0]["data"]["text/plain"] == text


def test_an_answer_that_cannot_be_settled_stays_as_plain_lines(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    kernel.run(BREAK.format(module="settled", name="settle"))
    run = kernel.run("%%llm -m openai:words:30\nHello", allow_stdin=True)
    words = served.log()[-1]["text"].split()
    assert run.outputs[-1]["data"]["text/markdown"].split()[: len(words)] == words


def test_a_view_that_fails_does_not_cost_the_answer(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    kernel.run(BREAK.format(module="sinks", name="WidgetSink.batch"))
    run = kernel.run("%%llm -m openai:words:30\nHello", allow_stdin=True)
    assert run.outputs[-1]["data"]["text/plain"] == served.log()[-1]["text"]
    history = kernel.run("%llm history").markdown
    assert "openai" in history


def test_a_square_that_is_pressed_twice_still_leaves_markdown(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    for _ in range(8):
        run = kernel.start("%%llm -m openai:words:2000@300\nHello", allow_stdin=True)
        run.until(lambda run: len(shown(run)) > 20)
        kernel.interrupt()
        time.sleep(0.015)  # the pause of a nervous finger: what is tested
        kernel.interrupt()
        # The second one may hit the kernel after our part of the run, which may cost the cell its reply;
        # the answer stands in any case.
        run.until(lambda run: bool(run.markdown))
        assert "stopped" in run.outputs[0]["data"]["text/markdown"]
