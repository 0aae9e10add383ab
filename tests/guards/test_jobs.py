"""Every kind of background work is reached by somebody."""

import ast

import app.worker  # noqa: F401 - imported for the jobs
from app.supervisor.programs import applications
from core.settings import settings
from core.tasks import JOBS, QUEUES
from tests.guards.source import PACKAGES, ROOT, files


def test_every_queue_is_listened_to(home):
    """By the workers that `crusoe up` starts."""
    listened = set()
    for program in applications(settings()):
        if program.name.startswith("worker-"):
            listened |= set(program.command[program.command.index("-Q") + 1].split(","))
    assert listened == set(QUEUES)


def test_every_job_has_a_queue_that_exists():
    assert {job.queue for job in JOBS.values()} <= set(QUEUES)
    assert JOBS


def test_every_job_is_named_after_its_stage():
    strangers = [name for name in JOBS if name.partition(".")[0] not in PACKAGES]
    assert strangers == []


def test_every_module_of_jobs_is_known_to_the_worker():
    defined = {file.relative_to(ROOT) for file in files() if "@job(" in file.read_text()}
    known = {verb_file(job.verb.__module__) for job in JOBS.values()}
    assert {str(file) for file in defined} == known


def test_every_doorbell_rings_somewhere():
    """A name in `ring` or `press` that no job has would ring for nobody."""
    wrong = []
    for file in files():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) in {"ring", "press"}:
                names = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
                wrong += [f"{file.relative_to(ROOT)}:{node.lineno} {name}" for name in names if name not in JOBS]
    assert wrong == []


def verb_file(module: str) -> str:
    return module.replace(".", "/") + ".py"
