"""The entries of `plugins`: which class, which reserved keys, and what does not fit together."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from gitgate.config import Config, PluginEntry, Position, load_text
from gitgate.config import installed_plugins as installed_plugins_module
from gitgate.config.installed_plugins import installed_plugins
from gitgate.plugin import Duration, SettingsError, hookimpl


def test_an_entry_has_its_class_its_settings_and_the_reserved_keys(load: Callable[..., Config]) -> None:
    config = load(
        """
        version: 1
        listen: [{url: 'git://127.0.0.1'}]
        plugins:
          - use: directory
            uris: [ldaps://a]
          - {use: directory, name: corp, deadline: 500ms, on_error: abstain, hooks: [authenticate], uris: []}
          - use: policy
        """
    )
    first, second, third = config.plugins
    directory: Any = first.plugin_class
    assert first == PluginEntry(
        use="directory",
        plugin_class=directory,
        name="directory",
        deadline=Duration(10),
        on_error="refuse",
        hooks=None,
        settings=directory.settings_type(uris=("ldaps://a",)),
        position=Position("gitgate.yaml", 4, 5),
        keys=("plugins", 0),
        key_positions={"use": Position("gitgate.yaml", 4, 5), "uris": Position("gitgate.yaml", 5, 5)},
    )
    assert (second.use, second.name, str(second.deadline), second.on_error, second.hooks) == (
        "directory",
        "corp",
        "500ms",
        "abstain",
        frozenset({"authenticate"}),
    )
    assert directory(first.settings).settings is first.settings
    assert third.settings is None
    assert third.plugin_class()


def test_an_entry_tells_problems_that_show_only_when_the_plugin_is_built(
    load: Callable[..., Config], with_entry: Callable[[str], str]
) -> None:
    (entry,) = load(with_entry("use: directory\nuris: [a]\n")).plugins
    assert str(entry.position) == "gitgate.yaml:4:5"
    assert [str(entry.problem("is no URI", key=key)) for key in ("uris", "tls", None)] == [
        "gitgate.yaml:5:5: plugins[0].uris: is no URI",
        "gitgate.yaml:4:5: plugins[0].tls: is no URI",
        "gitgate.yaml:4:5: plugins[0]: is no URI",
    ]


def test_an_entry_built_in_python_needs_no_file() -> None:
    entry = PluginEntry(use="own", plugin_class=object)
    assert (entry.name, str(entry.deadline), str(entry.problem("fails", key="x"))) == ("own", "10s", "own.x: fails")


@pytest.mark.parametrize(
    ("entry", "problems"),
    [
        ("use: [x]", ["4:5: plugins[0].use: must be a text"]),
        ("use: 5", ["4:5: plugins[0].use: must be a text; quote it"]),
        ("name: x", ["4:5: plugins[0].use: this key is required"]),
        (
            "directory",
            ["4:5: plugins[0]: must be a mapping of keys to values, such as {use: htpasswd, file: .htpasswd}"],
        ),
        (
            "use: ldap",
            [
                "4:5: plugins[0].use: no plugin 'ldap' is installed; install the package that provides it"
                " (installed: directory, policy, unused)"
            ],
        ),
        (
            "use: policy\ndeadlin: 5s\nfile: x",
            [
                "5:5: plugins[0].deadlin: unknown key: this plugin has no settings; did you mean 'deadline'?",
                "6:5: plugins[0].file: unknown key: this plugin has no settings",
            ],
        ),
        (
            "use: directory\nuris: []\ndeadlines: 5s",
            ["6:5: plugins[0].deadlines: unknown key; did you mean 'deadline'?"],
        ),
        ("use: policy\ndeadline: 0s", ["5:5: plugins[0].deadline: must be more than 0"]),
        (
            "use: policy\nname: a b",
            ["5:5: plugins[0].name: must be made of letters, digits, and . _ - which cannot stand first"],
        ),
        ("use: policy\non_error: allow", ["5:5: plugins[0].on_error: must be 'refuse' or 'abstain'"]),
        (
            "use: policy\non_error: abstian",
            ["5:5: plugins[0].on_error: must be 'refuse' or 'abstain'; did you mean 'abstain'?"],
        ),
        ("use: policy\nhooks: authorize", ["5:5: plugins[0].hooks: must be a list"]),
        (
            "use: policy\nhooks: []",
            ["5:5: plugins[0].hooks: must name a hook: as it is, the plugin would never be asked"],
        ),
        (
            "use: policy\nhooks: [autorize]",
            [
                "5:5: plugins[0].hooks: there is no hook 'autorize'; did you mean 'authorize'? (hooks: authenticate,"
                " enrich_identity, resolve_path, authorize, create_repository, list_repositories, check_online,"
                " audited, started, stopping)"
            ],
        ),
        (
            "use: policy\nhooks: [resolve_path]",
            ["5:5: plugins[0].hooks: this plugin does not answer resolve_path, only audited, authenticate, authorize"],
        ),
    ],
)
def test_each_mistake_in_an_entry_has_its_line(
    problems_of: Callable[..., list[str]], with_entry: Callable[[str], str], entry: str, problems: list[str]
) -> None:
    assert problems_of(with_entry(entry)) == problems


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("use: directory\nuris: []\non_error: abstain", None),
        ("use: policy\non_error: abstain\nhooks: [authenticate]", None),
        ("use: policy\non_error: abstain\nhooks: [authenticate, audited]", None),
        (
            "use: policy\non_error: abstain",
            "'abstain' is for logins only, and this plugin also answers authorize:"
            " restrict it with hooks: [authenticate]",
        ),
        (
            "use: policy\non_error: abstain\nhooks: [authorize]",
            "'abstain' is for logins only, and this plugin is not asked about logins",
        ),
    ],
)
def test_a_failing_authorization_can_never_count_as_no_opinion(
    problems_of: Callable[..., list[str]], with_entry: Callable[[str], str], entry: str, problem: str | None
) -> None:
    """A policy plugin that denies stands above one that allows. Who makes the first one fail would be allowed."""
    expected = [] if problem is None else [f"5:5: plugins[0].on_error: {problem}"]
    assert problems_of(with_entry(entry)) == expected


def test_two_entries_cannot_have_one_name(problems_of: Callable[..., list[str]]) -> None:
    assert problems_of(
        """
        version: 1
        listen: [{url: 'git://127.0.0.1'}]
        plugins:
          - use: policy
          - use: policy
          - {use: directory, uris: [], name: policy}
          - {use: policy, name: second}
        """
    ) == [
        "5:5: plugins[1].use: plugins[0] is called 'policy' too: give each a `name` of its own",
        "6:32: plugins[2].name: plugins[0] is called 'policy' too: give each a `name` of its own",
    ]


@dataclass
class _Clashing:
    name: str


class _ClashingPlugin:
    settings_type = _Clashing


class _SettingsInstance:
    settings_type = _Clashing("x")


@dataclass
class _Failing:
    password: str

    def __post_init__(self) -> None:
        raise KeyError(self.password)


class _FailingPlugin:
    settings_type = _Failing


@dataclass
class _Unreadable:
    anything: "NoSuchType"  # type: ignore[name-defined]  # noqa: F821 - the mistake of a plugin's author


class _UnreadablePlugin:
    settings_type = _Unreadable


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (
            ImportError("No module named 'ldap3'"),
            ".use: the plugin cannot be imported: ImportError: No module named 'ldap3'",
        ),
        (SystemExit("usage: x"), ".use: the plugin cannot be imported: SystemExit: usage: x"),
        (ValueError("two\nlines"), ".use: the plugin cannot be imported: ValueError: two lines"),
        (object, ".use: this plugin answers no hook; its author must mark methods with @hookimpl"),
        (_ClashingPlugin(), ".use: example:Plugin is not a class, and a plugin is one"),
        (_SettingsInstance, ".use: settings_type of _SettingsInstance is not a class"),
        (
            _ClashingPlugin,
            ": the plugin's settings have a key 'name', which is gitgate's own; its author must rename it",
        ),
        (_FailingPlugin, ": the plugin's settings cannot be read: KeyError: '***'"),
        (_UnreadablePlugin, ": the plugin's settings cannot be read: Pydantic"),
    ],
)
def test_a_plugin_that_is_broken_is_a_problem_of_its_entry(
    problems_of: Callable[..., list[str]], with_entry: Callable[[str], str], found: object, problem: str
) -> None:
    lines = problems_of(with_entry("use: broken\npassword: {$env: PASS}"), {"PASS": "hunter2"}, broken=found)
    assert lines[0].startswith(f"4:5: plugins[0]{problem}")


class _Renamed:
    @hookimpl(specname="authorize")
    def decide(self, identity: object) -> None: ...

    @staticmethod
    @hookimpl
    def authenticate(credentials: object) -> None: ...


def test_marked_methods_are_found_under_the_hook_that_they_are_for(
    problems_of: Callable[..., list[str]], with_entry: Callable[[str], str]
) -> None:
    entry = "use: renamed\nhooks: [authorize, authenticate, started]"
    assert problems_of(with_entry(entry), renamed=_Renamed) == [
        "5:5: plugins[0].hooks: this plugin does not answer started, only authenticate, authorize"
    ]


def _install(monkeypatch: pytest.MonkeyPatch, *found: EntryPoint) -> None:
    def entry_points(**selected: Any) -> tuple[EntryPoint, ...]:
        return tuple(point for point in found if point.group == selected["group"])

    monkeypatch.setattr(installed_plugins_module, "entry_points", entry_points)


def test_installed_plugins_are_the_entry_points_of_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [EntryPoint(name, "no_such_module:X", "gitgate.plugins") for name in ("tree", "ldap", "tree")]
    _install(monkeypatch, *own, EntryPoint("other", "x:X", "console_scripts"))
    assert installed_plugins() == {"ldap": own[1], "tree": own[0]}


def test_a_package_cannot_take_the_place_of_another_plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A dependency of something else brings a plugin called htpasswd, which logs its author in everywhere."""
    _install(
        monkeypatch,
        EntryPoint("htpasswd", "gitgate_htpasswd:HtpasswdPlugin", "gitgate.plugins"),
        EntryPoint("htpasswd", "evil:HtpasswdPlugin", "gitgate.plugins"),
    )
    with pytest.raises(Exception, match="several packages provide a plugin 'htpasswd'") as caught:
        load_text("version: 1\nlisten: [{url: 'git://[::1]'}]\nplugins: [{use: htpasswd, file: x}]", base=tmp_path)
    assert str(caught.value).startswith(
        "gitgate.yaml:3:12: plugins[0].use: the plugin cannot be imported: ImportError: "
    )


def test_a_settings_error_of_a_settings_type_blames_its_key(
    problems_of: Callable[..., list[str]], with_entry: Callable[[str], str]
) -> None:
    @dataclass
    class Settings:
        low: int
        high: int

        def __post_init__(self) -> None:
            if self.high < self.low:
                raise SettingsError("must not be less than low", key="high")

    class Plugin:
        settings_type = Settings

        @hookimpl
        def started(self) -> None: ...

    assert problems_of(with_entry("use: range\nlow: 2\nhigh: 1"), range=Plugin) == [
        "6:5: plugins[0].high: must not be less than low"
    ]


def test_positions_can_be_compared() -> None:
    assert Position("f", 2, 10) < Position("f", 10, 2)
