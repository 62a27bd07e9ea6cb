"""A record as JSON: every field, every verdict, and nothing that harms a reader."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gitgate.audit_json import LONGEST_TEXT, MOST_REFS, as_json, json_line, schema_text
from gitgate.plugin import AuditRecord, RefChange, RefUpdate, Service, Transport, Verdict
from gitgate.testing import a_peer, an_identity

SCHEMA: dict[str, Any] = json.loads(schema_text())

SMALLEST = AuditRecord(
    time=datetime(2026, 11, 23, 10, 0, 0, 123456, UTC),
    request_id="0123456789",
    peer=a_peer(),
    verdict=Verdict.FAILED,
    reason="gitgate itself failed",
    duration_seconds=0.0123456789,
)

PUSH = replace(
    SMALLEST,
    verdict=Verdict.COMPLETED,
    reason="rules[3]",
    plugin="rules",
    identity=an_identity("alice", "ops", "devs"),
    method="publickey",
    authenticated_by="keys",
    fingerprint="SHA256:x",
    path="/team/app.git",
    repository="team/app",
    service=Service.RECEIVE_PACK,
    protocol=0,
    updates=(RefUpdate(ref="refs/heads/main", old="a" * 40, new="b" * 40, change=RefChange.UPDATE),),
    bytes_in=300,
    bytes_out=60,
    bytes_kept=50,
    exit_code=0,
)


def valid(record: AuditRecord) -> dict[str, Any]:
    """The record as whoever reads the line has it, after the schema has judged it."""
    read: dict[str, Any] = json.loads(json_line(record))
    Draft202012Validator(SCHEMA).validate(read)
    return read


def test_a_push_has_every_field() -> None:
    assert valid(PUSH) == {
        "time": "2026-11-23T10:00:00.123Z",
        "request_id": "0123456789",
        "transport": "ssh",
        "address": "192.0.2.7",
        "port": 51822,
        "encrypted": True,
        "username": None,
        "identity": "alice",
        "groups": ["devs", "ops"],
        "method": "publickey",
        "authenticated_by": "keys",
        "fingerprint": "SHA256:x",
        "path": "/team/app.git",
        "repository": "team/app",
        "service": "git-receive-pack",
        "protocol": 0,
        "verdict": "completed",
        "plugin": "rules",
        "reason": "rules[3]",
        "created": None,
        "refs": [
            {"ref": "refs/heads/main", "old": "a" * 40, "new": "b" * 40, "change": "update", "refused": None},
        ],
        "refs_total": 1,
        "bytes_in": 300,
        "bytes_out": 60,
        "bytes_kept": 50,
        "duration_seconds": 0.012346,
        "exit_code": 0,
    }


def test_what_is_not_known_is_null_and_never_left_out() -> None:
    unknown = {key for key, value in valid(SMALLEST).items() if value is None}

    assert unknown == {
        *("username", "identity", "groups", "method", "authenticated_by", "fingerprint"),
        *("path", "repository", "service", "protocol", "plugin", "created", "exit_code"),
    }


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_written_with_the_same_fields_in_the_same_order(verdict: Verdict) -> None:
    read = valid(replace(SMALLEST, verdict=verdict))

    assert (read["verdict"], list(read)) == (verdict.value, list(SCHEMA["properties"]))


def test_the_schema_knows_the_same_words_as_the_plugin_api() -> None:
    def words(name: str) -> set[str]:
        return set(SCHEMA["properties"][name]["enum"]) - {None}

    change = SCHEMA["properties"]["refs"]["items"]["properties"]["change"]
    assert words("verdict") == {verdict.value for verdict in Verdict}
    assert words("transport") == {transport.value for transport in Transport}
    assert words("service") == {service.value for service in Service}
    assert set(change["enum"]) == {change.value for change in RefChange}


def test_the_schema_is_one_and_asks_for_every_field() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["required"] == list(SCHEMA["properties"]) == list(as_json(SMALLEST))
    assert all(field["description"].endswith(".") for field in SCHEMA["properties"].values())


def test_the_schema_tells_the_bounds_that_hold() -> None:
    properties = SCHEMA["properties"]

    assert properties["refs"]["maxItems"] == MOST_REFS
    assert SCHEMA["$defs"]["text"]["maxLength"] == properties["reason"]["maxLength"] == LONGEST_TEXT


def test_a_client_over_a_unix_socket_has_no_address() -> None:
    read = valid(replace(SMALLEST, peer=a_peer(Transport.HTTP, address="", port=0)))

    assert (read["address"], read["port"]) == (None, None)


def test_the_time_is_in_utc_wherever_the_record_was_made() -> None:
    there = SMALLEST.time.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert valid(replace(SMALLEST, time=there))["time"] == "2026-11-23T10:00:00.123Z"


def test_a_whole_second_has_its_milliseconds_too() -> None:
    assert valid(replace(SMALLEST, time=SMALLEST.time.replace(microsecond=0)))["time"] == "2026-11-23T10:00:00.000Z"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('x"}\n{"verdict":"completed', 'x"}\\n{"verdict":"completed'),
        ("\x1b[2J\x9b\r\x7f", "\\x1b[2J\\x9b\\r\\x7f"),
        ("a\0b", "a\\x00b"),
        ("\u202egnp.exe\u2028", "\\u202egnp.exe\\u2028"),
        ("\udcff", "\\udcff"),
        ("größe €😀", "größe €😀"),
    ],
)
def test_a_client_cannot_forge_a_record_or_harm_whoever_reads_one(text: str, written: str) -> None:
    """1. Somebody asks for a path, or types a name, with a line feed and the beginning of another record, with escape
    sequences, with a NUL or with half a surrogate. 2. The line that is written is two, or is refused by the database
    that it goes to, and so hides what was done; or `jq -r .path` brings the sequence to an operator's terminal."""
    read = valid(replace(PUSH, path=text, username=text, reason=text, identity=an_identity(text, text)))

    assert [read[name] for name in ("path", "username", "reason", "identity")] == [written] * 4
    assert read["groups"] == [written]
    assert json_line(replace(PUSH, path=text)).count(b"\n") == 1


def test_a_text_of_any_length_makes_a_line_of_bounded_length() -> None:
    """1. Somebody asks for paths of 60 kB, again and again, of characters that grow when they are escaped. 2. The disk
    of the audit log is full of them."""
    for text in ("a" * 60_000, "\U000e0001" * 60_000, "\x00" * 4093):
        path = valid(replace(SMALLEST, path=text, reason=text))["path"]

        assert (len(path), path[-3:]) == (LONGEST_TEXT, "...")


def test_a_text_of_the_greatest_length_is_whole() -> None:
    text = "a" * (LONGEST_TEXT - len("..."))

    assert valid(replace(SMALLEST, path=text))["path"] == text


def test_a_push_of_very_many_refs_has_the_first_ones_and_their_number() -> None:
    updates = tuple(
        RefUpdate(ref=f"refs/tags/{number}", old="0" * 40, new="b" * 40, change=RefChange.CREATE)
        for number in range(MOST_REFS + 1)
    )

    read = valid(replace(PUSH, updates=updates))

    assert (len(read["refs"]), read["refs"][-1]["ref"], read["refs_total"]) == (1000, "refs/tags/999", 1001)


def test_a_value_of_a_plugin_that_is_no_text_is_written_as_one() -> None:
    """The gateway writes a record in its `finally`: an error here would be the client's."""
    five: Any = 5

    read = valid(replace(SMALLEST, reason=five))

    assert read["reason"] == "5"
