"""The kinds of hashes that a password file may hold, and whether a password fits one.

They are those that `htpasswd -v` verifies, and argon2id. Never plain text: libpass's own HtpasswdFile takes each hash
that it does not know for a plain password, so that the text of an `{SSHA}` line logs its user in. nginx's `{SSHA}` and
`{PLAIN}` are refused, as Apache refuses them.

A pattern admits whole hashes only, with parameters that a login can wait for, so that no verification raises, and a
line with a cost of 31 does not keep a thread busy for weeks.
"""

import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import bcrypt

from gitgate_htpasswd import libpass, yescrypt

#: Far above what people type, far below what is expensive to hash.
MAX_PASSWORD_BYTES: Final = 1024

#: bcrypt reads no further, and its library refuses more. Apache cuts, so that users with longer passwords can log in.
BCRYPT_BYTES: Final = 72


class UnusableHash(ValueError):
    """No password can be verified with this hash. The message says why, without the hash."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One kind of hash. `shape` tells an operator what a whole one looks like, `problem` why none can be verified here.

    The pattern's group "cost", where it has one, is what the time of a verification depends on.
    """

    name: str
    prefix: str
    pattern: re.Pattern[str]
    shape: str
    verify: Callable[[bytes, str], bool]
    quickly_guessed: bool = False
    problem: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Hash:
    """A hash that passwords can be verified with."""

    scheme: Scheme
    cost: str | None
    text: str = field(repr=False)

    def fits(self, password: bytes) -> bool:
        """The password, as `password_bytes` made it, has this hash."""
        return self.scheme.verify(password, self.text)


def password_bytes(password: str) -> bytes | None:
    """The bytes that are hashed; None for a password that cannot be anybody's.

    C libraries end a password at a NUL, so that "secret\\0anything" would pass for "secret"; an empty one is sent
    by mistake; a huge one is work for nothing; a lone surrogate was never typed.
    """
    try:
        encoded = password.encode()
    except UnicodeEncodeError:
        return None
    return encoded if 0 < len(encoded) <= MAX_PASSWORD_BYTES and b"\0" not in encoded else None


def recognise(text: str) -> Hash:
    """The hash that this text is. Raises UnusableHash."""
    if not text:
        raise UnusableHash("the hash is empty")
    if text[0] in "*!":
        raise UnusableHash(f"the line is locked with {text[0]!r}")
    scheme = next((scheme for scheme in SCHEMES if text.startswith(scheme.prefix)), DES)
    match = scheme.pattern.fullmatch(text)
    if match is None:
        raise UnusableHash(f"the hash is not {scheme.shape}")
    if problem := scheme.problem():
        raise UnusableHash(problem)
    return Hash(scheme=scheme, cost=match.groupdict().get("cost"), text=text)


def _verify_bcrypt(password: bytes, text: str) -> bool:
    return bcrypt.checkpw(password[:BCRYPT_BYTES], text.encode("ascii"))


def _verify_argon2id(password: bytes, text: str) -> bool:
    from argon2.exceptions import VerifyMismatchError
    from argon2.low_level import Type, verify_secret

    try:
        return verify_secret(text.encode("ascii"), password, Type.ID)
    except VerifyMismatchError:
        return False


def _argon2_problem() -> str | None:
    if importlib.util.find_spec("argon2") is None:
        return "argon2id needs the Python package argon2-cffi; run: pip install argon2-cffi"
    return None


def _yescrypt_problem() -> str | None:
    return None if yescrypt.is_available() else "yescrypt needs libxcrypt, which this system does not have"


_CHARACTER: Final = "[./0-9A-Za-z]"
#: Base64 without padding, whose unused bits are zero: argon2's library refuses any other only when it verifies.
_BASE64: Final = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048])?"
_ROUNDS: Final = "(?:rounds=(?P<cost>[1-9][0-9]{3,5})[$])?"

