#!/usr/bin/env python3
"""Check a bundle of evidence on any machine.

Call it as: python3 verify.py [FOLDER]

Needs nothing but Python 3.8 or newer, no network and no Crusoe. It recomputes the digest of every file, the seals of
the rows that the bundle shows, the links of their chains up to a signed anchor, and the signatures (Ed25519, RFC 8032).
Exit code 0: everything is as it was written. Exit code 2: something is not, and each finding is named.

What it cannot know is whose key signed. It prints the key: compare it with the one that the sender publishes.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

KNOT = 256
UNCHECKED = {"manifest.json", "manifest.sig"}

Point = Tuple[int, int, int, int]
Document = Dict[str, Any]

# The curve of RFC 8032 section 5.1: -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo P.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


class Broken(Exception):
    """Something in the bundle is not as it was written."""


def add(one: Point, other: Point) -> Point:
    """The sum of two points in extended coordinates (RFC 8032 section 5.1.4)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number: int, point: Point) -> Point:
    """A point added to itself `number` times."""
    total: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


def same(one: Point, other: Point) -> bool:
    """Whether two points in extended coordinates are one point."""
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def point_from(encoded: bytes) -> Optional[Point]:
    """The point that 32 bytes stand for, or None (RFC 8032 section 5.1.3)."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


Y = 4 * pow(5, P - 2, P) % P
X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE: Point = (X, Y, 1, X * Y % P)


def is_signed(content: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether `signature` over `content` was made with the private half of `public_key` (RFC 8032 section 5.1.7)."""
    if len(signature) != 64 or len(public_key) != 32:
        return False
    key, commitment = point_from(public_key), point_from(signature[:32])
    number = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or number >= ORDER:
        return False
    challenge = int.from_bytes(sha512(signature[:32] + public_key + content).digest(), "little") % ORDER
    return same(times(number, BASE), add(commitment, times(challenge, key)))


def hexadecimal(text: str, length: int) -> bytes:
    """The bytes of a value in small hexadecimal digits; one spelling only, so that every changed letter shows."""
    if not isinstance(text, str) or not re.fullmatch("[0-9a-f]{%d}" % (2 * length), text):
        raise Broken("a value that should have %d hexadecimal digits has not" % (2 * length))
    return bytes.fromhex(text)


def read_manifest(folder: Path) -> Document:
    """The list of files, once its signature fits."""
    content = (folder / "manifest.json").read_bytes()
    signature = (folder / "manifest.sig").read_bytes()
    if not re.fullmatch(rb"[0-9a-f]{128}\n", signature):
        raise Broken("manifest.sig is no signature")
    manifest: Document = json.loads(content.decode("utf-8"))
    public_key = hexadecimal(manifest["public_key"], 32)
    if not is_signed(content, bytes.fromhex(signature.decode().strip()), public_key):
        raise Broken("the signature does not fit manifest.json")
    return manifest


def check_files(folder: Path, manifest: Document) -> Iterator[str]:
    """Every file is there, with the digest that the manifest gives, and there are no others."""
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    named = {entry["path"]: entry for entry in manifest["files"]}
    # Python puts these beside a script that somebody imports.
    there = {name for name in there if "__pycache__" not in name.split("/")}
    for name in sorted(there - set(named) - UNCHECKED):
        yield name + ": is not in the manifest"
    for name, entry in sorted(named.items()):
        if name not in there:
            yield name + ": is missing"
            continue
        content = (folder / name).read_bytes()
        if len(content) != entry["bytes"] or sha256(content).hexdigest() != entry["sha256"]:
            yield name + ": was changed"
        elif name.startswith("proofs/") and not Path(name).name.startswith(entry["sha256"] + "."):
            yield name + ": is not named after its digest"


def read_stamps(folder: Path) -> List[Document]:
    """The time stamps (RFC 3161) of anchors, once they fit: `anchor`, `at`, `by`, `certificate`."""
    stamps: List[Document] = []
    for path in sorted((folder / "anchors").glob("*.json.tsr")):
        script = beside("verify_time_stamp")
        about: Document = {"anchor": path.name.split(".")[0].lstrip("0")}
        try:
            stamps.append(dict(about, **script.check(path.with_suffix("").read_bytes(), path.read_bytes())))
        except script.Unknown as unknown:
            stamps.append(dict(about, unchecked=str(unknown)))
        except Broken as broken:
            raise Broken("anchors/%s: the time stamp %s" % (path.name, broken)) from broken
    return stamps


