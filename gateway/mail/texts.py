"""What each mail says: who, what happened, what to do, whom to ask [R36]. The one place for the words of mails.

Called by `gateway.mail.delivery` when a mail is written. Pure. No text holds a password, a code or a secret; only the
three kinds that carry a link have an address to press in them, so that no other mail of ours teaches people to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from auth.expiring import What
from auth.principal import Layout
from gateway.about import Contact
from gateway.mail.layout import Action, Block, Details, Notice, Paragraph, Points, Text
from gateway.mail.outbox import MailKind
from gateway.mail.phrases import day, listed, moment, short, tidy
from policy.agreement import Stage as Signing
from policy.review import Stage

_FEW_CODES = 3
_IN_SCHOOLS = {What.ROLE: "role", What.CATEGORY: "access"}
_WITNESS = (
    "Our record of who read what stood at {} when this was sent. Please keep this mail: by that line anybody can prove"
    " later that nothing in the record was changed before it ('ladocs audit verify --against')."
)

WITNESSED = frozenset({MailKind.COPIES_TO_DESTROY, MailKind.AGREEMENT_DUE, MailKind.ACCESS_REVIEW})
"""Mails to headteachers, at whose foot it stands where the record stood: so 430 schools can bear witness to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """An address that lets whoever opens it do one thing, until `ends`. No representation shows it."""

    url: str = field(repr=False)
    ends: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """What a text is made of. `name` and `username` are of whoever reads it; `at` is when it happened.

    `witness`: where the record stands, for the kinds in `WITNESSED`.
    """

    kind: MailKind
    contact: Contact
    name: str
    username: str
    address: str
    at: datetime
    facts: Mapping[str, Any]
    link: Link | None = None
    witness: str = ""


def text(occasion: Occasion) -> Text:
    """The text of one mail."""
    plain = replace(occasion, name=tidy(occasion.name), facts=tidy(occasion.facts))
    subject, title, blocks = _TEXTS[occasion.kind](plain)
    contact = occasion.contact
    whom = f"Questions? {contact.support}, telephone {contact.phone}, {contact.mail} ({contact.hours})."
    by_itself = (
        f"{contact.service} sent this mail automatically; a reply reaches {contact.support}. We never ask for your"
        " password or a code, by mail or by telephone."
    )
    return Text(
        subject=f"{contact.service}: {subject}",
        title=title,
        service=contact.service,
        blocks=(Paragraph(f"Dear {plain.name}," if plain.name else "Hello,"), *blocks),
        foot=(whom, by_itself, *((_WITNESS.format(occasion.witness),) if occasion.witness else ())),
    )


_Words = tuple[str, str, tuple[Block, ...]]


def _invitation(o: Occasion) -> _Words:
    by = o.facts.get("by")
    given = f"{by} has given you an account" if by else "You have been given an account"
    schools = o.facts.get("schools") or []
    where = f" for {listed(schools)}" if schools else ""
    blocks = (
        Paragraph(
            f"{given} with {o.contact.service}{where}. Through it the council sends confidential documents to schools."
        ),
        Action("Set up your account", _link(o).url),
        Paragraph(
            "It takes about five minutes. You choose a password, connect an app for one-time codes (on a telephone or"
            " on this computer; no telephone is needed) and accept the terms of use. Nobody but you ever knows the"
            " password."
        ),
        Details(
            (
                ("Your short name", o.username),
                ("You sign in with", f"{o.username} or {o.address}"),
            )
        ),
        Paragraph(
            f"The link works once, until {moment(_link(o).ends)}. After that the page it opens can send you a new one."
        ),
        Notice(f"If you did not expect this, do not open the link; {_tell(o)}."),
    )
    return "set up your account", "Set up your account", blocks


