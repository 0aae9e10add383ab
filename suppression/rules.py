"""The rules, in the order in which they are asked. Pure: no session, no clock, no network.

A recipient is counted under the first rule that does not let it pass; all that apply are kept, and the strictest
verdict wins. Inside a group the rules that block stand before those that hold, so the code always explains the verdict.
"""

from collections.abc import Callable
from dataclasses import dataclass

from suppression.facts import Basis, ConsentState, Decision, Facts, Listing, Objection, Verdict

# Purposes that answer what a person just did. Everything else is advertising.
ANSWERS = frozenset({"transactional"})

RELEASED = ":released"


@dataclass(frozen=True)
class Rule:
    """One reason not to send. `releasable`: compliance may let the hold pass for one run, with a reason."""

    code: str
    verdict: Verdict
    applies: Callable[[Facts], bool]
    releasable: bool = False


@dataclass(frozen=True)
class RuleBook:
    """The rules for one kind of purpose, and how the basis is chosen when none of them applies."""

    rules: tuple[Rule, ...]
    basis: Callable[[Facts], Basis | None]


def without_consent(facts: Facts) -> Basis | None:
    """The ground there is without consent: the existing-customer exception, or that the law asks for none.

    The exception: Art. 13(2) ePrivacy, § 7(3) UWG, § 174(4) TKG 2021. Who ever objected is out of both for good: a
    later consent allows mail for as long as it lasts, but it does not bring them back.
    """
    if facts.opted_out is not Objection.NONE or facts.complaint is not Objection.NONE:
        return None
    if facts.customer:
        return Basis.EXISTING_CUSTOMER
    return Basis.LEGITIMATE_INTEREST if facts.no_consent_needed else None


def advertising_basis(facts: Facts) -> Basis | None:
    """The strongest ground there is: fresh consent, else one that needs none, else stale consent, else nothing."""
    if facts.opted_out is Objection.STANDING or facts.complaint is Objection.STANDING:
        return None
    if facts.consent is ConsentState.FRESH:
        return Basis.CONSENT
    return without_consent(facts) or (Basis.CONSENT if facts.consent is ConsentState.STALE else None)


def _only_consent(state: ConsentState) -> Callable[[Facts], bool]:
    return lambda facts: facts.consent is state and without_consent(facts) is None


_TAKEN_BY = {
    Basis.LEGITIMATE_INTEREST: Listing.INTEREST,
    Basis.EXISTING_CUSTOMER: Listing.CUSTOMER,
    Basis.CONSENT: Listing.CONSENT,
}


def _takes(facts: Facts, basis: Basis | None) -> bool:
    """Whether the lists on which the person stands leave nothing of this basis."""
    return facts.listed is not Listing.NONE and (basis is None or facts.listed >= _TAKEN_BY[basis])


def _listed_on_consent(facts: Facts) -> bool:
    """Listed, and written to on the strength of a consent that the listing does not end.

    A list that spares customers is one against strangers; it says nothing against those who agreed.
    """
    return facts.listed is Listing.CUSTOMER and advertising_basis(facts) is Basis.CONSENT


_BLOCK, _HOLD = Verdict.BLOCK, Verdict.HOLD

