import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.wire.malformed import Malformed
from gitgate.wire.paths import normalize_path


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/team/app.git", "/team/app.git"),
        (b"team/app.git", "/team/app.git"),
        (b"/team/app/", "/team/app"),
        (b"/with space/and 'quotes'", "/with space/and 'quotes'"),
        ("/größe/项目".encode(), "/größe/项目"),
        (b"/%2e%2e/x", "/%2e%2e/x"),
        (b"/...", "/..."),
        (b"/~alice/x", "/~alice/x"),
    ],
)
def test_a_path_is_decoded_and_starts_with_a_slash(raw: bytes, path: str) -> None:
    assert normalize_path(raw) == path


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "the path names no repository"),
        (b"/", "the path names no repository"),
        (b"//", "the path names no repository"),
        (b"/a//b", "the path has an empty part"),
        (b"//a", "the path has an empty part"),
        (b"/a//", "the path has an empty part"),
        (b"/a/../b", "the path has '..' between its slashes"),
        (b"/..", "the path has '..' between its slashes"),
        (b"../a", "the path has '..' between its slashes"),
        (b"/a/.", "the path has '.' between its slashes"),
        (b"-o/a", "the path starts with '-'"),
        (b"/--upload-pack=x", "the path starts with '-'"),
        (b"/a\0b", "the path holds a control character"),
        (b"/a\nb", "the path holds a control character"),
        (b"/a\x1b[2Jb", "the path holds a control character"),
        ("/a\x9bb".encode(), "the path holds a control character"),
        (b"/\xff", "the path is not UTF-8"),
        (b"/" + b"a" * 256, "a part of the path is longer than 255 bytes"),
        (b"/a" * 2049, "the path is longer than 4096 bytes"),
    ],
)
def test_a_path_that_could_mean_something_else_to_another_reader_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=f"^{why}$".replace(".", r"\.")):
        normalize_path(raw)


@given(st.one_of(st.binary(max_size=300), st.text("ab./-%~ \0\n'", max_size=40).map(str.encode)))
def test_normalising_twice_changes_nothing(raw: bytes) -> None:
    try:
        path = normalize_path(raw)
    except Malformed:
        return
    assert normalize_path(path.encode()) == path
    assert path.startswith("/")
    assert not {"", ".", ".."} & set(path[1:].split("/"))
