"""The commands of `gbgateway` that look after an installation: backup, restore, self-check, accounts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from gateway import config as configuration
from gateway.cli_shown import print_json

ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", help="TOML file; without it the defaults hold.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_operations(app: typer.Typer) -> None:
    """Give the command its operations."""
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("self-check")(self_check)
    app.command("reset-accounts")(reset_accounts)


def backup(
    target: Annotated[Path, typer.Argument(help="File to write, or a directory for a file named by node and time.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Back up a node, which may be running, to one file (mode 0600): database, ledger, keys, configuration.

    The file gets its name only after databases, ledger chain and archive are verified. It holds the keys of every
    secret: keep it like a password. Recordings are not part of it.
    """
    from gateway.operations.backup import take_backup

    taken = take_backup(configuration.load(config), config, target, now=time.time())
    manifest = taken.manifest
    if as_json:
        facts = {"file": str(taken.file), "bytes": taken.bytes, "made_at": manifest.made_at, "schema": manifest.schema}
        print_json(facts | {"ledger_head": manifest.ledger_head, "counts": manifest.counts})
        return
    typer.echo(f"{taken.file}: {taken.bytes} bytes, verified")
    typer.echo(f"schema {manifest.schema}, ledger head {manifest.ledger_entries}:{manifest.ledger_head}")
    _print_counts(manifest.counts)


def restore(
    source: Annotated[Path, typer.Argument(help="A backup.")],
    config: ConfigFile = None,
    replace: Annotated[bool, typer.Option("--replace", help="Move aside the data that are there.")] = False,
    other_node: Annotated[bool, typer.Option("--other-node", help="Take the backup of another node.id.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a node back from a backup: verified, brought to the present schema, then put into its data directory.

    Refused while a node runs there, and when there is data, unless --replace. The configuration is not touched.
    """
    from gateway.operations.restore import restore as put_back

    loaded = configuration.load(config)
    done = put_back(loaded, config, source, replace=replace, other_node=other_node, now=time.time())
    if as_json:
        aside = None if done.aside is None else str(done.aside)
        print_json({"made_at": done.manifest.made_at, "schema": done.schema, "aside": aside, "counts": done.counts})
        return
    typer.echo(f"{loaded.node.data_dir}: as of {done.manifest.made_at}, ledger and secrets verified")
    if done.schema != done.manifest.schema:
        typer.echo(f"schema {done.manifest.schema} brought to {done.schema}")
    _print_counts(done.counts)
    if done.aside is not None:
        typer.echo(f"What was there is in {done.aside}")
    if done.same_configuration is False:
        typer.echo(f"The configuration of then differs: tar -xOzf {source} configuration.toml prints it")


def self_check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Look over configuration, storage, network, machine and upper platforms, and say what to change.

    Exit status 0: everything is good; 1: something should be looked at; 2: something is in the way.
    """
    from gateway.operations.checks.finding import Level, worst
    from gateway.operations.self_check import look_over

    found = look_over(configuration.load(config), config, now=time.time())
    level = worst(found)
    if as_json:
        print_json({"worst": level.name.lower(), "findings": [finding.as_dict() for finding in found]})
    else:
        for finding in found:
            typer.echo(f"{finding.level.name.lower():8} {finding.subject}: {finding.text}")
            if finding.change:
                typer.echo(f"{'':8} -> {finding.change}")
        bad = sum(finding.level is Level.PROBLEM for finding in found)
        doubtful = sum(finding.level is Level.WARNING for finding in found)
        typer.echo(f"{len(found)} checks: {bad} problems, {doubtful} warnings")
    raise typer.Exit(int(level))


def reset_accounts(
    config: ConfigFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove all accounts and keys of a node that is not running; it prints a new set-up code at its next start.

    For when no administrator can log in any more. Devices, rules and the ledger stay; the ledger notes the removal.
    """
    from gateway.operations.accounts import reset_accounts as reset

    loaded = configuration.load(config)
    if not yes:
        typer.confirm(f"Remove every account of {loaded.node.data_dir}?", abort=True)
    names = reset(loaded)
    typer.echo(f"{len(names)} accounts removed: {', '.join(names)}" if names else "There was no account.")
    typer.echo("The next gbgateway run prints a set-up code.")


def _print_counts(counts: dict[str, int]) -> None:
    typer.echo(", ".join(f"{name} {rows}" for name, rows in sorted(counts.items()) if rows))
