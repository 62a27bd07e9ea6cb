"""A whole file: what it means, and everything that is wrong with it, at once."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from gitgate.config import Config, ConfigError, GitSettings, Limits, Listener, LogSettings, load
from gitgate.plugin import Duration, Transport, hookimpl

_SMALLEST = "version: 1\nlisten: [{url: 'git://127.0.0.1'}]\nplugins: [{use: policy}]\n"


@dataclass
class FilesSettings:
    file: Path


class Files:
    settings_type = FilesSettings

    @hookimpl
    def started(self) -> None: ...


def test_a_small_file_has_the_defaults(load: Callable[..., Config]) -> None:
    config = load(_SMALLEST)
    defaults = Config(
        listen=(Listener(transport=Transport.GIT, address="127.0.0.1", port=9418),), plugins=config.plugins
    )
    assert config == defaults
    assert [plugin.name for plugin in config.plugins] == ["policy"]
    assert config.limits == Limits(
        login_deadline=Duration(30), idle_deadline=Duration(600), max_operations=100, max_connections=1000
    )
    assert (config.log, config.git.executable, config.public_urls) == (
        LogSettings(level="info", format="text"),
        None,
        {},
    )


def test_every_section_is_read(tmp_path: Path, load: Callable[..., Config]) -> None:
    config = load(
        _SMALLEST
        + """
