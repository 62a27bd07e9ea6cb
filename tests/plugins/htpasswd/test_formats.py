"""Each kind of hash, with vectors made by the tools that people use. The password is "correct horse"."""

import ctypes
import errno
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from gitgate_htpasswd import HtpasswdPlugin, libpass, yescrypt

from gitgate.plugin import Identity, Rejected, SettingsError

Load = Callable[..., HtpasswdPlugin]
LogIn = Callable[[HtpasswdPlugin, str, str], Identity | Rejected | None]

PASSWORD = "correct horse"

VECTORS = {
    "bcrypt-2y (htpasswd -B)": "$2y$04$nMBqHg6/v4QmmwR7/DFX1OLsC/sMW7se81JNUOKZvV.ZTtj0ZEYz.",
    "bcrypt-2a": "$2a$04$m5rnxI0uBUGkRCRFbVEjie81CPYDVOiIEBBCJj0gG4.06Lf6TfM3K",
    "bcrypt-2b": "$2b$04$SfZy.VTl7gsoeR2ilvdFIuaHzPMSv8h2OPuqtdnSfOivDJS3xlC7O",
    "apr1 (htpasswd -m)": "$apr1$LxwkkcJE$ZjykzEHLiCKtSY6wvvs3//",
    "{SHA} (htpasswd -s)": "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
    "sha256-crypt (htpasswd -2)": "$5$6zdidD2mbB8F/k/r$N.eofaL0G8zxje9GqoOvMcm8Nc8XBeS9ZpMPByYnYJ3",
    "sha512-crypt (htpasswd -5)": (
        "$6$BFamL1adMi42kwAR$1fsBcJR65/.ripmRc3ugEvVs.YiG5XATCh2xtXIIcZB/bKGr5X8JyBJgRZsf11hHF5..4AWnu29CGZ.Owy7Tr1"
    ),
    "sha512-crypt with rounds (htpasswd -5 -r)": (
        "$6$rounds=1000$AloYJ/q4ZedABhWn$"
        "xSK2yIuYkkKWejlRbXCHquXogxNcwCpFYUElvy7Ee/upjRsVxOayNLPD1E9S31bcE7nGmFx6RAO0XhJOBgAT9."
    ),
    "DES (htpasswd -d)": "CCnTVNL3y91Ls",
    "md5-crypt (openssl passwd -1)": "$1$qcz3Nsm2$rkH31Bg5WDLTQOGXc4bqI.",
    "yescrypt (crypt)": "$y$j75$k2XAnEHBqQ1Ct2aMXFKNa/$E9XAySfP6N2THWdzNKesSVmhpcmhNusa8y5TMfT668.",
    "argon2id": "$argon2id$v=19$m=128,t=1,p=1$c2FsdHNhbHQ$ZgAefcBmAZUhqa9F//pjrXn1vEU/7Ne6+BKXNIbtZww",
}
NOT_APACHES = ("argon2id",)


