"""What a refusal says about the address. Pure."""

import re

from delivery.returns.kinds import ReturnClass
from delivery.returns.rules import judge
from delivery.smtp import Outcome, Phase, Refused

# RFC 3463 section 3.2. Left out: 5.1.0 says nothing exact, 5.1.7 and 5.1.8 are about the sender's address.
_DEAD = re.compile(r"5\.1\.(?:1|2|3|4|6|9|10)(?!\d)")


def is_hard_bounce(outcome: Outcome) -> bool:
    """Whether this address will never take mail: a refusal at RCPT whose enhanced status code speaks of the address.

    A bare 550 is not enough: half of them are about policy, content or the sender's reputation. Nor is a status whose
    words speak of a block list, as some servers answer: the table for what comes back has to agree.
    """
    if not isinstance(outcome, Refused) or outcome.phase is not Phase.RCPT:
        return False
    status = _DEAD.match(outcome.text)
    if status is None:
        return False
    rule = judge(status=status.group(0), reply=outcome.code, words=outcome.text)
    return rule is not None and rule.kind is ReturnClass.HARD
