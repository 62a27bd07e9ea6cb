"""Conditions on a setting's value, told by its annotation: `Annotated[int, Checked(positive)]`.

Like the types of `gitgate.plugin.settings`, these speak pydantic's protocol without importing it, so that the model of
the configuration can be used from Python for the price of a dataclass.
"""

import re
from collections.abc import Callable
from typing import Any, Final


class Checked:
    """A value for which `check` raises nothing. Its ValueError is the message for the operator."""

    def __init__(self, check: Callable[[Any], None]) -> None:
        self._check = check

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> dict[str, Any]:
        return {
            "type": "function-after",
            "schema": handler(source),
            "function": {"type": "no-info", "function": self._checked},
        }

    def _checked(self, value: Any) -> Any:
        self._check(value)
        return value


def positive(value: float) -> None:
    """More than nothing."""
    if value <= 0:
        raise ValueError("must be more than 0")


def bytes_for_one_key(size: int) -> None:
    """Not so little that keys are exchanged all the time, nor more than AES may protect (RFC 4344 section 3.2)."""
    if not 2**20 <= size <= 2**35:
        raise ValueError("must be at least 1MiB and at most 32GiB")


def bytes_for_one_head(size: int) -> None:
    """Enough for a browser's request, and not more than is looked at before anything is decided."""
    if not 2**10 <= size <= 2**16:
        raise ValueError("must be at least 1KiB and at most 64KiB")


def public_url(*openings: str) -> Callable[[str], None]:
    """A check for a URL with one of these openings, to which the paths of repositories can be appended."""

    def check(url: str) -> None:
        if not url.startswith(openings):
            raise ValueError(f"must begin with {' or '.join(openings)}")
        rest = url.partition("://")[2]
        if not re.fullmatch(r"[^\s/?#\\]+(/[^\s?#\\]*)?", rest):
            raise ValueError("must be a host, and a path if there is one, without spaces, '?' and '#'")
        if ":" in rest.partition("/")[0].rpartition("@")[0]:
            raise ValueError("must not hold a password: everybody is told this URL")

    return check


def git_config_key(key: str) -> None:
    """A name as `git config` takes it: section, perhaps a subsection, and variable (git-config(1), "Syntax")."""
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[^\n\0]*)?\.[A-Za-z][A-Za-z0-9-]*", key):
        raise ValueError("is no key of git's configuration: write it as in receive.certNonceSeed")


#: What gitgate sets itself, and what would decide for git's children which code they load (ld.so(8)).
_RESERVED_VARIABLES: Final = re.compile(
    r"GIT_DIR|GIT_PROTOCOL|GIT_CONFIG_(?:COUNT|KEY_.*|VALUE_.*|GLOBAL)|GIT_TERMINAL_PROMPT|GIT_COMMITTER_(?:NAME|EMAIL)"
    r"|LD_.*|GITGATE_.*|REMOTE_(?:USER|ADDR)"
)


def environment_variable(name: str) -> None:
    """A variable's name that is free for operators."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("is no name for a variable: letters, digits and _ may stand in it, and no digit first")
    if _RESERVED_VARIABLES.fullmatch(name):
        raise ValueError("is not for the configuration: gitgate sets this variable itself, or git must not have it")


def without_nul(text: str) -> None:
    """A text that a process can be given."""
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
