"""The page of a list that the address bar asks for: what is searched, filtered, sorted, and from where on."""

from typing import Any

from flask import request
from sqlalchemy import Select

from core import tables
from core.db import transaction
from core.tables import Table, TablePage


def listed(table: Table, source: Select[Any]) -> TablePage:
    """This page of the rows of `source`, in a transaction of its own. `core.exporting` gives all of them as a file."""
    question = tables.ask(table, request.args)
    with transaction() as session:
        return tables.read(session, table, source, question)
