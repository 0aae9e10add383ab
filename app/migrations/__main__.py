"""`python -m app.migrations` brings the database to its newest form, for the supervisor and for containers."""

import sys

from sqlalchemy.exc import OperationalError

from app.migrations import upgrade


def main() -> None:
    """Migrate, or say in one line what stands in the way."""
    try:
        upgrade()
        _settle()
    except OperationalError as error:
        print(str(error.orig).strip().replace("\n", " "), file=sys.stderr)  # noqa: T201 - the supervisor reads it
        sys.exit(3)


def _settle() -> None:
    """Before any process works with a database that is older than its journal, what it may have sent is set aside."""
    from app.restore.settling import settle
    from core.db import transaction

    with transaction() as session:
        settle(session)


if __name__ == "__main__":
    main()
