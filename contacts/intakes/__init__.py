"""What can be imported into this stage: contacts, their other endpoints, consents, orders.

Each is an `Intake` of `contacts.importing`.
"""

from contacts.intakes.consents import ConsentIntake
from contacts.intakes.contacts import ContactIntake
from contacts.intakes.endpoints import EndpointIntake
from contacts.intakes.orders import OrderIntake

__all__ = ["ConsentIntake", "ContactIntake", "EndpointIntake", "OrderIntake"]
