"""Providers that take mail over HTTP and tell what became of it.

In: a mail of ours and an account. Out: one of the five outcomes, as over SMTP, and events of a closed list. The rules
served: an answer that did not come is never asked for again; what a provider tells counts only when it is signed, fresh
and new, and names a message of ours by a name that nobody else can make up.
"""
