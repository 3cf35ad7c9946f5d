"""The head of a panel: the model, the conversation, the settings, the export; and keys, as they are typed."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from ..chat import shelf
from ..credentials import Secret, guard
from ..errors import NbstreamError, fail
from ..i18n import chosen, magic, t
from ..providers import registry
from . import sheets
from .part import Part, wish

KINDS = {".md": "text/markdown", ".ipynb": "application/x-ipynb+json", ".json": "application/json"}
LARGEST = 2_000_000
"""Bytes of an export that is sent: of much more at once a Jupyter server drops a part."""
_MEANT = re.compile(r"%\w+ use ([\w:.-]+)")
Wish = dict[str, Any]


class Heading(Part):
    """Tells what is in use and what there is to choose; does what is chosen."""

    def state(self) -> dict[str, Any]:
        desk, presets = self.desk, self.desk.presets
        names = [{"name": name, "turns": count} for name, count in self._counts()]
        settings = {name: presets.get(name) for name in ("system", "temperature", "max_tokens")}
        return {
            "model": self._model(),
            "talk": {"name": desk.talk.name, "names": names},
            "settings": {**settings, "language": chosen() or "auto"},
        }

    def changed(self) -> None:
        here, talk = self.desk.session, self.desk.talk
        if not shelf.stands(here, talk):  # it was deleted
            self.desk.go_to(shelf.beside(here, talk))
        else:
            self.desk.tell(self.state())

    def _counts(self) -> list[tuple[str, int]]:
        counts = []
        for name, talk in list(self.desk.session.conversations.items()):
            with talk.lock:
                counts.append((name, len(talk.turns)))
        return counts

    # --- models ---------------------------------------------------------------------------------------

    def _model(self) -> dict[str, Any]:
        from .offers import full, keyless, played

        model, here = self.desk.model, self.desk.session
        try:
            provider, name = registry.split(model)
        except NbstreamError:  # a setting names none that there is
            return {"id": model, "label": f"{model} · {t('sheet.unknown')}", "ready": False, "demo": False}
        label, demo = full(provider, name), provider.name == "demo"
        ready = keyless(provider) or provider.name in here.ready() or played(here, provider, name)
        hint = t("sheet.demo") if demo else "" if ready else t("sheet.needs_key")
        return {"id": label, "label": f"{label} · {hint}" if hint else label, "ready": ready, "demo": demo}

    @wish("model_sheet", aside=True)
    def model_sheet(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """What there is to choose, as far as it is known; `only`: for one question, not for all."""
        then = {"do": "model", "only": bool(wish.get("only"))}
        return {"sheet": sheets.models(self._offered(wish), then, again=bool(wish.get("turn")))}

    @wish("models", aside=True)
    def models(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """The same, after the services were asked."""
        from .offers import ask_around

        ask_around(self.desk.session)
        return {"items": self._offered(wish)}

    def _offered(self, wish: Wish) -> list[dict[str, Any]]:
        from .offers import offers

        using, only = self._model()["id"], bool(wish.get("only"))
        return [
            sheets.item(model, {"do": "model", "name": model, "only": only}, detail, current=model == using)
            for model, detail in offers(self.desk.session, using)
        ]

    @wish("model")
    def model(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """Use a model, or (`only`) tell its full name; where its key is missing, ask for that first."""
        from .offers import full, played

        here, only = self.desk.session, bool(wish.get("only"))
        here.keys.refuse_as_name(str(wish.get("name")))
        try:
            provider, name = registry.split(str(wish.get("name", "")))
            if here.player is None:
                provider.check_model(name, here.base_url(provider))
            model = full(provider, name)
            if here.player is None:
                here.policy.insist(model)
        except NbstreamError as error:
            return {"sheet": self._rather(wish, error)}
        missing = here.keys.missing(provider, here.credentials(provider))
        keyless = here.base_url(provider) and provider.key_optional_elsewhere
        if missing and not keyless and not played(here, provider, name):
            return {"sheet": sheets.key(provider, {"model": model, "only": only})}
        if not only:
            self.use(model)
        return {"name": model}

    def _rather(self, wish: Wish, error: NbstreamError) -> sheets.Sheet:
        """The models once more: what is wrong with the one that was typed, and what was probably meant."""
        self.desk.session.last_error = error
        sheet: sheets.Sheet = self.model_sheet(wish, [])["sheet"]
        items = sheet["items"]
        if meant := _MEANT.match(error.fix):
            wished = {"do": "model", "name": meant[1], "only": bool(wish.get("only"))}
            items = [sheets.item(meant[1], wished), *items]
        return sheet | {"text": f"{error.what} {error.why}", "items": items}

    def use(self, model: str) -> None:
        """Have this kernel use `model` from now on, and this panel, whatever it was opened with."""
        from ..magics.verbs.using import not_listed

        self.desk.own_model = None
        using = self.desk.session.use(model)
        self.desk.notice(not_listed(using) or None)

    # --- keys -----------------------------------------------------------------------------------------

    @wish("key_sheet")
    def key_sheet(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """Ask for the keys of a provider; where a turn failed for want of them, to ask that again."""
        provider = registry.get(str(wish.get("provider", "")))
        if not provider.fields:
            raise fail("config.no_login", provider=provider.name, label=provider.label)
        return {"sheet": sheets.key(provider, {"turn": wish.get("turn")})}

    @wish("login", aside=True)
    def login(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """Take in keys: the names of the fields stand in the wish, each value in a buffer."""
        from ..chat.signin import sign_in
        from ..magics.verbs.keys import entered

        given: dict[str, Secret] = {}
        names, model = wish.get("fields"), wish.get("model")
        try:
            provider = registry.get(str(wish.get("provider", "")))
            for name in names[: len(buffers)] if isinstance(names, list) else ():
                if secret := guard(str(buffers.pop(0), "utf-8", "replace")):
                    given[str(name)] = secret
            if not given:
                raise fail("config.login_empty", provider=provider.name, label=provider.label)
            signed = sign_in(self.desk.session, provider, given)
        except NbstreamError as error:
            return _in_form(error)
        finally:
            buffers.clear()
        if model and not wish.get("only"):
            self.use(str(model))
        shown = entered(provider, signed, str)
        if wish.get("turn"):  # what failed without it
            again = {"do": "retry", "turn": wish["turn"], "view": wish.get("view")}
            self.desk.hear({**again, "id": f"{wish.get('id')} again"})
            self.desk.later(partial(self.desk.notice, shown))
            return {"name": model}
        return {"sheet": sheets.said(t("sheet.key_for", label=provider.label), shown), "name": model}

    # --- conversations --------------------------------------------------------------------------------

    @wish("talks_sheet")
    def talks_sheet(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """The conversations."""
        return {"sheet": sheets.talks(self._counts(), self.desk.talk.name)}

    @wish("naming_sheet")
    def naming_sheet(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """What is asked before one is begun, renamed, branched off or deleted."""
        if (op := str(wish.get("op"))) in sheets.OPS:
            return {"sheet": sheets.naming(op, self.desk.talk)}
        return {}

    @wish("talk")
    def talk(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """Open, begin, rename, branch or delete a conversation."""
        try:
            self._do(wish)
        except NbstreamError as error:
            if wish.get("form"):
                return _in_form(error)
            raise
        return {}

    def _do(self, wish: Wish) -> None:
        desk, here, name = self.desk, self.desk.session, str(wish.get("name") or "")
        op, of = wish.get("op"), str(wish.get("of") or desk.talk.name)
        talk = here.conversations.get(of, desk.talk)
        if op in ("rename", "branch", "remove") and of not in here.conversations:
            raise fail("config.conversation_not_there", name=of)  # never another instead
        if op == "open" and name in here.conversations:  # or it was deleted just now
            desk.go_to(name)
        elif op == "new":
            desk.go_to(shelf.unused(here, name, "chat"))
        elif op == "rename":
            shelf.rename(here, talk, name)
        elif op == "branch":
            desk.go_to(talk.branch(shelf.unused(here, name, talk.name)).name)
        elif op == "remove":
            shelf.remove(here, talk)

    # --- settings, export -----------------------------------------------------------------------------

    @wish("settings_sheet")
    def settings_sheet(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """What is set for this conversation."""
        return {"sheet": sheets.settings(self.desk.presets, chosen() or "auto")}

    @wish("settings")
    def settings(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """Take what was typed: all of it, or nothing where something is wrong."""
        from ..magics.verbs.using import lang
        from .presets import presets

        talk = self.desk.talk
        try:
            found = presets(wish)
            self.desk.session.keys.refuse_in(found.get("system", ""))
            if most := found.get("max_tokens"):
                self.desk.session.policy.bounded(self._model()["id"], most)
        except NbstreamError as error:
            return _in_form(error)
        if (language := str(wish.get("language") or "auto")) != (chosen() or "auto"):
            lang(language)
            self.desk.notice(None)  # it was said in the other one
        talk.presets.clear()
        talk.presets |= found
        talk.watchers.changed()
        return {}

    @wish("longest")
    def longest(self, wish: Wish, buffers: list[bytes]) -> None:
        """Have answers be as long as is allowed, where more was set."""
        from .presets import presets

        self.desk.talk.presets |= presets({"max_tokens": wish.get("tokens")})
        self.desk.talk.watchers.changed()
        self.desk.notice(None)

    @wish("export_sheet")
    def export_sheet(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """The kinds of file."""
        return {"sheet": sheets.exports(KINDS)}

    @wish("export")
    def export(self, wish: Wish, buffers: list[bytes]) -> Wish:
        """The conversation as a file; the page offers it, the kernel writes none."""
        from ..chat.store import quoted
        from ..show.export import KINDS as WRITERS

        talk, kind = self.desk.talk, str(wish.get("kind", ".md"))
        with talk.lock:
            turns = talk.turns
        if not turns:
            raise fail("config.nothing_to_save", name=talk.name)
        name = re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", talk.name) + kind
        content = WRITERS[kind](talk.name, turns)
        if len(content) > LARGEST:
            named = "" if talk.name == "main" else f" -c {quoted(talk.name)}"
            line = f"%{magic()} export {quoted(name)}{named}"
            raise fail("config.export_large", size=f"{len(content) / 1e6:.1f}", line=line)
        self.desk.session.audit("export", conversation=talk.name, file=name)
        return {"file": {"download": name, "type": KINDS[kind]}, "buffers": [content]}


def _in_form(error: NbstreamError) -> Wish:
    """What is said below what was typed, which stays where it is."""
    return {"error": f"{error.what} {error.why}"}
