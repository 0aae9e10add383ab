"""Finding the DMARC record and the organisational domain of a name by the walk up the tree (RFC 9989, section 4.10)."""

from dataclasses import dataclass

from core.sentences import Sentence, say
from delivery.doctor.answers import Answers
from delivery.doctor.tags import BadTags, read_tags, starts

VERSION = "DMARC1"
# Longer names are not asked label by label: after the name itself the walk goes on with seven labels.
MOST_LABELS = 7


class BadPolicy(Exception):
    """The record that counts is none, for receivers. `why` is a sentence, `code` the finding."""

    def __init__(self, code: str, why: Sentence, name: str, text: str) -> None:
        super().__init__(str(why))
        self.code, self.why, self.name, self.text = code, why, name, text


@dataclass(frozen=True)
class Place:
    """A record that was found on the way up."""

    domain: str
    text: str
    tags: dict[str, str]


def steps(domain: str) -> list[str]:
    """The names at which a record may stand, from the domain itself up to a single label."""
    labels = domain.lower().rstrip(".").split(".")
    above = labels[1:][-MOST_LABELS:]
    return [".".join(labels), *(".".join(above[number:]) for number in range(len(above)))]


def records_at(answers: Answers, domain: str) -> list[str]:
    """The DMARC records at one name; a receiver counts none of them when there are two."""
    return [text for text in answers.records(f"_dmarc.{domain}", "TXT") if starts(text, VERSION)]


def walk(answers: Answers, domain: str) -> list[Place]:
    """The records from a domain upwards. The walk ends where a record says whether it stands at a public suffix."""
    names = steps(domain)
    answers.ahead(*((f"_dmarc.{name}", "TXT") for name in names))
    found = []
    for name in names:
        place = _place(answers, name)
        if place is not None:
            found.append(place)
            if place.tags.get("psd") == "n" or (place.tags.get("psd") == "y" and name != names[0]):
                break
    return found


def _place(answers: Answers, name: str) -> Place | None:
    texts = records_at(answers, name)
    if len(texts) != 1:
        return None
    try:
        return Place(name, texts[0], read_tags(texts[0]))
    except BadTags:
        return None


def organisation(answers: Answers, domain: str) -> str:
    """The organisational domain of a name (section 4.10.2): below a public suffix, else the top of the walk."""
    places = walk(answers, domain)
    for place in places:
        if place.tags.get("psd") == "y" and place.domain != domain:
            below = domain.removesuffix(f".{place.domain}").rpartition(".")[2]
            return f"{below}.{place.domain}"
    return places[-1].domain if places else domain


def policy_place(answers: Answers, domain: str) -> Place | None:
    """The record that counts for mail from this domain: its own, else that of its organisation, else of the suffix.

    Raises BadPolicy when the domain has a record of its own that no receiver counts.
    """
    own = records_at(answers, domain)
    if len(own) > 1:
        said = say("%(domain)s has more than one DMARC record, so none of them counts.", domain=domain)
        raise BadPolicy("dmarc_twice", said, domain, own[0])
    if own and _place(answers, domain) is None:
        raise BadPolicy("dmarc_broken", say("Receivers cannot read the DMARC record."), domain, own[0])
    places = {place.domain: place for place in walk(answers, domain)}
    top = organisation(answers, domain)
    suffix = next((place for place in places.values() if place.tags.get("psd") == "y"), None)
    return places.get(domain) or places.get(top) or suffix


def is_aligned(answers: Answers, *, author: str, other: str, strict: bool) -> bool:
    """Whether a signed or envelope domain counts for the domain in From (section 4.4)."""
    if author == other or strict:
        return author == other
    return organisation(answers, author) == organisation(answers, other)
