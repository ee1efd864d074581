"""A text as a message of RFC 5322, with both its parts. Called by `gateway.mail.delivery`. Pure.

Raises ValueError for an address that no header can carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage

from gateway.about import Contact
from gateway.mail import layout
from gateway.mail.layout import Text

_NOT_IN_A_NAME = str.maketrans(dict.fromkeys('()<>@,:;\\"[]', " "))
_LONGEST = 78


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """Whom a message goes to, and which one it is: sent twice, it has the same `message_id`."""

    name: str
    address: str
    message_id: str
    at: datetime


def written(text: Text, envelope: Envelope, contact: Contact, sender: str) -> EmailMessage:
    """The message. Answers go to the support, whoever the sender is; no machine answers a machine (RFC 3834)."""
    if not envelope.address.isascii() or "@" not in envelope.address:
        raise ValueError("an address of plain ASCII is wanted, like name@school.example")
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = Address(_phrase(contact.service), addr_spec=sender)
    message["To"] = Address(_phrase(envelope.name), addr_spec=envelope.address)
    if sender != contact.mail:
        message["Reply-To"] = Address(_phrase(contact.support), addr_spec=contact.mail)
    message["Subject"] = text.subject
    message["Date"] = envelope.at
    message["Message-ID"] = f"<{envelope.message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"  # what Exchange heeds instead
    message.set_content(layout.plain(text), cte="quoted-printable")
    message.add_alternative(layout.html(text), subtype="html", cte="quoted-printable")
    message["Content-Language"] = "en-GB"  # last: new content takes every header of content away
    return message


def _phrase(name: str) -> str:
    """A name as a header carries it: without the marks that would end it, also where a reader decodes carelessly."""
    plain = "".join(c if c.isprintable() else " " for c in name.translate(_NOT_IN_A_NAME))
    return " ".join(plain.split())[:_LONGEST]
