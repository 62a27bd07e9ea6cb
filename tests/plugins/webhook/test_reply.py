"""What counts as a reply. The reader and `reply.schema.json` say the same."""

import json
from pathlib import Path
from typing import Any

import gitgate_webhook
import pytest
from gitgate_webhook.failures import BadReply
from gitgate_webhook.reply import Decision, NamedIdentity, NamedRepository, Reply, parse_json, read_reply
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

SCHEMA = Draft202012Validator(json.loads(Path(gitgate_webhook.__file__).with_name("reply.schema.json").read_text()))

GOOD = [
    ({"decision": "allow"}, Reply(decision=Decision.ALLOW, reason="the service allows it")),
    (
        {"decision": "deny", "refs": ["refs/heads/x"]},
        Reply(decision=Decision.DENY, reason="the service denies it", refs=("refs/heads/x",)),
    ),
    ({"decision": "abstain", "unknown": [1]}, Reply(decision=Decision.ABSTAIN, reason="the service has no opinion")),
    ({"decision": "allow", "ttl": 1.5, "reason": "r"}, Reply(decision=Decision.ALLOW, reason="r", ttl=1.5)),
    ({"decision": "allow", "ttl": 10**400, "reason": "r"}, Reply(decision=Decision.ALLOW, reason="r", ttl=1e9)),
    (
        {"decision": "allow", "identity": {"name": "a", "groups": ["g"], "attributes": {"k": "v"}}, "reason": "r"},
        Reply(
            decision=Decision.ALLOW,
            reason="r",
            identity=NamedIdentity(name="a", groups=frozenset({"g"}), attributes={"k": "v"}),
        ),
    ),
    (
        {"decision": "allow", "repository": {"directory": "/a", "name": "a", "environment": {}}, "reason": "r"},
        Reply(decision=Decision.ALLOW, reason="r", repository=NamedRepository(directory="/a", name="a")),
    ),
    (
        dict.fromkeys(("reason", "message", "ttl", "identity", "repository", "refs")) | {"decision": "deny"},
        Reply(decision=Decision.DENY, reason="the service denies it"),
    ),
]  # fmt: skip

BAD = [
    ([], "a reply is a JSON object, not a list"),
    ("allow", "a reply is a JSON object, not a text"),
    (True, "a reply is a JSON object, not true or false"),
    (None, "a reply is a JSON object, not null"),
    ({}, "`decision` is missing"),
    ({"allow": "false"}, "`decision` is missing"),
    ({"allowed": True}, "`decision` is missing"),
    ({"decision": True}, "`decision` must be a text, not true or false"),
    ({"decision": 1}, "`decision` must be a text, not a number"),
    ({"decision": None}, "`decision` is missing"),
    ({"decision": "ALLOW"}, "`decision` is 'ALLOW', not allow, deny or abstain"),
    ({"decision": "allow "}, "`decision` is 'allow ', not allow, deny or abstain"),
    ({"decision": "allow", "ttl": "60"}, "`ttl` must be a number of seconds, 0 or more"),
    ({"decision": "allow", "ttl": -1}, "`ttl` must be a number of seconds, 0 or more"),
    ({"decision": "allow", "ttl": True}, "`ttl` must be a number of seconds, 0 or more"),
    ({"decision": "deny", "reason": ["r"]}, "`reason` must be a text, not a list"),
    ({"decision": "deny", "message": {"en": "no"}}, "`message` must be a text, not an object"),
    ({"decision": "deny", "refs": "refs/heads/x"}, "`refs` must be a list of texts, none of them empty"),
    ({"decision": "deny", "refs": [1]}, "`refs` must be a list of texts, none of them empty"),
    ({"decision": "allow", "refs": ["refs/heads/x"]}, "`refs` are those that are refused, and so belong to deny"),
    ({"decision": "allow", "identity": "alice"}, "`identity` must be an object, not a text"),
    ({"decision": "allow", "identity": {"name": ""}}, "`identity.name` must be somebody's name, not ''"),
    (
        {"decision": "allow", "identity": {"name": "anonymous"}},
        "`identity.name` must be somebody's name, not 'anonymous'",
    ),
    (
        {"decision": "allow", "identity": {"groups": "admins"}},
        "`identity.groups` must be a list of texts, none of them",
    ),
    ({"decision": "allow", "identity": {"groups": [""]}}, "`identity.groups` must be a list of texts, none of them"),
    (
        {"decision": "allow", "identity": {"attributes": {"uid": 5}}},
        "`identity.attributes.uid` must be a text, not a number",
    ),
    ({"decision": "allow", "repository": {"name": "a"}}, "`repository.directory` is missing"),
    ({"decision": "allow", "repository": {"directory": "/a"}}, "`repository.name` is missing"),
    (
        {"decision": "allow", "repository": {"directory": "/a", "name": "a", "moved_to": 1}},
        "`repository.moved_to` must be a text, not a number",
    ),
]


