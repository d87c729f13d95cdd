"""The command ``gbgateway``: runs a node, checks its configuration and ledger, and manages a running node."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import config as configuration
from gateway.api_client import DEFAULT_URL, ApiClient, ApiFailure, Login, TokenFile
from gateway.cli_operations import add_operations
from gateway.cli_shown import flat, print_json, print_record, print_table
from gateway.compliance.entry import EntryRef
from gateway.compliance.heads import public_key
from gateway.compliance.ledger_file import LEDGER_FILE
from gateway.compliance.verify import Broken, verify
from gateway.errors import GatewayError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="GB/T 28181 gateway and cascading platform.")
ledger_app = typer.Typer(no_args_is_help=True, help="The access ledger (台账).")
keys_app = typer.Typer(no_args_is_help=True, help="Keys for other programs.")
app.add_typer(ledger_app, name="ledger")
app.add_typer(keys_app, name="keys")
add_operations(app)

ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", help="TOML file; without it the defaults hold.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Fields = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Fields; lists comma separated.")]
AskPassword = Annotated[bool, typer.Option("--ask-password", help="Ask for the password without showing it.")]


class Target:
    """The node the commands talk to."""

    url: str = DEFAULT_URL
    certificate: str | None = None

    @classmethod
    def choose(cls, url: str | None, certificate: str | None) -> None:
        """The node that was named, or else the one last logged in to; it is trusted as at its login."""
        logins = TokenFile()
        kept = logins.last() if url is None else logins.get(url)
        cls.url = (url or (kept.url if kept is not None else DEFAULT_URL)).rstrip("/")
        cls.certificate = certificate or (kept.certificate if kept is not None else None)

    @classmethod
    def client(cls) -> ApiClient:
        kept = TokenFile().get(cls.url)
        token = os.environ.get("GBGATEWAY_TOKEN") or (kept.token if kept is not None else None)
        return ApiClient(cls.url, token, certificate=cls.certificate)


@app.callback()
def _options(
    url: Annotated[
        str | None,
        typer.Option(
            help=f"Base URL of a running node; else the one last logged in to, else {DEFAULT_URL}.",
            envvar="GBGATEWAY_URL",
        ),
    ] = None,
    certificate: Annotated[
        str | None, typer.Option(help="PEM file to trust; kept with a login.", envvar="GBGATEWAY_CERTIFICATE")
    ] = None,
) -> None:
    Target.choose(url or None, certificate)


@app.command()
def run(config: ConfigFile = None) -> None:
    """Run a node in the foreground."""
    # What is loaded stays for ever: the collector need not look at it, neither now nor in every round to come.
    gc.disable()
    from gateway.run import run as run_node

    gc.freeze()
    gc.enable()
    run_node(configuration.load(config))


@app.command("check-config")
def check_config(file: Annotated[Path, typer.Argument(help="TOML file.")]) -> None:
    """Name every mistake of a configuration by file, line and key."""
    mistakes = configuration.check(file)
    for mistake in mistakes:
        typer.echo(str(mistake), err=True)
    if mistakes:
        raise typer.Exit(1)
    typer.echo(f"{file}: good")


@app.command("config-reference")
def config_reference() -> None:
    """Print the reference of every configuration key."""
    typer.echo(configuration.reference(), nl=False)


@app.command()
def setup(
    username: Annotated[str, typer.Option(prompt="Login name")],
    code: Annotated[str, typer.Option(prompt="Set-up code")],
) -> None:
    """Make the first administrator with the code printed at the first start."""
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    Target.client().call("POST", "/api/v1/setup", {"code": code, "username": username, "password": password})
    where = "" if Target.url == DEFAULT_URL else f" --url {Target.url}"
    typer.echo(f"Administrator {username} made; now: gbgateway{where} login")


@app.command()
def login(username: Annotated[str, typer.Option(prompt="Login name")]) -> None:
    """Log in; the next commands go to this node as this account, until another login or logout."""
    password = typer.prompt("Password", hide_input=True)
    session = Target.client().call("POST", "/api/v1/login", {"username": username, "password": password})
    certificate = None if Target.certificate is None else str(Path(Target.certificate).absolute())
    TokenFile().put(Login(Target.url, session["token"], certificate))
    typer.echo(f"Logged in as {session['username']} ({session['role']}).")


@app.command()
def logout() -> None:
    """End the login and forget the node."""
    try:
        Target.client().call("POST", "/api/v1/logout")
    finally:
        TokenFile().forget(Target.url)


@app.command()
def whoami(as_json: AsJson = False) -> None:
    """Show the account the commands act as."""
    print_record(Target.client().call("GET", "/api/v1/me"), as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show whether the node is well."""
    try:
        body = Target.client().call("GET", "/healthz")
    except ApiFailure as failure:
        if failure.status != 503:
            raise
        print_record(failure.body, as_json)
        raise typer.Exit(1) from failure
    print_record(body, as_json)


