"""Addresses of a desk, not of a person: the names of RFC 2142, and what offices in our languages call theirs.

Who agreed for such a mailbox is hard to tell, and several people read it. So the rules treat it with more care than a
person's own address: see `suppression.rules.ROLE_ACCOUNT`. The database tells them apart by itself, whoever writes an
endpoint; a longer list of names is a migration.
"""

_NAMES = (
    "abuse accounting admin administration administrator bewerbung billing booking buchhaltung career "
    "careers contact datenschutz einkauf empfang ftp hello help helpdesk hostmaster hr info it jobs "
    "kontakt kundendienst kundenservice legal mail mailbox marketing news no-reply noc noreply office "
    "post postmaster press presse privacy purchasing reception rechnung redaktion reservierung root sales "
    "security sekretariat service support team technik usenet uucp verkauf versand vertrieb webmaster www "
    "zentrale "
)
ROLES = tuple(_NAMES.split())

# What stands before the @, without what follows a plus sign (RFC 5233).
_DESK = "split_part(split_part(lower(value), '@', 1), '+', 1)"

IS_ROLE_ACCOUNT = f"channel = 'email' AND {_DESK} IN ({', '.join(repr(role) for role in ROLES)})"
