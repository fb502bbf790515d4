"""What a person sees of an audit, a demonstration, an examination and an upload."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rich
from rich import filesize
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from messenger_contracts.media import Media
from messengerctl.audit import Report
from messengerctl.demo import Outcome, Picture, percentile
from messengerctl.doctor import Finding
from messengerctl.uploads import REMEDIES

FINDINGS_SHOWN = 20


def say(line: str) -> None:
    """Print a line of rich's markup; the terminal breaks it, so that what is copied is whole."""
    rich.get_console().print(line, soft_wrap=True)


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """Show one line that changes, on the error stream so that output can be piped."""
    console = Console(stderr=True)
    with console.status("") as status:
        yield lambda line: status.update(escape(line))


@contextmanager
def transfer_bar(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show how much of a file has gone, on the error stream, and only where that is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(name), total=size)
        yield lambda sent: progress.update(
            task, completed=sent, description=escape(name) + (", which is looked at" if sent == size else "")
        )


def show_media(name: str, media: Media) -> None:
    """Print what became of an uploaded file: its id, and what it is or why it was rejected."""
    if media.status == "rejected":
        remedy = REMEDIES.get(media.reason, "") if media.reason else ""
        say(f"[red]✗[/] {escape(name)}  {media.id}  rejected: {media.reason or 'unknown'}  {remedy}".rstrip())
        return
    sides = f"{media.width}x{media.height}" if media.width and media.height else ""
    facts = (media.id, media.kind or "", media.content_type or "", filesize.decimal(media.size or 0), sides)
    say(f"[green]✓[/] [bold]{escape(name)}[/]  " + "  ".join(escape(fact) for fact in facts if fact))


def show_report(report: Report) -> None:
    """Print an audit: what was looked at, what is wrong, and the sum."""
    _show_findings(report)
    say(_verdict(report.lost, report.doubled))


def _show_findings(report: Report) -> None:
    counts = ", ".join(f"{number} {what}" for what, number in report.counts.items())
    say(f"audited {counts}")
    for where, number in report.waiting.items():
        say(f"[yellow]still on the way: {number} in {escape(where)}[/]")
    for queue, number in report.dead_letters.items():
        say(f"[yellow]given up: {number} in {escape(queue)}[/]")
    for finding in report.findings[:FINDINGS_SHOWN]:
        say(f"[red]✗[/] {escape(str(finding))}")
    if len(report.findings) > FINDINGS_SHOWN:
        say(f"[red]✗[/] and {len(report.findings) - FINDINGS_SHOWN} more")


def _verdict(lost: int, doubled: int) -> str:
    colour = "red" if lost or doubled else "green"
    return f"[bold {colour}]{lost} lost, {doubled} doubled[/]"


def show_outcome(outcome: Outcome) -> None:
    """Print a demonstration as a table, then the audit behind it, then the sum of both."""
    killed = [f"{outage.process} (back after {outage.ended - outage.began:.1f} s)" for outage in outcome.outages]
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in (
        ("messages", str(outcome.wanted)),
        ("acknowledged", str(outcome.acknowledged)),
        ("delivered", str(outcome.delivered)),
        ("killed with -9", ", ".join(killed) or "nothing"),
        ("retries, reconnects", f"{outcome.retries}, {outcome.reconnects}"),
        ("delivery, undisturbed", _delays(outcome.undisturbed)),
        ("delivery, across a kill", _delays(outcome.disturbed)),
        ("picture", _picture(outcome.picture)),
        ("same dense log at both", "yes" if outcome.same_log else "[red]no[/]"),
    ):
        table.add_row(*row)
    rich.print(table)
    _show_findings(outcome.audit)
    say(_verdict(outcome.lost, outcome.doubled))


def _picture(picture: Picture) -> str:
    size = filesize.decimal(picture.size)
    return f"{size}, ready in {picture.ready:.1f} s, seen {picture.seen:.1f} s after it was sent"


def show_examination(findings: list[Finding]) -> None:
    """Print one line a finding, with what to do about what is not well."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark = "[green]✓[/]" if finding.well else "[red]✗[/]"
        table.add_row(mark, finding.what, escape(finding.seen), "" if finding.well else escape(finding.remedy))
    rich.print(table)


def _delays(seconds: list[float]) -> str:
    if not seconds:
        return "none"
    p50, p99 = (percentile(seconds, share) * 1000 for share in (0.50, 0.99))
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms ({len(seconds)} messages)"
