"""The legal entities and brands that write."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Controller


@dataclass(frozen=True, kw_only=True)
class ControllerPlan:
    """What somebody wants a controller to be. `imprint` stands below each of its mails, line by line."""

    code: str
    name: str
    imprint: str
    country: str
    privacy_url: str | None = None


def save_controller(session: Session, *, plan: ControllerPlan) -> Controller:
    """Create the controller or bring it to this plan."""
    controller = session.scalar(select(Controller).where(Controller.code == plan.code))
    if controller is None:
        controller = Controller(code=plan.code)
        session.add(controller)
    controller.name = plan.name
    controller.imprint = plan.imprint.strip()
    controller.country = plan.country
    controller.privacy_url = plan.privacy_url
    session.flush()
    return controller
