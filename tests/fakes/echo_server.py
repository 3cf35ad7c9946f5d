"""A loopback server that refuses everything, and repeats every secret that came with the question.

Some services do: "Incorrect API key provided: sk-…". This one spells them in all ways, one after the other,
since an error message is cut: of three refusals each begins with another spelling.
"""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote, unquote, urlsplit

from .loopback import Exchange, Loopback, main


class EchoServer(Loopback):
    """Speaks no dialect: an error as most services write it.

    Attributes
    ----------
    streams : bool
        Answer 200 and say it in an event of the stream.
    """

    streams = False

    async def respond(self, exchange: Exchange) -> None:
        said = secrets_of(exchange)
        first = len(self.log) % 3
        forms = [
            *said,
            *(quote(one, safe="") for one in said),
            *(coded for one in said for coded in base64s(one)),
        ]
        third = len(forms) // 3
        message = "who is " + " or ".join(forms[first * third :] + forms[: first * third]) + "?"
        error = {"message": message, "code": said[0] if said else "none", "type": message, "status": message}
        body = {
            "error": error,
            "error_code": 17,
            "error_msg": message,
            "code": 11200,
            "message": message,
            "header": {"code": 11200, "message": message, "sid": message},
        }
        headers = {"X-Request-Id": forms[-1] if forms else "", "WWW-Authenticate": f"Bearer {message}"}
        if self.streams:
            await exchange.start(200, {"Content-Type": "text/event-stream"} | headers)
            await exchange.send(
                b"event: error\ndata: " + json.dumps(body | {"type": "error"}).encode() + b"\n\n"
            )
            await exchange.end()
        else:
            await exchange.json(401, body, headers)


def secrets_of(exchange: Exchange) -> list[str]:
    """What was sent in headers and in the address that may be secret, whole and without its scheme."""
    record = exchange.record
    found = [record.headers[name] for name in record.headers if "auth" in name or "key" in name]
    found += [one.partition(" ")[2] for one in found if " " in one]
    query = urlsplit(record.path).query
    found += [unquote(one.partition("=")[2]) for one in query.split("&") if "=" in one]
    return [query, *found] if query else found


def base64s(text: str) -> list[str]:
    """`text` in base64, alone and behind one character and two."""
    return [b64encode(("x" * before + text).encode()).decode() for before in range(3)]


SERVER = EchoServer

if __name__ == "__main__":
    main(EchoServer)
