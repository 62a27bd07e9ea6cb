"""What stands in a password file, and who may log in with it."""

import contextlib
import itertools
import logging
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
from gitgate_htpasswd import HtpasswdPlugin, HtpasswdSettings
from gitgate_htpasswd.hashes import password_bytes
from gitgate_htpasswd.lines import MalformedFile
from gitgate_htpasswd.table import Locked, parse_users
from hypothesis import given
from hypothesis import strategies as st

from gitgate.plugin import Identity, Rejected, SettingsError

Load = Callable[..., HtpasswdPlugin]
LogIn = Callable[[HtpasswdPlugin, str, str], Identity | Rejected | None]

PASSWORD = "correct horse"
SHA = "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="
APR1 = "$apr1$LxwkkcJE$ZjykzEHLiCKtSY6wvvs3//"
BCRYPT_4 = "$2y$04$nMBqHg6/v4QmmwR7/DFX1OLsC/sMW7se81JNUOKZvV.ZTtj0ZEYz."
OTHER_BCRYPT_4 = "$2b$04$SfZy.VTl7gsoeR2ilvdFIuaHzPMSv8h2OPuqtdnSfOivDJS3xlC7O"
BCRYPT_5 = "$2y$05$EFsHNXEvk4hKhxDC3xspceMuDG/vAllMA8Dl.Q4jalwb2fgWjo1g6"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"alice:{SHA}:a comment: with colons\n", id="nginx's third field"),
        pytest.param(f"alice:{SHA}:caf\xe9\n".encode("latin-1"), id="third field that is not UTF-8"),
        pytest.param(f"# caf\xe9\nalice:{SHA}\n".encode("latin-1"), id="comment that is not UTF-8"),
        pytest.param(f"\r\nalice:{SHA}\r\n", id="Windows line ends"),
        pytest.param(f"\ufeffalice:{SHA}\n", id="byte order mark, which hides the first user from libpass"),
        pytest.param(f"\ufeff# comment\nalice:{SHA}\n", id="byte order mark before a comment"),
        pytest.param(f"  \n\n#\n # bob:x\n  alice:{SHA}  ", id="blanks, comments and no last line end"),
    ],
)
def test_files_as_people_have_them_are_read(content: str | bytes, load: Load, log_in: LogIn) -> None:
    plugin = load(content)

    assert log_in(plugin, "alice", PASSWORD) == Identity(name="alice")


def test_a_comment_is_nobody(load: Load, log_in: LogIn) -> None:
    """An operator disables a user with a `#`: the line must not become a user called "# alice"."""
    plugin = load(f"# alice:{SHA}\n#bob:{SHA}\n")

    outcomes = [log_in(plugin, name, PASSWORD) for name in ("alice", "# alice", "#bob", "bob")]

    assert outcomes == [None, None, None, None]


