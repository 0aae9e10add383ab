"""How the database came to its present form: Alembic, expand first and contract later."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from core.settings import settings


def configuration() -> Config:
    """Alembic's settings, without a file: the database is the one of this process."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("sqlalchemy.url", settings().database_url.replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s")
    return config


def upgrade() -> None:
    """Bring the database to the newest form."""
    command.upgrade(configuration(), "head")
