"""What a server's answer to a bind means for whoever wanted to log in."""

import re
from dataclasses import dataclass
from typing import Final

NO_SUCH_OBJECT: Final = 32

#: Results that are about the account (RFC 4511, appendix A.2), in our words. 389 Directory Server, and so FreeIPA,
#: answers unwillingToPerform for a disabled account, and constraintViolation after too many wrong passwords. All other
#: results are about the server, or about how it was asked.
_REFUSALS: Final = {
    19: "refused by a constraint",
    NO_SUCH_OBJECT: "no such entry",
    48: "no password, or none for this kind of login",
    49: "wrong password",
    50: "this account may not log in",
    53: "refused by the server",
}

#: The hexadecimal after "data" in Active Directory's words: Win32 error codes ([MS-ERREF] section 2.2).
_ACTIVE_DIRECTORY: Final = {
    "525": "user not found",
    "52e": "wrong password",
    "530": "not allowed to log in at this time",
    "531": "not allowed to log in from this machine",
    "532": "the password has expired",
    "533": "the account is disabled",
    "568": "member of too many groups",
    "701": "the account has expired",
    "773": "the password must be changed first",
    "775": "the account is locked",
}

_DATA: Final = re.compile(r"\bdata ([0-9a-f]+)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BindAnswer:
    """How a server answered a bind: the result's code and name (RFC 4511, section 4.1.9), and its own words."""

    code: int
    name: str
    diagnostic: str

    @property
    def is_success(self) -> bool:
        """The name and the password belong together."""
        return self.code == 0

    def __str__(self) -> str:
        return f"{self.name}: {self.diagnostic}" if self.diagnostic else self.name


def refusal(answer: BindAnswer) -> str | None:
    """Why this account does not log in; None for an answer that says nothing about the account."""
    if answer.code not in _REFUSALS:
        return None
    data = _DATA.search(answer.diagnostic)
    words = _ACTIVE_DIRECTORY.get(data[1].lower()) if data else None
    return words or _REFUSALS[answer.code]


def explained(answer: BindAnswer) -> str:
    """The server's words, and what they mean."""
    if answer.is_success:
        return "ok"
    words = refusal(answer)
    return f"{answer} ({words})" if words else str(answer)