def test_names_are_compared_exactly(load: Load, log_in: LogIn) -> None:
    plugin = load(f"alice:{SHA}\njürgen:{SHA}\nJean Luc:{SHA}\n")

    outcomes = [log_in(plugin, name, PASSWORD) for name in ("Alice", "alice ", "jürgen", "Jean Luc")]

    assert outcomes == [None, None, Identity(name="jürgen"), Identity(name="Jean Luc")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"alice\n", ":1: there is no colon; write `name:hash`", id="no colon"),
        pytest.param(b"\n#\n:x\n", ":3: there is no user name before the colon", id="no name"),
        pytest.param(b"\xffalice:x\n", ":1: the user name is not UTF-8", id="Latin-1"),
        pytest.param("alice:x\n".encode("utf-16"), ":1: the user name is not UTF-8", id="UTF-16"),
        pytest.param(b"al\0ice:x\n", ":1: the user name has a character that does not show", id="NUL"),
        pytest.param(b"al\x1b[31mice:x\n", ":1: the user name has a character that does not show", id="escape"),
        pytest.param("a\u202eb:x\n".encode(), ":1: the user name has a character that does not show", id="bidi"),
        pytest.param(
            f"bob:{SHA}\n#\nalice:{SHA}\nbob:{BCRYPT_4}\n".encode(),
            ":4: user 'bob' is on line 1 already; delete one of the two lines",
            id="user twice",
        ),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(content: bytes, problem: str, load: Load, users_file: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(content)

    assert (str(caught.value), caught.value.key) == (f"{users_file}{problem}", "file")


def test_a_missing_file_is_refused(users_file: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        HtpasswdPlugin(HtpasswdSettings(file=users_file))

    assert (str(caught.value), caught.value.key) == (
        f"{users_file}: cannot be read: No such file or directory",
        "file",
    )


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        HtpasswdPlugin(HtpasswdSettings(file=tmp_path))

    assert (str(caught.value), caught.value.key) == (f"{tmp_path}: cannot be read: not a regular file", "file")


def test_an_empty_file_knows_nobody(load: Load, log_in: LogIn) -> None:
    assert log_in(load(""), "alice", PASSWORD) is None


def test_no_secret_is_logged_or_shown(load: Load, log_in: LogIn, caplog: pytest.LogCaptureFixture) -> None:
    """Attack: read the log. A line without a colon, or with a plain password, holds what must not stand there."""
    caplog.set_level(logging.DEBUG)
    plugin = load(
        f"alice:hunter2\nbob:{{PLAIN}}hunter2\ncarol:{BCRYPT_4}\ndave:{BCRYPT_4[:30]}\nerin:hunter2:hunter2\n"
    )
    for name in ("alice", "bob", "carol", "dave", "erin", "nobody"):
        log_in(plugin, name, "hunter2")
    with pytest.raises(SettingsError) as caught:
        load("hunter2\n")

    shown = caplog.text + str(caught.value) + repr(parse_users(f"carol:{BCRYPT_4}\n".encode(), Path("users")))

    assert [secret for secret in ("hunter2", BCRYPT_4, BCRYPT_4[8:30]) if secret in shown] == []


def test_anonymous_cannot_log_in_and_is_reported(load: Load, log_in: LogIn, caplog: pytest.LogCaptureFixture) -> None:
    """Attack: a user gets the name "anonymous" into the file, and with it whatever is open to the public... or closed.

    The name belongs to people who have not logged in; who logs in must never carry it.
    """
    plugin = load(f"anonymous:{BCRYPT_4}\n")

    reason = "the name 'anonymous' belongs to people who have not logged in"
    assert log_in(plugin, "anonymous", PASSWORD) == Rejected(reason)
    [warning] = caplog.messages
    assert warning.endswith(f":1: user 'anonymous' cannot log in: {reason}")


def test_warnings_name_the_file_and_the_line(load: Load, users_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(f"#\nalice:*\nbob:{APR1}\ncarol:{BCRYPT_4}\ndave:{SHA}\n")

    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "gitgate_htpasswd.table",
            "WARNING",
            f"{users_file}:2: user 'alice' cannot log in: the line is locked with '*'",
        ),
        (
            "gitgate_htpasswd.table",
            "WARNING",
            f"{users_file}: whoever gets hold of it guesses 2 of its hashes quickly (apr1, {{SHA}}); "
            "renew them with `gitgate passwd`",
        ),
    ]


class RecordingCheck:
    """bcrypt's own check, which remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        self._check = bcrypt.checkpw

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.asked.append((password, hashed))
        return self._check(password, hashed)


@pytest.mark.parametrize("username", ["alice", "nobody", "locked", "anonymous"])
def test_every_name_costs_one_verification_of_the_file_s_usual_cost(
    username: str, load: Load, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attack: measure how long a refusal takes. bcrypt of cost 12 takes 300 ms, an unknown name took none.

    So the answer's time told which names are in the file.
    """
    check = RecordingCheck()
    monkeypatch.setattr(bcrypt, "checkpw", check)
    plugin = load(
        f"sha:{SHA}\nfive:{BCRYPT_5}\nalice:{BCRYPT_4}\nbob:{OTHER_BCRYPT_4}\nlocked:!\nanonymous:{BCRYPT_5}\n"
    )

    log_in(plugin, username, "wrong")

    assert [(password, hashed[4:7]) for password, hashed in check.asked] == [(b"wrong", b"04$")]


def test_an_unknown_user_with_the_decoy_s_password_stays_unknown(load: Load, log_in: LogIn) -> None:
    """Attack: somebody knows the password of the user whose hash the time is spent on, and tries it with any name."""
    plugin = load(f"alice:{BCRYPT_4}\nlocked:!\n")

    outcomes = (log_in(plugin, "nobody", PASSWORD), log_in(plugin, "locked", PASSWORD))

    assert outcomes == (None, Rejected("the line is locked with '!'"))


NAMES = st.text(st.characters(codec="utf-8", exclude_characters=":\n\r#"), max_size=8)
FIELDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [SHA, APR1, BCRYPT_4, "*", "!", "", "{PLAIN}secret", "$1$", "$2y$", "$5$", "$6$", "$y$", "$argon2id$"]
    ),
    st.builds(lambda text, length: text[:length], st.sampled_from([SHA, APR1, BCRYPT_4]), st.integers(0, 60)),
    st.text("./0123456789ABCXYZabcxyz", min_size=13, max_size=13),
)
LINES = st.lists(st.one_of(st.builds("{}:{}".format, NAMES, FIELDS), st.text(max_size=30)), max_size=6)
CONTENTS = st.one_of(st.binary(max_size=200), LINES.map(lambda lines: "\n".join(lines).encode("utf-8", "replace")))


@given(CONTENTS)
def test_no_content_makes_the_parser_raise_anything_but_its_own_error(content: bytes) -> None:
    with contextlib.suppress(MalformedFile):
        table = parse_users(content, Path("users"))

        assert all(name.isprintable() for name in table.entries)


@given(st.lists(FIELDS, min_size=1, max_size=4))
def test_no_text_of_a_line_logs_anybody_in(fields: list[str]) -> None:
    """Attack: log in with what stands in the file, whole or in part: the passwords of a file must not be in it."""
    content = "".join(f"user{number}:{field}\n" for number, field in enumerate(fields))
    try:
        table = parse_users(content.encode("utf-8", "replace"), Path("users"))
    except MalformedFile:
        return

    typed = {text for field in fields for text in (field, field.strip(), field.partition(":")[0])}
    accepted = [
        (name, text)
        for (name, entry), text in itertools.product(table.entries.items(), typed)
        if not isinstance(entry, Locked) and (password := password_bytes(text)) and entry.fits(password)
    ]

    assert accepted == []
