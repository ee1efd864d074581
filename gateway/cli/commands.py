"""All commands: the one list of them. Imports nothing but click, so that `ladocs --help` answers at once."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.lazy import Later, LazyGroup


def _group(name: str, line: str, /, *further: tuple[str, dict[str, str]], **commands: str) -> LazyGroup:
    """A group whose commands stand in the module of its own name, and `further` ones; `list_` is called `list`."""
    later = {
        attribute.rstrip("_").replace("_", "-"): Later(f"gateway.cli.{module}:{attribute}", text)
        for module, those in ((name, commands), *further)
        for attribute, text in those.items()
    }
    return LazyGroup(name=name, help=line, later=later)


_COMMANDS: dict[str, Later | LazyGroup] = {
    "demo": Later("gateway.cli.demo:demo", "Build a throw-away home with people and documents, and serve it."),
    "init": Later("gateway.cli.init:init", "Make a home: settings, keys, certificate, databases, first account."),
    "serve": Later("gateway.cli.serve:serve", "Serve SFTP and WebDAV until stopped."),
    "backup": Later("gateway.cli.backup:backup", "Copy a home to a new folder, without the vault's keys."),
    "restore": Later("gateway.cli.backup:restore", "Make a home of a backup."),
    "doctor": Later("gateway.cli.doctor:doctor", "Look a home over and say what to mend."),
    "school": _group(
        "school",
        "Enter and look up schools.",
        add="Enter a school.",
        import_="Enter schools from a CSV file of the DfE register.",
        list_="List the schools.",
        show="Show a school and its people.",
        network="Enter the networks of a school.",
    ),
    "agreement": _group(
        "agreement",
        "The information sharing agreement that schools sign.",
        record="Take over what a school has signed.",
        list_="List the schools by version and standing.",
        show="Print a version's text, or what a school has signed.",
    ),
    "account": _group(
        "account",
        "Give people and scripts access, and take it away.",
        (
            "acts",
            {
                "invite": "Mail people a link to activate their account.",
                "suspend": "Keep somebody out for now.",
                "activate": "Let somebody who was suspended in again.",
                "leave": "End all of somebody who has left.",
                "hand_over": "Give a script another owner.",
                "unlock": "Forgive the wrong guesses of an account.",
                "password_reset": "Mail a person a link to choose a new password.",
                "totp_reset": "Mail a person a link to set up one-time codes anew.",
            },
        ),
        ("roll", {"import_": "Enter people from a CSV file.", "export": "Print all accounts as CSV."}),
        ("explain", {"explain": "Say why an account can or cannot see a document."}),
        add="Enter a person or a service account.",
        list_="List the accounts.",
        show="Show an account.",
        grant="Give an account a role or categories in a school.",
        revoke="End categories, all access to a school, or trust.",
    ),
    "review": _group(
        "review",
        "The headteachers' access reviews.",
        list_="List the access reviews of all schools.",
        show="Show what is reviewed, or what was confirmed.",
        confirm="Record a headteacher's review.",
        extend="Give a school longer for its review.",
        remind="Open, suspend and remind, as is due.",
        verify="Prove that a signed review was not changed.",
    ),
    "key": _group(
        "key",
        "SSH public keys of an account.",
        add="Add a public key.",
        list_="List an account's keys.",
        remove="End a key for good.",
    ),
    "device": _group(
        "device",
        "Device passwords, for drives over WebDAV.",
        add="Make a device password, shown once.",
        list_="List an account's device passwords.",
        revoke="End a device password.",
    ),
    "publish": Later("gateway.cli.publish:publish", "Publish files to schools."),
    "document": _group(
        "document",
        "What was published.",
        (
            "withdraw",
            {
                "withdraw": "Take a document back from schools, at once.",
                "withdrawals": "List what was withdrawn, and what became of copies.",
                "copies_destroyed": "Record that a school's copies are destroyed.",
            },
        ),
        (
            "hold",
            {
                "hold": "Keep a document beyond its destroy day.",
                "unhold": "Lift a hold, as two people.",
            },
        ),
        list_="List documents.",
        show="Show a document by its reference.",
    ),
    "request": _group(
        "request",
        "Schools ask for documents to be deleted.",
        add="Enter a request of somebody of a school.",
        list_="List the requests and what was decided.",
        decide="Accept or refuse a request.",
    ),
    "expire": Later("gateway.cli.expire:expire", "Destroy the documents whose destroy day has ended."),
    "certificate": _group(
        "certificate",
        "What was destroyed, signed.",
        list_="List the certificates of destruction.",
        show="Print a certificate.",
        verify="Prove that a certificate was not changed.",
    ),
    "keys": _group(
        "keys",
        "Where the vault's keys lie.",
        replicate="Make a folder a second live holder of the keys.",
        list_="List the folders that hold the keys.",
        forget="Destroy the keys in another holder, or give it up.",
    ),
    "report": _group(
        "report",
        "Answers for people.",
        ("person", {"person": "Print all that is held about somebody."}),
        ("access", {"access": "Say who could read what on a day."}),
        ("retention", {"retention": "Say what is due to be destroyed, and when."}),
    ),
    "audit": _group(
        "audit",
        "The record of who did what.",
        ("export", {"export": "Print the record for other programs, or for Excel."}),
        ("trace", {"find": "Say who read a document, or what an account read."}),
        list_="List records.",
        verify="Prove that the record was not changed.",
        checkpoint="Print a signed line of where the record stands.",
    ),
    "db": _group("db", "The databases.", upgrade="Bring the tables up to date."),
    "job": _group("job", "What the clock does by itself.", list_="List when each job was done, and how."),
    "clock": _group("clock", "The guarded clock.", confirm="Confirm that the machine's clock is right."),
}


@click.group(cls=LazyGroup, later=_COMMANDS)
@click.option("--home", type=click.Path(path_type=Path), metavar="DIR", help="Where all state lives (or LADOCS_HOME).")
def ladocs(home: Path | None) -> None:
    """Hand confidential documents to schools over SFTP and WebDAV.

    Exit status: 0 done, 1 refused or failed in part, 2 could not begin.
    """
