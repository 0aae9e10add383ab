"""`crusoe block …`: the commands of suppression, with the stage that sends at hand, for which adding one waits."""

import delivery  # noqa: F401 - says what is on its way
from suppression.block_cli import block_group

__all__ = ["block_group"]
