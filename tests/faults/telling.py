"""What whoever runs the faults gets to read, and what is kept of a run that broke a promise."""

import csv
import json
import shutil
import tempfile
from bisect import bisect_right
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults.mix import Played
from tests.faults.oracle import NAMES

FOUND = 20


def quantile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "p50": round(quantile(values, 0.5), 3),
        "p95": round(quantile(values, 0.95), 3),
        "p99": round(quantile(values, 0.99), 3),
        "most": round(max(values, default=0.0), 3),
        "number": len(values),
    }


def resumed(played: Played, name: str) -> list[float]:
    """Seconds from each of these troubles to the next mail that ended at the server, as long as there were more."""
    trouble = next(each for each in played.raged.troubles if each.name == name)
    gaps, ends = [], played.ends
    for moment in trouble.moments:
        after = bisect_right(ends, moment)
        if after < len(ends):
            gaps.append(ends[after] - moment)
    return gaps


def as_document(played: Played) -> dict[str, Any]:
    """The report, for machines."""
    findings, opt_outs = played.findings, list(played.accounts.opt_outs)
    web = {"one click", "page", "preferences", "mailto"}
    return {
        "seed": played.size.seed,
        "people": played.size.people,
        "seconds": {
            "preparing": round(played.prepared),
            "sending": round(played.lasted),
            "after": round(played.waited),
        },
        "violations": {name: len(broken) for name, broken in findings.broken.items()},
        "end_states": dict(sorted(findings.states.items())),
        "mails_taken": findings.taken,
        "unknown": {
            "number": findings.states["unknown"],
            "rate": round(findings.states["unknown"] / max(1, played.size.people), 5),
            "at_most": played.accounts.ambiguous,
            "hung_up_on": played.hung_up,
            "of_them_taken": findings.unknown_taken,
        },
        "longest_silence": round(findings.silence, 1),
        "closest_mail_before_an_answer": findings.closest,
        "troubles": {each.name: each.done for each in played.raged.troubles},
        "up_again_after": {each.name: _spread(each.back) for each in played.raged.troubles if each.back},
        "next_mail_after": {
            each.name: _spread(resumed(played, each.name)) for each in played.raged.troubles if each.done
        },
        "opt_outs": {
            "by_door": dict(Counter(each.door for each in opt_outs)),
            "asked_again": dict(sum((each.again for each in played.raged.crowd), Counter())),
            "not_final": sum(not each.final for each in opt_outs if each.door in web),
            "answer": _spread([each.took for each in opt_outs if each.door in web]),
            "answer_in_the_storm": _spread([each.took for each in played.storm]),
            "with_repetitions": _spread([each.waited for each in opt_outs if each.door in web]),
        },
        "worker_megabytes": {
            "start": round(played.memory.at(0.05)),
            "middle": round(played.memory.at(0.5)),
            "end": round(played.memory.at(0.95)),
        },
        "index_bloat": round(played.bloat.times, 2),
        "indexes": {"swept": played.bloat.sweeps, **played.bloat.each},
        "left_out": played.left_out,
        "faults": played.raged.faults,
    }


def as_text(played: Played) -> str:
    """The report, for people."""
    found, told = played.findings, as_document(played)
    lines = [f"seed {played.size.seed} (again: FAULT_SEED={played.size.seed})"]
    for name, meaning in NAMES.items():
        broken = found.broken[name]
        lines.append(f"  {name:<4} {'BROKEN ' + str(len(broken)) + ' times' if broken else 'kept':<16} {meaning}")
    lines += [f"BROKEN {each}" for each in found.sentences[:FOUND]]
    lines += [f"{name.replace('_', ' ')}: {_flat(value)}" for name, value in told.items() if name != "violations"]
    return "\n".join(lines)


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{name} {f'({_flat(each)})' if isinstance(each, dict) else each}" for name, each in value.items()
        )
    return str(value)


def keep(played: Played, home: Path, *, folder: Path | None = None) -> Path:
    """Keep everything that is needed to understand what happened; answers where."""
    kept = folder or Path(tempfile.mkdtemp(prefix=f"crusoe-faults-{played.size.seed}-"))
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "report.json").write_text(json.dumps(as_document(played), indent=2) + "\n")
    (kept / "report.txt").write_text(as_text(played) + "\n" + "\n".join(played.findings.sentences) + "\n")
    if not played.is_fine:
        _keep_accounts(played, kept)
        for log in home.glob("log/*"):
            shutil.copy(log, kept)
    return kept


def _keep_accounts(played: Played, kept: Path) -> None:
    accounts = played.accounts
    with (kept / "sink.jsonl").open("w") as file:
        file.writelines(json.dumps(asdict(each) | {"content": None}) + "\n" for each in accounts.deliveries)
        file.writelines(json.dumps({"ended": email, "at": at}) + "\n" for email, at in accounts.ended)
    with (kept / "opt-outs.jsonl").open("w") as file:
        file.writelines(json.dumps(asdict(each)) + "\n" for each in accounts.opt_outs)
    with (kept / "ledger.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "state", "attempts", "leases_lost", "reply_text", "passed", "decided"])
        rows.writerows([list(row) for row in accounts.ledger])
    with (kept / "troubles.jsonl").open("w") as file:
        file.writelines(
            json.dumps({"what": each.name, "at": at}) + "\n" for each in played.raged.troubles for at in each.moments
        )
