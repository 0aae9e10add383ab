"""What is put into a backup comes out whole, or not at all."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.backup.locks import Openers, draw, locks, opened, secret_of
from app.backup.parcel import ParcelReader, ParcelWriter, is_safe
from app.backup.sealed_stream import MAGIC, PIECE, SealedReader, SealedWriter
from core.errors import NotAllowed, WrongInput

KEY = bytes(range(32))
WORDS = "four words of mine"


def sealed(parts, piece=PIECE):
    file = BytesIO()
    writer = SealedWriter(file, key=KEY, locks=[], piece=piece)
    for part in parts:
        writer.write(part)
    writer.close()
    return file.getvalue()


def read(content, key=KEY):
    reader = SealedReader(BytesIO(content), unlock=lambda _found: key)
    found = b""
    while part := reader.read(100_000):
        found += part
    return found


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7])
def test_every_length_comes_back_as_it_was(size):
    content = bytes(size)
    assert read(sealed([content[: size // 3], content[size // 3 :]])) == content


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_changed_missing_moved_or_added_byte_passes(data):
    """Small pieces, so that there are several of them."""
    whole = sealed([data.draw(st.binary(min_size=1, max_size=100))], piece=16)
    start = whole.index(b"\n", len(MAGIC)) + 1
    place = data.draw(st.integers(start, len(whole) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "add", "swap"]))
    if change == "flip":
        broken = whole[:place] + bytes([whole[place] ^ 1 << data.draw(st.integers(0, 7))]) + whole[place + 1 :]
    elif change == "cut":
        broken = whole[:place]
    elif change == "add":
        broken = whole + data.draw(st.binary(min_size=1, max_size=40))
    else:
        first, second = whole[start : start + 32], whole[start + 32 : start + 64]
        broken = whole[:start] + second + first + whole[start + 64 :]
        if broken == whole or not second:
            return
    with pytest.raises(WrongInput):
        read(broken)


def test_what_is_written_cannot_be_seen_from_outside_and_the_head_is_part_of_the_key():
    content = sealed([b"anna@mail.example"])
    assert b"anna" not in content
    with pytest.raises(WrongInput):
        read(content.replace(b'"locks": []', b'"locks":  []'))
    with pytest.raises(WrongInput):
        read(b"another file")


def test_only_who_was_named_opens_it(tmp_path):
    publics = [draw(tmp_path / name) for name in ("mine", "yours")]
    found = locks(KEY, recipients=publics, passphrase=WORDS)
    stranger = draw(tmp_path / "stranger")
    assert stranger not in publics
    for openers in (
        Openers(secrets=(secret_of(tmp_path / "mine"),)),
        Openers(secrets=(secret_of(tmp_path / "stranger"), secret_of(tmp_path / "yours"))),
        Openers(passphrase=WORDS),
    ):
        assert opened(found, openers) == KEY
    for openers in (
        Openers(),
        Openers(secrets=(secret_of(tmp_path / "stranger"),)),
        Openers(passphrase=WORDS + "."),
    ):
        with pytest.raises(NotAllowed):
            opened(found, openers)


def test_a_key_file_is_never_written_over_and_is_for_its_owner_only(tmp_path):
    draw(tmp_path / "key")
    before = (tmp_path / "key").read_text()
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    with pytest.raises(WrongInput):
        draw(tmp_path / "key")
    assert (tmp_path / "key").read_text() == before


def test_a_short_passphrase_and_a_mistyped_key_are_refused(tmp_path):
    with pytest.raises(WrongInput):
        locks(KEY, recipients=[], passphrase=WORDS[:9])
    with pytest.raises(WrongInput):
        locks(KEY, recipients=[draw(tmp_path / "key")[:-1]], passphrase=None)


def test_an_entry_that_the_manifest_does_not_know_is_found():
    file = BytesIO()
    writer = ParcelWriter(SealedWriter(file, key=KEY, locks=[]))
    writer.add("one", [b"1", b"", b"2"])
    writer.add("two", [])
    writer.entries.pop()
    writer.finish({})
    with pytest.raises(WrongInput):
        _names(file.getvalue())


def test_entries_come_back_in_order_even_when_nobody_reads_them():
    file = BytesIO()
    writer = ParcelWriter(SealedWriter(file, key=KEY, locks=[]))
    writer.add("one", [bytes(300_000)])
    writer.add("two", [b"2"])
    writer.finish({"at": "now"})
    assert _names(file.getvalue()) == ["one", "two"]


def _names(content):
    parcel = ParcelReader(SealedReader(BytesIO(content), unlock=lambda _found: KEY))
    return [name for name, _blocks in parcel.entries()]


@pytest.mark.parametrize("name", ["", "/etc/passwd", "home/../../keys", "home/\0", ".."])
def test_no_name_leads_out_of_the_folder(name):
    assert not is_safe(name)


def test_ordinary_names_are_safe():
    assert is_safe("home/imports/a b.csv")
