"""Limits as people fill them in: a form to and from what is stored, with what is wrong told beside each field. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from core.sentences import Sentence, say
from delivery.pace.limits import Brake, Curve, Limit, Limits, WarmUp

MOST_ROWS = 100
EMPTY_ROWS = 3
BRAKE = ("complaints", "hard_bounces", "list_hits", "policy", "unknown")

# What the ledger can count on one day.
_LARGEST = 1_000_000_000

_WHOLE = re.compile(r"[0-9]{1,10}|[0-9]{1,3}(?:[.,][0-9]{3})+")
_DECIMAL = re.compile(r"[0-9]{1,10}(?:[.,][0-9]{1,6})?")
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")

Form = Mapping[str, str]
# Finds the code of an operator by how people write it.
Naming = Callable[[str], str | None]


@dataclass
class Filled:
    """What a form says: the document as it is stored, or what is wrong, by the names of its fields."""

    document: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, Sentence] = field(default_factory=dict)


def filled(form: Form, *, naming: Naming, brake: Brake | None) -> Filled:
    """Read the whole form; each field that is wrong is told, and none hides another. `brake`: who may not change it."""
    reader = _Reader(form)
    reader.limit(reader.found.document, "")
    reader.operators(naming)
    reader.warm_up()
    if brake is None:
        reader.brake()
    else:
        reader.found.document["brake"] = brake.model_dump(exclude_defaults=True)
    return reader.found


class _Reader:
    """Reads fields one after the other and notes what is wrong."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.found = Filled()
        self.curves: dict[str, dict[str, Any]] = {}

    def limit(self, into: dict[str, Any], prefix: str) -> None:
        self.decimal(into, f"{prefix}per_second", above=0, most=100_000)
        for name in ("per_hour", "per_day", "burst"):
            self.whole(into, f"{prefix}{name}")
        if "burst" in into and "per_second" not in into:
            self.wrong(f"{prefix}burst", say("How many at once counts only together with a number per second."))

    def operators(self, naming: Naming) -> None:
        rows: dict[str, Any] = {}
        for number in range(MOST_ROWS):
            prefix = f"operator{number}_"
            written = self.text(f"{prefix}name")
            if not written:
                continue
            code = naming(written) or (written.lower() if _DOMAIN.fullmatch(written.lower()) else None)
            if code is None or code in rows:
                self.wrong(f"{prefix}name", _unusable(written, is_known=code is not None))
                continue
            rows[code] = self.row(prefix, code)
        self.found.document["operators"] = rows

    def row(self, prefix: str, code: str) -> dict[str, Any]:
        """One operator: its limits, and its own curve of the warm-up."""
        row: dict[str, Any] = {}
        self.limit(row, prefix)
        self.decimal(row, f"{prefix}share", above=0, most=100)
        if "share" in row:
            row["share"] /= 100
        curve = self.curve(f"{prefix}warm_")
        if curve:
            self.curves[code] = curve
            if not self.text("warm_start"):
                self.wrong(f"{prefix}warm_first_day", say("It needs the warm-up of the sender, with its first day."))
        return row

    def curve(self, prefix: str) -> dict[str, Any]:
        curve: dict[str, Any] = {}
        for name in ("first_day", "most"):
            self.whole(curve, f"{prefix}{name}")
        names = [f"{prefix}first_day", f"{prefix}most"]
        missing = [name for name in names if not self.text(name)]
        if len(missing) == 1:
            self.wrong(missing[0], say("The first day and what it works up to are needed together."))
        if len(curve) == len(names) and curve["first_day"] > curve["most"]:
            self.wrong(names[0], say("On its first day it may not send more than it works up to."))
        return curve

    def warm_up(self) -> None:
        curve = self.curve("warm_")
        begin = self.text("warm_start")
        if not begin and not curve:
            return
        curve["start"] = begin
        try:
            date.fromisoformat(begin)
        except ValueError:
            self.wrong("warm_start", say("Choose the day on which it begins."))
        if begin and not self.text("warm_first_day"):
            self.wrong("warm_first_day", say("Say how many mails leave on the first day."))
        self.decimal(curve, "warm_growth", above=1, most=10)
        self.found.document["warm_up"] = curve | {"operators": self.curves}

    def brake(self) -> None:
        brake: dict[str, Any] = {}
        for name in BRAKE:
            self.decimal(brake, f"brake_{name}", least=0, most=100)
        self.whole(brake, "brake_after")
        self.found.document["brake"] = brake

    def text(self, name: str) -> str:
        return self.form.get(name, "").strip()

    def whole(self, into: dict[str, Any], name: str) -> None:
        """A number of mails. Separators of thousands are read over, because nobody counts parts of a mail."""
        written = _plain(self.text(name))
        if not written:
            return
        value = int(re.sub("[.,]", "", written)) if _WHOLE.fullmatch(written) else 0
        if not 1 <= value <= _LARGEST:
            self.wrong(name, say("Write a whole number from 1 to 1,000,000,000."))
        into[_last(name)] = value

    def decimal(
        self, into: dict[str, Any], name: str, *, most: float, above: float | None = None, least: float | None = None
    ) -> None:
        written = _plain(self.text(name))
        if not written:
            return
        value = float(written.replace(",", ".")) if _DECIMAL.fullmatch(written) else -1.0
        if above is not None and not above < value <= most:
            self.wrong(
                name, say("Write a number above %(above)s, at most %(most)s.", above=f"{above:g}", most=int(most))
            )
        if least is not None and not least <= value <= most:
            self.wrong(name, say("Write a number from %(least)s to %(most)s.", least=f"{least:g}", most=int(most)))
        into[_last(name)] = value

    def wrong(self, name: str, problem: Sentence) -> None:
        self.found.problems.setdefault(name, problem)


