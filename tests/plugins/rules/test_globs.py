"""Which repositories a pattern means."""

import re
from collections.abc import Sequence

import pytest
from gitgate_rules.globs import Glob
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("**", ["a", "a/b", "a/b/c"], []),
        ("*", ["a", "abc"], ["a/b"]),
        ("secret/**", ["secret", "secret/a", "secret/a/b"], ["secrets", "a/secret", "Secret"]),
        ("**/app", ["app", "a/app", "a/b/app"], ["app/a", "myapp"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/z/z"], ["a", "z", "a/b"]),
        ("a/**/*", ["a/b", "a/b/c"], ["a"]),
        ("team-*/lib?", ["team-/lib1", "team-a/libs"], ["team-a/lib", "team-a/b/lib1", "team/lib1"]),
        ("*-*-x", ["a-b-x", "--x", "a-b-c-x"], ["a-x", "a-b-y"]),
        ("users/{user}", ["users/alice"], ["users/bob", "users/{user}", "users", "users/alice/x"]),
        ("**/{user}/**", ["alice", "x/alice", "x/alice/y"], ["bob", "x/alicea"]),
        ("a!b/c d", ["a!b/c d"], []),
    ],
)
def test_what_a_pattern_means(pattern: str, meant: list[str], not_meant: list[str]) -> None:
    glob = Glob.of_repositories(pattern)

    found = [name for name in meant + not_meant if glob.matches(name.split("/"), "alice")]

    assert found == meant


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("/secret/**", "'/secret/**': a repository's name has no leading '/'; write 'secret/**'"),
        ("/", "'/': a repository's name has no leading '/'; write '**'"),
        ("team/app.git", "'team/app.git': a repository's name has no '.git' at its end; write 'team/app'"),
        ("team/*.git", "'team/*.git': a repository's name has no '.git' at its end; write 'team/*'"),
        ("team/.git", "'team/.git': a repository's name has no '.git' at its end; write 'team/*'"),
        ("team/", "'team/': a repository's name has no '/' at its end; for all below, write 'team/**'"),
        ("", "'': no repository's name has the segment ''"),
        ("a//b", "'a//b': no repository's name has the segment ''"),
        ("a/../b", "'a/../b': no repository's name has the segment '..'"),
        ("team/a**", "'team/a**': '**' stands for whole segments; within one, write '*'"),
        ("[ab]/*", "'[ab]/*': the pattern language has no [...]; use ? for any one character"),
        ("{a,b}/*", "'{a,b}/*': the pattern language has no {...} but {user}, alone in its segment"),
        ("{user}-*", "'{user}-*': the pattern language has no {...} but {user}, alone in its segment"),
        ("!secret", "'!secret': the pattern language has no negation; put a rule with deny above"),
        ("a\\*", "'a\\\\*': the pattern language has no escapes; write the character itself"),
    ],
)  # fmt: skip
def test_a_pattern_that_could_never_match_is_refused_with_a_hint(pattern: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        Glob.of_repositories(pattern)


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("refs/heads/main", ["refs/heads/main"], ["refs/heads/main2", "refs/heads/main/x", "refs/tags/main"]),
        ("refs/heads/release/**", ["refs/heads/release/1/2", "refs/heads/release"], ["refs/heads/release-1"]),
        ("refs/heads/release/*/**", ["refs/heads/release/1/2"], ["refs/heads/release"]),
        ("refs/heads/{user}/**", ["refs/heads/alice/x"], ["refs/heads/bob/x", "refs/heads/x/alice"]),
        ("refs/tags/*", ["refs/tags/v1"], ["refs/tags/v1/rc1", "refs/heads/v1"]),
        ("**", ["refs/heads/main", "refs/notes/x"], []),
        ("**/main", ["refs/heads/main", "refs/tags/main"], ["refs/heads/mains"]),
    ],
)
def test_which_refs_a_pattern_means(pattern: str, meant: list[str], not_meant: list[str]) -> None:
    glob = Glob.of_refs(pattern)

    assert [ref for ref in meant + not_meant if glob.matches(ref.split("/"), "alice")] == meant


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("x", "'x': a ref's name is written in full; write 'refs/heads/x' for a branch, 'refs/tags/x' for a tag"),
        ("heads/dev", "'heads/dev': a ref's name is written in full; write 'refs/heads/dev'"),
        ("tags/*", "'tags/*': a ref's name is written in full; write 'refs/tags/*'"),
        ("/refs/heads/x", "'/refs/heads/x': a ref's name is written in full; write 'refs/heads/x'"),
        ("refs/heads", "'refs/heads': is no ref; for all below, write 'refs/heads/**'"),
        ("refs/a/", "'refs/a/': a ref's name has no '/' at its end; for all below, write 'refs/a/**'"),
        ("refs/heads/main$", "'refs/heads/main$': a pattern means whole names; leave the '$' out"),
        ("refs/heads/^x", "'refs/heads/^x': no ref's name has '^' in it"),
        ("refs/heads/a b", "'refs/heads/a b': no ref's name has ' ' in it"),
        ("refs/heads/a..b", "'refs/heads/a..b': no ref's name has '..' in it"),
        ("refs/heads/.*", "'refs/heads/.*': no part of a ref's name begins with '.'; write '*' for anything in a part"),
        ("refs/heads/x.lock", "'refs/heads/x.lock': no part of a ref's name ends with '.lock'"),
        ("refs/tags/v[0-9]", "'refs/tags/v[0-9]': the pattern language has no [...]; use ? for any one character"),
        ("refs//x", "'refs//x': no ref's name has the segment ''"),
        ("", "'': a ref's name is written in full; write 'refs/heads/' for a branch, 'refs/tags/' for a tag"),
    ],
)  # fmt: skip
def test_a_pattern_that_means_no_ref_is_refused_with_a_hint(pattern: str, told: str) -> None:
    """Above all gitolite's refexes: `-  master$` protects a branch, and `master$` as a glob would protect none."""
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        Glob.of_refs(pattern)


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [
        ("**", ["a", "a/**", "{user}"], []),
        ("a/**", ["a", "a/b", "a/*/c", "a/**/b", "a/**"], ["ab", "ab/**", "*", "**"]),
        ("a/*/**", ["a/*", "a/*/x"], ["a", "a/b/x"]),
        ("a/*", ["a/*"], ["a/b"]),
    ],
)
def test_what_a_pattern_certainly_covers(pattern: str, covered: list[str], not_covered: list[str]) -> None:
    glob = Glob.of_repositories(pattern)

    assert [other for other in covered + not_covered if glob.covers(Glob.of_repositories(other))] == covered