def read_anchors(folder: Path, manifest: Document) -> Dict[int, Document]:
    """What each anchor says about the ends of the chains, once its signature fits."""
    anchors: Dict[int, Document] = {}
    for path in sorted((folder / "anchors").glob("*.json")):
        parts = json.loads(path.read_text(encoding="utf-8"))
        if parts["public_key"] != manifest["public_key"]:
            raise Broken("%s: was signed with another key than the manifest" % path.name)
        document = parts["document"].encode("utf-8")
        if not is_signed(document, hexadecimal(parts["signature"], 64), hexadecimal(parts["public_key"], 32)):
            raise Broken("%s: the signature does not fit" % path.name)
        said = json.loads(parts["document"])
        anchors[said["anchor"]] = dict(said, digest=sha256(document).hexdigest())
    for number, said in anchors.items():
        if number - 1 in anchors and said["previous"] != anchors[number - 1]["digest"]:
            raise Broken("anchor %d does not follow the anchor before it" % number)
    return anchors


def check_chain(chain: Document, anchors: Dict[int, Document]) -> Dict[int, Tuple[bytes, int]]:
    """The links of one chain up to their anchors. Answers the digest of each link by its number."""
    digests: Dict[int, Tuple[bytes, int]] = {}
    for run in chain["runs"]:
        previous = hexadecimal(run["previous"], 32)
        seq = None
        for link in run["links"]:
            if seq is not None and link["seq"] != seq + 1:
                raise Broken("%s %d: a link is missing before it" % (chain["chain"], link["seq"]))
            seq, digest = link["seq"], hexadecimal(link["digest"], 32)
            numbers = [str(seq).encode(), str(link["rows"]).encode()]
            previous = sha256(b"\0".join([chain["chain"].encode(), *numbers, digest, previous])).digest()
            digests[seq] = (digest, link["rows"])
        head = anchors[run["anchor"]]["chains"][chain["chain"]]
        if (head["seq"], head["hash"]) != (seq, previous.hex()):
            raise Broken("%s %s: does not lead to anchor %d" % (chain["chain"], seq, run["anchor"]))
    return digests


def check_batch(name: str, batch: Document, digests: Dict[int, Tuple[bytes, int]]) -> None:
    """The rows that are shown belong to a batch with this seal."""
    digest, rows = digests[batch["seq"]]
    knots = [hexadecimal(one, 32) for one in batch["knots"]]
    for number, leaves in batch["leaves"].items():
        if sha256(b"".join(hexadecimal(leaf, 32) for leaf in leaves)).digest() != knots[int(number)]:
            raise Broken("%s %d: a knot of digests was changed" % (name, batch["seq"]))
    for row in batch["rows"]:
        knot, place = divmod(row["place"], KNOT)
        if sha256(row["text"].encode("utf-8")).hexdigest() != batch["leaves"][str(knot)][place]:
            raise Broken("%s %d: a row was changed" % (name, batch["seq"]))
    root = sha256(sha256(batch["beside"].encode("utf-8")).digest() + b"".join(knots)).digest()
    if root != digest or not KNOT * (len(knots) - 1) < rows <= KNOT * len(knots):
        raise Broken("%s %d: the seal does not fit" % (name, batch["seq"]))


def fields(text: str) -> List[Optional[str]]:
    """The fields of a row as PostgreSQL writes a composite."""
    # (1,"two ""words""",,f) has four fields, the third of them is nothing.
    found: List[Optional[str]] = []
    current: List[str] = []
    quoted, given, place = False, False, 1
    while place < len(text) - 1:
        sign = text[place]
        if quoted and sign in '"\\' and text[place + 1] in ('"', "\\") and (sign == "\\" or text[place + 1] == '"'):
            current.append(text[place + 1])
            place += 1
        elif sign == '"':
            quoted, given = not quoted, True
        elif sign == "," and not quoted:
            found.append("".join(current) if current or given else None)
            current, given = [], False
        else:
            current.append(sign)
        place += 1
    return [*found, "".join(current) if current or given else None]


