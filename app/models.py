"""Every table of every stage in one import, for migrations and tests."""

import tracking.models  # noqa: F401 - imported for the tables
from core.db import Base

metadata = Base.metadata
