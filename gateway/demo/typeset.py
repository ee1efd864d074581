"""Sets a `Paper` as pages of A4: letterhead, flowing text, tables that break with their header, footers with numbers.

Called by the demo. Deterministic. `pdf_of` is pure and thread-safe; the typesetter serves one paper.
"""

from __future__ import annotations

from gateway.demo.metrics import Font, wrapped
from gateway.demo.page import ACCENT, GREY, INK, MARGIN, MEASURE, RULE, TINT, WHITE, Colour, Page
from gateway.demo.paper import (
    COUNCIL,
    Block,
    Bullets,
    Column,
    Fields,
    Heading,
    PageBreak,
    Paper,
    Paragraph,
    Picture,
    Side,
    Table,
    long_date,
)
from gateway.demo.pdf import A4, PdfFile

_BODY = 10.0
_LEADING = 13.6
_SMALL = 8.6
_ROW_LEADING = 11.0
_CELL_PAD = 4.0
_BOTTOM = A4[1] - 70.0
_TOP = 62.0
_LABEL_WIDTH = 138.0
_ADDRESS = ("County Hall, Matlock, Derbyshire DE4 3AG", "Telephone 01632 960 190")


def pdf_of(paper: Paper) -> bytes:
    """The paper as a PDF file."""
    return _Typesetter(paper).file()


