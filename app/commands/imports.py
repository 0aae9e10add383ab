"""`crusoe import`: people and what they did from `contacts`, opt-outs from `suppression`, results from `campaigns`."""

import campaigns.result_cli  # noqa: F401 - adds `import results` to the group
import delivery  # noqa: F401 - says what is on its way, for which imports of objections wait
import suppression.cli  # noqa: F401 - adds `import optouts` to the group
from contacts.cli import import_group

__all__ = ["import_group"]
