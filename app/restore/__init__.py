"""Bringing an installation back from a backup, and what has to be done before it may send again.

In comes a backup; out goes an installation in quarantine (see `core.quarantine`), whatever happens on the way. It
serves two rules: nobody who objected after the backup is written to, and nobody is written to twice because the ledger
that came back knows nothing of the first time.
"""
