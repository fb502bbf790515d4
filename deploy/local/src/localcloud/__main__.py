"""The command line. What the commands do stands elsewhere."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from localcloud import console, supervisor
from localcloud.bootstrap import CHECKOUT
from localcloud.containers import provision_containers
from localcloud.ephemeral import VARIABLES, servers
from localcloud.errors import LocalCloudError
from localcloud.follow import follow
from localcloud.paths import Layout
from localcloud.processes import accompany
from localcloud.state import load_state

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
_AWS_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@app.callback()
def choose(
    context: typer.Context,
    checkout: Annotated[Path, typer.Option(help="Whose services to run, and where to keep their data.")] = CHECKOUT,
) -> None:
    """Run the whole cloud on this machine."""
    context.obj = Layout(checkout.resolve())


@app.command()
def up(
    context: typer.Context,
    port: Annotated[int, typer.Option(envvar="PORT", help="The gateway's port.", min=1, max=65535)] = 8080,
    detach: Annotated[bool, typer.Option(help="Return when ready.")] = False,
    reload: Annotated[bool, typer.Option(help="Start services anew when their code changes.")] = False,
) -> None:
    """Start servers, resources and services, and keep them running until Ctrl-C."""
    given = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if "AWS_ENDPOINT_URL" in given:
        given |= {name: os.environ[name] for name in _AWS_CREDENTIALS if os.environ.get(name)}
    if detach:
        raise typer.Exit(supervisor.detach(context.obj, port, reload=reload, given=given))
    supervisor.up(context.obj, port, reload=reload, given=given)


@app.command()
def down(context: typer.Context) -> None:
    """Stop everything that `up` started."""
    ran = supervisor.down(context.obj)
    console.say("everything is stopped" if ran else "nothing was running")


@app.command()
def ps(context: typer.Context) -> None:
    """Show what runs."""
    state = load_state(context.obj.state)
    rows = [
        (name, "running" if state.processes[name].identity.alive else "dead", str(state.processes[name].pid), address)
        for name, address in supervisor.address_rows(state)
    ]
    console.table(("", "state", "pid", "address"), rows)


@app.command()
def logs(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Only these processes.")] = None,
    lines: Annotated[int, typer.Option(help="How many lines of the past.")] = 20,
) -> None:
    """Follow the logs of all processes, or of some, until Ctrl-C."""
    follow(context.obj.logs, names or [], lines)


@app.command()
def clean(context: typer.Context) -> None:
    """Stop everything and remove its data and logs; the tools that were fetched stay."""
    layout: Layout = context.obj
    supervisor.down(layout)
    for folder in (layout.data, layout.logs, layout.runs):
        shutil.rmtree(folder, ignore_errors=True)
    layout.state.unlink(missing_ok=True)
    console.say("data and logs are removed")


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def run(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after --.")],
    suite: Annotated[bool, typer.Option(help="Start all services too.")] = False,
) -> None:
    """Run a command beside servers of its own, which end with it; or beside a whole suite."""
    if suite:
        raise typer.Exit(_shell_code(supervisor.beside(context.obj, command)))
    with servers(context.obj, os.environ) as addresses:
        raise typer.Exit(_shell_code(accompany(command, addresses).wait()))


def _shell_code(code: int) -> int:
    """Say a death by signal as shells do."""
    return code if code >= 0 else 128 - code


@app.command()
def provision(
    out: Annotated[Path, typer.Option(help="The folder for one NAME.env a service.")],
    services: Annotated[Path, typer.Option(help="The folder of the services.")] = CHECKOUT / "services",
    prefix: Annotated[str, typer.Option(help="The first part of every resource's name.")] = "messenger-local",
) -> None:
    """Create what the services own at AWS_ENDPOINT_URL and DATABASE_URL, and write down what they must know."""
    for line in provision_containers(services, out, prefix, os.environ):
        console.say(line)


def main() -> None:
    """Run a command; tell a failure in one line."""
    try:
        app()
    except LocalCloudError as error:
        console.fail(error)
        sys.exit(1)
    except supervisor.Interrupted:
        sys.exit(130)


if __name__ == "__main__":
    main()
