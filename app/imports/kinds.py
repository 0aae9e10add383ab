"""What an uploaded file may hold."""

from collections.abc import Callable
from typing import Any

from campaigns import ResultIntake
from contacts.importing import Intake
from contacts.intakes import ConsentIntake, ContactIntake, OrderIntake
from suppression import BlockIntake, OptOutIntake

INTAKES: dict[str, Callable[[], Intake[Any]]] = {
    "contacts": ContactIntake,
    "consents": ConsentIntake,
    "orders": OrderIntake,
    "optouts": OptOutIntake,
    "blocks": BlockIntake,
    "results": ResultIntake,
}
