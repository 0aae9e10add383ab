"""The sums of the demo: each must add up, and one that does not is a failure, not a remark."""

from app.demo.scenario import CLICKING, JOINING, LEAVING, Tally

REPORT_PARTS = ("sent", "deferred", "failed", "unknown", "held", "blocked", "cancelled", "in_flight")


def mistakes(tally: Tally) -> list[str]:
    """What does not add up, in words; empty when all is well."""
    found = []
    for name, ok in _checks(tally).items():
        if not ok:
            found.append(name)
    return found


def _checks(tally: Tally) -> dict[str, bool]:
    first, second, check = tally.first, tally.second, tally.check
    contacts = tally.imports["contacts"]
    return {
        "every row of the import is created, updated, unchanged or rejected": contacts["rows"]
        == contacts["created"] + contacts["updated"] + contacts["unchanged"] + contacts["rejected"],
        "the check counts everybody once": check["audience"]
        == check["send"] + check["hold"] + check["block"]
        == sum(check["reasons"].values()),
        "the first campaign sent exactly what the check had cleared": first["sent"] == check["send"],
        "the inbox holds what was sent": tally.delivered == first["sent"],
        "nobody got it twice": tally.doubled == 0,
        "the end states of the first campaign add up": first["audience"] == _sum(first),
        "the end states of the second campaign add up": second["audience"] == _sum(second),
        "every unsubscribe is counted": first["unsubscribes"] == LEAVING,
        "the second campaign skipped everybody who left": all(
            "opted_out" in reasons for reasons in tally.left_verdicts.values()
        )
        and len(tally.left_verdicts) == LEAVING,
        "the new readers got the second campaign": list(tally.joined_verdicts.values()) == ["sent"] * JOINING,
        "people's clicks are told from machines'": first["human_clicks"] == CLICKING < first["clicks"],
        "leads were handed over": len(tally.leads) > 0,
        "the evidence is whole": bool(tally.audit.get("ok")),
    }


def _sum(report: dict[str, int]) -> int:
    return sum(report[part] for part in REPORT_PARTS)
