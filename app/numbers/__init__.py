"""Numbers about the engine itself, for those who run it: how much waits, how long, what is in doubt, what is late.

`reading` takes them from the database in a dozen queries that walk through no large table, `alarms` says which of them
somebody has to look at, `exposition` writes them down for a monitoring system.
"""
