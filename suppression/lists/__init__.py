"""External do-not-contact lists: read as their operators publish them, kept in versions, matched once per address.

A version of a list is an artefact with a date and a checksum. Every decision names the version it asked, and a list
that is missing or too old holds everybody whom it concerns. Listings are never copied into our own suppression
entries: the operator may take one back, and the next version then clears the person by itself.
"""
