"""The declarative base of chat's tables; each room has its own tables in its own `models.py`."""

from datetime import datetime

from sqlalchemy import BigInteger, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Chat's tables. Times are kept to the millisecond, which is what goes over the wire."""

    type_annotation_map = {datetime: TIMESTAMP(timezone=True, precision=3), str: Text, int: BigInteger}
