"""Run commands of `crusoe` inside this process, as a person would type them, and read their JSON."""

import io
import json
from contextlib import redirect_stdout
from typing import Any

from app.cli import crusoe
from core.cli import progress
from core.errors import CrusoeError, WrongInput
from core.sentences import say

LONGEST_WORD = 60


def run(*words: str, expect: int = 0, quietly: bool = False) -> Any:
    """The answer of one command. Any other exit code than `expect` is a failure of the demo and told as such."""
    if not quietly:
        progress.print(f"  crusoe {' '.join(_shown(word) for word in words)}", style="dim", markup=False)
    output, code = io.StringIO(), 0
    try:
        with redirect_stdout(output):
            crusoe.main(args=[*words, "--json"], prog_name="crusoe", standalone_mode=False)
    except SystemExit as leave:
        code = int(leave.code or 0)
    except CrusoeError as error:
        code = error.exit_code
    answer = json.loads(output.getvalue() or "{}")
    if code != expect:
        problem = answer.get("error", {}).get("message", output.getvalue()[:200])
        raise WrongInput(
            "demo",
            say(
                "`crusoe %(words)s` ended with %(code)s, not %(expect)s: %(problem)s",
                words=" ".join(words),
                code=code,
                expect=expect,
                problem=problem,
            ),
        )
    return answer


def _shown(word: str) -> str:
    return word if len(word) <= LONGEST_WORD else f"…{word[-LONGEST_WORD:]}"
