"""How well returned mail is read: a table of what real bounces are and what they are taken for.

    python -m pip download --no-deps --no-binary :all: flufl.bounce==6.0.0
    python -m bench.bounces flufl_bounce-6.0.0.tar.gz

The mails are those with which `flufl.bounce` (Apache License 2.0) tests itself, read out of its source distribution.
`bounces.tsv` says what each is: `flufl` is what its own tests expect, `class` what a reader of the mail decided. Where
a server gives no reason, `hard` needs its word that it is for good; else it is `soft`.
"""

import csv
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from delivery.returns import ReturnClass, classify

TABLE = Path(__file__).with_name("bounces.tsv")
DATA = "flufl_bounce-6.0.0/tests/data"


@dataclass(frozen=True)
class Sample:
    """One mail, and what it is."""

    name: str
    raw: bytes
    kind: ReturnClass
    recipients: frozenset[str]


def samples(path: Path) -> list[Sample]:
    """All mails of the archive."""
    with TABLE.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    with tarfile.open(path) as archive:
        return [_sample(row, archive) for row in rows]


def _sample(row: dict[str, str], archive: tarfile.TarFile) -> Sample:
    file = archive.extractfile(f"{DATA}/{row['file']}")
    assert file is not None
    recipients = frozenset(one.lower() for one in row["recipients"].split(",") if one != "-")
    return Sample(row["file"], file.read(), ReturnClass(row["class"]), recipients)


def confusion(mails: list[Sample]) -> Counter[tuple[ReturnClass, ReturnClass]]:
    """How often each class was found for each expected one, once for each recipient."""
    return Counter((mail.kind, found.kind) for mail in mails for found in classify(mail.raw))


def share(table: Counter[tuple[ReturnClass, ReturnClass]]) -> dict[str, float]:
    """Of what was called hard, how much is not; and of what is hard, how much was found."""
    hard = ReturnClass.HARD
    called = sum(count for (_, found), count in table.items() if found is hard)
    real = sum(count for (meant, _), count in table.items() if meant is hard)
    return {"wrongly hard": 1 - table[hard, hard] / called, "hard recall": table[hard, hard] / real}


def main(path: Path) -> None:
    """Print a line for each class that mails are, a column for each that was found, the shares, and who was missed."""
    mails = samples(path)
    table = confusion(mails)
    kinds = list(ReturnClass)
    print("".join(f"{name:>14}" for name in ("is", *(kind.value for kind in kinds))))
    for meant in kinds:
        print("".join(f"{cell:>14}" for cell in (meant.value, *(table[meant, found] for found in kinds))))
    for name, value in share(table).items():
        print(f"{name}: {value:.1%}")
    named = {mail.name: {one.recipient.lower() for one in classify(mail.raw) if one.recipient} for mail in mails}
    missed = [mail.name for mail in mails if not mail.recipients <= named[mail.name]]
    print(f"recipients missed in: {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
