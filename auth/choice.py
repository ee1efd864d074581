"""Choosing a password: the deny list, and three random words [R12]. Pure; thread-safe.

The deny list is zxcvbn's: 30,000 passwords, and as many words of English. The words of `words.txt` are 4,096 plain
English ones of 4 to 7 letters, chosen from the same lists; their licence (MIT) stands in `NOTICE`.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from config.entropy import Entropy

_SHORTEST_OWN_WORD = 4
_FEWEST_LEFT = 8
_FEWEST_DIFFERENT = 5
_JOINTS = str.maketrans("", "", string.punctuation + string.whitespace)  # what joins words is guessed with them
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1234567890",
    "0123456789",
    "qazwsxedcrfvtgbyhnujmikolp",
)


def objection(chosen: str, own_words: Iterable[str]) -> str | None:
    """What speaks against `chosen`, as the beginning of a sentence; None where nothing does. Raises nothing."""
    folded = _fold(chosen)
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded)
    rows = (
        (any(map(_is_control, chosen)), "A password holds no line break, tab or other control character"),
        (len(set(folded)) < _FEWEST_DIFFERENT, "A password of so few different characters is guessed first"),
        (any(folded in row * 6 or folded in row[::-1] * 6 for row in _ROWS), "A row of keys is guessed first"),
        (
            _is_mostly(folded, own_words),
            "This is mostly a name that goes with you, your school, the council or this service",
        ),
        (
            {folded, core, _unit(folded), _unit(core)} & _common(),
            "This is one of the most common passwords or words, which are guessed first",
        ),
    )
    return next((sentence for applies, sentence in rows if applies), None)


def three_words(entropy: Entropy, shortest: int) -> str:
    """Three words joined by hyphens, at least `shortest` characters in all; each drawn evenly from 4,096."""
    words = _words()
    while True:
        drawn = (int.from_bytes(entropy(2), "big") % len(words) for _ in range(3))
        made = "-".join(words[number] for number in drawn)
        if len(made) >= shortest:
            return made


def _unit(folded: str) -> str:
    """What `folded` repeats, or itself."""
    return folded[: (folded * 2).find(folded, 1)] if folded else ""


def _is_mostly(folded: str, own_words: Iterable[str]) -> bool:
    pieces = {piece for word in own_words for piece in re.findall(r"[^\W\d_]+|\d+", _fold(word))}
    left = folded
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _SHORTEST_OWN_WORD:
            left = left.replace(piece, "")
    return left != folded and len(left.translate(_JOINTS)) < _FEWEST_LEFT


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc"


def _fold(word: str) -> str:
    # Compatible forms are one here, unlike in what is stored: a deny list is not to be passed by full-width letters.
    return unicodedata.normalize("NFKC", word).casefold()


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # 79,000 words: read when somebody chooses, not at each start

    return frozenset().union(*(FREQUENCY_LISTS[name] for name in ("passwords", "english_wikipedia", "us_tv_and_film")))


@cache
def _words() -> tuple[str, ...]:
    words = tuple(files("auth").joinpath("words.txt").read_text("ascii").split())
    assert 65536 % len(words) == 0, "an uneven draw"
    return words
