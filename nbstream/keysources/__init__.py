"""Where keys come from, one place after the other; each module is one place.

For each field of a provider the first that has it: what the call was given, what ``login`` keeps in this
kernel, the environment, the system's keyring (`vault`), Colab's secrets (`colab`), a file of variables
(`dotenv`, only where somebody named one). A login comes before the environment since it is the newer wish;
the later places are asked only for what is still missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..credentials import CredentialField, Credentials, Secret, guard
from ..errors import fail


def collect(
    fields: Iterable[CredentialField],
    given: Mapping[str, Any] | None,
    kept: Credentials,
    environ: Mapping[str, str] | None = None,
    *,
    login: str = "",
) -> dict[str, Secret]:
    """What is at hand of `fields`: given in the call, else kept in this kernel, else in the environment.

    Raises `NbstreamError` (config) for a name in `given` that is no field; `login` names the provider where
    it was given to `login`.
    """
    fields = tuple(fields)
    names = [field.name for field in fields]
    for name in given or {}:
        if name not in names:
            needed = [field for field in fields if field.required] or list(fields[:1])
            words = ", ".join(f'{field.name}="…"' for field in needed)
            line = f'nbstream.login("{login}", {words})' if login else f"credentials={example(needed)}"
            raise fail("config.credential_name", name=name, names=", ".join(names) or "—", line=line)
    found: dict[str, Secret] = {}
    for field in fields:
        value = (given or {}).get(field.name)
        if value is not None:
            found[field.name] = value if isinstance(value, Secret) else guard(str(value))
        elif field.name in kept:
            found[field.name] = kept[field.name]
        elif (secret := from_variables(field, environ)) is not None:
            found[field.name] = secret
    return found


def from_variables(field: CredentialField, variables: Mapping[str, str] | None = None) -> Secret | None:
    """The value of `field` in `variables` (the environment), under the first of its names that is set."""
    for name in field.env:
        if _value(name, variables).strip():
            return guard(_value(name, variables), name)
    return None


def _value(name: str, variables: Mapping[str, str] | None) -> str:
    # Apart: a frame that raises must not name the environment. %xmode Verbose would show all of it.
    return (os.environ if variables is None else variables).get(name, "")


def example(fields: Iterable[CredentialField]) -> str:
    """Credentials as one writes them: ``{"app_id": "…", "api_key": "…"}``."""
    return "{" + ", ".join(f'"{field.name}": "…"' for field in fields) + "}"
