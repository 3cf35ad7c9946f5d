"""An answer that is JSON settles as a block of code. Pure."""

from __future__ import annotations

import json

WIDE = 80
"""Characters above which JSON on a single line is shown on several."""
LARGE = 200_000
"""Characters above which it is shown as it came."""


def in_code(text: str) -> str:
    """Markdown for an answer that is JSON and nothing else: as code, on several lines where it is long.

    >>> print(in_code('{"a": 1}'))
    ```json
    {"a": 1}
    ```
    >>> in_code("Hello"), in_code("[1] See there.")
    ('Hello', '[1] See there.')
    """
    bare = text.strip()
    if bare[:1] not in ("{", "[") or bare[-1:] not in ("}", "]") or len(bare) > LARGE:
        return text
    try:
        value = json.loads(bare)
    except (ValueError, RecursionError):
        return text
    if "\n" not in bare and len(bare) > WIDE:
        bare = json.dumps(value, ensure_ascii=False, indent=2)
    fence = "```"
    while fence in bare:
        fence += "`"
    return f"{fence}json\n{bare}\n{fence}"


class Fence:
    """A fence around text that begins like JSON, while it comes; a model may also write its own.

    >>> fence = Fence()
    >>> fence.feed(" "), fence.feed('{"a"'), fence.feed(": 1}"), fence.end()
    ('', '```json\\n{"a"', ': 1}', '\\n```\\n')
    """

    def __init__(self) -> None:
        self._before = ""
        self._fenced: bool | None = None
        """None until the first character is there."""

    def feed(self, text: str) -> str:
        """What to show for more of the text."""
        if self._fenced is not None:
            return text
        self._before += text
        begun = self._before.lstrip()
        if not begun:
            return ""
        self._fenced = begun[0] in "{["
        return f"```json\n{begun}" if self._fenced else self._before

    def end(self) -> str:
        """What closes it."""
        return "\n```\n" if self._fenced else ""
