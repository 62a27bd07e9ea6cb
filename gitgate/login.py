"""A finished login: who somebody is, and how gitgate knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gitgate.plugin import ANONYMOUS, BearerToken, Identity, Password, PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An identity with what vouches for it.

    `method` is "password", "publickey", "bearer" or "anonymous"; `plugin` is the name of the plugin that knew the
    identity; `fingerprint` is the key's.
    """

    identity: Identity
    method: str
    plugin: str | None = None
    fingerprint: str | None = None


#: How each kind of credentials is called in records.
METHODS: Final[Mapping[type, str]] = {Password: "password", PublicKey: "publickey", BearerToken: "bearer"}

ANONYMOUS_LOGIN: Final = Login(identity=ANONYMOUS, method="anonymous")
