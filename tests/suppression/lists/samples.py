"""A small file in each format, as its operator would hand it out, and whom it names."""

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import md5, sha1, sha512

from suppression.lists.adapter import Candidate


@dataclass(frozen=True)
class Sample:
    """`named` are on the list, `free` are not. `options`: what the import is told."""

    name: str
    list_id: str
    content: bytes
    named: list[Candidate]
    free: list[Candidate]
    options: dict[str, str] = field(default_factory=dict)
    records: int = 0


def phone(number: str, country: str | None = None) -> Candidate:
    return Candidate(1, number, "phone", country)


def mail(address: str) -> Candidate:
    return Candidate(1, address, "email")


def resident(first: str | None, last: str, address: str, country: str | None = None) -> Candidate:
    return Candidate(1, address, "post", country, first, last)


def _fixed(widths: dict[int, str], length: int, fill: dict[int, str] | None = None) -> str:
    line = [" "] * length
    for place, words in {**(fill or {}), **widths}.items():
        line[place - 1 : place - 1 + len(words)] = words
    return "".join(line)


def ecg(entries: list[str]) -> bytes:
    return b"".join(sha1(entry.encode()).digest() for entry in entries)  # noqa: S324 - their format


def tps(numbers: list[str], form: Callable[[str], str]) -> bytes:
    return "".join(f"{form(number)}\r\n" for number in numbers).encode()


def split(number: str) -> str:
    code, _, rest = number.partition(" ")
    return f"{code:<5}{rest:>7}"


def joined(number: str) -> str:
    return f"{number.replace(' ', ''):<12}"


NUMBERS = ["01632 960001", "0207 9460002", "0113 4960003", "01632 96004"]
CALLED = [phone("01632 960001", "GB"), phone("+44 20 7946 0002"), phone("0044 113 496 0003"), phone("0163296004", "GB")]


def mps(action: str, first: str, last: str, lines: list[str], code: str) -> dict[int, str]:
    return {1: action, 2: "03112025", 26: "MR", 46: first, 96: last, 306: "LEEDS", 406: code, 414: "1A"} | {
        156 + 50 * number: line for number, line in enumerate(lines)
    }


MPS = [
    mps("P", "JOHN", "SMITH", ["12 HIGH STREET"], "LS1 4AB"),
    mps("X", "MARY ANN", "O'NEILL", ["FLAT 2", "7A STATION ROAD"], "SW1A 1AA"),
]
LIVING = [
    resident("John", "Smith", "12 High St\nLeeds\nLS1 4AB"),
    resident("Jane", "SMITH", "12, High Street, Leeds, LS14AB".replace("12, ", "12 ")),
    resident(None, "Smith", "12 High Street\nLS1 4AB Leeds"),
    resident("M.", "ONeill".replace("ON", "O'N"), "7a Station Rd\nLondon SW1A 1AA"),
]
ELSEWHERE = [
    resident("John", "Smith", "14 High St\nLeeds\nLS1 4AB"),
    resident("Peter", "Smith", "12 High St\nLeeds\nLS1 4AB"),
    resident("John", "Smyth", "12 High St\nLeeds\nLS1 4AB"),
    resident("John", "Smith", "12 High St\nLeeds\nLS1 4AC"),
]


def mps_csv() -> bytes:
    widths = (1, 8, 8, 8, 20, 50, 50, 10, 50, 50, 50, 50, 50, 8, 2)
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for record in MPS:
        line, place, row = _fixed(record, 415), 0, []
        for width in widths:
            row.append(line[place : place + width].strip())
            place += width
        writer.writerow(row)
    return out.getvalue().encode()


def dk(name: str, address: str, code: str, former: str = " ") -> str:
    marks = dict.fromkeys((35, 70, 105, 131, 135, 140, 145, 150), "#")
    widths = {1: name, 36: address, 71: "", 106: code, 132: former, 136: "0751", 141: "4312", 146: "012A", 151: "02"}
    return _fixed(widths, 160, marks)


DANISH = "\n".join(
    (
        f"{'Udtrukket 2026-10-01':<160}",
        f"{'NAVN':<34}#{'ADRESSE':<34}#{'BYNAVN':<34}#{'POSTNR':<25}#   #KOMM#VEJK#HUS #ET        ",
        dk("Sørensen,Åse", "Hovedgaden 12A", "8000 Aarhus C"),
        dk("Sørensen,Åse", "Nørrebrogade 5", "2200 København N", "*"),
        dk("Jensen,Hans Peter", "Møllevej 3", "5000 Odense C"),
        "",
    )
).encode("iso-8859-1")

