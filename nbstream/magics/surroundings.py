"""What nbstream runs in: front end, kernel, packages, proxy, certificates, and what it holds there."""

from __future__ import annotations

import getpass
import os
import platform
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from IPython.core.getipython import get_ipython

from .._version import __version__
from ..chat.doctor import Finding
from ..chat.session import session
from ..chat.toolbox import toolbox
from ..errors import fail
from ..i18n import language, magic, t
from ..wire import checkup
from .surface import cell_id, surface

KERNEL = {"ipykernel": "6.29", "ipython": "8.18"}
WIDGETS = {"ipywidgets": "8.1", "anywidget": "0.9.18"}
NETWORK = {"httpx2": "2.10", "truststore": "0.10", "websocket-client": "1.8"}
"""Packages and the least versions that we ask for."""


def findings() -> Iterator[Finding]:
    """What there is to say without asking anybody."""
    yield Finding("fact", "nbstream", f"{__version__} · {language()}")
    yield Finding("fact", "Python", f"{platform.python_version()} · {_system()}")
    yield Finding("fact", t("doctor.front"), _front())
    # A terminal has no kernel and needs no widgets.
    wanted = KERNEL if surface() != "terminal" else {"ipython": KERNEL["ipython"]}
    yield _packages(t("doctor.kernel"), wanted)
    if surface() != "terminal":
        yield _packages(t("doctor.widgets"), WIDGETS)
        yield Finding("fact", t("doctor.stop"), t(f"heard.{_stop()}"))
    yield _packages(t("doctor.network"), NETWORK)
    yield _proxy()
    yield _certificates()


def holdings() -> Iterator[Finding]:
    """The model in use, and what this kernel holds: in short, no content."""
    here = session()
    ready = here.ready()
    names = ", ".join(ready) or t("line.none")
    model = t("doctor.model", model=here.default_model(), names=names)
    lost = here.default_model() == "demo" and not (here.chosen or here.settings.model)
    line = f"%{magic()} use {ready[0]}" if ready else f"%{magic()} login {t('connect.example')}"
    yield Finding("doubt" if lost else "fact", t("line.model"), model, line if lost else "")
    turns = sum(len(talk.turns) for talk in here.conversations.values())
    yield Finding("fact", t("doctor.history"), t("doctor.held", talks=len(here.conversations), turns=turns))
    if count := len(list(toolbox())):
        yield Finding("fact", t("doctor.tools"), str(count))
    if here.audit.path is not None:
        yield Finding("fact", t("doctor.log"), t("doctor.written"))
    changed = ", ".join(_settings())
    yield Finding("fact", t("doctor.settings"), changed or t("doctor.defaults"))


def _settings() -> Iterator[str]:
    settings = session().settings
    usual = type(settings)()
    for name in settings.class_own_traits(config=True):
        if (value := getattr(settings, name)) != getattr(usual, name):
            yield f"{name} = {value!r:.60}"


# --- rows ---------------------------------------------------------------------------------------------


def _system() -> str:
    return f"{platform.system()} {platform.release()} {platform.machine()}"


def _front() -> str:
    """Which front end this is, as far as a kernel can know."""
    shell: Any = get_ipython()
    names = getattr(shell, "user_ns", {})
    kind = surface()
    if kind != "notebook":
        return t(f"front.{kind}")
    if "google.colab" in sys.modules:
        name = "Google Colab"
    elif "__vsc_ipynb_file__" in names or "VSCODE_PID" in os.environ:
        name = "VS Code"
    elif "JPY_SESSION_NAME" in os.environ:
        name = "Jupyter"
    else:
        name = t("doctor.front_unknown")
    said = [name]
    for package in ("jupyterlab", "notebook"):
        with suppress(PackageNotFoundError):
            said.append(f"{package} {version(package)}")
    said.append(t("doctor.cells" if cell_id() else "doctor.no_cells"))
    return " · ".join(said)


def _stop() -> str:
    """How Stop is heard while a cell runs: on subshells, or by pumping."""
    kernel = getattr(get_ipython(), "kernel", None)
    return "subshell" if getattr(kernel, "_supports_kernel_subshells", False) else "pump"


def _packages(what: str, wanted: dict[str, str]) -> Finding:
    said, lacking = [], []
    for name, least in wanted.items():
        try:
            found = version(name)
            old = _numbers(found) < _numbers(least)
        except PackageNotFoundError:
            found, old = t("doctor.absent"), True
        said.append(f"{name} {found}")
        if old:
            lacking.append(f'"{name}>={least}"')
    fix = f"%pip install -U {' '.join(lacking)}" if lacking else ""
    return Finding("bad" if lacking else "good", what, " · ".join(said), fix)


def _numbers(given: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", given)[:3]]


def _proxy() -> Finding:
    good, bad = checkup.usable_proxies()
    what = t("doctor.proxy")
    if bad:
        error = fail("config.proxy", given=", ".join(bad))
        return Finding("bad", what, error.what, error.fix)
    if not good:
        return Finding("good", what, t("doctor.no_proxy"))
    past = checkup.exceptions()
    return Finding("good", what, ", ".join(good) + (t("doctor.past", count=past) if past else ""))


def _certificates() -> Finding:
    name, wrong = checkup.trusted()
    what = t("doctor.certificates")
    if not name:
        return Finding("good", what, t("doctor.own_store"))
    if not wrong:
        return Finding("good", what, t("doctor.store", name=name))
    said = t(f"store.{wrong}", name=name)
    return Finding("bad", what, said, f"import os; os.environ.pop({name!r})")


# --- what must not be pasted anywhere -----------------------------------------------------------------


def scrubbed(text: str) -> str:
    """`text` without the user's folder, the user's name in a path, and the name of this machine."""
    home = os.path.expanduser("~")
    if len(home) > 1:
        text = text.replace(home, "~")
    with suppress(Exception):  # nobody knows who we are in some containers
        user = re.escape(getpass.getuser())
        text = re.sub(rf"(?<=[/\\]){user}(?![\w-])", "…", text)
    for name in {socket.gethostname(), platform.node()}:
        if len(name) > 2 and name != "localhost":
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", "…", text, flags=re.I)
    return text
