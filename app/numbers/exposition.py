"""The numbers as text that monitoring systems read (the exposition format of Prometheus, version 0.0.4)."""

from collections.abc import Iterator, Mapping
from dataclasses import fields

from app.numbers.reading import Numbers

TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LABEL = {"messages": "state", "oldest": "state", "refusals": "reason", "opt_out_wait": "quantile"} | {
    "complaint_rate": "operator",
    "dead_rate": "operator",
}


def exposition(numbers: Numbers) -> str:
    """One line for each number; what is absent has no line."""
    return "".join(f"{line}\n" for line in _lines(numbers))


def _lines(numbers: Numbers) -> Iterator[str]:
    for field in fields(numbers):
        value = getattr(numbers, field.name)
        yield f"# TYPE crusoe_{field.name} gauge"
        if isinstance(value, Mapping):
            label = _LABEL[field.name]
            found = {f'{{{label}="{name}"}}': one for name, one in sorted(value.items())}
        else:
            found = {"": value}
        for labels, one in found.items():
            if one is not None:
                yield f"crusoe_{field.name}{labels} {one}"
