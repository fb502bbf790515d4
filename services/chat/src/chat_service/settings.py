"""What chat is told by its environment."""

from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from messenger_contracts.conversations import MAX_MEMBERS
from servicekit.settings import ServiceSettings


class ChatSettings(ServiceSettings):
    """Settings of the API and of the worker."""

    SERVICE: ClassVar[str] = "chat"
    model_config = SettingsConfigDict(env_prefix="CHAT_", extra="ignore", frozen=True)

    database_url: SecretStr = SecretStr("postgresql+asyncpg://chat@127.0.0.1:5432/chat")
    """The PostgreSQL database, as an SQLAlchemy URL on asyncpg."""
    database_tls: bool = False
    """Demand a verified certificate of the database."""
    database_pool: int = 10
    """Connections to the database that one process holds."""
    valkey_url: str = "redis://127.0.0.1:6379/0"
    """The Valkey that carries live events to the gateways."""
    auth_url: str = "http://127.0.0.1:8001"
    """Where auth answers, to look up the people whom one writes to."""
    media_url: str = "http://127.0.0.1:8004"
    """Where media answers, which knows the files that messages carry."""
    media_seconds: float = 2.0
    """How long media may take for one answer; readers then get messages without a description of their files."""
    commit_group: int = 500
    """The most sends that one transaction takes."""
    relay_batch: int = 200
    """The most events that the relay publishes before it moves its position."""
    retention_days: int = Field(30, ge=1)
    """Days after which the content of deleted messages and groups is removed for good; failed scheduled ones too."""
    report_retention_days: int = Field(90, ge=1)
    """Days after the decision on a report after which what was said is removed from it."""
    group_members: int = MAX_MEMBERS
    """The most members of a group."""
    previews: bool = True
    """Look at the pages that messages link to, and show what they say of themselves."""
    notify_all: int = 500
    """The largest conversation in which a message is told to every member; beyond, to those it mentions or answers."""
    receipts_up_to: int = 100
    """The largest conversation in which members hear at once how far the others have read."""
