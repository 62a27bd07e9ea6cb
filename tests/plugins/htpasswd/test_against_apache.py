"""Lines made by Apache's own htpasswd, and its `htpasswd -v` as the oracle of who may log in."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from gitgate_htpasswd import HtpasswdPlugin
from gitgate_htpasswd.edit import set_password

from gitgate.plugin import Identity, Rejected

Load = Callable[..., HtpasswdPlugin]
LogIn = Callable[[HtpasswdPlugin, str, str], Identity | Rejected | None]
Htpasswd = Callable[..., "CompletedProcess[str]"]

#: Exit codes of `htpasswd -v`: its manual, section "Exit Status".
VERIFIED, WRONG, NOT_FOUND = 0, 3, 6

OPTIONS = {
    "bcrypt": ["-B", "-C", "4"],
    "apr1": ["-m"],
    "SHA": ["-s"],
    "sha256": ["-2"],
    "sha512": ["-5"],
    "sha512 with rounds": ["-5", "-r", "1234"],
    "DES": ["-d"],
}


def verdict_of(outcome: Identity | Rejected | None) -> int:
    if isinstance(outcome, Identity):
        return VERIFIED
    return NOT_FOUND if outcome is None else WRONG


@pytest.mark.parametrize("options", [pytest.param(options, id=name) for name, options in OPTIONS.items()])
@pytest.mark.parametrize("password", ["x", "correct horse", "pässwörd €", "tr:icky $6$ #", "p" * 80, "q" * 255])
def test_apache_and_gitgate_agree_about_lines_of_htpasswd(
    options: list[str], password: str, htpasswd: Htpasswd, users_file: Path, load: Load, log_in: LogIn
) -> None:
    made = htpasswd("-nb", *options, "alice", password)
    assert made.returncode == 0, made.stderr
    plugin = load(made.stdout)
    typed = [password, password + "x", password[:-1], password[:8], password[:72], password.swapcase(), made.stdout[6:]]
    typed = [text for text in typed if 0 < len(text) <= 255]

    verdicts = [verdict_of(log_in(plugin, "alice", text)) for text in typed]

    assert verdicts == [htpasswd("-vb", str(users_file), "alice", text).returncode for text in typed]
    assert verdicts[0] == VERIFIED


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("alice:secret", id="plain text"),
        pytest.param("alice:{PLAIN}secret", id="nginx {PLAIN}"),
        pytest.param("alice:{SSHA}H3nd5jHY7t2mU/YxnWAVfM5MbolBaE0J", id="nginx {SSHA}"),
        pytest.param("alice:*", id="star"),
        pytest.param("alice:!", id="bang"),
        pytest.param("alice:", id="empty"),
        pytest.param("alice:$apr1$broken", id="truncated apr1"),
        pytest.param("alice:ab", id="two characters"),
        pytest.param("alice:$2y$04$nMBqHg6/v4QmmwR7/DFX1OLsC", id="truncated bcrypt"),
    ],
)
@pytest.mark.parametrize("password", ["secret", "correct horse", "*", "!", "ab", "$apr1$broken"])
def test_apache_and_gitgate_agree_about_lines_that_let_nobody_in(
    line: str, password: str, htpasswd: Htpasswd, users_file: Path, load: Load, log_in: LogIn
) -> None:
    plugin = load(line + "\n")

    accepted = isinstance(log_in(plugin, "alice", password), Identity)

    assert accepted is (htpasswd("-vb", str(users_file), "alice", password).returncode == VERIFIED)
    assert not accepted


@pytest.mark.parametrize("content", ["{line}:a comment of nginx\n", "# bob:x\n\n{line}\n", "{line}", "{line}\r\n"])
def test_apache_and_gitgate_read_the_same_user_from_a_line(
    content: str, htpasswd: Htpasswd, users_file: Path, load: Load, log_in: LogIn
) -> None:
    plugin = load(content.format(line="alice:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="))

    assert log_in(plugin, "alice", "correct horse") == Identity(name="alice")
    assert htpasswd("-vb", str(users_file), "bob", "x").returncode == NOT_FOUND
    assert log_in(plugin, "bob", "x") is None


def test_apache_verifies_what_set_password_writes(htpasswd: Htpasswd, users_file: Path) -> None:
    set_password(users_file, "alice", "correct horse")

    codes = [htpasswd("-vb", str(users_file), "alice", text).returncode for text in ("correct horse", "wrong")]

    assert codes == [VERIFIED, WRONG]


def test_a_file_that_htpasswd_edits_is_followed(
    htpasswd: Htpasswd, users_file: Path, load: Load, log_in: LogIn, advance: Callable[[float], None]
) -> None:
    plugin = load("alice:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\n")
    assert htpasswd("-bB", "-C", "4", str(users_file), "bob", "battery").returncode == 0
    assert htpasswd("-D", str(users_file), "alice").returncode == 0

    advance(1)

    assert log_in(plugin, "bob", "battery") == Identity(name="bob")
    assert log_in(plugin, "alice", "correct horse") is None
