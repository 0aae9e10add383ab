"""One watched process: started, found dead, started again a little later each time, stopped."""

import signal
import subprocess
from contextlib import suppress
from time import monotonic

from app.supervisor.guard import kill_group
from app.supervisor.log import MergedLog
from app.supervisor.programs import Program
from app.supervisor.state import Process
from core.embedded.identity import child_setup

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 15.0
# Who has run this long is well again, and the next pause is the first one.
WELL_AFTER = 30.0


class Child:
    """A program and, most of the time, its process."""

    def __init__(self, program: Program, *, log: MergedLog) -> None:
        self.program = program
        self.log = log
        self.restarts = 0
        self.state = "waiting"
        self.process: subprocess.Popen[bytes] | None = None
        self._pause = FIRST_PAUSE
        self._started = 0.0
        self._next_try = 0.0

    def start(self) -> None:
        """Start the process. Always from the main thread: the kernel's death signal hangs on the thread."""
        program = self.program
        if program.ready_file is not None:
            program.ready_file.parent.mkdir(exist_ok=True)
            program.ready_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            program.command,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C goes to the supervisor only, and what a child leaves behind can be found.
            process_group=0,
            preexec_fn=child_setup(unprivileged=program.unprivileged, death_signal=program.stop_signal),
        )
        self.log.follow(program.name, self.process)
        self._started = monotonic()
        self.state = "starting"

    def tend(self) -> bool:
        """Look after the process; answers whether anything changed."""
        before = (self.state, self.restarts)
        if self.process is not None and self.process.poll() is not None:
            self._found_dead(self.process)
        elif self.process is None and monotonic() >= self._next_try:
            self.restarts += 1
            self.start()
        elif self.state == "starting" and self.program.is_ready():
            self.state = "running"
        return (self.state, self.restarts) != before

    def ask_to_stop(self) -> None:
        """Ask for an orderly end."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(self.program.stop_signal)

    def is_gone(self) -> bool:
        """Whether the process has ended; then whatever it left behind is ended too."""
        if self.process is not None:
            if self.process.poll() is None:
                return False
            self._forget(self.process)
        self.state = "stopped"
        return True

    def kill(self) -> None:
        """End the process and all it started, at once."""
        if self.process is not None:
            kill_group(self.process.pid)
            self.process.wait()
            self._forget(self.process)
        self.state = "stopped"

    def written(self) -> Process:
        """What the state file says of it."""
        return Process(
            name=self.program.name,
            pid=self.process.pid if self.process else None,
            state=self.state,
            restarts=self.restarts,
            stop_signal=int(self.program.stop_signal),
        )

    def _found_dead(self, process: subprocess.Popen[bytes]) -> None:
        if monotonic() - self._started > WELL_AFTER:
            self._pause = FIRST_PAUSE
        self.log.note(
            "crusoe", f"{self.program.name} ended ({_ending(process.returncode)}); again in {self._pause:g} s"
        )
        self._forget(process)
        self._next_try = monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self.state = "waiting"

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        # Children of a killed server would serve and send on behind the back of its successor.
        kill_group(process.pid)
        self.process = None


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