SCHEMES: Final = (
    Scheme(
        name="bcrypt",
        prefix="$2",
        pattern=re.compile(rf"[$]2[aby][$](?P<cost>0[4-9]|1[0-6])[$]{_CHARACTER}{{21}}[.Oeu]{_CHARACTER}{{31}}"),
        shape="a whole bcrypt hash: $2a$, $2b$ or $2y$, a cost from 04 to 16, 60 characters in all",
        verify=_verify_bcrypt,
    ),
    Scheme(
        name="argon2id",
        prefix="$argon2",
        # Less than 1 GiB (m is in KiB) and, as the library wants it, at least 8 KiB for each lane.
        pattern=re.compile(
            r"[$]argon2id[$]v=19[$](?P<cost>m=[1-9][0-9]{2,5},t=[1-9][0-9]?,p=[1-9])"
            rf"[$](?=[^$]{{11,86}}[$]){_BASE64}[$](?=[^$]{{22,86}}\Z){_BASE64}"
        ),
        shape="a whole argon2id hash: $argon2id$v=19$, m from 100 to 999999 KiB, t up to 99, p up to 9",
        verify=_verify_argon2id,
        problem=_argon2_problem,
    ),
    Scheme(
        name="yescrypt",
        prefix="$y$",
        # The two characters after j are the logarithm of the number of blocks, at most 2^16, and their size, at most
        # 32 (128 bytes each): 256 MiB.
        pattern=re.compile(rf"[$]y[$](?P<cost>j[./0-9A-D][./0-9A-T])[$]{_CHARACTER}{{1,86}}[$]{_CHARACTER}{{43}}"),
        shape="a whole yescrypt hash: $y$, a cost up to jDT, salt, 43 characters",
        verify=yescrypt.verify,
        problem=_yescrypt_problem,
    ),
    Scheme(
        name="sha512-crypt",
        prefix="$6$",
        pattern=re.compile(rf"[$]6[$]{_ROUNDS}{_CHARACTER}{{0,16}}[$]{_CHARACTER}{{86}}"),
        shape="a whole sha512-crypt hash: $6$, 1000 to 999999 rounds, salt, 86 characters",
        verify=libpass.verifier("sha512_crypt"),
    ),
    Scheme(
        name="sha256-crypt",
        prefix="$5$",
        pattern=re.compile(rf"[$]5[$]{_ROUNDS}{_CHARACTER}{{0,16}}[$]{_CHARACTER}{{43}}"),
        shape="a whole sha256-crypt hash: $5$, 1000 to 999999 rounds, salt, 43 characters",
        verify=libpass.verifier("sha256_crypt"),
    ),
    Scheme(
        name="apr1",
        prefix="$apr1$",
        pattern=re.compile(rf"[$]apr1[$]{_CHARACTER}{{0,8}}[$]{_CHARACTER}{{22}}"),
        shape="a whole apr1 hash: $apr1$, up to 8 characters of salt, 22 characters",
        verify=libpass.verifier("apr_md5_crypt"),
        quickly_guessed=True,
    ),
    Scheme(
        name="md5-crypt",
        prefix="$1$",
        pattern=re.compile(rf"[$]1[$]{_CHARACTER}{{0,8}}[$]{_CHARACTER}{{22}}"),
        shape="a whole md5-crypt hash: $1$, up to 8 characters of salt, 22 characters",
        verify=libpass.verifier("md5_crypt"),
        quickly_guessed=True,
    ),
    Scheme(
        name="{SHA}",
        prefix="{SHA}",
        pattern=re.compile(r"\{SHA\}[A-Za-z0-9+/]{27}="),
        shape="a whole {SHA} hash: {SHA}, 28 characters of base64",
        verify=libpass.verifier("ldap_sha1"),
        quickly_guessed=True,
    ),
)

#: The last resort, for it has no mark: 66 bits of base64, of which crypt(3) leaves the last two zero. That keeps out
#: three of four words of 13 letters; the others log in nobody, as no password has them as its hash.
DES: Final = Scheme(
    name="DES crypt",
    prefix="",
    pattern=re.compile(rf"{_CHARACTER}{{12}}[.26AEIMQUYcgkosw]"),
    shape="of a kind that Apache verifies; write a new one with `gitgate passwd` or `htpasswd -B`",
    verify=libpass.verifier("des_crypt"),
    quickly_guessed=True,
)
