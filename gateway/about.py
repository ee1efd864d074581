"""What everyone is told alike: `About this drive.txt` [R34], every refusal, and in each whom to ask [R36].

Called by the composition root, the server and the SFTP door. Pure; made of the settings' names and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from config.settings import Settings
from policy.access import OBSTACLES, Reason

_TEXT = """\
{service}: about this drive
{rule}

Here you find the letters, reports and spreadsheets that the council has sent to your school.
Everything is read-only. What you see is what you may read; colleagues may see more or less.

COPY WHAT YOU NEED TO YOUR SCHOOL'S OWN DRIVE NOW
Each document stays for at most 90 days and is then destroyed for good, here and in every backup.
What you have copied is your school's to protect, to keep as long as you must, and to destroy.

An empty folder means that nothing has been sent to you in the last 90 days.

Scripts and sync programs: copy, never mirror with "delete". A document that ends here would be
deleted from your own drive as well.

Files over 50 MB do not open from a drive that is mapped in Windows. Use WinSCP for those.

Nobody at a school can delete a document here. If one should not be here, tell us:

    {support}
    telephone  {phone}  ({hours})
    mail       {mail}
"""

TERMS_VERSION = "2026-11"
"""Goes with the text: the record says which version a person accepted."""

TERMS = (
    "This account is yours alone. Nobody else may use it, and nobody may ask you for its password or codes.",
    "You open documents only for your work at the school or council that gave you the account.",
    "What you copy is your school's to protect, to keep as long as it must, and to destroy.",
    "Whoever leaves, or changes to other work, tells the school or council, and the access ends.",
    "A lost device, a code that somebody else has seen or a document that should not be here is reported at once.",
    "Every sign-in and every document opened is recorded under your name.",
)
"""The terms of use, a sentence each [R20]. Whoever changes one changes the version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """Whom people ask: the service's name and the support's, from the settings."""

    service: str
    support: str
    phone: str
    mail: str
    hours: str


def contact(settings: Settings) -> Contact:
    """Whom people ask."""
    support = settings.support
    return Contact(
        service=settings.service.name,
        support=support.name,
        phone=support.phone,
        mail=support.mail,
        hours=support.hours,
    )


def about_text(contact: Contact) -> bytes:
    """The text of the root: UTF-8 with a byte order mark and CRLF, because Notepad opens it."""
    text = _TEXT.format(
        service=contact.service,
        rule="=" * (len(contact.service) + len(": about this drive")),
        support=contact.support,
        phone=contact.phone,
        mail=contact.mail,
        hours=contact.hours,
    )
    return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()


def whom_to_ask(contact: Contact) -> str:
    """The end of the banner and of every sentence that refuses."""
    return f"{contact.service}. Questions: {contact.support}, {contact.phone}, {contact.mail} ({contact.hours})."


def refusals(contact: Contact) -> Mapping[Reason, str]:
    """What a signed-in person is told of each obstacle: why, what to do, and whom to ask [R33]."""
    return MappingProxyType({reason: f"{why} {whom_to_ask(contact)}" for reason, why in OBSTACLES.items()})


def write_refusal(contact: Contact) -> str:
    """One sentence for whoever tries to change something."""
    return (
        f"{contact.service} is read-only: copy the file to your school's own drive and change it there,"
        f" or ask {contact.phone} or {contact.mail} to have it removed."
    )
