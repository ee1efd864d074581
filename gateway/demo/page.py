"""One page's content stream: text, lines, filled boxes and images, measured in points from the page's top left corner.

Called by the typesetter. Not thread-safe: one page, one thread.
"""

from __future__ import annotations

from gateway.demo.metrics import Font, width
from gateway.demo.paper import Side
from gateway.demo.pdf import A4, literal

Colour = tuple[float, float, float]
INK: Colour = (0.11, 0.13, 0.15)
GREY: Colour = (0.42, 0.45, 0.48)
RULE: Colour = (0.72, 0.76, 0.79)
ACCENT: Colour = (0.04, 0.31, 0.36)
TINT: Colour = (0.945, 0.96, 0.965)
WHITE: Colour = (1.0, 1.0, 1.0)
MARGIN = 56.0
MEASURE = A4[0] - 2 * MARGIN


class Page:
    """A sheet of A4 being painted."""

    def __init__(self) -> None:
        self._operators: list[bytes] = []
        self.images: list[str] = []

    def text(
        self, x: float, y: float, text: str, *, font: Font = Font.PLAIN, size: float, colour: Colour = INK
    ) -> None:
        """`text` from `x` on the baseline `y`."""
        self._operators.append(
            b"%s rg BT /%s %.4g Tf %.2f %.2f Td %b Tj ET"
            % (_numbers(colour), font.value.encode(), size, x, A4[1] - y, literal(text))
        )

    def aligned(
        self,
        x: float,
        y: float,
        measure: float,
        text: str,
        side: Side,
        *,
        font: Font,
        size: float,
        colour: Colour = INK,
    ) -> None:
        """`text` set to one side of a column that begins at `x` and is `measure` wide."""
        shift = measure - width(text, font, size) if side is Side.RIGHT else 0.0
        self.text(x + shift, y, text, font=font, size=size, colour=colour)

    def rule(self, x: float, y: float, measure: float, *, thickness: float = 0.5, colour: Colour = RULE) -> None:
        """A horizontal line."""
        self.box(x, y - thickness / 2, measure, thickness, colour)

    def box(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        """A filled box whose top left corner is (x, y)."""
        self._operators.append(
            b"%s rg %.2f %.2f %.2f %.2f re f" % (_numbers(colour), x, A4[1] - y - down, across, down)
        )

    def image(self, name: str, x: float, y: float, across: float, down: float) -> None:
        """An image of the file, scaled into a box."""
        self.images.append(name)
        self._operators.append(
            b"q %.2f 0 0 %.2f %.2f %.2f cm /%s Do Q" % (across, down, x, A4[1] - y - down, name.encode())
        )

    @property
    def content(self) -> bytes:
        """The stream so far."""
        return b"\n".join(self._operators)


def _numbers(colour: Colour) -> bytes:
    return b"%.3g %.3g %.3g" % colour