pattern_segments = st.sampled_from(["**", "{user}"]) | st.text("ab*?", min_size=1, max_size=5).filter(
    lambda s: "**" not in s
)
names = st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=6)


@given(
    pattern=st.lists(pattern_segments, min_size=1, max_size=6), name=names, user=st.none() | st.text("ab", max_size=2)
)
def test_patterns_mean_what_their_definition_says(pattern: list[str], name: list[str], user: str | None) -> None:
    glob = Glob.of_repositories("/".join(pattern))

    assert glob.matches(name, user) is _by_definition(pattern, name, user)


@given(
    pattern=st.lists(pattern_segments, min_size=1, max_size=4),
    other=st.lists(pattern_segments, min_size=1, max_size=4),
    name=names,
    user=st.none() | st.text("ab", max_size=2),
)
def test_what_is_covered_is_meant_and_has_the_ends_that_are_told(
    pattern: list[str], other: list[str], name: list[str], user: str | None
) -> None:
    glob, narrower = Glob.of_repositories("/".join(pattern)), Glob.of_repositories("/".join(other))

    if narrower.matches(name, user):
        assert "/".join(name).startswith(narrower.head)
        assert "/".join(name).endswith(narrower.tail)
        assert glob.matches(name, user) or not glob.covers(narrower)


def _by_definition(pattern: Sequence[str], name: Sequence[str], user: str | None) -> bool:
    """The four sentences at the top of `globs`, written down without a thought of speed."""
    if not pattern:
        return not name
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        return any(_by_definition(rest, name[skipped:], user) for skipped in range(len(name) + 1))
    if not name or not _by_definition(rest, name[1:], user):
        return False
    return name[0] == user if first == "{user}" else _segment_by_definition(first, name[0])


def _segment_by_definition(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_segment_by_definition(pattern[1:], text[skipped:]) for skipped in range(len(text) + 1))
    return text != "" and pattern[0] in ("?", text[0]) and _segment_by_definition(pattern[1:], text[1:])


class _CountedSegment(str):
    """A segment that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        _CountedSegment.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_pattern_of_many_any_depths_against_a_long_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client asks for a very deep path, which nearly fits a pattern with many "**".

    A matcher that tries every way of sharing the path out among them would try more ways than there is time for.
    """
    monkeypatch.setattr(_CountedSegment, "compared", 0)
    pattern = "/".join(["**", "a"] * 30 + ["x"])
    name = [_CountedSegment("a")] * 2000

    matched = Glob.of_repositories(pattern).matches(name, None)

    assert not matched
    assert _CountedSegment.compared <= len(name) * len(pattern.split("/"))


def test_pattern_of_many_stars_against_a_long_segment() -> None:
    """The same within a segment: the test ends by its time limit where the expression backtracks."""
    glob = Glob.of_repositories("*a" * 30 + "*b")

    assert not glob.matches(["a" * 4000], None)
