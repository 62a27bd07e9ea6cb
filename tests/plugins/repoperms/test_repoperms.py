"""The plugin: who may do what, which line says so, and how changes arrive."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from gitgate_repoperms import RepopermsPlugin, Settings
from hooks import answered

from gitgate.plugin import (
    ANONYMOUS,
    Access,
    Allow,
    Deny,
    GitRequest,
    Identity,
    Repository,
    Service,
    SettingsError,
)

MakePlugin: TypeAlias = Callable[..., RepopermsPlugin]
MakeRequest: TypeAlias = Callable[..., GitRequest]
MakeRepository: TypeAlias = Callable[..., Repository]
Answers: TypeAlias = Callable[..., list[Allow | Deny | None]]

ALICE = Identity(name="alice")
BOB = Identity(name="bob")


@pytest.fixture
def answers(request_for: MakeRequest, repository: MakeRepository) -> Answers:
    """What a plugin answers to reading, to writing and to creating."""

    def ask(plugin: RepopermsPlugin, identity: Identity, name: str = "team/app") -> list[Allow | Deny | None]:
        return [answered(plugin.authorize(identity, request_for(access, name), repository(name))) for access in Access]

    return ask


def test_rw_allows_reading_and_writing_and_has_no_opinion_on_creating(
    plugin_on: MakePlugin, answers: Answers, file: Path
) -> None:
    plugin = plugin_on("[team/app.git]\nalice = rw\n")

    allowed = Allow(f"{file}:2: alice = rw in [team/app]")
    assert answers(plugin, ALICE) == [allowed, allowed, None]


def test_r_denies_writing_and_creating(plugin_on: MakePlugin, answers: Answers, file: Path) -> None:
    words = f"{file}:2: alice = r in [team/app]"

    assert answers(plugin_on("[team/app]\nalice = r\n"), ALICE) == [Allow(words), Deny(words), Deny(words)]


def test_w_alone_allows_writing_and_denies_reading(plugin_on: MakePlugin, answers: Answers, file: Path) -> None:
    words = f"{file}:2: alice = w in [team/app]"

    assert answers(plugin_on("[team/app]\nalice = w\n"), ALICE) == [Deny(words), Allow(words), None]


def test_a_dash_denies_everything(plugin_on: MakePlugin, answers: Answers, file: Path) -> None:
    assert answers(plugin_on("[team/app]\nalice = -\n"), ALICE) == [Deny(f"{file}:2: alice = - in [team/app]")] * 3


def test_who_is_not_listed_is_left_to_other_plugins(plugin_on: MakePlugin, answers: Answers) -> None:
    plugin = plugin_on("[team/app]\nalice = rw\n")

    assert answers(plugin, BOB) == answers(plugin, ANONYMOUS) == answers(plugin, ALICE, "other") == [None] * 3


@pytest.mark.parametrize("name", ["Alice", "alic", "alice ", "rw", "alice@example.org"])
def test_a_similar_name_is_another_name(plugin_on: MakePlugin, answers: Answers, name: str) -> None:
    assert answers(plugin_on("[team/app]\nalice = rw\n"), Identity(name=name)) == [None] * 3


@pytest.mark.parametrize("name", ["team/app", "other/app", "app/app", "app/x", "App"])
def test_a_section_is_for_the_repository_of_that_very_name(plugin_on: MakePlugin, answers: Answers, name: str) -> None:
    """GitServerGlue matched the last part of the path: whoever makes users/mallory/app.git has the rights of app.git
    there, and the section written for one team's app opens the other's."""
    assert answers(plugin_on("[app.git]\nalice = rw\n"), ALICE, name) == [None] * 3


def test_a_section_without_a_slash_is_for_the_repository_at_the_top(
    plugin_on: MakePlugin, answers: Answers, file: Path
) -> None:
    words = f"{file}:2: alice = r in [app]"

    assert answers(plugin_on("[app.git]\nalice = r\n"), ALICE, "app") == [Allow(words), Deny(words), Deny(words)]


def test_what_anonymous_may_everybody_may(plugin_on: MakePlugin, answers: Answers, file: Path) -> None:
    plugin = plugin_on("[team/app]\nanonymous = r\nalice = w\n")

    reading = Allow(f"{file}:2: anonymous = r in [team/app]")
    writing = Allow(f"{file}:3: alice = w in [team/app]")
    denied = Deny(f"{file}:2: anonymous = r in [team/app]")
    assert answers(plugin, ANONYMOUS) == [reading, denied, denied]
    assert answers(plugin, BOB) == [reading, None, None]
    assert answers(plugin, ALICE) == [reading, writing, None]


def test_what_anonymous_may_not_says_nothing_of_others(plugin_on: MakePlugin, answers: Answers, file: Path) -> None:
    plugin = plugin_on("[team/app]\nanonymous = -\n")

    assert answers(plugin, BOB) == [None] * 3
    assert answers(plugin, ANONYMOUS) == [Deny(f"{file}:2: anonymous = - in [team/app]")] * 3


def test_a_dash_is_final_where_anonymous_may_more(plugin_on: MakePlugin, answers: Answers, file: Path) -> None:
    """mallory is shut out by name; a line for everybody must not let her back in under that name."""
    plugin = plugin_on("[team/app]\nanonymous = rw\nmallory = -\n")

    assert answers(plugin, Identity(name="mallory")) == [Deny(f"{file}:3: mallory = - in [team/app]")] * 3


def test_without_the_implication_anonymous_is_a_user_like_others(
    plugin_on: MakePlugin, answers: Answers, file: Path
) -> None:
    """As GitServerGlue had it."""
    plugin = plugin_on("[team/app]\nanonymous = r\nalice = w\n", anonymous_implies_all=False)

    own = f"{file}:3: alice = w in [team/app]"
    anonymous = f"{file}:2: anonymous = r in [team/app]"
    assert answers(plugin, BOB) == [None] * 3
    assert answers(plugin, ALICE) == [Deny(own), Allow(own), None]
    assert answers(plugin, ANONYMOUS) == [Allow(anonymous), Deny(anonymous), Deny(anonymous)]


@pytest.mark.parametrize("service", list(Service))
def test_every_service_needs_the_right_that_it_uses(
    plugin_on: MakePlugin, request_for: MakeRequest, repository: MakeRepository, service: Service
) -> None:
    """Gitea, CVE-2026-58423: a service that the check had not heard of needed no right at all."""
    plugin = plugin_on("[team/app]\nalice = r\n")

    answer = answered(plugin.authorize(ALICE, request_for(service.access, service=service), repository()))

    assert type(answer) is (Allow if service.access is Access.READ else Deny)


def test_a_right_that_is_taken_away_is_gone_a_second_later(
    plugin_on: MakePlugin, answers: Answers, file: Path, clock: Any
) -> None:
    plugin = plugin_on("[team/app]\nalice = rw\n")
    file.write_text("[team/app]\nalice = -\n")
    clock.now += 1

    assert answers(plugin, ALICE) == [Deny(f"{file}:2: alice = - in [team/app]")] * 3


def test_a_broken_change_keeps_the_table_before_it_and_is_logged_once(
    plugin_on: MakePlugin, answers: Answers, file: Path, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A slip of the pen in one section must neither open nor close the others."""
    plugin = plugin_on("[team/app]\nalice = rw\n")
    before = answers(plugin, ALICE)
    file.write_text("[team/app]\nalice = -\n[b]\nbob = write\n")

    after = []
    for _ in range(3):
        clock.now += 1
        after.append(answers(plugin, ALICE))

    assert after == [before] * 3
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"what was read before stays in use, because the change cannot be: {file}:4: 'write' is not a right;"
        " write r, w, rw or -, and comments on lines of their own"
    ]


def test_a_file_that_is_missing_or_broken_at_the_start_is_a_settings_error(file: Path) -> None:
    errors = []
    for content in (None, "[app]\nalice = never\n"):
        if content is not None:
            file.write_text(content)
        with pytest.raises(SettingsError) as caught:
            RepopermsPlugin(Settings(file=file))
        errors.append((caught.value.key, str(caught.value)))

    assert errors == [
        ("file", f"cannot read '{file}': No such file or directory"),
        ("file", f"{file}:2: 'never' is not a right; write r, w, rw or -, and comments on lines of their own"),
    ]
