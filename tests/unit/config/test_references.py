"""Values that stand outside the file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gitgate.config import Config
from gitgate.plugin import Secret

_ENTRY = "use: directory\nuris: [a]\npassword: {reference}"


@pytest.fixture
def password_of(load: Callable[..., Config], with_entry: Callable[[str], str]) -> Callable[..., str]:
    def password_of(reference: str, environ: dict[str, str] | None = None) -> str:
        (entry,) = load(with_entry(_ENTRY.replace("{reference}", reference)), environ).plugins
        assert isinstance(entry.settings.password, Secret)
        return entry.settings.password.reveal()

    return password_of


@pytest.fixture
def problem_of(problems_of: Callable[..., list[str]], with_entry: Callable[[str], str]) -> Callable[..., str]:
    def problem_of(reference: str, environ: dict[str, str] | None = None) -> str:
        (line,) = problems_of(with_entry(_ENTRY.replace("{reference}", reference)), environ)
        return line.removeprefix("6:5: plugins[0].password: ")

    return problem_of


def test_a_secret_comes_from_the_environment(password_of: Callable[..., str]) -> None:
    assert password_of("{$env: PASS}", {"PASS": "12 3\n"}) == "12 3\n"


@pytest.mark.parametrize(
    ("content", "secret"),
    [("s3cret", "s3cret"), ("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("two\n\n", "two\n"), ("", "")],
)
def test_a_secret_comes_from_a_file_without_its_last_line_ending(
    tmp_path: Path, password_of: Callable[..., str], content: str, secret: str
) -> None:
    (tmp_path / "bind.secret").write_bytes(content.encode())
    assert password_of("{$file: bind.secret}") == secret


def test_a_secret_comes_from_systemd(tmp_path: Path, password_of: Callable[..., str]) -> None:
    (tmp_path / "ldap-bind").write_text("s3cret\n")
    assert password_of("{$credential: ldap-bind}", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "s3cret"


def test_a_reference_stands_in_place_of_any_scalar(load: Callable[..., Config]) -> None:
    """Also of a number, although what comes from elsewhere is always a text."""
    config = load(
        """
        version: 1
        listen: [{url: {$env: URL}}]
        plugins: [{use: directory, uris: [{$env: A}], retries: {$env: N}, tls: {ca_file: {$env: A}, verify: {$env: B}}}]
        limits: {max_operations: {$env: N}, idle_deadline: {$env: D}}
        """,
        {"URL": "git://127.0.0.1:1", "A": "123", "N": "7", "B": "false", "D": "5m"},
    )
    settings = config.plugins[0].settings
    assert (config.listen[0].port, config.limits.max_operations, str(config.limits.idle_deadline)) == (1, 7, "5m")
    assert (settings.uris, settings.retries, settings.tls.ca_file.name, settings.tls.verify) == (
        ("123",),
        7,
        "123",
        False,
    )


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("{$env: NOPE}", "the environment has no variable 'NOPE'"),
        ("{$env: 5}", "$env needs a name, as a text"),
        ("{$env: ''}", "$env needs a name, as a text"),
        ("{$envv: X}", "there is no reference '$envv', only $env, $file, $credential; did you mean '$env'?"),
        ("{$env: PASS, default: x}", "a reference stands alone: {$env: ...} takes no other keys"),
        ("{$env: LATIN}", "what $env stands for is not UTF-8"),
        (
            "{$credential: ../shadow}",
            "'../shadow' is not the name of a credential: letters, digits, and _ . - : @ may stand in it",
        ),
        ("{$credential: ..}", "'..' is not the name of a credential: letters, digits, and _ . - : @ may stand in it"),
        (
            "{$credential: ldap}",
            "there are no credentials: systemd sets $CREDENTIALS_DIRECTORY where LoadCredential= is used",
        ),
        ("{$file: /nonexistent/x}", "'/nonexistent/x' cannot be read: No such file or directory"),
        ('{$file: "a\\0b"}', "'a\\x00b' is not a path"),
        ("{$file: /dev/zero}", "'/dev/zero' is longer than 1 MiB, and not a secret"),
    ],
)
def test_a_reference_that_leads_nowhere_is_the_only_problem(
    tmp_path: Path, problem_of: Callable[..., str], reference: str, problem: str
) -> None:
    environ = {"PASS": "x", "LATIN": "caf\udce9"}
    assert problem_of(reference, environ).replace(f"{tmp_path}/", "") == problem


def test_a_file_that_is_not_text_is_no_secret(tmp_path: Path, problem_of: Callable[..., str]) -> None:
    (tmp_path / "key").write_bytes(b"\xff")
    assert problem_of("{$file: key}") == f"'{tmp_path}/key' is not UTF-8"


def test_a_value_from_elsewhere_is_never_repeated_by_a_message(problems_of: Callable[..., list[str]]) -> None:
    """An operator swaps two variables, and the password lands where a number, a word or a URL is wanted."""
    text = """
        version: 1
        listen: [{url: {$env: PASS}}, {url: {$env: URL}}]
        plugins: [{use: {$env: PASS}}, {use: directory, uris: [a], timeout: {$env: PASS}, retries: {$env: PASS}}]
        limits: {max_operations: {$env: PASS}}
        log: {level: {$env: PASS}}
        public_urls: {ssh: {$env: PASS}}
        """
    problems = problems_of(text, {"PASS": "hunter2", "URL": "git://hunter2"})
    assert len(problems) == 8
    assert "hunter2" not in "".join(problems)
