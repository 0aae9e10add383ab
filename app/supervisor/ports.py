"""Whether a port is free, and a sentence that helps when it is not."""

import errno
import socket

from core.errors import NotReachable, WrongInput
from core.sentences import say
from core.settings import LAST_PORT

TRIES = 50

USUAL_PORT = 8000


def require_free(*, host: str, port: int, variable: str) -> None:
    """Refuse with the name of the variable to change when nothing could listen there."""
    problem = _problem(host, port)
    if problem is None:
        return
    if problem in {errno.EACCES, errno.EPERM}:
        raise NotReachable(
            "port_not_permitted",
            say("This user may not listen on port %(port)s.", port=port),
            say(
                "Choose one above 1023, for example: %(variable)s=%(port)s.",
                variable=variable,
                port=USUAL_PORT,
            ),
        )
    if problem != errno.EADDRINUSE:
        raise WrongInput(
            "host_invalid",
            say("Nothing can listen on %(host)s: it is no address of this machine.", host=host),
            say("Set CRUSOE_HOST."),
        )
    raise NotReachable(
        "port_taken",
        say("Port %(port)s on %(host)s is taken by another program.", port=port, host=host),
        say(
            "Stop that program, or choose another port, for example: %(variable)s=%(host)s.",
            variable=variable,
            host=_another(host, port),
        ),
    )


def _problem(host: str, port: int) -> int | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # A port on which connections of an earlier run are still fading out is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror:
            return errno.EADDRNOTAVAIL
        except OSError as error:
            return error.errno
    return None


def _another(host: str, port: int) -> int:
    candidates = range(port + 1, min(port + TRIES, LAST_PORT))
    return next((candidate for candidate in candidates if _problem(host, candidate) is None), port + TRIES)
