"""The types for settings: what they read, how they are written, and what never shows."""

import pytest
from pydantic import TypeAdapter, ValidationError

from gitgate.plugin import Duration, Secret, SettingsError, Size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("1.5s", 1.5), ("5m", 300), ("1h", 3600), ("2d", 172800), ("0s", 0)],
)
def test_a_duration_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize(
    "wrong",
    ["5", 5, "", "s", "-5s", "5 s", "5S", "5s\n", "\N{ARABIC-INDIC DIGIT FIVE}s", "1e3s", "5sec", "9" * 16 + "s", None],
)
def test_what_has_no_unit_is_no_duration(wrong: object) -> None:
    with pytest.raises(ValueError, match="with its unit, such as 500ms"):
        Duration.parse(wrong)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0B", 0), ("512B", 512), ("64KiB", 65536), ("10MiB", 10 * 2**20), ("5GiB", 5 * 2**30), ("1TiB", 2**40)],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert Size.parse(text) == size


@pytest.mark.parametrize("wrong", ["5", 5, "1.5GiB", "5GB", "5gib", "-1B", "5 B", "9" * 16 + "B", True])
def test_what_has_no_unit_is_no_size(wrong: object) -> None:
    with pytest.raises(ValueError, match="with its unit, such as 512B"):
        Size.parse(wrong)


@pytest.mark.parametrize("text", ["500ms", "0.1ms", "30s", "90s", "5m", "1h", "36h", "2d", "1500ms", "0ms"])
def test_a_duration_is_written_as_it_is_read(text: str) -> None:
    assert (str(Duration.parse(text)), f"{Duration.parse(text)}") == (text, text)


@pytest.mark.parametrize("text", ["0B", "512B", "64KiB", "1025KiB", "5GiB", "1TiB", "999999999999999B"])
def test_a_size_is_written_as_it_is_read(text: str) -> None:
    assert (str(Size.parse(text)), f"{Size.parse(text)}") == (text, text)


def test_what_is_a_setting_already_stays_one() -> None:
    assert (Duration.parse(Duration(5)), Size.parse(Size(5)), Secret.parse(Secret("x"))) == (5.0, 5, Secret("x"))


def test_a_secret_never_shows() -> None:
    secret = Secret("hunter2")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", repr([secret]), repr({"password": secret})]
    shown += [
        str(TypeAdapter(Secret).dump_python(secret)),
        TypeAdapter(Secret).dump_json(secret).decode(),
    ]
    assert not any("hunter2" in text for text in shown)
    assert secret.reveal() == "hunter2"


def test_secrets_compare_by_their_text() -> None:
    assert {Secret("a"), Secret("a"), Secret("b")} == {Secret("a"), Secret("b")}
    assert Secret("a") != "a"


def test_a_number_is_no_secret_and_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="write a secret as a quoted text") as caught:
        Secret.parse(12345678)
    assert "12345678" not in str(caught.value)


@pytest.mark.parametrize(("kind", "text"), [(Duration, "5m"), (Size, "5GiB"), (Secret, "x")])
def test_pydantic_reads_and_writes_them_without_knowing_them(
    kind: type[Duration] | type[Size] | type[Secret], text: str
) -> None:
    adapter: TypeAdapter[Duration | Size | Secret] = TypeAdapter(kind)
    read = adapter.validate_json(f'"{text}"', strict=True)
    assert (type(read), adapter.dump_python(read, mode="json")) == (kind, str(kind.parse(text)))
    assert adapter.json_schema()["type"] == "string"
    with pytest.raises(ValidationError):
        adapter.validate_json("[]", strict=True)


def test_a_settings_error_names_its_key() -> None:
    error = SettingsError("is empty", key="file")
    assert (str(error), error.key, SettingsError("x").key) == ("is empty", "file", None)
