"""The command line. What the commands do stands elsewhere."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from localcloud.errors import LocalCloudError
from localcloud.paths import Layout
from messengerctl import console, terminal
from messengerctl.accounts import Wishes, sign_up
from messengerctl.audit import audit as run_audit
from messengerctl.client import Refused, SessionEnded, Unreachable
from messengerctl.demo import demonstrate
from messengerctl.doctor import examine
from messengerctl.errands import Errand, cancel_all, upload_all
from messengerctl.errors import CommandError
from messengerctl.keys import rotate_keys
from messengerctl.mailbox import await_code, await_mail, read_mail
from messengerctl.people import People
from messengerctl.security import security_log
from messengerctl.suite import LOCAL_ONLY, NOT_UP, Suite

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Surroundings:
    """What the commands share: the suite here, a gateway elsewhere if one was named, and the people."""

    suite: Suite
    gateway: str | None
    people: People

    @property
    def local(self) -> Suite:
        """The suite on this machine, which must be up and meant."""
        if self.gateway:
            raise CommandError(LOCAL_ONLY)
        if not self.suite.up:
            raise CommandError(NOT_UP)
        return self.suite


@app.callback()
def choose(
    context: typer.Context,
    gateway: Annotated[str | None, typer.Option(envvar="MESSENGER_GATEWAY", help="A gateway elsewhere.")] = None,
    state: Annotated[Path | None, typer.Option(envvar="MESSENGER_STATE", help="The suite's state file.")] = None,
    profile: Annotated[Path | None, typer.Option(help="The folder of those who signed up.")] = None,
) -> None:
    """Use Messenger from a terminal."""
    layout = Layout()
    suite = Suite(state or layout.state)
    context.obj = Surroundings(suite, gateway, People(profile or suite.path.parent / "people"))


@app.command(name="sign-up")
def sign_up_command(
    context: typer.Context,
    username: Annotated[str, typer.Option(help="Made up if left out.")] = "",
    email: Annotated[str, typer.Option(help="Made up if left out.")] = "",
    password: Annotated[str, typer.Option(help="Made up if left out.")] = "",
) -> None:
    """Make an account, verify its e-mail address, sign in, and keep the session."""
    here: Surroundings = context.obj
    read_code = _ask_for_code if here.gateway else partial(await_code, here.local)
    wishes = Wishes(username, email, password)
    person = asyncio.run(sign_up(here.gateway or here.suite.gateway, wishes, read_code))
    path = here.people.save(person)
    console.say(f"[bold]{escape(person.username)}[/]  {person.user_id}  {escape(person.email)}")
    console.say(f"kept in {escape(str(path))}")


async def _ask_for_code(address: str) -> str:
    return str(typer.prompt(f"the code that was mailed to {address}"))


@app.command()
def mail(
    context: typer.Context,
    to: Annotated[str, typer.Option(help="The e-mail address.")],
    wait: Annotated[bool, typer.Option(help="Wait for the first one.")] = False,
) -> None:
    """Show the e-mails that the local suite sent to an address, the newest last."""
    suite = context.obj.local
    mails = read_mail(suite, to) or ([asyncio.run(await_mail(suite, to))] if wait else [])
    if not mails:
        raise CommandError(f"no mail to {to}")
    for kept in mails:
        console.say(f"[bold]{escape(kept.subject)}[/]\n{escape(kept.text)}")


@app.command()
def chat(
    context: typer.Context,
    me: Annotated[str, typer.Argument(help="Who speaks: somebody who signed up here.")],
    peer: Annotated[str, typer.Argument(help="With whom: somebody who signed up here, or a user id.")],
) -> None:
    """Talk with somebody, live."""
    people: People = context.obj.people
    person = people.load(me)
    known = people.find(peer)
    peer_id, peer_name = (known.user_id, known.username) if known else (peer, peer[:8])

    async def talk() -> None:
        async with people.client(person) as client:
            await terminal.converse(client, person, peer_id, peer_name)

    asyncio.run(talk())


@app.command()
def upload(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="What to upload.", show_default=False)],
    me: Annotated[str, typer.Option("--as", help="Whose they are: left out, the only person who signed up here.")] = "",
    to: Annotated[
        str, typer.Option(help="Send them as one message: to somebody who signed up here, or a conversation's id.")
    ] = "",
    caption: Annotated[str, typer.Option(help="The words of that message; without --to, those under each file.")] = "",
    content_type: Annotated[str, typer.Option("--type", help="Such as image/png: left out, told by the name.")] = "",
    cancel: Annotated[bool, typer.Option("--cancel", help="Throw away what has arrived of unfinished ones.")] = False,
    patience: Annotated[float, typer.Option(help="Seconds to wait for each until it was looked at.")] = 600.0,
) -> None:
    """Upload files, and wait until they were looked at. After a break, the same command goes on where it stopped."""
    people: People = context.obj.people
    person = people.load(me) if me else people.only()
    if cancel:
        asyncio.run(cancel_all(people, person, files))
        return
    errand = Errand(files, to, caption, content_type, patience)
    try:
        good = asyncio.run(upload_all(people, person, errand))
    except KeyboardInterrupt:
        console.say("stopped: the same command goes on from here, and with --cancel throws away what has arrived")
        raise typer.Exit(130) from None
    raise typer.Exit(0 if good else 1)


@app.command()
def moderator(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Somebody who signed up here.")],
) -> None:
    """Let somebody look into reported messages, from the next access token on."""
    here: Surroundings = context.obj
    person = here.people.load(name)
    here.local.make_moderator(person.username)
    console.say(f"[bold]{escape(person.username)}[/] is a moderator")


@app.command(name="audit-log")
def audit_log(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="A username, an address, or a user id.")],
    most: Annotated[int, typer.Option(min=1, max=1000, help="The most events to show.")] = 100,
) -> None:
    """Show what happened to the security of an account, the newest last."""
    for event in security_log(context.obj.local, user, most):
        said = "  ".join(f"{name}={value}" for name, value in event.data.items() if name not in ("user_id", "login"))
        console.say(f"{event.at}  [bold]{escape(event.type)}[/]  {escape(said)}")


@app.command()
def doctor(
    context: typer.Context,
    port: Annotated[int, typer.Option(envvar="PORT", help="The port that `make up` would take.")] = 8080,
) -> None:
    """Examine the machine and the local suite, and say what to do about what is not well."""
    here: Surroundings = context.obj
    if here.gateway:
        raise CommandError(LOCAL_ONLY)
    findings = asyncio.run(examine(here.suite, port))
    console.show_examination(findings)
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


@app.command()
def audit(
    context: typer.Context,
    patience: Annotated[float, typer.Option(help="Seconds to wait for what is on its way.")] = 120.0,
) -> None:
    """Reconcile log, outbox, ledger, inbox and files, and name what is missing or doubled."""
    suite: Suite = context.obj.local
    with console.progress_line() as progress:
        report = asyncio.run(run_audit(suite, seconds=patience, progress=progress))
    console.show_report(report)
    raise typer.Exit(0 if report.clean else 1)


@app.command(name="rotate-keys")
def rotate_all_keys(context: typer.Context) -> None:
    """Replace every key of the suite here; nobody is signed out by it, unless it is done three times."""
    here: Surroundings = context.obj
    for name in rotate_keys(here.local):
        console.say(f"replaced {name}")


@app.command()
def demo(
    context: typer.Context,
    messages: Annotated[int, typer.Option(min=2, help="How many in all.")] = 200,
    kill: Annotated[bool, typer.Option(help="Kill chat and gateway in the middle.")] = True,
) -> None:
    """Let two people talk and show a picture while processes are killed, and show that nothing was lost or doubled."""
    here: Surroundings = context.obj
    if not here.gateway and not here.suite.up:
        raise typer.Exit(_beside_a_suite(messages, kill))
    with console.progress_line() as progress:
        outcome = asyncio.run(demonstrate(here.local, messages=messages, kill=kill, progress=progress))
    console.show_outcome(outcome)
    raise typer.Exit(0 if outcome.good else 1)


def _beside_a_suite(messages: int, kill: bool) -> int:
    """Start a suite for the time of the demonstration."""
    console.say("no suite is up: starting one for the time of the demonstration")
    again = [
        sys.executable,
        "-m",
        "messengerctl",
        "demo",
        "--messages",
        str(messages),
        "--kill" if kill else "--no-kill",
    ]
    return subprocess.run([sys.executable, "-m", "localcloud", "run", "--suite", "--", *again], check=False).returncode


def main() -> None:
    """Run a command; tell a failure in one line."""
    try:
        app()
    except (CommandError, LocalCloudError, Refused, SessionEnded, Unreachable) as error:
        console.say(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(1)


if __name__ == "__main__":
    main()