# The recipient said no (Art. 21(2) GDPR) or took the consent back, and has not confirmed an opt-in since.
OPTED_OUT = Rule("opted_out", _BLOCK, lambda facts: facts.opted_out is Objection.STANDING)
# The recipient told the mailbox provider that our mail is spam: a no, spoken to somebody else.
COMPLAINT = Rule("complaint", _BLOCK, lambda facts: facts.complaint is Objection.STANDING)
# The mailbox does not exist; writing on harms the sender. A later confirmed opt-in proves that it works again.
HARD_BOUNCE = Rule("hard_bounce", _BLOCK, lambda facts: facts.hard_bounce is Objection.STANDING)
# The house decided it, so only the house takes it back: no opt-in answers an internal block.
INTERNAL_BLOCK = Rule("internal_block", _BLOCK, lambda facts: facts.internal_block is not Objection.NONE)
# Nobody wants to read the name of the dead on a letter; what relatives told us is taken as it is.
DECEASED = Rule("deceased", _BLOCK, lambda facts: facts.deceased)
# The data may be kept and nothing else (Art. 18(2) GDPR).
RESTRICTED = Rule("restricted", _BLOCK, lambda facts: facts.restricted)
# Children merit specific protection where data are used for marketing (recital 38 GDPR).
MINOR = Rule("minor", _BLOCK, lambda facts: facts.minor)
# The recipient wants other mail of this kind, but not this topic.
TOPIC_OFF = Rule("topic_off", _BLOCK, lambda facts: facts.topic_off)
# Nobody is there any more: the contact was erased after the message was planned.
ERASED = Rule("erased", _BLOCK, lambda facts: facts.erased)
# Courts found consent that was not used for about two years without force.
CONSENT_LAPSED = Rule("consent_lapsed", _BLOCK, _only_consent(ConsentState.LAPSED))
# Somebody asked in this person's name, and the person never confirmed.
UNCONFIRMED = Rule("opt_in_unconfirmed", _BLOCK, _only_consent(ConsentState.UNCONFIRMED))
# Nothing at all allows a message.
NO_BASIS = Rule("no_basis", _BLOCK, _only_consent(ConsentState.NONE))
# Who calls a consumer must be able to show the declaration itself, a recording or a letter (§ 7a UWG); a confirmed mail
# proves nothing about calls (BGH I ZR 164/09).
UNPROVEN = Rule("consent_unproven", _BLOCK, lambda facts: facts.unproven and advertising_basis(facts) is Basis.CONSENT)
# Courts differ about consent that was not used for a year and a half: a person decides.
CONSENT_STALE = Rule("consent_stale", _HOLD, _only_consent(ConsentState.STALE), releasable=True)
# Being on the list defeats the existing-customer exception (§ 174(4) no. 4 TKG 2021), elsewhere only what is written
# to strangers, and in Italy consents that are older than the registration, too (DPR 26/2022).
LISTED_WITHOUT_CONSENT = Rule("robinson_listed", _BLOCK, lambda facts: _takes(facts, advertising_basis(facts)))
# Nobody knows whether this person is on the list by now.
LIST_OUTDATED = Rule("list_outdated", _HOLD, lambda facts: facts.list_outdated, releasable=True)
# Such a listing does not revoke consent given to one sender, but somebody should look at the two together.
LISTED_WITH_CONSENT = Rule("robinson_listed", _HOLD, _listed_on_consent, releasable=True)
# A desk is nobody's own mailbox. Where somebody confirmed for it that counts; what one buyer did binds no colleague.
ROLE_ACCOUNT = Rule(
    "role_account",
    _HOLD,
    lambda facts: facts.role_account and advertising_basis(facts) is not Basis.CONSENT,
    releasable=True,
)
# Nobody praises goods to a person whose complaint about them is not settled. Closing the case ends it.
CASE_OPEN = Rule("case_open", _HOLD, lambda facts: facts.case_open)
# Nobody is called at night. It ends by itself.
QUIET_HOURS = Rule("quiet_hours", _HOLD, lambda facts: facts.quiet)
# The recipient asked for a break. It is the recipient's to end, so nobody can release it.
PAUSED = Rule("paused", _HOLD, lambda facts: facts.paused)
# Enough for now, by the rule of the house or by the recipient's own wish.
FREQUENCY_CAPPED = Rule("frequency_capped", _HOLD, lambda facts: facts.capped, releasable=True)

ADVERTISING = RuleBook(
    rules=(
        OPTED_OUT,
        COMPLAINT,
        HARD_BOUNCE,
        INTERNAL_BLOCK,
        DECEASED,
        RESTRICTED,
        MINOR,
        TOPIC_OFF,
        ERASED,
        CONSENT_LAPSED,
        UNCONFIRMED,
        NO_BASIS,
        UNPROVEN,
        CONSENT_STALE,
        LISTED_WITHOUT_CONSENT,
        LIST_OUTDATED,
        LISTED_WITH_CONSENT,
        ROLE_ACCOUNT,
        CASE_OPEN,
        QUIET_HOURS,
        PAUSED,
        FREQUENCY_CAPPED,
    ),
    basis=advertising_basis,
)

# What a person asked for needs no consent, no list and no cap, and an objection to advertising does not cover it: else
# nobody could ever come back by a new opt-in. A complaint does count, because anybody can type somebody else's address
# into a form; so does a dead mailbox and what the house blocked. `opted_out` is here for those who object to exactly
# these mails (an entry that names the purpose).
ANSWERING = RuleBook(
    rules=(OPTED_OUT, COMPLAINT, HARD_BOUNCE, INTERNAL_BLOCK, DECEASED, RESTRICTED),
    basis=lambda _facts: Basis.OWN_REQUEST,
)

RELEASABLE = frozenset(rule.code for rule in ADVERTISING.rules if rule.releasable)


def book(purpose: str) -> RuleBook:
    """The rules that a purpose is under."""
    return ANSWERING if purpose in ANSWERS else ADVERTISING


def decide(facts: Facts, rules: RuleBook = ADVERTISING, *, released: frozenset[str] = frozenset()) -> Decision:
    """Answer whether a message may go, with every reason against it.

    `released` names holds that compliance let pass for this run. Without any reason against it and without a basis a
    message is blocked as well: what no rule foresaw is not sent.
    """
    against = [rule for rule in rules.rules if rule.applies(facts)]
    passed = [rule for rule in against if rule.releasable and rule.code in released]
    standing = [rule for rule in against if rule not in passed]
    basis = rules.basis(facts)
    if not standing and basis is None:
        standing = [NO_BASIS]
    verdict = max((rule.verdict for rule in standing), key=lambda found: found.strictness, default=Verdict.SEND)
    codes = [rule.code for rule in standing] or [str(basis)]
    return Decision(verdict=verdict, reasons=(*codes, *(rule.code + RELEASED for rule in passed)), basis=basis)