@pytest.fixture(params=[pytest.param(text, id=name) for name, text in VECTORS.items()])
def hash_text(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    if text.startswith("$y$") and not yescrypt.is_available():
        pytest.skip("needs libcrypt1")
    if text.startswith("$argon2"):
        pytest.importorskip("argon2", reason="needs argon2-cffi")
    return text


def test_the_right_password_logs_in(hash_text: str, load: Load, log_in: LogIn) -> None:
    plugin = load(f"alice:{hash_text}\n")

    assert log_in(plugin, "alice", PASSWORD) == Identity(name="alice")


def test_a_wrong_password_is_rejected(hash_text: str, load: Load, log_in: LogIn) -> None:
    plugin = load(f"alice:{hash_text}\n")

    # Differs in its first letter: DES reads no more than eight.
    assert log_in(plugin, "alice", "Correct horse") == Rejected("wrong password")


def test_the_text_of_a_hash_is_not_its_password(hash_text: str, load: Load, log_in: LogIn) -> None:
    """Attack: 1. somebody reads a leaked htpasswd file; 2. logs in with a line's text as it stands there.

    A library that takes an unknown hash for a plain password lets them in.
    """
    plugin = load(f"alice:{hash_text}\n")

    assert log_in(plugin, "alice", hash_text) == Rejected("wrong password")


def test_a_truncated_hash_logs_nobody_in(hash_text: str, load: Load, log_in: LogIn) -> None:
    """A file cut off in the middle of a line: libpass raises ValueError when its user logs in."""
    for length in range(1, len(hash_text)):
        plugin = load(f"alice:{hash_text[:length]}\n")

        assert isinstance(log_in(plugin, "alice", PASSWORD), Rejected), hash_text[:length]


def test_each_changed_character_of_a_hash_changes_the_password(hash_text: str, load: Load, log_in: LogIn) -> None:
    changed = hash_text[:-2] + ("A" if hash_text[-2] != "A" else "B") + hash_text[-1]
    plugin = load(f"alice:{changed}\n")

    assert isinstance(log_in(plugin, "alice", PASSWORD), Rejected)


def test_apache_verifies_the_same_vectors(
    hash_text: str, htpasswd: Callable[..., object], load: Load, users_file: object
) -> None:
    load(f"alice:{hash_text}\n")

    result = htpasswd("-vb", str(users_file), "alice", PASSWORD)

    expected = 3 if any(hash_text == VECTORS[name] for name in NOT_APACHES) else 0
    assert getattr(result, "returncode", None) == expected


@pytest.mark.parametrize(
    ("hash_text", "reason"),
    [
        pytest.param("", "the hash is empty", id="empty"),
        pytest.param("*", "the line is locked with '*'", id="star"),
        pytest.param("!", "the line is locked with '!'", id="bang"),
        pytest.param("*0", "the line is locked with '*'", id="crypt's failure token"),
        pytest.param("!" + VECTORS["bcrypt-2b"], "the line is locked with '!'", id="locked by usermod -L"),
        pytest.param("secret", "of a kind that Apache verifies", id="plain text"),
        pytest.param("ab", "of a kind that Apache verifies", id="two characters, which DES would take for a salt"),
        pytest.param("correcthorsex", "of a kind that Apache verifies", id="plain text as long as a DES hash"),
        pytest.param("{PLAIN}secret", "of a kind that Apache verifies", id="nginx {PLAIN}"),
        pytest.param("{SSHA}H3nd5jHY7t2mU/YxnWAVfM5MbolBaE0J", "of a kind that Apache verifies", id="nginx {SSHA}"),
        pytest.param("{sha}L55TUjtiq8FBorTWAZ0jy6g129A=", "of a kind that Apache verifies", id="{sha}"),
        pytest.param("$2x$04$" + "a" * 53, "a whole bcrypt hash", id="bcrypt of a faulty implementation"),
        pytest.param("$2b$31$" + "." * 53, "a cost from 04 to 16", id="bcrypt that takes days"),
        pytest.param("$6$rounds=999999999$salt$" + "a" * 86, "1000 to 999999 rounds", id="sha512 that takes hours"),
        pytest.param("$y$jKT$salt$" + "a" * 43, "a cost up to jDT", id="yescrypt that fills the memory"),
        pytest.param(
            "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43,
            "m from 100 to 999999 KiB",
            id="argon2 that fills the memory",
        ),
        pytest.param("$argon2i$v=19$m=128,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43, "a whole argon2id hash", id="argon2i"),
        pytest.param(" " + VECTORS["bcrypt-2b"], "of a kind that Apache verifies", id="blank before the hash"),
        pytest.param("schlüssel", "of a kind that Apache verifies", id="not ASCII"),
    ],
)
def test_an_unusable_hash_locks_out_its_user_whatever_is_typed(
    hash_text: str, reason: str, load: Load, log_in: LogIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Attack: log in with the text of the line, or what it may mean. libpass lets in '*', '!' and the empty one."""
    plugin = load(f"alice:{hash_text}\nbob:{VECTORS['bcrypt-2b']}\n")
    typed = {hash_text, hash_text.strip(), hash_text.removeprefix("{PLAIN}"), hash_text.lstrip("*!"), PASSWORD, ""}

    outcomes = [log_in(plugin, "alice", password) for password in sorted(typed)]

    assert all(isinstance(outcome, Rejected) for outcome in outcomes), outcomes
    assert log_in(plugin, "bob", PASSWORD) == Identity(name="bob")
    [warning] = caplog.messages
    assert ":1: user 'alice' cannot log in: " in warning
    assert reason in warning


@pytest.mark.parametrize("password", ["x" * 72, "x" * 73, "x" * 100, "x" * 72 + "anything"])
def test_bcrypt_reads_72_bytes_of_a_password_as_apache_does(password: str, load: Load, log_in: LogIn) -> None:
    """bcrypt 5 raises ValueError for the 73rd byte, which locks out whoever chose a longer password under Apache."""
    plugin = load("alice:$2b$04$BIHtLtaipsjzoGyqftJU0.AE8cUcrEOWZhaBVjOriwuKlQ9HcvGYi\n")

    assert log_in(plugin, "alice", password) == Identity(name="alice")


def test_des_reads_eight_bytes_of_a_password_and_is_reported(
    load: Load, log_in: LogIn, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = load(f"alice:{VECTORS['DES (htpasswd -d)']}\n")

    assert log_in(plugin, "alice", "correct ????????") == Identity(name="alice")
    [warning] = caplog.messages
    assert "guesses 1 of its hashes quickly (DES crypt); renew them with `gitgate passwd`" in warning


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("", id="empty"),
        pytest.param("\0", id="NUL"),
        pytest.param(f"{PASSWORD}\0anything", id="NUL after the right password"),
        pytest.param("x" * 1025, id="1025 bytes"),
        pytest.param("ü" * 513, id="1026 bytes in 513 characters"),
        pytest.param("x" * 200_000, id="200 kB"),
        pytest.param("\udcff", id="lone surrogate"),
    ],
)
def test_a_password_that_nobody_has_is_refused_without_an_exception(
    hash_text: str, password: str, load: Load, log_in: LogIn
) -> None:
    """Attack: passwords that make a library raise, so that each login costs a traceback and looks like an outage.

    bcrypt raises for a NUL, libpass for a NUL and for 4 KB; C libraries end a password at its NUL.
    """
    plugin = load(f"alice:{hash_text}\n")

    outcomes = (log_in(plugin, "alice", password), log_in(plugin, "nobody", password))

    assert outcomes == (Rejected("a password that no hash can have"), None)


@pytest.mark.parametrize("length", [73, 512, 513, 1024])
def test_a_long_password_is_wrong_without_an_exception(hash_text: str, length: int, load: Load, log_in: LogIn) -> None:
    plugin = load(f"alice:{hash_text}\n")

    assert log_in(plugin, "alice", "x" * length) == Rejected("wrong password")


@pytest.mark.parametrize("username", ["al:ice", "alice\n", "a" * 300, "", "\0", "\udcff"])
def test_a_strange_name_is_unknown_without_an_exception(username: str, load: Load, log_in: LogIn) -> None:
    """Attack: names for which libpass raises ValueError: a colon, a line end, more than 255 characters."""
    plugin = load(f"alice:{VECTORS['bcrypt-2b']}\n")

    assert log_in(plugin, username, PASSWORD) is None


def test_a_password_is_hashed_as_utf_8(load: Load, log_in: LogIn) -> None:
    plugin = load("alice:{SHA}9Rfd8dMqES/xrVXGbRsSyzjn6Pc=\n")

    assert log_in(plugin, "alice", "pässwörd") == Identity(name="alice")


def test_logins_in_many_threads_do_not_mix_up(load: Load, log_in: LogIn) -> None:
    texts = [text for text in VECTORS.values() if not text.startswith("$y$") or yescrypt.is_available()]
    plugin = load("".join(f"user{number}:{text}\n" for number, text in enumerate(texts)))
    together = threading.Barrier(8)

    def log_everybody_in(thread: int) -> list[Identity | Rejected | None]:
        together.wait(timeout=30)
        password = PASSWORD if thread % 2 == 0 else "Correct horse"
        return [log_in(plugin, f"user{number}", password) for number in range(len(texts))]

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(log_everybody_in, range(8)))

    right = [Identity(name=f"user{number}") for number in range(len(texts))]
    wrong = [Rejected("wrong password") for _ in texts]
    assert outcomes == [right, wrong] * 4


def test_without_argon2_cffi_its_users_are_told_what_to_install(
    load: Load, log_in: LogIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "argon2", None)
    plugin = load(f"alice:{VECTORS['argon2id']}\n")

    reason = "argon2id needs the Python package argon2-cffi; run: pip install argon2-cffi"
    assert log_in(plugin, "alice", PASSWORD) == Rejected(reason)
    [warning] = caplog.messages
    assert warning.endswith(f":1: user 'alice' cannot log in: {reason}")


def test_without_libxcrypt_users_with_yescrypt_cannot_log_in(
    load: Load, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yescrypt, "_crypt_rn", lambda: None)
    plugin = load(f"alice:{VECTORS['yescrypt (crypt)']}\n")

    reason = "yescrypt needs libxcrypt, which this system does not have"
    assert log_in(plugin, "alice", PASSWORD) == Rejected(reason)


def test_each_libpass_handler_is_used_before_threads_ask_it(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """libpass loads its parts at first use, without a lock: of first logins at the same time, some raised an error."""
    used: list[str] = []
    handler = libpass._handler

    class Recorded:
        def __init__(self, name: str) -> None:
            self._name = name

        def verify(self, password: bytes, text: str) -> bool:
            used.append(self._name)
            return bool(handler(self._name).verify(password, text))

    monkeypatch.setattr(libpass, "_handler", Recorded)
    load("")

    assert sorted(used) == [
        "apr_md5_crypt",
        "des_crypt",
        "ldap_sha1",
        "md5_crypt",
        "sha256_crypt",
        "sha512_crypt",
    ]


@pytest.mark.parametrize("version", ["1.7.4", "1.8.0", "0.9", "unknown"])
def test_the_dead_passlib_is_refused_in_one_sentence(version: str, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip installs passlib 1.7.4 over libpass without a word, and with bcrypt 5 it cannot even be imported whole."""
    monkeypatch.setattr("passlib.__version__", version)

    with pytest.raises(SettingsError) as caught:
        load("")

    assert str(caught.value) == (
        f"the Python package 'passlib' must come from libpass 1.9 or newer, but there is version {version}; "
        "run `pip uninstall passlib`, then `pip install --force-reinstall libpass`"
    )


@pytest.mark.parametrize("module", ["passlib", "passlib.hash"])
def test_a_libpass_whose_files_are_gone_is_refused_in_one_sentence(
    module: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uninstalling passlib deletes the files that libpass installed, while pip goes on listing libpass."""
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(SettingsError, match="there is no whole copy of it; run `pip uninstall passlib`"):
        load("")


def test_newer_libpass_is_accepted(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passlib.__version__", "1.10.0")

    assert isinstance(load(""), HtpasswdPlugin)


def test_a_lack_of_memory_is_not_a_wrong_password(load: Load, log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage is not an answer: the chain must see an exception, and tell the client to try again."""
    if not yescrypt.is_available():
        pytest.skip("needs libcrypt1")
    plugin = load(f"alice:{VECTORS['yescrypt (crypt)']}\n")

    def without_memory(*_: object) -> None:
        ctypes.set_errno(errno.ENOMEM)

    monkeypatch.setattr(yescrypt, "_crypt_rn", lambda: without_memory)

    with pytest.raises(OSError, match=os.strerror(errno.ENOMEM)):
        log_in(plugin, "alice", PASSWORD)
