"""`crusoe import`: contacts, consents and orders from `contacts`, opt-outs from `suppression`."""

import suppression.cli  # noqa: F401 - adds `import optouts` to the group
from contacts.cli import import_group

__all__ = ["import_group"]
