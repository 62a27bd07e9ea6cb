"""All that a plugin may import from gitgate: the standard library's types, and pluggy's marker.

A plugin is a class. Its `settings_type` (a dataclass, or a pydantic model) is built from its entry in the
configuration and passed to `__init__`; without one, `__init__` takes nothing. Its methods marked with `@hookimpl`
answer hooks. It may say with `accepts = (Password,)` which kinds of credentials it knows; it is then asked about no
others, and the transports offer only what some plugin accepts. `docs/plugins.md` is the guide for authors.
"""

from gitgate.plugin.audit_record import AuditRecord, Verdict
from gitgate.plugin.hookspecs import Answer, Hooks, hookimpl
from gitgate.plugin.settings import Duration, Secret, SettingsError, Size
from gitgate.plugin.threads import in_thread
from gitgate.plugin.values import (
    ANONYMOUS,
    Access,
    Allow,
    BearerToken,
    Credentials,
    Deny,
    Finding,
    GitRequest,
    Identity,
    Missing,
    Password,
    Peer,
    PublicKey,
    RefChange,
    RefUpdate,
    Rejected,
    Repository,
    Service,
    Transport,
)
from gitgate.plugin.watched_file import WatchedFile, WatchedFiles

__all__ = [
    "ANONYMOUS",
    "Access",
    "Allow",
    "Answer",
    "AuditRecord",
    "BearerToken",
    "Credentials",
    "Deny",
    "Duration",
    "Finding",
    "GitRequest",
    "Hooks",
    "Identity",
    "Missing",
    "Password",
    "Peer",
    "PublicKey",
    "RefChange",
    "RefUpdate",
    "Rejected",
    "Repository",
    "Secret",
    "Service",
    "SettingsError",
    "Size",
    "Transport",
    "Verdict",
    "WatchedFile",
    "WatchedFiles",
    "hookimpl",
    "in_thread",
]
