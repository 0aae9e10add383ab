"""Starts, watches and stops what an installation consists of, on a machine where nothing else is prepared.

In come the settings of this process; out go a running system, a merged log at `CRUSOE_HOME/log/crusoe.log` and a state
file that `crusoe status` reads. It serves one rule: nothing is left running, however the supervisor ends. Where a
container platform or systemd does this work, the same processes are started one by one (see docs/operations.md).
"""

from app.supervisor.state import State, is_running, read

__all__ = ["State", "is_running", "read"]
