"""`.repoperms` files: what they say, and each way of being wrong."""

import pytest
from gitgate_repoperms.table import RIGHTS, Entry, RepopermsError, parse_table
from hypothesis import given
from hypothesis import strategies as st

from gitgate.plugin import Access


def problems(text: str) -> list[str]:
    with pytest.raises(RepopermsError) as caught:
        parse_table(text.encode("utf-8", "surrogateescape"), "f")
    return str(caught.value).split("; f:")


def test_a_whole_file_is_read() -> None:
    content = (
        b"\xef\xbb\xbf# comment\n; comment\n\n[team/app.git]\r\nalice = rw\r\n\tbob=r\n"
        b"anonymous   =   -\n[ top ]\n# 50%\nJ\xc3\xbcrgen M = w\nuser@x.org = r\na%b = r"
    )

    assert parse_table(content, "f") == {
        "team/app": {"alice": Entry("rw", "f:5"), "bob": Entry("r", "f:6"), "anonymous": Entry("-", "f:7")},
        "top": {"Jürgen M": Entry("w", "f:10"), "user@x.org": Entry("r", "f:11"), "a%b": Entry("r", "f:12")},
    }


def test_an_empty_file_says_nothing() -> None:
    assert parse_table(b"", "f") == {}


def test_the_four_values_permit_reading_and_writing_and_never_creating() -> None:
    assert {value: Entry(value, "f:1").rights for value in RIGHTS} == {
        "r": {Access.READ},
        "w": {Access.WRITE},
        "rw": {Access.READ, Access.WRITE},
        "-": set(),
    }


def test_names_keep_their_case() -> None:
    """configparser made `Alice = rw` a right for alice, who is somebody else."""
    assert parse_table(b"[App]\nAlice = rw\nalice = r\n", "f") == {
        "App": {"Alice": Entry("rw", "f:2"), "alice": Entry("r", "f:3")}
    }


@pytest.mark.parametrize(
    "value", ["never", "read", "write", "wr", "R", "RW", "r w", "", "--", "rw # boss", "r ; x", "= r"]
)
def test_a_value_that_is_not_a_right_is_refused(value: str) -> None:
    """GitServerGlue asked whether there is an `r` in the value: `never`, `write` and `no readers` all gave reading."""
    assert problems(f"[app]\nalice = {value}\n") == [
        f"f:2: {value!r} is not a right; write r, w, rw or -, and comments on lines of their own"
    ]


def test_the_default_section_is_refused() -> None:
    """configparser gave the lines of [DEFAULT] to every section: one line opened every repository."""
    assert problems("[DEFAULT]\nevil = rw\n[app]\nalice = r\n") == [
        "f:1: [DEFAULT] has no meaning here: rights are given repository by repository"
    ]


def test_a_repository_that_is_called_default_has_its_section_with_git() -> None:
    assert list(parse_table(b"[DEFAULT.git]\n", "f")) == ["DEFAULT"]


@pytest.mark.parametrize(
    "name", ["", ".git", "/app", "app/", "a//b", "a/../b", "../b", ".", "a/..git", "a\x1bb", "a\u2028b", "a\udcffb"]
)
def test_a_section_that_can_match_no_repository_is_refused(name: str) -> None:
    """`[/app] mallory = -` would shut nobody out: names start without a slash."""
    assert problems(f"[{name}]\nmallory = -\n") == [
        f"f:1: {name!r} is no repository's name; write it like `team/app`, from the root on"
    ]


@pytest.mark.parametrize("line", ["[app", "[app] # comment", "[app]]x"])
def test_a_section_that_is_not_closed_is_refused(line: str) -> None:
    assert problems(line) == ["f:1: the section's name is not closed; write `[repository]` and nothing after it"]


@pytest.mark.parametrize("again", ["[app]", "[app.git]", "[ app ]"])
def test_a_section_that_comes_twice_is_refused(again: str) -> None:
    """Of two sections, the later one would undo what the earlier one denies."""
    assert problems(f"[app.git]\nmallory = -\n{again}\nmallory = rw\n") == [
        "f:3: the section of 'app' is there already; put its lines together"
    ]


def test_a_user_who_comes_twice_is_refused() -> None:
    assert problems("[app]\nalice = r\n[b]\nalice = r\nbob = r\nalice = rw\n") == [
        "f:6: 'alice' is in this section already, at f:4"
    ]


@pytest.mark.parametrize("name", ["", "al\x1bice", "al\u2028ice", "al\udcffice"])
def test_a_name_that_nobody_can_have_is_refused(name: str) -> None:
    assert problems(f"[app]\n{name} = r\n") == [f"f:2: {name!r} is not a name for a user"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert problems("alice = r\n[app]\nalice: r\nbob\ncarol = x\n") == [
        "f:1: it stands before the first section; write `[repository]` above it",
        "3: it has no `=`; write `user = rw`",
        "4: it has no `=`; write `user = rw`",
        "5: 'x' is not a right; write r, w, rw or -, and comments on lines of their own",
    ]


def test_of_very_much_that_is_wrong_the_first_ten_lines_are_said() -> None:
    said = problems("x\n" * 1000)

    assert len(said) == 10
    assert said[-1].endswith("; and 990 more lines")


def test_what_python_takes_for_the_end_of_a_line_ends_none() -> None:
    """A form feed in a comment must not start a line that gives a right."""
    for separator in ("\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"):
        assert parse_table(f"[app]\n# x{separator}mallory = rw\n".encode(), "f") == {"app": {}}


@given(st.binary() | st.text(alphabet="[]ab./=rw-#; \t\r\n\x00").map(str.encode))
def test_no_content_raises_anything_but_its_own_error(content: bytes) -> None:
    try:
        table = parse_table(content, "f")
    except RepopermsError:
        return
    assert all(entry.value in RIGHTS for section in table.values() for entry in section.values())
