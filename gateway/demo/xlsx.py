"""A `Workbook` as SpreadsheetML (ECMA-376 part 1, section 18): typed cells, several sheets, frozen headers.

Called by the demo. Deterministic; pure; thread-safe. Text is inline, so that there is no table of strings to keep.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import IntEnum
from xml.sax.saxutils import escape, quoteattr

from gateway.demo import opc
from gateway.demo.paper import Cell, Sheet, Workbook, shown

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_EPOCH = date(1899, 12, 30)  # serial day 0, which already allows for Excel's 29 February 1900


class Style(IntEnum):
    """Index into the cell formats of the styles part."""

    PLAIN = 0
    TITLE = 1
    HEADER = 2
    DAY = 3
    MONEY = 4
    NUMBER = 5


def xlsx_of(workbook: Workbook) -> bytes:
    """The workbook as an XLSX file."""
    count = len(workbook.sheets)
    named = "".join(
        f'<sheet name={quoteattr(sheet.name)} sheetId="{number}" r:id="rId{number}"/>'
        for number, sheet in enumerate(workbook.sheets, 1)
    )
    book = f'{opc.DECLARATION}<workbook xmlns="{_MAIN}" xmlns:r="{_R}"><sheets>{named}</sheets></workbook>'
    parts = {"xl/workbook.xml": (f"{_KIND}sheet.main+xml", book), "xl/styles.xml": (f"{_KIND}styles+xml", _STYLES)}
    for number, sheet in enumerate(workbook.sheets, 1):
        parts[f"xl/worksheets/sheet{number}.xml"] = (f"{_KIND}worksheet+xml", _sheet(sheet))
    targets = [("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, count + 1)] + [
        ("styles", "styles.xml")
    ]
    extra = {"xl/_rels/workbook.xml.rels": opc.relations(targets)}
    return opc.package("xl/workbook.xml", parts, extra, title=workbook.sheets[0].title, day=workbook.day)


def _sheet(sheet: Sheet) -> str:
    rows = [_row(1, (sheet.title,), Style.TITLE), _row(3, sheet.header, Style.HEADER)]
    rows += [_row(number, cells, None) for number, cells in enumerate(sheet.rows, 4)]
    columns = "".join(
        f'<col min="{index}" max="{index}" width="{_column_width(sheet, index - 1)}" customWidth="1"/>'
        for index in range(1, len(sheet.header) + 1)
    )
    return (
        f'{opc.DECLARATION}<worksheet xmlns="{_MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        '<sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="3" topLeftCell="A4" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"<cols>{columns}</cols><sheetData>{''.join(rows)}</sheetData>"
        '<pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>'
        '<pageSetup paperSize="9" orientation="landscape" fitToWidth="1" fitToHeight="0"/></worksheet>'
    )


def _row(number: int, cells: tuple[Cell, ...], style: Style | None) -> str:
    made = "".join(_cell(f"{_letters(index)}{number}", cell, style) for index, cell in enumerate(cells))
    return f'<row r="{number}">{made}</row>'


def _cell(place: str, cell: Cell, style: Style | None) -> str:
    match cell:
        case date():
            return f'<c r="{place}" s="{style or Style.DAY}"><v>{(cell - _EPOCH).days}</v></c>'
        case Decimal():
            return f'<c r="{place}" s="{style or Style.MONEY}"><v>{cell}</v></c>'
        case int():
            return f'<c r="{place}" s="{style or Style.NUMBER}"><v>{cell}</v></c>'
        case str():
            text = f'<t xml:space="preserve">{escape(cell)}</t>'
            return f'<c r="{place}" s="{style or Style.PLAIN}" t="inlineStr"><is>{text}</is></c>'


def _column_width(sheet: Sheet, index: int) -> int:
    longest = max(len(shown(row[index])) for row in (sheet.header, *sheet.rows))
    return min(60, max(9, longest + 3))


def _letters(index: int) -> str:
    name = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        name = chr(65 + digit) + name
    return name


_FORMATS = ((0, 0, 0), (0, 1, 0), (0, 2, 2), (164, 0, 0), (165, 0, 0), (3, 0, 0))
_STYLES = (
    f'{opc.DECLARATION}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="2"><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/>'
    '<numFmt numFmtId="165" formatCode="&quot;£&quot;#,##0.00;[Red]\\-&quot;£&quot;#,##0.00"/></numFmts>'
    '<fonts count="3"><font><sz val="10"/><name val="Arial"/></font>'
    '<font><b/><sz val="13"/><color rgb="FF0A4F5C"/><name val="Arial"/></font>'
    '<font><b/><sz val="10"/><color rgb="FFFFFFFF"/><name val="Arial"/></font></fonts>'
    '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FF0A4F5C"/></patternFill></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    f'<cellXfs count="{len(_FORMATS)}">'
    + "".join(
        f'<xf numFmtId="{number}" fontId="{font}" fillId="{fill}" borderId="0" xfId="0" applyNumberFormat="1"'
        ' applyFont="1" applyFill="1"/>'
        for number, font, fill in _FORMATS
    )
    + "</cellXfs></styleSheet>"
)
