"""`python -m app.migrations` brings the database to its newest form, for the supervisor and for containers."""

import sys

from sqlalchemy.exc import OperationalError

from app.migrations import upgrade


def main() -> None:
    """Migrate, or say in one line what stands in the way."""
    try:
        upgrade()
    except OperationalError as error:
        print(str(error.orig).strip().replace("\n", " "), file=sys.stderr)  # noqa: T201 - the supervisor reads it
        sys.exit(3)


if __name__ == "__main__":
    main()