_NAMES = ("per_second", "per_hour", "per_day", "burst", "share", "first_day", "most", "growth", "after", *BRAKE)


def _last(name: str) -> str:
    """The name of a field without what says where it stands."""
    return next(one for one in sorted(_NAMES, key=len, reverse=True) if name.endswith(one))


def _plain(written: str) -> str:
    return re.sub(r"[\s\u00a0\u202f']|%$", "", written)


def _unusable(written: str, *, is_known: bool) -> Sentence:
    if is_known:
        return say("%(name)s stands here twice.", name=written[:60])
    return say("%(name)s is no operator. Choose one of the list, or write a domain.", name=written[:60])


def written(limits: Limits, *, name_of: Callable[[str], str], point: str) -> dict[str, str]:
    """The fields of the form for limits as they are stored. `point` stands between a number and its parts."""
    fields = _limit("", limits, point)
    warm = limits.warm_up
    codes = sorted({*limits.operators, *(warm.operators if warm else ())})
    for number, code in enumerate(codes):
        prefix = f"operator{number}_"
        one = limits.operators.get(code, Limit())
        fields |= {f"{prefix}name": name_of(code)} | _limit(prefix, one, point)
        fields |= {f"{prefix}share": _number(one.share * 100, point)} if one.share else {}
        fields |= _curve(f"{prefix}warm_", warm.operators.get(code) if warm else None)
    fields |= _curve("warm_", warm) | ({"warm_start": warm.start.isoformat()} if warm else {})
    fields["warm_growth"] = _number(warm.growth if warm else WarmUp.model_fields["growth"].default, point)
    fields |= {f"brake_{name}": _number(getattr(limits.brake, name), point) for name in BRAKE}
    return fields | {"brake_after": str(limits.brake.after)}


@dataclass(frozen=True)
class Rows:
    """The numbers of the rows for operators that a form has: those with something in them, and empty ones."""

    filled: list[int]
    empty: list[int]


def rows_of(form: Form) -> Rows:
    """The rows to show for a form."""
    used = {number for number in range(MOST_ROWS) if form.get(f"operator{number}_name", "").strip()}
    free = [number for number in range(MOST_ROWS) if number not in used]
    return Rows(sorted(used), free[:EMPTY_ROWS])


def _limit(prefix: str, limit: Limit, point: str) -> dict[str, str]:
    names = ("per_second", "per_hour", "per_day", "burst")
    return {f"{prefix}{name}": _number(value, point) for name in names if (value := getattr(limit, name)) is not None}


def _curve(prefix: str, curve: Curve | None) -> dict[str, str]:
    return {f"{prefix}first_day": str(curve.first_day), f"{prefix}most": str(curve.most)} if curve else {}


def _number(value: float, point: str) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".").replace(".", point)
