"""Which e-mail addresses stand for one person at work [R11]: no role mailboxes, no private mail. Pure; thread-safe."""

from __future__ import annotations

import re
from dataclasses import dataclass

from config.errors import OperatorError

_MAILBOXES = """
    absence accounts admin administration administrator admissions allstaff assistanthead attendance bursar business
    businessmanager careers caretaker catering clerk communications contact data dataprotection deputy deputyhead
    designatedsafeguardinglead dpo dsl enquiries enquiry exams executivehead feedback finance governor governors gdpr
    head headofschool headmaster headmistress headoffice headspa headteacher headteachers heads help helpdesk hello hr
    humanresources ict info information inclusion invoices it itsupport jobs library mail mailbox manager marketing
    noreply nursery office officemanager parents pastoral payroll personnel postmaster principal pupils reception
    recruitment root safeguarding school schoolbusinessmanager schooladmin schooloffice secretary senco send sendco
    service site slt smt staff studentservices students support sysadmin teacher teachers team trust vacancies webmaster
"""
_DOMAINS = """
    aol.com aol.co.uk blueyonder.co.uk btinternet.com btopenworld.com duck.com email.com fastmail.com fsmail.net
    gmail.com gmx.co.uk gmx.com gmx.net googlemail.com hotmail.co.uk hotmail.com hotmail.fr icloud.com live.co.uk
    live.com mac.com mail.com mail.ru me.com msn.com ntlworld.com o2.co.uk orange.net outlook.co.uk outlook.com
    plus.com plus.net plusnet.com pm.me proton.me protonmail.ch protonmail.com qq.com rocketmail.com sky.com
    talk21.com talktalk.net tiscali.co.uk tutanota.com virgin.net virginmedia.com wanadoo.co.uk web.de yahoo.co.uk
    yahoo.com yahoo.fr yandex.com ymail.com zoho.com
"""
ROLE_MAILBOXES = frozenset(_MAILBOXES.split())
PRIVATE_DOMAINS = frozenset(_DOMAINS.split())

_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_LONGEST = 254  # RFC 5321, section 4.5.3.1.3, less its angle brackets


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Both lists of the settings, in lower case; mailboxes without dots, hyphens and digits. Who decides on others."""

    role_mailboxes: frozenset[str] = ROLE_MAILBOXES
    private_domains: frozenset[str] = PRIVATE_DOMAINS
    whom_to_ask: str = ""

    def objection(self, address: str) -> str | None:
        """What speaks against a well-formed `address`, as a sentence; None where nothing does."""
        local, _, domain = address.partition("@")
        mailbox = re.sub(r"[^a-z]", "", local.partition("+")[0])
        if mailbox in self.role_mailboxes:
            return f"{address} is a mailbox of a role, which several people read or inherit"
        if any(domain == private or domain.endswith(f".{private}") for private in self.private_domains):
            return f"{address} is a private address, which the school cannot close when its owner leaves"
        return None


def check_address(address: str, rules: AddressRules, accepted_because: str | None = None) -> str:
    """`address` as it is kept: trimmed and in lower case. Raises OperatorError, saying why and what would do.

    `accepted_because` is an administrator's reason to take an address that the rules object to; the caller records it.
    """
    kept = address.strip().lower()
    if len(kept) > _LONGEST or not _ADDRESS.fullmatch(kept) or ".." in kept or kept.startswith("."):
        raise OperatorError(f"'{address}' is not an e-mail address: write it as name.surname@school.example.")
    objection = rules.objection(kept)
    if objection is not None and not (accepted_because or "").strip():
        raise OperatorError(
            f"{objection}: give the person's own work address, or accept this one with a reason"
            f" ('ladocs account add --accept-because').{rules.whom_to_ask and f' Questions: {rules.whom_to_ask}.'}"
        )
    return kept
