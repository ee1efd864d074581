"""A `Paper` as WordprocessingML (ECMA-376 part 1, section 17): paragraphs, headings, lists, tables, header and footer.

Called by the demo. Deterministic; pure; thread-safe. Pictures are not rendered here: they belong to the PDF.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from gateway.demo import opc
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

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
_KIND = "application/vnd.openxmlformats-officedocument.wordprocessingml."
_ACCENT = "0A4F5C"
_TEXT_WIDTH = 9638  # twentieths of a point: A4 less two margins of 2 cm
_SECTION = (
    '<w:sectPr><w:headerReference w:type="default" r:id="rId3"/><w:footerReference w:type="default" r:id="rId4"/>'
    '<w:pgSz w:w="11906" w:h="16838"/>'
    '<w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1134" w:header="567" w:footer="567" w:gutter="0"/>'
    "</w:sectPr>"
)


def docx_of(paper: Paper) -> bytes:
    """The paper as a DOCX file."""
    body = "".join((_opening(paper), *map(_block, paper.blocks), _closing(paper)))
    document = f"{opc.DECLARATION}<w:document {_W} {_R}><w:body>{body}{_SECTION}</w:body></w:document>"
    footer = f"{paper.marking}    {paper.reference}    {long_date(paper.day)}"
    parts = {
        "word/document.xml": (f"{_KIND}document.main+xml", document),
        "word/styles.xml": (f"{_KIND}styles+xml", _STYLES),
        "word/numbering.xml": (f"{_KIND}numbering+xml", _NUMBERING),
        "word/header1.xml": (f"{_KIND}header+xml", _edge("hdr", f"{COUNCIL} · {paper.directorate}")),
        "word/footer1.xml": (f"{_KIND}footer+xml", _edge("ftr", footer)),
    }
    targets = (
        ("styles", "styles.xml"),
        ("numbering", "numbering.xml"),
        ("header", "header1.xml"),
        ("footer", "footer1.xml"),
    )
    extra = {"word/_rels/document.xml.rels": opc.relations(targets)}
    return opc.package("word/document.xml", parts, extra, title=paper.title, day=paper.day)


def _opening(paper: Paper) -> str:
    head = [f"Our reference: {paper.reference}", f"Date: {long_date(paper.day)}", "", *paper.addressee, ""]
    lines = [_p(line, "Address") for line in head]
    if paper.salutation:
        lines.append(_p(paper.salutation))
    return "".join((*lines, _p(paper.title, "Title")))


def _closing(paper: Paper) -> str:
    if not paper.signatory:
        return ""
    name, *rest = paper.signatory
    lines = (_p("Yours sincerely"), _p(""), _p(name, "Address", bold=True), *(_p(line, "Address") for line in rest))
    return "".join(lines)


def _block(block: Block) -> str:
    match block:
        case Heading():
            return _p(block.text, "Heading1")
        case Paragraph():
            return _p(block.text, bold=block.bold)
        case Bullets():
            return "".join(_p(item, "ListBullet") for item in block.items)
        case Fields():
            columns = (Column("", 1.0), Column("", 2.6))
            return _table(Table(columns, block.pairs), headed=False)
        case Table():
            return _table(block, headed=True)
        case Picture():
            return _p(block.caption)
        case PageBreak():
            return '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'


def _p(text: str, style: str = "", *, bold: bool = False, side: Side = Side.LEFT) -> str:
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    aligned = '<w:jc w:val="right"/>' if side is Side.RIGHT else ""
    properties = f"<w:pPr>{named}{aligned}</w:pPr>" if named or aligned else ""
    weight = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return f'<w:p>{properties}<w:r>{weight}<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def _table(table: Table, *, headed: bool) -> str:
    whole = sum(column.share for column in table.columns)
    widths = [int(_TEXT_WIDTH * column.share / whole) for column in table.columns]
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    rows = [_row(tuple(c.title for c in table.columns), table.columns, widths, head=True)] if headed else []
    for number, cells in enumerate(table.rows):
        bold = table.total and number == len(table.rows) - 1
        rows.append(_row(cells, table.columns, widths, bold=bold, label=not headed))
    return (
        '<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="5000" w:type="pct"/><w:tblLayout w:type="fixed"/>'
        f"</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>{_p('', 'Address')}"
    )


def _row(
    cells: tuple[str, ...],
    columns: tuple[Column, ...],
    widths: list[int],
    *,
    head: bool = False,
    bold: bool = False,
    label: bool = False,
) -> str:
    shade = '<w:shd w:val="clear" w:color="auto" w:fill="DCE8EA"/>' if head else ""
    made = "".join(
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{shade}</w:tcPr>'
        f"{_p(cell, 'TableText', bold=head or bold or (label and not index), side=column.side)}</w:tc>"
        for index, (cell, column, width) in enumerate(zip(cells, columns, widths, strict=True))
    )
    repeated = "<w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>" if head else "<w:trPr><w:cantSplit/></w:trPr>"
    return f"<w:tr>{repeated}{made}</w:tr>"


def _edge(element: str, text: str) -> str:
    return f"{opc.DECLARATION}<w:{element} {_W}>{_p(text, 'Edge')}</w:{element}>"


def _style(key: str, name: str, size: int, *, before: int = 0, after: int = 120, more: str = "", run: str = "") -> str:
    based = "" if key == "Normal" else '<w:basedOn w:val="Normal"/>'
    default = ' w:default="1"' if key == "Normal" else ""
    return (
        f'<w:style w:type="paragraph"{default} w:styleId="{key}"><w:name w:val="{name}"/>{based}'
        f'<w:pPr>{more}<w:spacing w:before="{before}" w:after="{after}"/></w:pPr>'
        f'<w:rPr><w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:cs="Arial"/>{run}<w:sz w:val="{size}"/></w:rPr></w:style>'
    )


_BOLD_ACCENT = f'<w:b/><w:color w:val="{_ACCENT}"/>'
_EDGE = "".join(
    f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="B8C2C9"/>'
    for side in ("top", "left", "bottom", "right", "insideH", "insideV")
)
_STYLES = (
    f"{opc.DECLARATION}<w:styles {_W}>"
    + _style("Normal", "Normal", 21)
    + _style("Title", "Title", 28, before=120, after=160, run=_BOLD_ACCENT)
    + _style("Heading1", "heading 1", 24, before=240, more="<w:keepNext/>", run=_BOLD_ACCENT)
    + _style(
        "ListBullet", "List Bullet", 21, after=60, more='<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    )
    + _style("Address", "Address", 21, after=0)
    + _style("TableText", "Table Text", 18, before=30, after=30)
    + _style("Edge", "Edge", 16, after=0, run='<w:color w:val="5B6670"/>')
    + '<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/>'
    + f"<w:tblPr><w:tblBorders>{_EDGE}</w:tblBorders></w:tblPr></w:style></w:styles>"
)
_NUMBERING = (
    f'{opc.DECLARATION}<w:numbering {_W}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/>'
    '<w:numFmt w:val="bullet"/><w:lvlText w:val="•"/><w:lvlJc w:val="left"/>'
    '<w:pPr><w:ind w:left="360" w:hanging="240"/></w:pPr></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
)