public_urls: {ssh: "ssh://git@git.example.org", http: "https://git.example.org/git/"}
limits: {login_deadline: 5s, idle_deadline: 1h, max_operations: 3, max_connections: 4}
log: {level: debug, format: json}
git:
  executable: bin/git
  config: {receive.certNonceSeed: seed, http.https://x.org/.proxy: ""}
  environment: {TZ: UTC, _x: "1"}
"""
    )
    assert config.public_urls == {"ssh": "ssh://git@git.example.org", "http": "https://git.example.org/git"}
    assert config.limits == Limits(
        login_deadline=Duration(5), idle_deadline=Duration(3600), max_operations=3, max_connections=4
    )
    assert config.log == LogSettings(level="debug", format="json")
    assert config.git == GitSettings(
        executable=tmp_path / "bin/git",
        config={"receive.certNonceSeed": "seed", "http.https://x.org/.proxy": ""},
        environment={"TZ": "UTC", "_x": "1"},
    )


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/gitgate.yaml").write_text(
        "version: 1\nlisten: [{url: 'ssh://[::1]', host_keys: [keys/a, ~/b]}]\nplugins: [{use: files, file: users}]\n"
    )
    monkeypatch.chdir(tmp_path)

    config = load(Path("etc/gitgate.yaml"), {}, {"files": EntryPoint("files", f"{__name__}:Files", "")})
    assert config.listen[0].host_keys == (tmp_path / "etc/keys/a", tmp_path / "etc/~/b")
    assert config.plugins[0].settings == FilesSettings(file=tmp_path / "etc/users")


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file(
    problems_of: Callable[..., list[str]],
) -> None:
    text = """
        verison: 1
        listen:
          - url: shh://0.0.0.0:22
            host_kyes: [a]
        limits: {max_operations: many, max_operations: 5}
        plugins:
          - use: directroy
          - use: directory
            uri: ldap://x
            password: {$env: NOPE}
            tls: {verify: yes}
        log: {level: loud}
        """
    assert problems_of(text) == [
        "1:1: verison: unknown key; did you mean 'version'?",
        "1:1: version: this key is required",
        "3:5: listen[0].url: the protocol must be one of ssh, http, https, git, http+unix; did you mean 'ssh'?",
        "4:5: listen[0].host_kyes: unknown key; did you mean 'host_keys'?",
        "5:10: limits.max_operations: must be a whole number",
        "5:32: limits.max_operations: this key is written twice; first in line 5",
        "7:5: plugins[0].use: no plugin 'directroy' is installed; did you mean 'directory'?"
        " (installed: directory, policy, unused)",
        "8:5: plugins[1].uris: this key is required",
        "9:5: plugins[1].uri: unknown key; did you mean 'uris'?",
        "10:5: plugins[1].password: the environment has no variable 'NOPE'",
        "11:5: plugins[1].tls.ca_file: this key is required",
        "11:11: plugins[1].tls.verify: must be true or false",
        "12:7: log.level: must be 'debug', 'info', 'warning' or 'error'",
    ]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("- a\n", ["1:1: the file must be a mapping of keys to values, beginning with `version: 1`"]),
        ("gitgate\n", ["1:1: the file must be a mapping of keys to values, beginning with `version: 1`"]),
        (
            "{}\n",
            [
                "1:1: version: this key is required",
                "1:1: listen: this key is required",
                "1:1: plugins: this key is required",
            ],
        ),
        (_SMALLEST.replace("version: 1", "version: 2"), ["1:1: version: must be 1, the version of this file's format"]),
        (
            _SMALLEST.replace("version: 1", "version: true"),
            ["1:1: version: must be 1, the version of this file's format"],
        ),
        (_SMALLEST + "metrics: {}\n", ["4:1: metrics: unknown key"]),
        (
            "version: 1\nlisten:\nplugins: []\n",
            [
                "2:1: listen: must be a list of at least one entry, such as [{url: ssh://0.0.0.0:2222}]",
                "3:1: plugins: must be a list of at least one entry, such as [{use: htpasswd}]",
            ],
        ),
        (_SMALLEST + "limits:\n", ["4:1: limits: has no value; must be a mapping of keys to values"]),
        (_SMALLEST + "limits: [1]\n", ["4:1: limits: must be a mapping of keys to values"]),
        (
            _SMALLEST + "limits: {login_deadline: 0s, idle_deadline: 5, max_operations: 0, max_connections: '5'}\n",
            [
                "4:10: limits.login_deadline: must be more than 0",
                "4:30: limits.idle_deadline: write a duration with its unit, such as 500ms, 30s, 5m, 1h or 2d",
                "4:48: limits.max_operations: must be more than 0",
                "4:67: limits.max_connections: must be a whole number",
            ],
        ),
        (
            _SMALLEST + "limits: {max_header_bytes: 1MiB, rekey_bytes: 1KiB}\n",
            [
                "4:10: limits.max_header_bytes: must be at least 1KiB and at most 64KiB",
                "4:34: limits.rekey_bytes: must be at least 1MiB and at most 32GiB",
            ],
        ),
        (
            _SMALLEST + "public_urls: {ssh: 'http://x', http: 'https://a b', git: 'git://x/?y', sssh: x}\n",
            [
                "4:15: public_urls.ssh: must begin with ssh://",
                "4:32: public_urls.http: must be a host, and a path if there is one, without spaces, '?' and '#'",
                "4:53: public_urls.git: must be a host, and a path if there is one, without spaces, '?' and '#'",
                "4:72: public_urls.sssh: unknown key; did you mean 'ssh'?",
            ],
        ),
        (
            _SMALLEST + "public_urls: {ssh: 'ssh://git:secret@x', http: 'ftp://x'}\n",
            [
                "4:15: public_urls.ssh: must not hold a password: everybody is told this URL",
                "4:42: public_urls.http: must begin with https:// or http://",
            ],
        ),
        (
            _SMALLEST + 'git: {config: {bare: x, a.b: 1, core.x: "a\\0b"}, executable: 5}\n',
            [
                "4:16: git.config.bare: is no key of git's configuration: write it as in receive.certNonceSeed",
                '4:25: git.config["a.b"]: must be a text; quote it',
                '4:33: git.config["core.x"]: must not hold a NUL character',
                "4:50: git.executable: must be a text; quote it",
            ],
        ),
    ],
)
def test_each_mistake_has_its_line(problems_of: Callable[..., list[str]], text: str, problems: list[str]) -> None:
    assert problems_of(text) == problems


@pytest.mark.parametrize(
    "name",
    [
        *("GIT_DIR", "GIT_PROTOCOL", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0", "GIT_CONFIG_GLOBAL"),
        *("LD_PRELOAD", "GITGATE_USER", "REMOTE_USER", "GIT_COMMITTER_NAME"),
    ],
)
def test_the_environment_of_git_cannot_be_given_what_gitgate_decides(
    problems_of: Callable[..., list[str]], name: str
) -> None:
    """Who can write a file that is included, but not start programs, would load code with LD_PRELOAD."""
    assert problems_of(_SMALLEST + f"git: {{environment: {{{name}: x}}}}\n") == [
        f"4:21: git.environment.{name}: is not for the configuration: gitgate sets this variable itself,"
        " or git must not have it"
    ]


def test_a_variable_needs_a_name(problems_of: Callable[..., list[str]]) -> None:
    (problem,) = problems_of(_SMALLEST + "git: {environment: {'A=B': x}}\n")
    assert problem.startswith('4:21: git.environment["A=B"]: is no name for a variable')


def test_the_problems_are_values_too(load: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(_SMALLEST + "metrics: {}\n")
    (problem,) = caught.value.problems
    assert (str(problem.position), problem.keys, problem.message) == ("gitgate.yaml:4:1", ("metrics",), "unknown key")


@pytest.mark.parametrize(
    ("section", "file"),
    [
        ("", None),
        ("audit: {}", None),
        ("audit: {file: null}", None),
        ("audit: {file: logs/audit.jsonl}", "{base}/logs/audit.jsonl"),
        ("audit: {file: /var/log/audit.jsonl}", "/var/log/audit.jsonl"),
        ("audit: {file: ./-}", "{base}/-"),
    ],
)
def test_the_audit_log_is_a_file_below_the_folder_of_the_configuration(
    load: Callable[..., Config], tmp_path: Path, section: str, file: str | None
) -> None:
    assert load(_SMALLEST + section).audit.file == (None if file is None else Path(file.format(base=tmp_path)))


def test_a_dash_is_standard_output_for_the_audit_log(load: Callable[..., Config]) -> None:
    assert load(_SMALLEST + "audit: {file: '-'}").audit.file == "-"


def test_an_audit_log_elsewhere_is_a_mistake(problems_of: Callable[..., list[str]]) -> None:
    assert problems_of(_SMALLEST + "audit: {file: [a]}") == ["4:9: audit.file: must be '-', or must be a text"]