@pytest.mark.parametrize(("value", "reply"), GOOD)
def test_a_good_reply(value: Any, reply: Reply) -> None:
    assert read_reply("authorize", value) == reply
    assert SCHEMA.is_valid(value)


@pytest.mark.parametrize(("value", "why"), BAD)
def test_a_bad_reply_is_no_answer(value: Any, why: str) -> None:
    with pytest.raises(BadReply) as raised:
        read_reply("authorize", value)
    assert str(raised.value).startswith(why)
    assert not SCHEMA.is_valid(value)


@pytest.mark.parametrize(
    ("hook", "value", "why"),
    [
        ("authenticate", {"decision": "allow"}, "to allow a login takes an `identity` with a `name`"),
        ("authenticate", {"decision": "allow", "identity": {}}, "to allow a login takes an `identity` with a `name`"),
        ("resolve_path", {"decision": "allow"}, "to allow a path takes a `repository`, where it leads"),
    ],
)
def test_to_allow_takes_what_is_allowed(hook: str, value: Any, why: str) -> None:
    with pytest.raises(BadReply, match=why):
        read_reply(hook, value)
    assert read_reply("authorize", value).decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"{", "the body is not JSON"),
        (b"<html>", "the body is not JSON"),
        (b'{"decision": "deny"}{"decision": "allow"}', "the body is not JSON: Extra data"),
        (b'{"ttl": NaN}', "the body is not JSON: NaN is no number of JSON"),
        (b'{"ttl": -Infinity}', "the body is not JSON: -Infinity is no number of JSON"),
        (b'{"a": "\xff"}', "the body is not UTF-8"),
        ('{"decision": "allow"}'.encode("utf-16"), "the body is not UTF-8"),
        (b"[" * 60000, "the body is not JSON"),
        (b"1" * 60000, "the body is not JSON"),
    ],
)
def test_a_body_that_is_not_json_is_no_answer(body: bytes, why: str) -> None:
    with pytest.raises(BadReply) as raised:
        parse_json(body)
    assert str(raised.value).startswith(why)


def test_a_key_that_stands_twice_is_no_answer() -> None:
    """Attack: something in front of the service sees "deny", and gitgate, with another parser, "allow"."""
    with pytest.raises(BadReply, match="a key stands twice in an object"):
        parse_json(b'{"decision": "deny", "decision": "allow"}')


def test_half_of_a_surrogate_pair_is_no_answer() -> None:
    """It goes into no file: a user of this name would make every audit record fail."""
    for value in ({"name": "\ud800"}, {"groups": ["\udfff"]}, {"attributes": {"a": "\ud800"}}):
        body = json.dumps({"decision": "allow", "identity": value}).encode()
        with pytest.raises(BadReply, match="holds half of a surrogate pair"):
            read_reply("enrich_identity", parse_json(body))


def test_long_texts_are_cut() -> None:
    reply = read_reply("authorize", {"decision": "deny", "reason": "\x1b" * 60000, "message": "m" * 60000})
    assert (len(reply.reason), reply.reason[:8], len(reply.message or "")) == (1000, "\\x1b\\x1b", 500)


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text("a\n", max_size=2) | st.floats(0, 2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=3,
)
_replies = st.fixed_dictionaries(
    {"decision": st.sampled_from(["allow", "deny", "abstain"]) | _values},
    optional={
        "reason": st.text("a", max_size=2) | _values,
        "message": st.text("a", max_size=2) | _values,
        "ttl": _values,
        "refs": st.lists(st.text("a", max_size=1), max_size=2) | _values,
        "identity": st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["a", "anonymous", ""]) | _values,
                "groups": st.lists(st.text("g", max_size=1), max_size=2) | _values,
                "attributes": st.dictionaries(st.sampled_from("ab"), st.text("v", max_size=1), max_size=1) | _values,
            },
        )
        | _values,
        "repository": st.fixed_dictionaries(
            {"directory": st.just("/a") | _values, "name": st.just("a") | _values}, optional={"moved_to": _values}
        )
        | _values,
    },
)


@given(_replies)
def test_the_schema_says_what_the_reader_does(value: Any) -> None:
    try:
        read_reply("authorize", value)
    except BadReply:
        assert not SCHEMA.is_valid(value)
    else:
        assert SCHEMA.is_valid(value)
