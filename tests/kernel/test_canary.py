"""No key gets out: a day of work with a canary for every secret, then a search of all that it left behind.

What a person sees, the files below HOME, the history database, logs, pickles, widget state: nowhere may a
canary stand, plain, percent-encoded or in base64. The same day in JupyterLab: tests/browser/test_canary.py.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbstream.magics.verbs import VERBS
from nbstream.providers import registry
from tests.canary.canaries import canary, environment, hits, hits_below, spellings
from tests.canary.services import TYPED, Services
from tests.kernel.kernels import Kernel, Message, Run, running

LOGS = """
import logging, websocket
logging.basicConfig(level=logging.DEBUG, filename="debug.log", force=True)
for name in ("asyncio", "httpcore2", "httpx2", "nbstream", "websocket"):
    logging.getLogger(name).setLevel(logging.DEBUG)
websocket.enableTrace(True)
logging.getLogger("markdown_it").setLevel(logging.INFO)
"""
LINES: dict[str, list[str]] = {
    "branch": ["branch aside", "branch main"],
    "chat": ["chat", "chat -m openai:words:3 -c aside -s brief"],
    "code": ["code"],
    "continue": ["continue"],
    "doctor": ["doctor"],
    "edit": ["edit 1"],
    "export": ["export kept.md", "export kept.ipynb", "export whole.json"],
    "fix": ["fix"],
    "help": ["help", "help login"],
    "history": ["history", "history -v"],
    "keep": ["keep 1"],
    "lang": ["lang zh", "lang en"],
    "load": ["load kept.json -c loaded"],
    "log": ["log audit.jsonl", "log"],
    "login": ["login --clear", "login openai --env", "login nobody"],
    "logout": ["logout groq"],
    "models": ["models", "models openai"],
    "pin": ["pin 1"],
    "policy": ["policy"],
    "record": ["record day.tape", "retry", "record stop"],
    "redo": ["redo"],
    "replay": ["replay day.tape", "retry", "replay off"],
    "reset": ["reset -c aside"],
    "restore": ["restore", "restore kept.ipynb"],
    "retry": ["retry"],
    "save": ["save kept.json"],
    "show": ["show 1"],
    "stats": ["stats"],
    "status": ["", "status"],
    "stream-vs-wait": ["stream-vs-wait Hello"],
    "tools": ["tools", "tools add print", "tools remove print"],
    "undo": ["undo"],
    "unpin": ["unpin 1"],
    "use": ["use openai:words:3"],
    "version": ["version"],
    "why": ["why"],
}
"""What is typed for each verb. Whoever adds a verb adds it here: it must not show a key either."""

LEFT = ("debug.log", "session.log", "audit.jsonl", "pickles", "objects.txt", "widgets.json", "all.ipynb",
        "kept.json", "kept.md", "kept.ipynb", "whole.json", "day.tape")  # fmt: skip
"""Files that the day leaves behind."""


class Day:
    """A kernel in which everything is kept that came out of it."""

    def __init__(self, kernel: Kernel, services: Services) -> None:
        self.kernel, self.services = kernel, services
        self.heard: list[Message] = []
        self._handed = kernel.hand_out
        kernel.hand_out = self._hear  # type: ignore[method-assign]

    def _hear(self, message: Message) -> None:
        self.heard.append(message)
        self._handed(message)

    def run(self, code: str, *typed: str) -> Run:
        run = self.kernel.start(code, allow_stdin=True)
        for answer in typed:
            assert self.kernel.client.get_stdin_msg(timeout=30)["content"]["password"] == (answer != "app0id")
            self.kernel.client.input(answer)
        return run.finish()

    def go_to(self, **addresses: str) -> None:
        self.run(f"import os\nos.environ.update({addresses!r})")

    def said(self) -> str:
        """All messages and replies of the kernel."""
        return json.dumps([self.heard, list(self.kernel.replies.values())], default=str, ensure_ascii=False)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch, Services(patch) as services:
        env = environment() | services.addresses()
        env |= {"HTTPS_PROXY": f"http://me:{canary('proxy')}@127.0.0.1:9"}
        # With it Baidu's V1 is signed for, and the other two keys would not be used.
        env["IN_TIME"] = env.pop("QIANFAN_ACCESS_KEY")
        with running(home, **env) as kernel:
            yield Day(kernel, services)


def test_a_day_with_every_provider_leaves_no_key_behind(day: Day, tmp_path: Path) -> None:
    home = Path(day.kernel.value("__import__('os').getcwd()"))
    day.run("%logstart -o -r -t session.log")
    day.run(LOGS)
    day.run("%xmode Verbose\n%load_ext nbstream\nimport nbstream\nfrom tests.canary import everything")

    day.run("%llm log audit.jsonl")

    # Answers, with keys of the environment, and with keys that were typed.
    answered(day, day.services.names)
    day.services.typed_keys()
    for name, keys in TYPED.items():
        shown = day.run(f"%llm login {name}", *keys.values()).markdown
        assert "…0f7E" in shown, shown
    answered(day, list(TYPED))
    day.run("from nbstream.chat.session import session")
    assert int(day.kernel.value("everything.show()")) > 100
    day.run("stream = nbstream.stream('hi', model='openai:words:3')\nfor text in stream: print(text)")

    day.run("nbstream.config.retries = 0\nnbstream.use('openai:words:3')")

    # Refusals that repeat the key: as a status, and in a stream.
    day.go_to(**day.services.addresses(echo=True))
    day.run("os.environ['QIANFAN_ACCESS_KEY'] = os.environ['IN_TIME']\n%llm logout ernie-v1")
    one_each = list({registry.get(name).dialect: name for name in day.services.names}.values())
    for streams, names in ((False, day.services.names), (True, one_each)):
        day.services.echo.streams = streams
        for name in names:
            day.run(f"%%llm -m {name}:words:3\nHello")
            day.run("%llm why")
            if name in one_each:
                chained = f"try: nbstream.ask('hi', model='{name}:words:3', retries=0)\n"
                assert day.run(chained + "except nbstream.NbstreamError: 1 / 0").status == "error"
        day.run(f"for name in {names} * 3: everything.refused(name + ':words:3')")
    day.services.echo.streams = False
    assert len(day.services.echo.log) > 4 * (len(day.services.names) + len(one_each))
    sent = [bool(hits(f"{record.headers} {record.path}")) for record in day.services.echo.log]
    assert all(sent), "every question carried a canary"
    day.run("nbstream.ask('hi', model='openai:words:3', retries=0)")
    day.run("%tb")
    day.run("%tb Verbose")
    assert "⚠" in day.run("%llm login openai", canary("typed", "wrong")).markdown
    day.run("import os\nos.environ['GROQ_API_KEY'] += '\\u5bc6'")
    day.run("try: nbstream.ask('hi', model='groq:x')\nexcept nbstream.NbstreamError: 1 / 0")
    day.run("%%llm -m groq:x\nHello")

    # Every verb; and every object there is.
    for lines in LINES.values():
        for line in lines:
            day.run(f"%llm {line}")
    for name in nbstream_names():
        day.run(f"nbstream.{name}")
    assert int(day.kernel.value("everything.show()")) > 200
    for line in ("%whos", "%who_ls", "In, Out", "%history -g", "%history -n -o", "%notebook all.ipynb"):
        day.run(line)
    day.run("session().keys, vars(session()), vars(session().keys), session().keys.pools")
    day.run("stream, vars(stream), stream.answer, nbstream.stats(), nbstream.conversation().turns")
    day.run("get_ipython().history_manager.writeout_cache()\n%logstop\nlogging.shutdown()")

    said = day.said()
    assert said.count("who is …0f7E") > 20, "the cards and the tracebacks quote the servers"
    found = hits(said, "messages") + hits_below(home)
    assert not found, "\n".join(found)
    for left in LEFT:
        assert (home / left).stat().st_size, f"{left} was written, and searched"


def answered(day: Day, names: list[str]) -> None:
    for name in names:
        run = day.run(f"%%llm -m {name}:words:3 --xray\nHello")
        assert "⚠" not in run.markdown, f"{name}: {run.markdown}"


def nbstream_names() -> list[str]:
    import nbstream

    return list(nbstream.__all__)


def test_every_verb_has_its_line_in_the_day() -> None:
    assert set(VERBS) == set(LINES)


@pytest.mark.parametrize("how", spellings("x"))
def test_the_search_finds_a_canary_however_it_is_spelled(how: str, tmp_path: Path) -> None:
    planted = spellings("before " + canary("spark", "api_key") + " behind")[how]
    assert hits(b"text " + planted + b" text")
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "deep" / "down" / "a file.bin").write_bytes(b"\0\xff" * 5000 + planted + b"\0")
    assert len(hits_below(tmp_path)) >= 1


def test_the_search_reads_what_a_kernel_leaves(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "history.sqlite") as database:
        database.execute("CREATE TABLE history (source TEXT)")
        database.execute("INSERT INTO history VALUES (?)", (f"login({canary('a')!r})",))
    database.close()
    (tmp_path / f"{base64.b64encode(canary('b').encode()).decode().replace('/', '_')}").touch()
    message: dict[str, Any] = {"content": {"text": "Bearer " + canary("c")}}
    assert {one.partition(":")[0] for one in hits_below(tmp_path)} == {
        "a name",
        str(tmp_path / "history.sqlite"),
    }
    assert hits(json.dumps([message]), "messages")