def _password_reset(o: Occasion) -> _Words:
    by = o.facts.get("by")
    asked = f"Somebody, most likely you, asked for a new password for your account {o.username}{_came_from(o)}."
    if by:
        asked = f"{by} has ended the password of your account {o.username}, so that you can choose a new one."
    blocks = (
        Paragraph(asked),
        Action("Choose a new password", _link(o).url),
        Paragraph(
            f"The link works once, until {moment(_link(o).ends)}. After that the page it opens can send you a new one."
            " Your one-time codes stay as they are: go on using the same app."
        ),
        Notice(
            f"If you do not know why this was done, {_tell(o)}."
            if by
            else "If this was not you, do nothing: nobody else has the link, and nothing has changed. If such mails"
            f" come again, {_tell(o)}."
        ),
    )
    return "choose a new password", "Choose a new password", blocks


def _codes_reset(o: Occasion) -> _Words:
    by = o.facts.get("by") or o.contact.support
    blocks = (
        Paragraph(
            f"{by} has ended the one-time codes of your account {o.username}. Codes of the app you used, and your"
            " recovery codes, are not accepted any more."
        ),
        Action("Connect an app again", _link(o).url),
        Paragraph(
            f"The page asks for your password first. The link works once, until {moment(_link(o).ends)}. After that the"
            " page it opens can send you a new one."
        ),
        Notice(f"If you did not ask for this, do not open the link; {_tell(o)} at once."),
    )
    return "connect your app for one-time codes again", "Your one-time codes were reset", blocks


def _password_changed(o: Occasion) -> _Words:
    blocks = (
        Paragraph(
            f"The password of your account {o.username} was changed. Whatever was signed in with the old one has been"
            " signed out; drives and scripts go on working."
        ),
        _circumstances(o),
        *_this_was_not_you(o),
    )
    return "your password was changed", "Your password was changed", blocks


def _codes_changed(o: Occasion) -> _Words:
    blocks = (
        Paragraph(
            f"A new app for one-time codes was connected to your account {o.username}. Codes of the one before, and the"
            " old recovery codes, are not accepted any more."
        ),
        _circumstances(o),
        *_this_was_not_you(o),
    )
    return "your app for one-time codes was changed", "Your app for one-time codes was changed", blocks


def _recovery_codes_made(o: Occasion) -> _Words:
    blocks = (
        Paragraph(
            f"New recovery codes were made for your account {o.username}, for the day when your app for one-time codes"
            " is lost. The old ones are not accepted any more."
        ),
        _circumstances(o),
        *_this_was_not_you(o),
    )
    return "new recovery codes were made", "New recovery codes were made", blocks


def _recovery_code_used(o: Occasion) -> _Words:
    left = int(o.facts["left"])
    more = f"You have {left} left." if left != 1 else "You have one left."
    if left == 0:
        more = "It was the last one."
    if left <= _FEW_CODES:
        more += " Make ten new ones on your account page, under one-time codes."
    blocks = (
        Paragraph(f"Somebody signed in to your account {o.username} with one of your recovery codes. {more}"),
        _circumstances(o),
        *_this_was_not_you(o),
    )
    return "a recovery code was used", "A recovery code was used", blocks


def _device_added(o: Occasion) -> _Words:
    blocks = (
        Paragraph(
            f"A device password was made for {_whose(o)}. With it a computer shows the documents as a drive, to read"
            " and to copy, and nothing else."
        ),
        _circumstances(o, ("Device", o.facts["device"])),
        *_this_was_not_you(o, _end_it_yourself(o, "devices")),
    )
    return "a device password was made", "A device password was made", blocks


def _key_added(o: Occasion) -> _Words:
    blocks = (
        Paragraph(
            f"An SSH key was added to {_whose(o)}. Whoever holds its private half can sign in over SFTP with it."
        ),
        _circumstances(o, ("Key", o.facts["key"]), ("Fingerprint", o.facts["fingerprint"])),
        *_this_was_not_you(o, _end_it_yourself(o, "keys")),
    )
    return "a key was added", "A key was added", blocks


def _layout_changed(o: Occasion) -> _Words:
    by = o.facts.get("by") or o.contact.support
    if o.facts["layout"] == Layout.BY_SCHOOL:
        now = "Your documents now lie in a folder for each school, and “Derbyshire Documents” is found inside those."
    else:
        now = "“Derbyshire Documents” now lies at the top, without a folder for the school above it."
    blocks = (
        Paragraph(f"{by} has changed how the folders of your account {o.username} are arranged. {now}"),
        Paragraph(
            "The documents are the same, and drives stay connected. Shortcuts, favourites and scripts that name a"
            " folder need its new place: please look through yours."
        ),
        _circumstances(o),
        Notice(f"If this does not suit you, or surprises you, {_tell(o)}."),
    )
    return "your folders are arranged anew", "Your folders are arranged anew", blocks


