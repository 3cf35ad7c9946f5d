"""Spark's versions as data: where each is asked, by which word, and what it takes.

Sources: the service's own pages [doc], its SDK [sdk], what others observed [3p]. Address and domain word
belong together: the service answers a pair that does not match with an error.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

HOST = "spark-api.xf-yun.com"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the model.

    Parameters
    ----------
    name : str
        As in ``-m spark:name``.
    title : str
        As the service calls it.
    path : str
        Of its WebSocket address.
    domains : tuple of str
        Words for ``parameter.chat.domain`` that this address takes; the first is sent.
    context : int or None
        Tokens of all messages together; None: not told.
    longest : int or None
        The most that ``max_tokens`` may be.
    system : bool
        Whether it knows the role ``system``. [doc: Max, Ultra and newer]
    thinks : bool
        The X models: they reason before they answer, are warmer, and take `X_ONLY`.
    host : str
    aliases : tuple of str
    """

    name: str
    title: str
    path: str
    domains: tuple[str, ...]
    context: int | None = None
    longest: int | None = None
    system: bool = True
    thinks: bool = False
    host: str = HOST
    aliases: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Its name, and what people call it where that is another word.

        >>> [version.shown for version in VERSIONS if version.name in ("lite", "generalv3.5", "4.0Ultra")]
        ['lite', 'generalv3.5 (Max)', '4.0Ultra']
        """
        same = self.title.replace(" ", "").lower() == self.name.lower()
        return self.name if same else f"{self.name} ({self.title})"

    @property
    def hottest(self) -> float:
        """The highest temperature; 0 itself is never in range. [doc]"""
        return 2.0 if self.thinks else 1.0


X_ONLY = ("top_p", "presence_penalty", "frequency_penalty")
"""Parameters that only the X models have. [doc]"""

VERSIONS = (  # [doc], where nothing else is said
    # "general" is its older word [sdk].
    Version("lite", "Lite", "/v1.1/chat", ("lite", "general"), 8192, 4096, system=False),
    # V2.0 is gone from the pages, and still in the SDK's table. [sdk]
    Version("generalv2", "V2.0", "/v2.1/chat", ("generalv2",), 8192, 2048, system=False),
    Version("generalv3", "Pro", "/v3.1/chat", ("generalv3",), 8192, 8192, system=False, aliases=("pro",)),
    Version("pro-128k", "Pro-128K", "/chat/pro-128k", ("pro-128k",), 128 * 1024, 4096, system=False),
    Version("generalv3.5", "Max", "/v3.5/chat", ("generalv3.5",), 8192, 8192, aliases=("max",)),
    Version("max-32k", "Max-32K", "/chat/max-32k", ("max-32k",), 32 * 1024, 8192),
    # The page's older edition has 8192 for both; 32K since it was "upgraded to X1.5 fast mode". [doc]
    Version("4.0Ultra", "4.0 Ultra", "/v4.0/chat", ("4.0Ultra",), 32 * 1024, 32 * 1024, aliases=("ultra",)),
    # Science; limits are not told. [doc]
    Version("kjwx", "Science", "/v1.1/chat_kjwx", ("kjwx",), host="spark-openapi-n.cn-huabei-1.xf-yun.com"),
    # X1.5 took the address over in November 2025, with another word. [doc, 3p]
    Version("x1", "X1.5", "/v1/x1", ("spark-x", "x1"), 64 * 1024, 64 * 1024, thinks=True),
    Version("x2", "X2", "/x2", ("spark-x",), 192 * 1024, 192 * 1000, thinks=True),  # [doc], limits [3p]
)

_BY_WORD: dict[str, Version] = {
    # The last to claim a word has it: names go before domain words; "spark-x" alone means the newest.
    word.lower(): version
    for words in (lambda one: one.domains, lambda one: (one.name, *one.aliases))
    for version in VERSIONS
    for word in words(version)
}


def known(model: str) -> Version | None:
    """The version that `model` names, in any case: by its name, an alias, or a domain word.

    >>> known("Max").domains[0], known("ultra").path, known("spark-x").name
    ('generalv3.5', '/v4.0/chat', 'x2')
    >>> known("my-service-id") is None
    True
    """
    return _BY_WORD.get(model.strip().lower())


def word(model: str) -> str:
    """The domain word to send for `model`: its own where it is one, as the service writes it.

    >>> word("PRO"), word("4.0ultra"), word("general"), word("xdeepseekv3")
    ('generalv3', '4.0Ultra', 'general', 'xdeepseekv3')
    """
    version = known(model)
    if version is None:
        return model.strip()
    if model.strip().lower() == version.name.lower():
        return version.domains[0]
    own = (one for one in version.domains if one.lower() == model.strip().lower())
    return next(own, version.domains[0])


_WRITTEN = {  # as people write them: by the title, and by the number in the address
    written.replace(" ", "").lower(): version
    for version in VERSIONS
    for written in (version.title, *re.findall(r"/v(\d\.\d)/chat$", version.path), version.name)
} | {"3.0": _BY_WORD["pro"], "1.5": _BY_WORD["lite"], "2.0": _BY_WORD["generalv2"]}


def nearest(model: str) -> Version | None:
    """The version that is likely meant by `model`, which is the name of none.

    >>> [nearest(said).name for said in ("v3.5", "Spark Max", "讯飞星火 Lite", "v3.0", "generalv35")]
    ['generalv3.5', 'generalv3.5', 'lite', 'generalv3', 'generalv3.5']
    >>> nearest("星火") is None
    True
    """
    said = re.sub(
        r"^(iflytek|讯飞|科大讯飞)?(spark|星火)?(大模型)?[-_:]?", "", model.lower().replace(" ", "")
    )
    said = re.sub(r"^v(?=\d)", "", said)
    names = _WRITTEN | _BY_WORD
    close = difflib.get_close_matches(said, names, n=1)
    return names[close[0]] if close else None