def check_story(evidence: Document, rows: Dict[str, Dict[str, List[Any]]]) -> None:
    """What evidence.json tells is what the sealed rows say. `rows`: the fields of each, by chain and id."""
    for consent in evidence["consents"]:
        for step in consent["steps"]:
            row = rows["consent"][str(step["id"])]
            if (row[1], row[2]) != (str(consent["id"]), step["step"]) or json.loads(row[5]) != step["sealed"]:
                raise Broken("evidence.json: step %s of a consent is not what was sealed" % step["id"])
    for message in evidence["messages"]:
        for decision in message["decisions"]:
            row = rows["decision"][str(decision["id"])]
            reasons = row[4].strip("{}").split(",") if row[4] != "{}" else []
            told = [str(message["message"]), decision["verdict"], decision["reasons"], decision["basis"]]
            if [row[1], row[3], reasons, row[5]] != told:
                raise Broken("evidence.json: decision %s is not what was sealed" % decision["id"])


def beside(name: str) -> Any:
    """A script that lies beside this one; what it calls broken is broken here too."""
    found = importlib.util.spec_from_file_location(name, str(Path(__file__).resolve().with_name(name + ".py")))
    if found is None or found.loader is None:
        raise Broken("%s.py cannot be loaded" % name)
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    script.Broken = Broken  # type: ignore[attr-defined]
    return script


def check(folder: Path) -> Tuple[List[str], Document, int, List[Document]]:
    """Every finding about a bundle, what it is about, how many sealed rows it shows, and its time stamps."""
    manifest = read_manifest(folder)
    findings = list(check_files(folder, manifest))
    if findings:
        return findings, manifest, 0, []
    anchors = read_anchors(folder, manifest)
    rows: Dict[str, Dict[str, List[Any]]] = {"consent": {}, "decision": {}, "approval": {}, "audit": {}}
    links: Dict[str, Dict[int, Tuple[bytes, int]]] = {}
    for path in sorted((folder / "chains").glob("*.json")):
        chain = json.loads(path.read_text(encoding="utf-8"))
        digests = links[chain["chain"]] = check_chain(chain, anchors)
        known = rows.setdefault(chain["chain"], {})
        for batch in chain["batches"]:
            check_batch(chain["chain"], batch, digests)
            known.update((str(fields(row["text"])[0]), fields(row["text"])) for row in batch["rows"])
    shown = sum(len(one) for one in rows.values())
    if (folder / "campaign.json").is_file():
        shown += beside("verify_campaign").check(folder, links.get("decision", {}), rows, fields)
    else:
        check_story(json.loads((folder / "evidence.json").read_text(encoding="utf-8")), rows)
    return findings, manifest, shown, read_stamps(folder)


def verify(folder: Any) -> Document:
    """The answer about a bundle: `ok`, `findings`, `files`, `rows`, `public_key`, `made_at`, `time_stamps`."""
    folder = Path(folder)
    try:
        findings, manifest, rows, stamps = check(folder)
    except Broken as broken:
        return {"ok": False, "findings": [str(broken)]}
    except OSError as error:
        return {"ok": False, "findings": ["%s: cannot be read" % error.filename]}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        return {"ok": False, "findings": ["the bundle cannot be read as one (%s)" % type(error).__name__]}
    return {
        "ok": not findings,
        "findings": findings,
        "files": len(manifest["files"]),
        "rows": rows,
        "public_key": manifest["public_key"],
        "made_at": manifest["made_at"],
        "time_stamps": stamps,
    }


def main(arguments: List[str]) -> int:
    """Print the answer for people; the exit code is for programs."""
    # What is checked stays as it is.
    sys.dont_write_bytecode = True
    answer = verify(arguments[0] if arguments else Path(__file__).resolve().parent)
    for finding in answer["findings"]:
        print("NOT AS IT WAS WRITTEN: " + finding)
    if answer["ok"]:
        print("Everything is as it was written: %(files)d files, %(rows)d sealed rows, made %(made_at)s." % answer)
        print("Signed with the key %(public_key)s" % answer)
        for stamp in answer["time_stamps"]:
            told = "at %(at)s by %(by)s, certificate %(certificate)s" if "at" in stamp else "that %(unchecked)s"
            print(("Time stamp of anchor %(anchor)s " + told) % stamp)
    return 0 if answer["ok"] else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