def _script_without_owner(o: Occasion) -> _Words:
    schools = o.facts.get("schools") or []
    where = f" for {listed(schools)}" if schools else ""
    last = day(date.fromisoformat(o.facts["last_day"]))
    blocks = (
        Paragraph(
            f"{o.facts['owner']}, who was answerable for the script {o.facts['script']}, has left. It fetches documents"
            f"{where} by itself. It goes on until {last}; then it is stopped."
        ),
        Points(
            (
                ("It is still needed", f"Tell {o.contact.support} before that day who takes it over."),
                ("It is not needed", "Do nothing."),
            )
        ),
        Notice(f"If you do not know what the script is for, ask whoever looks after your computers, or {_tell(o)}."),
    )
    return f"the script {o.facts['script']} has lost its owner", "A script has lost its owner", blocks


def _copies_to_destroy(o: Occasion) -> _Words:
    reference, school, asked = o.facts["reference"], o.facts["school"], o.facts["asked"]
    opening = (
        f"The council has withdrawn the document {reference}, which had been sent to {school}. Nobody there can open it"
        " any more. It had been opened before, so that there may be copies."
    )
    if asked:
        opening = (
            f"On {day(date.fromisoformat(asked))} we asked you to see that all copies of the document {reference} at"
            f" {school} are destroyed. You have not told us yet that they are."
        )
    blocks = (
        Paragraph(opening),
        Details(
            (
                ("Reference", reference),
                ("Category", o.facts["category"]),
                ("Sent", moment(datetime.fromisoformat(o.facts["published"]))),
                ("Size", f"{o.facts['size']:,} bytes"),
                ("Opened by", listed(o.facts["readers"])),
            )
        ),
        Points(
            (
                ("Find the copies", "Ask everybody above: drives, downloads, mails, paper, and what was passed on."),
                ("Destroy them", "Nobody reads them first; empty the recycle bin, and shred what is on paper."),
                ("Confirm it", f"Sign in and open “Copies to destroy”, or {_tell(o)}. Until then we remind you."),
            )
        ),
        Notice("This mail leaves out what the document is called: names can name pupils. Ask us if in doubt."),
    )
    subject = f"destroy all copies of the document {reference}"
    return (f"reminder: {subject}" if asked else subject), "Please destroy copies of a document", blocks


def _request_decided(o: Occasion) -> _Words:
    reference, accepted = o.facts["reference"], o.facts["accepted"]
    done = "accepted: nobody at the school can open it any more" if accepted else "refused: it stays until its last day"
    blocks = (
        Paragraph(
            f"{o.facts['asker']} asked for the document {reference} to be deleted at {o.facts['school']}. That"
            f" is {done}."
        ),
        _circumstances(o, ("Reason", o.facts["why"])),
        Notice(f"If this surprises you, {_tell(o)}."),
    )
    word = "accepted" if accepted else "refused"
    return f"the deletion of {reference} is {word}", f"A request for deletion is {word}", blocks


def _running_out(o: Occasion) -> _Words:
    items = sorted(o.facts["items"], key=lambda item: str(item["last_day"]))
    first = short(date.fromisoformat(items[0]["last_day"]))
    one = len(items) == 1
    blocks = (
        Paragraph(
            "This stops working soon unless something is done:" if one else "These stop working soon unless you act:"
        ),
        Points(tuple((_item_heading(item), _item_mend(item, o)) for item in items)),
        Paragraph("What you no longer need you can simply let end."),
    )
    what = _item_name(items[0]) if one else f"{len(items)} things"
    ends = f"ends on {first}" if one else f"end soon, the first on {first}"
    return f"{what} {ends}", "What ends soon", blocks


