"""What this service remembers, on one screen."""

from sqlalchemy.orm import DeclarativeBase

from common import db
from common.db import add_messaging_tables, new_metadata
from common.lanes import add_lane_tables


class Base(db.Base, DeclarativeBase):
    """The tables of the crm service."""

    metadata = new_metadata()


add_messaging_tables(Base.metadata)
add_lane_tables(Base.metadata)
