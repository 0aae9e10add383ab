"""Measurements against yardsticks that run on the same machine in the same minute.

A module here has `measure(*, rounds, size)`. It answers a list of `bench.result.Measured`, one for each figure it
knows, with what our side and the yardstick did in each round. Both sides take turns (ours, theirs, ours, theirs), so
that a noisy neighbour hits both. `size` is how many things (rows, messages, hits) one round handles; None: the module's
own choice. The database of `core.settings` is up, migrated and empty; afterwards it is thrown away.
"""
