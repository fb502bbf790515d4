"""The people who signed up from this machine, with what proves who they are. Their files are their owner's alone."""

import os
from pathlib import Path

from pydantic import BaseModel, ValidationError

from messengerctl.client import Client, Tokens
from messengerctl.errors import CommandError


class Person(BaseModel):
    """Somebody who signed up here. The password is kept because it may have been generated."""

    gateway: str
    user_id: str
    username: str
    email: str
    password: str
    access_token: str
    refresh_token: str
    expires_at: float


class People:
    """A folder of people, one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, username: str) -> Person | None:
        """Return somebody who signed up here, or None."""
        path = self._folder / f"{username}.json"
        try:
            return Person.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise CommandError(f"{path} cannot be read: remove it and sign up anew") from None

    def load(self, username: str) -> Person:
        """Return somebody who signed up here; raises `CommandError` that names those who did."""
        if person := self.find(username):
            return person
        known = ", ".join(sorted(file.stem for file in self._folder.glob("*.json"))) or "nobody yet"
        raise CommandError(f"{username} did not sign up from here (there is: {known}); see `sign-up`")

    def only(self) -> Person:
        """The one person who signed up here; raises `CommandError` when there are none, or several to choose from."""
        known = sorted(file.stem for file in self._folder.glob("*.json"))
        if len(known) == 1:
            return self.load(known[0])
        if not known:
            raise CommandError("nobody signed up from here; see `sign-up`")
        raise CommandError(f"who is it? say --as and one of: {', '.join(known)}")

    def uploads(self, person: Person) -> Path:
        """The folder for what is kept of somebody's uploads until they have ended."""
        return self._folder / "uploads" / person.username

    def save(self, person: Person) -> Path:
        """Keep somebody, replacing the file in one step."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{person.username}.json"
        draft = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(person.model_dump_json(indent=2))
        draft.replace(path)
        return path

    def client(self, person: Person) -> Client:
        """A client that speaks as this person and keeps the tokens that it is given."""

        async def keep(tokens: Tokens) -> None:
            person.access_token, person.refresh_token = tokens.access_token, tokens.refresh_token
            person.expires_at = tokens.expires_at
            self.save(person)

        tokens = Tokens(person.access_token, person.refresh_token, person.expires_at)
        return Client(person.gateway, tokens, on_tokens=keep)