def _access_review(o: Occasion) -> _Words:
    reviews = o.facts["reviews"]
    if o.username:
        why = (
            "Each term a headteacher looks through every account, key and device password of the school, and confirms"
            " or removes each one. So nobody goes on reading confidential documents who should not."
        )
        what = (
            f"Ask {o.contact.support} for the list of your school, mark each line and send it back. Whoever acts as"
            " headteacher can do it too."
        )
    else:
        why = "These schools have no headteacher who can be written to, or their access was suspended."
        what = "'ladocs review list' has all schools, 'ladocs review show' prints a school's list to be filled in."
    points = tuple((f"{one['dfe']} {one['school']}, {one['term']}", _review_stage(one)) for one in reviews)
    whose = reviews[0]["school"] if len(reviews) == 1 else f"{len(reviews)} schools"
    subject = f"access review of {whose}"
    return subject, subject[0].upper() + subject[1:], (Paragraph(why), Points(points), Paragraph(what))


def _review_stage(one: Mapping[str, Any]) -> str:
    due, suspends = (day(date.fromisoformat(one[name])) for name in ("due_on", "suspends_on"))
    return {
        Stage.OPENED: f"It is open, and due by {due}.",
        Stage.SOON: f"It is due by {due}.",
        Stage.DUE: f"It is due today, {due}.",
        Stage.OVERDUE: f"It was due by {due}. From {suspends} on access is suspended until it is done.",
        Stage.SUSPENDED: f"It was due by {due}. Access is suspended now, and comes back when it is done.",
    }[Stage(one["stage"])]


def _access_suspended(o: Occasion) -> _Words:
    schools = listed(o.facts.get("schools") or ["your school"])
    kinds = {"key": "key", "device": "device password"}
    script = f" of the script {o.facts['script']}" if o.facts.get("script") else ""
    suspended = o.facts["suspended"]
    names = [f"the {kinds[one['what']]} “{one['name']}”{script}" for one in suspended if one["what"] in kinds]
    whole = [f"{_whose(o)} there"] if len(names) < len(suspended) else []
    what = listed([*whole, *names])
    blocks = (
        Paragraph(f"The access review of {schools} is long overdue, so this has been suspended: {what}."),
        Paragraph("It comes back when the headteacher confirms it in the review: please remind your headteacher."),
        Notice(f"If you need the documents before then, {_tell(o)}."),
    )
    return "your access is suspended", "Your access is suspended", blocks


def _agreement_due(o: Occasion) -> _Words:
    items = sorted(o.facts["agreements"], key=lambda item: str(item["last_day"]))
    why = (
        "Schools get documents only while an information sharing agreement is in force. The council has a new version,"
        " which the headteacher signs for the school; whoever acts as headteacher may do so too."
    )
    what = f"{o.contact.support} gives you the text and takes your signature: {_tell(o)}."
    if not o.username:
        why = "These schools have a new version of the agreement to sign, and no headteacher who can be written to."
        what = "'ladocs agreement list' has all schools; 'ladocs agreement record' takes over what was signed."
    points = tuple((f"{one['dfe']} {one['school']}, version {one['version']}", _agreement_stage(one)) for one in items)
    if all(item["stage"] == Signing.ENDED for item in items):
        subject = "no documents until the agreement is signed"
    else:
        subject = f"sign the agreement by {short(date.fromisoformat(items[0]['last_day']))}"
    return subject, subject[0].upper() + subject[1:], (Paragraph(why), Points(points), Paragraph(what))


def _agreement_stage(item: Mapping[str, Any]) -> str:
    last = day(date.fromisoformat(item["last_day"]))
    held_back = "the school's documents are held back until it is signed"
    return {
        Signing.NEW: f"Please sign it by {last}. After that day {held_back}.",
        Signing.SOON: f"It is not signed yet. Please sign it by {last}; after that day {held_back}.",
        Signing.LAST_DAY: f"Today, {last}, is the last day to sign it. From tomorrow on {held_back}.",
        Signing.ENDED: f"The last day to sign it was {last}. {held_back[0].upper()}{held_back[1:]}; then all are back.",
    }[Signing(item["stage"])]


