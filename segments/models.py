"""Segments: named definitions of whom we mean."""

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Document, Id


class Segment(Base):
    """A definition, as data. Who is in it is asked anew each time."""

    __tablename__ = "segment"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    definition: Mapped[Document]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
