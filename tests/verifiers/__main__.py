"""What other implementations say about our signatures: python -m tests.verifiers [--mails 1000] [--keep FOLDER].

Mails of every kind are signed with RSA and Ed25519, and verified by dkimpy, mailauth (`--modules NODE_MODULES`) and
opendkim-testmsg where these are installed. opendkim asks the DNS, so it runs in a network of its own that ends at
loopback, where a server answers for the keys (needs root and `unshare`). Run by hand: it takes a minute or two.
`--verify FOLDER` verifies mails that are there already, such as those that went through a relay.
"""

# ruff: noqa: T201 - it speaks at a terminal

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dkim
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from delivery.compose import From, Letter, draft
from delivery.dkim import Signer
from delivery.letters import finish
from delivery.signing import PublicKey, public_value
from delivery.smtp import Mail
from templates import Rendered, as_quoted
from tests.dns_server import serving

HERE = Path(__file__).parent
DOMAIN = "shop.example"
PIECES = (
    "Hello Anna", "Grüße aus Wien", "日本語", "a  b\t c ", ".", "..", "From the shop", "=3D", "x" * 300, "\n", "\n\n\n",
    "<b>bold</b>", "€ 1.234,56", "🎁", "trailing blanks   ", "\u2028", "=?utf-8?q?x?=", "-- ", "a" * 77, "ä" * 40,
)  # fmt: skip


def write(folder: Path, many: int) -> None:
    """Write mails with both signatures, and the zone in which their keys stand."""
    keys = {"r1": rsa.generate_private_key(65537, 2048), "e1": ed25519.Ed25519PrivateKey.generate()}
    signers = tuple(Signer(domain=DOMAIN, selector=name, key=key) for name, key in keys.items())
    public = [
        PublicKey(DOMAIN, name, kind, public_value(keys[name])) for name, kind in (("r1", "rsa"), ("e1", "ed25519"))
    ]
    (folder / "zone.json").write_text(json.dumps({key.name: key.record for key in public}))
    chance = random.Random(7)
    sender = From("Shop für Ü", "news@shop.example", "bounce.shop.example", "help@shop.example", signers)
    drafts = []
    for number in range(many):
        said = [" ".join(chance.choices(PIECES, k=chance.randint(0, 40))) for _ in range(3)]
        letter = Letter(
            message_id=number + 1,
            recipient=f"p{number}@mail.example",
            content=as_quoted(Rendered(subject=said[0][:200].replace("\n", " "), html=said[1], text=said[2])),
            unsubscribe_url=f"https://shop.example/u/{'A' * chance.randint(20, 200)}",
            feedback_id=f"{number}:newsletter:1:news",
        )
        drafts.append(draft(letter, sender=sender, at=datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=number)))
    # As workers do: signed together, where this machine can.
    for number, mail in enumerate(finish(drafts)):
        assert isinstance(mail, Mail), mail
        (folder / f"{number:06}.eml").write_bytes(mail.content)


def by_dkimpy(folder: Path) -> dict[str, object]:
    """Both signatures of each mail, and whether they cover the headers of one-click unsubscription."""
    zone = {name: text.encode() for name, text in json.loads((folder / "zone.json").read_text()).items()}
    counts: Counter[str] = Counter()
    for file in sorted(folder.glob("*.eml")):
        content = file.read_bytes()
        checker = dkim.DKIM(content)
        held = [
            checker.verify(idx=number, dnsfunc=lambda name, **_: zone.get(name.decode().rstrip("."), b""))
            for number in range(2)
        ]
        signed = re.findall(rb"\bh=([^;]+);", content.partition(b"\r\n\r\n")[0])
        covered = [b"list-unsubscribe:" in each and b"list-unsubscribe-post" in each for each in signed[:2]]
        counts[f"both hold={all(held)} list headers covered={all(covered) and len(covered) == 2}"] += 1
    return {"counts": dict(counts)}


def by_mailauth(folder: Path, modules: Path) -> dict[str, object]:
    """The same by mailauth."""
    command = ["node", str(HERE / "mailauth_check.cjs"), str(modules), str(folder)]
    found: dict[str, object] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def by_opendkim(folder: Path) -> dict[str, object]:
    """The same by opendkim-testmsg, in a network that ends at loopback."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    inside = f"mount --bind {folder / 'resolv.conf'} /etc/resolv.conf && ip link set lo up && exec "
    again = f"{sys.executable} -m tests.verifiers --inside {folder}"
    command = ["unshare", "--mount", "--net", "sh", "-c", inside + again]
    found: dict[str, object] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _inside(folder: Path) -> None:
    counts: Counter[str] = Counter()
    zone = {f"{name} TXT": [text] for name, text in json.loads((folder / "zone.json").read_text()).items()}
    with serving(zone, port=53):
        for file in sorted(folder.glob("*.eml")):
            ran = subprocess.run(["opendkim-testmsg"], input=file.read_bytes(), capture_output=True, check=False)
            said = (ran.stderr or ran.stdout).decode().strip()[:200]
            counts["pass" if ran.returncode == 0 and not said else f"{ran.returncode}: {said}"] += 1
    print(json.dumps({"counts": dict(counts)}))


def main() -> None:
    """Write mails unless they are there, and show what each verifier says."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--mails", type=int, default=1000)
    words.add_argument("--modules", type=Path, default=Path("node_modules"))
    words.add_argument("--keep", type=Path)
    words.add_argument("--verify", type=Path)
    words.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.inside:
        _inside(asked.inside)
        return
    folder = asked.verify or asked.keep or Path(tempfile.mkdtemp(prefix="signatures-"))
    if not asked.verify:
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, asked.mails)
    print("dkimpy          ", json.dumps(by_dkimpy(folder)))
    if (asked.modules / "mailauth").is_dir():
        print("mailauth        ", json.dumps(by_mailauth(folder, asked.modules.resolve())))
    if shutil.which("opendkim-testmsg"):
        print("opendkim-testmsg", json.dumps(by_opendkim(folder.resolve())))
    if not asked.verify and not asked.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