LIST_XML = (
    '<?xml version="1.0"?>\n<list type="full" level="ac" val="%s"><ac val="%s">\n'
    '<ph val="2345678"/><ph val="5550123"></ph>\n</ac></list>\n'
)


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def spreadsheet(rows: list[list[str | int]]) -> bytes:
    """The least that a spreadsheet needs."""
    cells = "".join(
        "<row>"
        + "".join(
            f"<c><v>{cell}</v></c>" if isinstance(cell, int) else f'<c t="inlineStr"><is><t>{cell}</t></is></c>'
            for cell in row
        )
        + "</row>"
        for row in rows
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return zipped(
        {
            "[Content_Types].xml": (
                f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
                'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
                f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>'
            ).encode(),
            "_rels/.rels": (
                f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
                f'Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
            ).encode(),
            "xl/workbook.xml": (
                f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets><sheet name="List" sheetId="1" r:id="r1"/></sheets>'
                "</workbook>"
            ).encode(),
            "xl/_rels/workbook.xml.rels": (
                f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
                f'Type="{rel}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
            ).encode(),
            "xl/worksheets/sheet1.xml": (
                f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'
            ).encode(),
        }
    )


def hashed(algorithm: Callable[[bytes], object], words: list[str]) -> bytes:
    return "".join(f"{algorithm(word.encode()).hexdigest()}\n" for word in words).encode()  # type: ignore[attr-defined]


PARTNERS = ["anna@one.example", "ben@two.example", "Canary.Bird@three.example"]

# ruff: noqa: E501 - a record is as wide as its operator made it.
SAMPLES = [
    Sample(
        "ecg", "at.ecg.file", ecg(["karl.testinger@firma.at", "max.mustermann@home.at", "@home.lan", "@firma.lan"]),
        [mail("Karl.Testinger@firma.at"), mail("max.mustermann@HOME.at")], [mail("karltestinger@firma.at")], records=4,
    ),
    Sample("tps, code and rest", "uk.tps", tps(NUMBERS, split), CALLED, [phone("01632 960009", "GB")], records=4),
    Sample("ctps, in one", "uk.ctps", tps(NUMBERS, joined), CALLED, [phone("+1 632 960 0010")], records=4),
    Sample(
        "mps, fixed width", "uk.mps", "".join(f"{_fixed(one, 415)}\r\n" for one in MPS).encode(), LIVING, ELSEWHERE,
        records=4,
    ),
    Sample("mps, csv", "uk.mps", mps_csv(), LIVING, ELSEWHERE, records=4),
    Sample(
        "ftc, flat", "us.ftc.dnc", b"202,5551234\r\n212,2345678\r\n303,9876543\r\n",
        [phone("(202) 555-1234", "US"), phone("+12122345678")], [phone("+12025551235")], records=3,
    ),
    Sample(
        "ftc, changes", "us.ftc.dnc", b"202,5551234,2026-11-01,A\r\n212,2345678,2026-11-01,D\r\n303,9876543,2026-11-01,A\r\n",
        [phone("+12025551234"), phone("+13039876543")], [phone("+12122345678")], records=2,
    ),
    Sample(
        "ftc, xml", "us.ftc.dnc", (LIST_XML % ("202", "202")).encode(),
        [phone("+12022345678"), phone("202-555-0123", "US")], [phone("+12032345678")], records=2,
    ),
    Sample("ca, csv", "ca.dncl", b"416,2345678\n416,5550123\n", [phone("+1 416 234 5678")], [phone("+14162345679")],
           records=2),
    Sample(
        "ca, archive", "ca.dncl", zipped({"416.csv": b"416,2345678\n", "604.csv": b"604,5550123\n604,5550124\n"}),
        [phone("4162345678", "CA"), phone("6045550124", "CA")], [phone("4165550124", "CA")], records=3,
    ),
    Sample("ca, xml", "ca.dncl", (LIST_XML % ("416", "416")).encode(), [phone("+14165550123")], [phone("+14165550124")],
           records=2),
    Sample(
        "be", "be.dncm", b"0470123456;2025-03-01\n021234567;2024-11-30\n",
        [phone("+32 470 12 34 56"), phone("02 123 45 67", "BE")], [phone("+32470123457")], records=2,
    ),
    Sample(
        "dk", "dk.robinson", DANISH,
        [resident("Åse", "Sørensen", "Hovedgaden 12 a\n8000 Aarhus C"), resident("Aase", "Soerensen", "Nørrebrogade 5, 2200 Kbh"),
         resident("Hans", "Jensen", "Møllevej 3\nDK-5000 Odense")],
        [resident("Åse", "Sørensen", "Hovedgaden 14\n8000 Aarhus C")], records=6,
    ),
    *(
        Sample(
            f"partner, {name}", "partner.hashed", hashed(algorithm, PARTNERS),
            [mail("anna@one.example"), mail("Anna@One.example"), mail("Canary.Bird@three.example")],
            [mail("eva@one.example")], {"canary": "Canary.Bird@three.example"}, records=3,
        )
        for name, algorithm in (("md5", md5), ("sha512", sha512))
    ),
    Sample(
        "columns, csv", "de.idi", "Name;E-Mail;Telefon\nMüller;Anna@one.example;089/1234567\nMaier;ben@two.example;+43 664 1234567\n".encode(),
        [mail("anna@one.example"), phone("+49 89 1234567"), phone("0664 1234567", "AT")],
        [mail("eva@one.example"), phone("+49891234568")],
        {"email": "E-Mail", "phone": "Telefon", "country": "DE", "delimiter": ";"}, records=4,
    ),
    Sample(
        "columns, xlsx", "de.ddv.post",
        spreadsheet([["Nachname", "Vorname", "Straße", "PLZ"], ["Müller", "Jörg", "Hauptstr. 5", 80331], ["Weiß", "Ida", "Am Platz 1a", "04103"]]),
        [resident("Joerg", "Mueller", "Hauptstraße 5\n80331 München"), resident("Ida", "Weiss", "Am Platz 1 A, D-04103 Leipzig")],
        [resident("Ida", "Weiss", "Am Platz 1 A, 04104 Leipzig")],
        {"surname": "Nachname", "forename": "Vorname", "street": "Straße", "postcode": "PLZ"}, records=4,
    ),
]  # fmt: skip
