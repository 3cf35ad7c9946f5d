"""Keys among Colab's own secrets ("user data"), under the names that the environment has for them."""

from __future__ import annotations

import sys
import threading

from ..credentials import CredentialField, Secret, guard


def here() -> bool:
    """Whether this is Colab: its kernel brings the module along, nothing else has it."""
    return "google.colab" in sys.modules


def from_colab(field: CredentialField) -> Secret | None:
    """The secret of `field`, if there is one that this notebook may read.

    Colab asks its page for it, and the page may ask the person; so this is done on the main thread, and
    only for a provider that is about to be used.
    """
    if not here() or threading.current_thread() is not threading.main_thread():
        return None
    for name in field.env:
        value = _user_data(name)
        if value:
            return guard(value.reveal(), name)
    return None


def _user_data(name: str) -> Secret:
    try:
        from google.colab import userdata  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return Secret(str(userdata.get(name) or "").strip())
    except Exception:  # no such secret, no access to it, a page that does not answer: each has a class there
        return Secret("")