@app.command()
def channels(
    text: Annotated[str, typer.Option(help="Words in name or code.")] = "",
    peer: Annotated[str, typer.Option(help="Only what hangs directly below this peer.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the catalogue: everything that can be played, or what is found."""
    items = Target.client().pages("/api/v1/channels", text=text, peer_id=peer)
    print_table(items, ("peer_id", "code", "name", "kind", "online"), as_json)


@app.command()
def watch(peer_id: str, code: str, purpose: str = "") -> None:
    """Start a live view and print its URL for a browser, ffplay or VLC. The URL holds a token: keep it to yourself."""
    body = {"peer_id": peer_id, "code": code, "purpose": purpose}
    typer.echo(Target.client().call("POST", "/api/v1/views", body)["mp4_url"])


@ledger_app.command("verify")
def ledger_verify(
    config: ConfigFile = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory; else that of the configuration.")] = None,
    head: Annotated[str | None, typer.Option(help="A head noted earlier, NUMBER:HASH, that must be in it.")] = None,
    key: Annotated[
        str | None, typer.Option(help="Public key (hex) noted earlier; else the one beside the file.")
    ] = None,
) -> None:
    """Recompute the chain of the ledger file; name the first bad entry (exit 1), or print the head."""
    directory = data_dir or configuration.load(config).node.data_dir
    outcome = verify(directory / LEDGER_FILE, expected=_noted(head), key=key)
    if isinstance(outcome, Broken):
        typer.echo(f"Entry {outcome.seq} is bad: {outcome.problem}", err=True)
        raise typer.Exit(1)
    typer.echo(
        f"Whole: {outcome.entries} entries, signed up to entry {outcome.signed}, head {outcome.entries}:{outcome.head}"
    )


@ledger_app.command("public-key")
def ledger_public_key(
    config: ConfigFile = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory; else that of the configuration.")] = None,
) -> None:
    """Print the public key of the daily signatures, to be noted outside this machine."""
    typer.echo(public_key(data_dir or configuration.load(config).node.data_dir))


def _noted(head: str | None) -> EntryRef | None:
    if head is None:
        return None
    number, _, digest = head.partition(":")
    if not number.isdigit() or len(digest) != 64:
        raise typer.BadParameter("must be NUMBER:HASH as printed by ledger verify", param_hint="--head")
    return EntryRef(int(number), 0.0, digest.lower())


@ledger_app.command("list")
def ledger_list(
    limit: int = 50,
    actor: Annotated[str | None, typer.Option(help="kind:id")] = None,
    code: Annotated[str | None, typer.Option(help="Channel")] = None,
    result: str | None = None,
    as_json: AsJson = False,
) -> None:
    """Print the newest entries."""
    query = {"limit": limit, "actor": actor, "code": code, "result": result}
    items = Target.client().call("GET", "/api/v1/ledger", query=query)["items"]
    columns = ("seq", "at", "actor_kind", "actor_id", "action", "result", "peer_id", "code", "purpose")
    print_table(items, columns, as_json)


@keys_app.command("list")
def keys_list(as_json: AsJson = False) -> None:
    """List sessions and keys."""
    items = Target.client().call("GET", "/api/v1/tokens")["items"]
    print_table(items, ("id", "user_id", "kind", "name", "role", "expires_at"), as_json)


@keys_app.command("add")
def keys_add(name: str, role: str = "viewer", days: int = 90) -> None:
    """Issue a key; it is shown this once."""
    body = {"name": name, "role": role, "lifetime_seconds": days * 86_400}
    typer.echo(Target.client().call("POST", "/api/v1/tokens", body)["token"])


@keys_app.command("remove")
def keys_remove(key_id: str) -> None:
    """Revoke a key or session."""
    Target.client().call("DELETE", f"/api/v1/tokens/{key_id}")


def _resource(noun: str, columns: tuple[str, ...], help_text: str) -> typer.Typer:
    """The five commands of one kind of record."""
    commands = typer.Typer(no_args_is_help=True, help=help_text)
    app.add_typer(commands, name=f"{noun}s")
    path = f"/api/v1/{noun}s"

    @commands.command("list", help=f"List {noun}s.")
    def show_all(text: Annotated[str, typer.Option(help="In id or name.")] = "", as_json: AsJson = False) -> None:
        print_table(Target.client().pages(path, text=text), columns, as_json)

    @commands.command("show", help=f"Show a {noun}.")
    def show(record_id: str, as_json: AsJson = False) -> None:
        print_record(Target.client().call("GET", f"{path}/{record_id}"), as_json)

    @commands.command("add", help=f"Add a {noun}.")
    def add(record_id: str, fields: Fields = None, ask_password: AskPassword = False) -> None:
        body = {"id": record_id} | _fields(noun, fields, ask_password)
        print_record(Target.client().call("POST", path, body), as_json=False)

    @commands.command("set", help=f"Change fields of a {noun}.")
    def change(record_id: str, fields: Fields = None, ask_password: AskPassword = False) -> None:
        body = _fields(noun, fields, ask_password)
        print_record(Target.client().call("PATCH", f"{path}/{record_id}", body), as_json=False)

    @commands.command("remove", help=f"Remove a {noun}.")
    def remove(record_id: str) -> None:
        Target.client().call("DELETE", f"{path}/{record_id}")

    return commands


def _fields(noun: str, given: list[str] | None, ask_password: bool) -> dict[str, Any]:
    from gateway.cli_fields import fields_of  # loads the whole API, which the other commands can do without

    fields = fields_of(noun, given or [])
    if ask_password:
        fields["password"] = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return fields


devices_app = _resource(
    "device",
    ("id", "name", "kind", "state", "last_contact", "offline_reason", "enabled"),
    "Lower devices and platforms (下级).",
)
_resource("upper", ("id", "name", "host", "port", "transport", "rule_id", "enabled"), "Upper platforms (上级).")
_resource("rule", ("id", "name", "mode", "actions", "used_by"), "Sharing rules (共享规则).")
_resource("user", ("id", "name", "role", "enabled"), "Accounts.")


@devices_app.command("health")
def device_health(device_id: str, as_json: AsJson = False) -> None:
    """Show how a device is: its contacts, its keepalives, why it was offline, its sessions and its clock."""
    health = Target.client().call("GET", f"/api/v1/devices/{device_id}/health")
    if as_json:
        print_json(health)
        return
    contacts, offline = health.pop("contacts"), health.pop("offline")
    print_record(flat(health), as_json=False)
    for title, rows, columns in (
        ("Last contacts", contacts, ("at", "kind", "transport", "source")),
        ("Offline", offline, ("at", "reason", "message")),
    ):
        typer.echo(f"\n{title}")
        print_table(rows, columns, as_json=False)


@app.command("api", help="Call any route of the API and print its JSON.")
def api(
    method: str, path: str, body: Annotated[str | None, typer.Argument(help="JSON, or - to read it from stdin.")] = None
) -> None:
    text = sys.stdin.read() if body == "-" else body
    try:
        decoded = None if text is None else json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"is not JSON: {error}", param_hint="BODY") from error
    answer = Target.client().call(method.upper(), path, decoded)
    if answer is not None:
        print_json(answer)


def main(arguments: list[str] | None = None) -> None:
    """The entry point: expected failures are one line on stderr and exit status 1."""
    try:
        app(arguments)
    except ApiFailure as failure:
        typer.echo(f"gbgateway: {failure}", err=True)
        if failure.status == 401:
            typer.echo("Log in with: gbgateway login", err=True)
        elif failure.hint:
            typer.echo(failure.hint, err=True)
        sys.exit(1)
    except (GatewayError, OSError) as error:
        typer.echo(f"gbgateway: {error}", err=True)
        sys.exit(1)
