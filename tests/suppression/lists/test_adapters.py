"""Every adapter reads its operator's format, names those who are meant and nobody else, and never reads half a file."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import CrusoeError
from suppression.lists.known import LISTS
from suppression.lists.sealed import SIZE
from tests.suppression.lists.samples import SAMPLES, Sample

pytestmark = pytest.mark.usefixtures("home")


def digests(sample: Sample, folder: Path, content: bytes | None = None) -> tuple[set[bytes], dict]:
    file = folder / "list"
    file.write_bytes(sample.content if content is None else content)
    spec = LISTS[sample.list_id]
    contents = spec.read(file, sample.options)
    return {digest for block in contents.blocks for digest in block}, dict(contents.reading)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_list_names_those_who_are_meant_and_nobody_else(sample: Sample, tmp_path: Path) -> None:
    spec = LISTS[sample.list_id]
    found, reading = digests(sample, tmp_path)
    assert len(found) == sample.records
    assert {len(digest) for digest in found} == {spec.digest_size}
    for candidate in sample.named:
        assert not found.isdisjoint(spec.named(candidate, reading)), candidate
    for candidate in sample.free:
        assert found.isdisjoint(spec.named(candidate, reading)), candidate


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.list_id != "at.ecg.file"], ids=lambda one: one.name)
def test_nothing_that_can_be_guessed_back_is_stored(sample: Sample, tmp_path: Path) -> None:
    found, _reading = digests(sample, tmp_path)
    assert {len(digest) for digest in found} == {SIZE}
    assert not any(digest in sample.content or digest.hex().encode() in sample.content for digest in found)


Mutation = Callable[[bytes], bytes]

# Twenty and more ways in which a file goes wrong on its way.
MUTATIONS: dict[str, Mutation] = {
    "empty": lambda _: b"",
    "blank": lambda _: b"   ",
    "a line end only": lambda _: b"\r\n",
    "an error page": lambda _: b"<html><body>404 Not Found</body></html>\n",
    "first byte lost": lambda it: it[1:],
    "last byte lost": lambda it: it[:-1],
    "three bytes lost at the end": lambda it: it[:-3],
    "cut in a record": lambda it: it[: len(it) * 2 // 3 - 5],
    "a byte before": lambda it: b"0" + it,
    "a byte lost in the middle": lambda it: _without(it, 1),
    "half in UTF-16": lambda it: it[: len(it) // 2] + it[len(it) // 2 :].decode("latin1").encode("utf-16"),
    "in UTF-16": lambda it: it.decode("latin1").encode("utf-16"),
    "zeros at the end": lambda it: it + bytes(512),
    "zeros in the middle": lambda it: it[: len(it) // 2] + bytes(7) + it[len(it) // 2 + 7 :],
    "garbage at the end": lambda it: it + b"\xff\xfe\xfd#garbage\n",
    "compressed": gzip.compress,
    "line ends doubled": lambda it: it.replace(b"\n", b"\n\n"),
    "line ends of another system": lambda it: it.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "line ends gone": lambda it: it.replace(b"\r", b"").replace(b"\n", b""),
    "twice": lambda it: it + it,
    "a lone carriage return at the end": lambda it: it + b"\r",
    "as a spreadsheet program saves it": lambda it: b'"' + it.replace(b"\n", b'"\n"') + b'"\n',
}


def _without(content: bytes, many: int) -> bytes:
    middle = len(content) // 2
    return content[:middle] + content[middle + many :]


# These are seen in every format.
ALWAYS_SEEN = {"empty", "blank", "a line end only", "an error page", "cut in a record", "in UTF-16", "compressed"}

# A letter that is missing inside an address leaves an address: nothing in a plain table tells.
UNSEEN = {("columns, csv", "a byte lost in the middle")}


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_damaged_file_is_refused_or_read_right_but_never_half(sample: Sample, mutation: str, tmp_path: Path) -> None:
    expected, _reading = digests(sample, tmp_path)
    content = MUTATIONS[mutation](sample.content)
    if content == sample.content or (sample.name, mutation) in UNSEEN:
        return
    try:
        found, _reading = digests(sample, tmp_path, content)
    except CrusoeError as error:
        refused = error
    else:
        assert mutation not in ALWAYS_SEEN
        assert found == expected
        return
    assert refused.code in {"list_broken", "list_empty", "option_wrong"}
    assert refused.message
    assert "list" in refused.where or refused.code == "option_wrong"


# Where an entry of an archive says how it is compressed and whether it is locked: in its own header, in the directory.
HEADERS = (b"PK\x03\x04", b"PK\x01\x02")
ODD_ARCHIVES = {"a compression that nobody knows": ((8, 10), 77), "locked with a password": ((6, 8), 1)}


@pytest.mark.parametrize("odd", ODD_ARCHIVES)
def test_an_archive_that_cannot_be_opened_is_refused_in_words(odd: str, tmp_path: Path) -> None:
    (sample,) = [one for one in SAMPLES if one.name == "ca, archive"]
    content = bytearray(sample.content)
    offsets, value = ODD_ARCHIVES[odd]
    for header, offset in zip(HEADERS, offsets, strict=True):
        content[content.index(header) + offset] = value
    with pytest.raises(CrusoeError, match="The archive is damaged or locked"):
        digests(sample, tmp_path, bytes(content))
