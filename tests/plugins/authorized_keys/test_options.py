"""The options before a key: read as sshd reads them, and never dropped when not understood."""

import time

import pytest
from gitgate_authorized_keys.addresses import AddressList
from gitgate_authorized_keys.bad_line import BadLine
from gitgate_authorized_keys.options import Conditions, parse_options
from hypothesis import given
from hypothesis import strategies as st


def refusal(text: str) -> str:
    with pytest.raises(BadLine) as caught:
        parse_options(text)
    return str(caught.value)


def test_flags_that_take_away_what_is_never_given_are_accepted() -> None:
    flags = "restrict,no-pty,no-port-forwarding,no-agent-forwarding,No-X11-Forwarding,no-user-rc,pty"

    assert parse_options(f"{flags} \t ssh-ed25519 AAAA") == (Conditions(), "ssh-ed25519 AAAA")


def test_conditions_are_read() -> None:
    assert parse_options('from="192.0.2.0/24,!192.0.2.8",EXPIRY-TIME="20250615Z" key') == (
        Conditions(addresses=AddressList.parse("192.0.2.0/24,!192.0.2.8"), expires=1_749_945_600),
        "key",
    )


def test_of_two_expiry_times_the_earlier_counts() -> None:
    both = ['expiry-time="19700102Z",expiry-time="19700103Z" k', 'expiry-time="19700103Z",expiry-time="19700102Z" k']

    assert [parse_options(text)[0] for text in both] == [Conditions(expires=86400)] * 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ('command="gitolite-shell alice"', "no command but git's own is ever run; list the key without it"),
        ('environment="LD_PRELOAD=/tmp/x.so"', "a key cannot set git's environment"),
        ("cert-authority", "ssh certificates are not supported"),
        ('principals="alice"', "ssh certificates are not supported"),
        ("no-touch-required", "a security key must always be touched"),
        ("verify-required", "whether a security key asked for its PIN is not checked"),
    ],
)
def test_options_that_would_be_wrong_to_ignore_are_refused(name: str, reason: str) -> None:
    """A key that may only run one command, or only certify others, must not become one that may do everything."""
    option = name.partition("=")[0]

    assert refusal(f"restrict,{name} ssh-ed25519 AAAA") == f"option {option}: {reason}"


@pytest.mark.parametrize("name", ["only-on-sundays", "fröm", "no-restrict", "from2", 'permitopen="a:1"'])
def test_an_unknown_option_is_refused(name: str) -> None:
    """A newer OpenSSH brings a restriction: dropping it would give more than the line grants."""
    option = name.partition("=")[0]

    assert refusal(f"{name} ssh-ed25519 AAAA") == (
        f"{option!r} is neither a type of key that is supported nor a known option"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from k", 'option from needs a value in double quotes: from="..."'),
        ("from=192.0.2.7 k", 'option from needs a value in double quotes: from="..."'),
        ('from="192.0.2.7 k', 'option from needs a value in double quotes: from="..."'),
        ('from="192.0.2.7\\" k', 'option from needs a value in double quotes: from="..."'),
        ('from="192.0.2.7"x k', "option 'from' must be followed by a comma or a blank, not by 'x'"),
        ('from="*",from="*" k', "option from is given twice; write one list"),
        ('no-pty="yes" k', "option no-pty takes no value"),
        ("no-pty=yes k", "option 'no-pty' must be followed by a comma or a blank, not by '='"),
        ("no-pty, k", "an option is missing; is there a comma too many, or a blank after one?"),
        ("no-pty,,pty k", "an option is missing; is there a comma too many, or a blank after one?"),
        (",no-pty k", "an option is missing; is there a comma too many, or a blank after one?"),
        ('expiry-time="tomorrow" k', "option expiry-time: 'tomorrow' is not a moment; write YYYYMMDD[HHMM[SS]][Z]"),
    ],
)
def test_malformed_options_are_refused(text: str, reason: str) -> None:
    assert refusal(text) == reason


def test_a_quote_inside_a_value_does_not_end_it() -> None:
    r"""Were `\"` read as the end, the rest of the value could smuggle in options, or hide one."""
    assert refusal(r'command="x\",no-pty \"y" ssh-ed25519 AAAA').startswith("option command:")
    assert refusal(r'expiry-time="\"2025\"" k') == (
        "option expiry-time: '\"2025\"' is not a moment; write YYYYMMDD[HHMM[SS]][Z]"
    )


@pytest.mark.parametrize(
    ("moment", "expires"),
    [
        ("19700101Z", 0),
        ("20250615Z", 1_749_945_600),
        ("202506151230Z", 1_749_990_600),
        ("20250615123001Z", 1_749_990_601),
        ("20240229Z", 1_709_164_800),
    ],
)
def test_a_moment_with_z_is_in_utc(moment: str, expires: int) -> None:
    assert parse_options(f'expiry-time="{moment}" k')[0] == Conditions(expires=expires)


def test_a_moment_without_z_is_in_the_servers_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-2")  # POSIX writes what lies east of Greenwich with a minus
    time.tzset()
    try:
        conditions, _ = parse_options('expiry-time="202506151400" k')
    finally:
        monkeypatch.undo()
        time.tzset()

    assert conditions == Conditions(expires=1_749_988_800)


@pytest.mark.parametrize(
    "moment",
    ["", "Z", "2025", "2025061", "2025061512", "20250615123", "20250615Zz", "20250615z", "20251315Z", "20250230Z",
     "20250615246000Z", "20250615120060Z", "00000101Z", "٢٠٢٥٠٦١٥", " 20250615Z", "20250615Z\n"],
)  # fmt: skip
def test_what_is_not_a_moment_is_refused(moment: str) -> None:
    assert "is not a moment" in refusal(f'expiry-time="{moment}" k')


@given(st.text() | st.text(alphabet='frompty-,="\\ \t!*10.Zc'))
def test_no_text_raises_anything_but_bad_line(text: str) -> None:
    try:
        conditions, rest = parse_options(text)
    except BadLine:
        return
    assert text.endswith(rest)
    assert isinstance(conditions, Conditions)


@given(st.from_regex(r"[0-9]{8}([0-9]{4}([0-9]{2})?)?Z?", fullmatch=True))
def test_no_digits_raise_anything_but_bad_line(moment: str) -> None:
    try:
        conditions, _ = parse_options(f'expiry-time="{moment}" k')
    except BadLine:
        return
    assert conditions.expires is not None


@given(st.text(alphabet=st.characters(exclude_characters='"\\', exclude_categories=["Cs"])))
def test_a_quoted_value_is_read_whole_whatever_is_in_it(value: str) -> None:
    """Blanks, commas and equal signs inside quotes end nothing."""
    assert refusal(f'no-pty,command="{value}",pty ssh-ed25519 AAAA').startswith("option command:")