_TEXTS: Mapping[MailKind, Callable[[Occasion], _Words]] = MappingProxyType(
    {
        MailKind.INVITATION: _invitation,
        MailKind.PASSWORD_RESET: _password_reset,
        MailKind.CODES_RESET: _codes_reset,
        MailKind.PASSWORD_CHANGED: _password_changed,
        MailKind.CODES_CHANGED: _codes_changed,
        MailKind.RECOVERY_CODES_MADE: _recovery_codes_made,
        MailKind.RECOVERY_CODE_USED: _recovery_code_used,
        MailKind.DEVICE_ADDED: _device_added,
        MailKind.KEY_ADDED: _key_added,
        MailKind.LAYOUT_CHANGED: _layout_changed,
        MailKind.SCRIPT_WITHOUT_OWNER: _script_without_owner,
        MailKind.COPIES_TO_DESTROY: _copies_to_destroy,
        MailKind.REQUEST_DECIDED: _request_decided,
        MailKind.RUNNING_OUT: _running_out,
        MailKind.AGREEMENT_DUE: _agreement_due,
        MailKind.ACCESS_REVIEW: _access_review,
        MailKind.ACCESS_SUSPENDED: _access_suspended,
    }
)


def _item_name(item: Mapping[str, Any]) -> str:
    holder = f" of the script {item['script']}" if item["script"] else ""
    if item["what"] in _IN_SCHOOLS:
        return f"{'the' if holder else 'your'} {_IN_SCHOOLS[item['what']]}{holder}: {item['name']}"
    if item["what"] == What.ACCOUNT:
        return f"the script {item['script']}" if item["script"] else "your account"
    return f"the {'key' if item['what'] == What.KEY else 'device password'} “{item['name']}”{holder}"


def _item_heading(item: Mapping[str, Any]) -> str:
    name = _item_name(item)
    return f"{name[0].upper()}{name[1:]}: last day {day(date.fromisoformat(item['last_day']))}"


def _item_mend(item: Mapping[str, Any], o: Occasion) -> str:
    support = o.contact.support
    rows = (
        (
            item["what"] == What.UNUSED_DEVICE,
            "One that lies unused for 90 days is switched off. Connect once before then, and it stays.",
        ),
        (item["what"] in _IN_SCHOOLS, f"If it is to go on, ask your headteacher or {support} before then."),
        (item["what"] == What.ACCOUNT, f"If it is still needed, tell {support} before then."),
        (bool(item["script"]), f"Before then, ask {support} for a new one, and put it where the script runs."),
        (item["what"] == What.KEY, "Make a new key, add it on your account page, then remove this one there."),
        (True, "Make a new one on your account page, and type it in where the drive is connected."),
    )
    return next(mend for applies, mend in rows if applies)


def _circumstances(o: Occasion, *rows: tuple[str, str]) -> Details:
    by, address = o.facts.get("by"), o.facts.get("address")
    return Details(
        (
            *rows,
            ("When", moment(o.at)),
            *((("By", by),) if by else ()),
            *((("From the address", address),) if address else ()),
        )
    )


def _this_was_not_you(o: Occasion, more: str = "") -> tuple[Block, ...]:
    if o.facts.get("by"):
        return (Notice(f"If you do not know why this was done, {_tell(o)}. {more}".strip()),)
    return (
        Paragraph("If this was you, there is nothing to do."),
        Notice(f"If this was not you, {_tell(o)} at once. {more}".strip()),
    )


def _end_it_yourself(o: Occasion, where: str) -> str:
    """Nothing for a script's: what it signs in with, its owner can look at alone."""
    return "" if o.facts.get("script") else f"You can end it yourself on your account page, under {where}."


def _whose(o: Occasion) -> str:
    script = o.facts.get("script")
    return f"your script {script}" if script else f"your account {o.username}"


def _came_from(o: Occasion) -> str:
    address = o.facts.get("address")
    return f", from the network address {address}" if address else ""


def _tell(o: Occasion) -> str:
    return f"ring {o.contact.phone} or write to {o.contact.mail}"


def _link(o: Occasion) -> Link:
    assert o.link is not None, "a mail of this kind carries a link"
    return o.link
