"""Rules in a file of their own: what is told of a bad one, and how changes arrive."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from gitgate_rules import LabelledRule, Rule, RulesPlugin, RulesSettings, labelled_rules
from hand_clock import HandClock
from hooks import answered

from gitgate.plugin import Allow, Deny, SettingsError
from gitgate.testing import a_fetch, a_repository, an_identity

READING = "- {repos: [team/**], who: [alice], allow: [read]}\n"

KNOWN_KEYS = "a rule has repos, who, refs, allow, deny, name, message"
VERBS = "write read, write, force, delete or create"
QUOTE = "quote it if it is meant as a text"
SIGNS = "quote a text that begins with one of * & ! @ ` % or has a { in it"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


@pytest.fixture
def read(file: Path) -> Callable[[str], tuple[LabelledRule, ...]]:
    """Reads the rules of a file with this text."""

    def labelled(text: str) -> tuple[LabelledRule, ...]:
        file.write_text(text)
        return labelled_rules(RulesSettings(file=file))

    return labelled


def _vote(plugin: RulesPlugin) -> Allow | Deny | None:
    return answered(plugin.authorize(an_identity("alice"), a_fetch("/team/app"), a_repository("team/app")))


def test_a_rule_is_called_by_its_name_or_its_line(read: Callable[[str], object], file: Path) -> None:
    rules = read(
        "# who may what\n"
        + READING
        + "\n- name: protect\n  repos:\n    - '**'\n  who: &all [everyone]\n  refs: [refs/heads/main]\n"
        + "  deny: [force, delete]\n  message: No.\n- {repos: ['**'], who: *all, deny: [read]}\n"
    )

    assert rules == (
        LabelledRule(f"{file}:2", Rule(repos=("team/**",), who=("alice",), allow=("read",))),
        LabelledRule(
            "protect",
            Rule(
                name="protect",
                repos=("**",),
                who=("everyone",),
                refs=("refs/heads/main",),
                deny=("force", "delete"),
                message="No.",
            ),
        ),
        LabelledRule(f"{file}:11", Rule(repos=("**",), who=("everyone",), deny=("read",))),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: must be a list of rules, each beginning with `- `, and nothing else"),
        ("rules: []\n", ":1: must be a list of rules, each beginning with `- `, and nothing else"),
        ("[]\n", ":1: is empty; write a rule, or take the plugin out"),
        *(
            (
                f"- repos: [a]\n{line}\n",
                f":2: the indentation does not fit at column {column}: the keys of a rule begin in one column, behind"
                " its '- ', and the rules' '-' in one, too; a text with ': ' in it is quoted",
            )
            for line, column in {"who: [b]": 1, " who: [b]": 2, "   who: [b]": 4, " - repos: [b]": 2}.items()
        ),
        ("- a\n", ":1: a rule is a mapping, such as {repos: [a], who: [everyone], allow: [read]}"),
        ("- {repos: [a], allow: [read]}\n", ":1: who: this key is required"),
        ("- {repos: [a], who: [b], alow: [read]}\n", f":1: alow: unknown key; {KNOWN_KEYS}"),
        ("- {repos: [a], who: [b], <<: {}}\n", f":1: <<: unknown key; {KNOWN_KEYS}"),
        ("- {[a]: [b]}\n", f":1: unknown key; {KNOWN_KEYS}"),
        ("- repos: [a]\n  who: [b]\n  repos: [c]\n", ":3: repos: this key is written twice"),
        ("- {repos: a, who: [b], allow: [read]}\n", ":1: repos: must be a list, such as [...]"),
        ("- {repos: [[a]], who: [b], allow: [read]}\n", ":1: repos: must be a text"),
        ("- {repos: [a], who: [b], allow: [push]}\n", f":1: allow: 'push': is no verb; {VERBS}"),
        ("- repos: [a]\n  who:\n    - b\n    - no\n", f":4: who: YAML reads 'no' as bool; {QUOTE}"),
        ("- {repos: [2026-01-01], who: [b]}\n", f":1: repos: YAML reads '2026-01-01' as timestamp; {QUOTE}"),
        ("- {repos: [0755], who: [b], allow: [read]}\n", f":1: repos: YAML reads '0755' as int; {QUOTE}"),
        ("- {repos: [a], who: [b], deny: [read], message: }\n", f":1: message: YAML reads '' as null; {QUOTE}"),
        (
            "- {repos: [a], who: [b], allow: [read]}\n- repos: [**]\n",
            f":2: while scanning an alias, expected alphabetic or numeric character, but found '*'; {SIGNS}",
        ),
        (
            "- {repos: [a], who: [@devs]}\n",
            f":1: while scanning for the next token, found character '@' that cannot start any token; {SIGNS}",
        ),
        (
            "- {repos: [users/{user}/**], who: [b]}\n",
            f":1: while parsing a flow sequence, expected ',' or ']', but got '{{'; {SIGNS}",
        ),
        ("- {repos: [a]\n", ":2: while parsing a flow mapping, expected ',' or '}', but got '<stream end>'"),
        ("- {repos: [a], who: &x [*x], allow: [read]}\n", ":1: who: must be a text"),
        (
            "- {repos: [a], who: [b], allow: [x]}\n" * 2,
            f":1: allow: 'x': is no verb; {VERBS}; {{file}}:2: allow: 'x': is no verb; {VERBS}",
        ),
        (
            "- {repos: [a], who: [b], allow: [read], name: x}\n" * 2,
            ": 2 rules are called 'x'; the log could not tell them apart",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why_at_its_line(file: Path, text: str, told: str) -> None:
    file.write_text(text)

    with pytest.raises(SettingsError) as caught:
        RulesPlugin(RulesSettings(file=file))

    assert (caught.value.key, str(caught.value)) == ("file", f"{file}{told.replace('{file}', str(file))}")


@pytest.mark.parametrize("content", [b"- \xff\n", b"- \x00\n", b'- "\\UFFFFFFFF"\n', b"[" * 5000])
def test_a_file_that_is_no_yaml_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        RulesPlugin(RulesSettings(file=file))

    assert str(caught.value).startswith(f"{file}")


def test_of_many_bad_rules_the_first_ten_are_told(file: Path) -> None:
    file.write_text("- {}\n" * 30)

    with pytest.raises(SettingsError, match=f"{file}:10: repos: this key is required; and 20 more rules$"):
        RulesPlugin(RulesSettings(file=file))


def test_a_missing_file_is_told(file: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read '.*rules.yaml': No such file or directory") as caught:
        RulesPlugin(RulesSettings(file=file))

    assert caught.value.key == "file"


def test_a_change_is_in_use_within_about_a_second(file: Path) -> None:
    clock = HandClock()
    file.write_text(READING)
    plugin = RulesPlugin(RulesSettings(file=file), clock=clock)
    before = _vote(plugin)

    file.write_text("# closed\n" + READING.replace("allow", "deny"))
    clock.now += 1

    assert (before, _vote(plugin)) == (
        Allow(f"{file}:1: read allowed to alice"),
        Deny(f"{file}:2: read denied to alice"),
    )


def test_a_broken_change_leaves_the_old_rules_in_use(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An editor that saves half a file must not open, or close, every repository."""
    clock = HandClock()
    file.write_text(READING)
    plugin = RulesPlugin(RulesSettings(file=file), clock=clock)

    file.write_text(READING + "- {repos: [a]}\n")
    clock.now += 1
    vote = _vote(plugin)

    assert vote == Allow(f"{file}:1: read allowed to alice")
    assert caplog.messages == [
        f"what was read before stays in use, because the change cannot be: {file}:2: who: this key is required"
    ]


def test_a_change_is_looked_through_for_rules_that_never_decide(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = HandClock()
    file.write_text(READING)
    plugin = RulesPlugin(RulesSettings(file=file), clock=clock)

    file.write_text(READING * 2)
    clock.now += 1
    with caplog.at_level(logging.WARNING):
        _vote(plugin)

    assert f"{file}:2 never decides: {file}:1 above it decides all that it could" in caplog.messages