class _Typesetter:
    """Flows blocks down the pages. `_y` is where the next thing may begin, from the top."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._pdf = PdfFile()
        self._pages = [Page()]
        self._y = _TOP

    def file(self) -> bytes:
        self._letterhead()
        for number, block in enumerate(self._paper.blocks):
            following = self._paper.blocks[number + 1] if number + 1 < len(self._paper.blocks) else None
            self._block(block, following)
        self._signature()
        for number, page in enumerate(self._pages, 1):
            self._footer(page, number)
            self._pdf.add_page(page.content, A4, page.images)
        return self._pdf.finish(title=self._paper.title, author=COUNCIL, day=self._paper.day)

    @property
    def _page(self) -> Page:
        return self._pages[-1]

    def _turn(self) -> None:
        self._pages.append(Page())
        self._y = _TOP

    def _need(self, height: float) -> None:
        if self._y + height > _BOTTOM:
            self._turn()

    def _letterhead(self) -> None:
        page, paper = self._page, self._paper
        page.box(0, 0, A4[0], 7, ACCENT)
        page.text(MARGIN, 50, COUNCIL, font=Font.BOLD, size=17, colour=ACCENT)
        page.text(MARGIN, 66, paper.directorate, size=10, colour=GREY)
        for number, line in enumerate(_ADDRESS):
            page.aligned(MARGIN, 46 + 12 * number, MEASURE, line, Side.RIGHT, font=Font.PLAIN, size=8.2, colour=GREY)
        page.rule(MARGIN, 78, MEASURE, thickness=1.1, colour=ACCENT)
        self._y = 104.0
        facts = (("Our reference", paper.reference), ("Date", long_date(paper.day)))
        for number, (label, value) in enumerate(facts):
            page.text(MARGIN + 330, self._y + 13.2 * number, label, size=8.6, colour=GREY)
            page.text(MARGIN + 398, self._y + 13.2 * number, value, size=8.6)
        self._lines(paper.addressee)
        self._y = max(self._y, 134.0) + 12
        if paper.salutation:
            self._lines((paper.salutation,))
            self._y += 10
        self._lines(
            wrapped(paper.title, Font.BOLD, 13.5, MEASURE), font=Font.BOLD, size=13.5, leading=17, colour=ACCENT
        )
        self._y += 6

    def _lines(
        self,
        lines: tuple[str, ...],
        *,
        font: Font = Font.PLAIN,
        size: float = _BODY,
        leading: float = _LEADING,
        colour: Colour = INK,
        indent: float = 0.0,
    ) -> None:
        for line in lines:
            self._need(leading)
            self._page.text(MARGIN + indent, self._y, line, font=font, size=size, colour=colour)
            self._y += leading

    def _block(self, block: Block, following: Block | None) -> None:
        match block:
            case Heading():
                self._heading(block, following)
            case Paragraph():
                self._paragraph(block)
            case Bullets():
                self._bullets(block)
            case Fields():
                self._fields(block)
            case Table():
                self._table(block)
            case Picture():
                self._picture(block)
            case PageBreak():
                self._turn()

    def _heading(self, heading: Heading, following: Block | None) -> None:
        self._need(90 if isinstance(following, Table) else 56)
        self._y += 8
        self._lines((heading.text,), font=Font.BOLD, size=11.2, colour=ACCENT, leading=17)

    def _paragraph(self, paragraph: Paragraph) -> None:
        font = Font.BOLD if paragraph.bold else Font.PLAIN
        lines = wrapped(paragraph.text, font, _BODY, MEASURE)
        # Two lines at least stay together at the foot of a page.
        self._need(_LEADING * min(2, len(lines)))
        self._lines(lines, font=font)
        self._y += 6

    def _bullets(self, bullets: Bullets) -> None:
        for item in bullets.items:
            lines = wrapped(item, Font.PLAIN, _BODY, MEASURE - 18)
            self._need(_LEADING * min(2, len(lines)))
            self._page.text(MARGIN + 5, self._y, "•", size=_BODY, colour=ACCENT)
            self._lines(lines, indent=18)
            self._y += 2
        self._y += 4

    def _fields(self, fields: Fields) -> None:
        for label, value in fields.pairs:
            lines = wrapped(value, Font.PLAIN, _BODY, MEASURE - _LABEL_WIDTH)
            self._need(_LEADING * len(lines))
            self._page.text(MARGIN, self._y, label, font=Font.BOLD, size=_BODY)
            self._lines(lines, indent=_LABEL_WIDTH)
        self._y += 7

    def _table(self, table: Table) -> None:
        measures = _measures(table.columns)
        self._y -= 3
        self._table_header(table, measures)
        for number, row in enumerate(table.rows):
            last = table.total and number == len(table.rows) - 1
            font = Font.BOLD if last else Font.PLAIN
            height = _row_height(row, font, measures)
            if self._y + height > _BOTTOM:
                self._turn()
                self._table_header(table, measures)
            if number % 2 and not last:
                self._page.box(MARGIN, self._y, MEASURE, height, TINT)
            if last:
                self._page.rule(MARGIN, self._y, MEASURE, thickness=1.0, colour=ACCENT)
            self._row(row, table.columns, measures, font, INK)
            self._y += height
        self._page.rule(MARGIN, self._y, MEASURE, colour=RULE)
        self._y += 22

    def _table_header(self, table: Table, measures: tuple[float, ...]) -> None:
        titles = tuple(column.title for column in table.columns)
        height = _row_height(titles, Font.BOLD, measures)
        self._need(height + 30)
        self._page.box(MARGIN, self._y, MEASURE, height, ACCENT)
        self._row(titles, table.columns, measures, Font.BOLD, WHITE)
        self._y += height

    def _row(
        self,
        cells: tuple[str, ...],
        columns: tuple[Column, ...],
        measures: tuple[float, ...],
        font: Font,
        colour: Colour,
    ) -> None:
        x = MARGIN
        for cell, column, measure in zip(cells, columns, measures, strict=True):
            inner = measure - 2 * _CELL_PAD
            for number, line in enumerate(wrapped(cell, font, _SMALL, inner)):
                y = self._y + _ROW_LEADING * (number + 1) + 1.2
                self._page.aligned(x + _CELL_PAD, y, inner, line, column.side, font=font, size=_SMALL, colour=colour)
            x += measure

    def _picture(self, picture: Picture) -> None:
        scale = min(MEASURE / picture.size[0], (_BOTTOM - _TOP - 30) / picture.size[1])
        across, down = picture.size[0] * scale, picture.size[1] * scale
        self._need(down + 28)
        name = self._pdf.add_grey_image(picture.pixels, picture.size)
        self._page.image(name, MARGIN, self._y, across, down)
        self._y += down + 14
        self._lines(wrapped(picture.caption, Font.PLAIN, _SMALL, MEASURE), size=_SMALL, colour=GREY)
        self._y += 10

    def _signature(self) -> None:
        if not self._paper.signatory:
            return
        self._need(104)
        self._y += 6
        self._lines(("Yours sincerely",))
        self._y += 30
        first, *rest = self._paper.signatory
        self._lines((first,), font=Font.BOLD)
        self._lines(tuple(rest))

    def _footer(self, page: Page, number: int) -> None:
        y = A4[1] - 38
        page.rule(MARGIN, y - 12, MEASURE)
        page.text(MARGIN, y, self._paper.marking, font=Font.BOLD, size=7.6, colour=ACCENT)
        page.text(MARGIN + 150, y, f"{self._paper.reference}    {long_date(self._paper.day)}", size=7.6, colour=GREY)
        counted = f"Page {number} of {len(self._pages)}"
        page.aligned(MARGIN, y, MEASURE, counted, Side.RIGHT, font=Font.PLAIN, size=7.6, colour=GREY)


def _measures(columns: tuple[Column, ...]) -> tuple[float, ...]:
    whole = sum(column.share for column in columns)
    return tuple(MEASURE * column.share / whole for column in columns)


def _row_height(cells: tuple[str, ...], font: Font, measures: tuple[float, ...]) -> float:
    lines = max(len(wrapped(cell, font, _SMALL, m - 2 * _CELL_PAD)) for cell, m in zip(cells, measures, strict=True))
    return _ROW_LEADING * lines + 6.4
