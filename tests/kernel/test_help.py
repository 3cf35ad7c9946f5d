"""Help, language, and what is told of an error: in a real kernel, as they are typed."""

from __future__ import annotations

import re

from tests.kernel.kernels import Kernel, Run
from tests.served import KEY, Served


def paged(run: Run) -> str:
    """What IPython's pager was given."""
    assert run.reply is not None
    return "".join(one["data"]["text/plain"] for one in run.reply["payload"] if one["source"] == "page")


def test_help_speaks_the_language_in_use_wherever_it_is_asked_for(kernel: Kernel) -> None:
    kernel.run("%load_ext nbstream")
    shown = kernel.run("%%llm --help").markdown
    assert "%%llm [OPTIONS]" in shown and "| <code>-m, --model MODEL</code> |" in shown
    for line in ("%%llm?", "?%%llm"):
        assert "Why is the sky blue?" in paged(kernel.run(line)), line
    assert "%llm doctor" in paged(kernel.run("%llm?"))
    assert "<code>%llm use MODEL</code>" in kernel.run("%llm help").markdown

    kernel.run("%llm lang zh")
    assert "%%llm [选项]" in kernel.run("%%llm -h").markdown
    assert "天空为什么是蓝色的" in paged(kernel.run("%%llm?"))
    assert "检查安装" in kernel.run("%llm doctor --help").markdown
    kernel.run("%env NBSTREAM_LANG=en\n%llm lang auto")
    assert "Why is the sky blue?" in paged(kernel.run("%%llm?"))
    kernel.run("%env NBSTREAM_LANG=zh")
    assert "天空为什么是蓝色的" in paged(kernel.run("%%llm?")), "the environment is asked each time"
    card = kernel.run("%llm lang fr", allow_stdin=True).markdown
    assert "没有名为 fr 的语言" in card and "`%llm lang zh`" in card


def test_why_tells_what_was_sent_where_and_nothing_that_is_private(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    assert "Nothing has gone wrong" in kernel.run("%llm why").markdown
    kernel.run('%%llm -m openai:status:500 -t 0.5 -s "Be brief."\nmy secret plan', allow_stdin=True)
    told = kernel.run("%llm why").markdown
    rows = dict(re.findall(r"^\| (.*?) \| (.*?) \|$", told, re.M))
    assert rows["kind"].startswith("server_error") and rows["HTTP status"] == "500"
    assert rows["request id"] == "req_fake" and rows["asked anew"] == "2"
    assert rows["to"].replace("&#58;", ":") == served.origin
    assert rows["what was sent"] == "messages: 2 · characters: 23 · temperature"
    assert "ended after" in rows["how far the answer came"]
    assert "`%llm doctor openai`" in told
    assert "secret plan" not in told and "Be brief" not in told and KEY not in told and KEY[-4:] not in told

    kernel.run("%%llm -m openai:cut\nhi", allow_stdin=True)
    assert re.search(r"characters: [1-9]\d* · first after", kernel.run("%llm why").markdown)

    sent = len(served.log())
    kernel.run("%%llm -m sparc\nhi", allow_stdin=True)
    told = kernel.run("%llm why").markdown
    assert "nothing: it went wrong before" in told and "req_fake" not in told
    assert len(served.log()) == sent


def test_models_are_listed_searched_and_called_by_their_other_names(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    assert re.search(r"\| spark \| iFlytek Spark \| xinghuo, iflytek", kernel.run("%llm models").markdown)
    found = kernel.run("%llm models WORDS").markdown
    assert "openai:words:200" in found and "openai:hold" not in found
    assert "no provider called" in kernel.run("%llm models nosuchthing", allow_stdin=True).markdown
    table = kernel.run("%llm models spark").markdown
    assert re.search(r"spark:max-32k \| Spark Max-32K \| 32,768", table)
    kernel.run("%llm lang zh")
    assert "讯飞星火" in kernel.run("%llm models").markdown
