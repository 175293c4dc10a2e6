"""The first rows of a dataset as a table, in text and in HTML."""

from html import escape

_WIDEST = 40


class DatasetPreview:
    """Columns with their types, and rows of JSON values."""

    def __init__(self, title, preview):
        self.title = title
        self.columns = {column["name"]: column["type"] for column in preview["columns"]}
        self.rows = preview["rows"]
        self.has_more = preview["has_more"]

    def __len__(self):
        return len(self.rows)

    def __str__(self):
        rows = [list(self.columns), [f"({kind})" for kind in self.columns.values()]]
        rows += [[_text(value) for value in row] for row in self.rows]
        return f"{self._heading()}\n{text_table(rows)}"

    __repr__ = __str__

    def _repr_html_(self):
        names = [f"{escape(name)}<br>{_faint(kind)}" for name, kind in self.columns.items()]
        rows = [[escape(_text(value)) if value is not None else _faint("missing") for value in row] for row in self.rows]
        return f"<div><b>{escape(self._heading())}</b></div>{html_table(names, rows)}"

    def _heading(self):
        if self.has_more:
            return f"{self.title}: the first {len(self.rows)} rows"
        return f"{self.title}: {len(self.rows)} rows"


def text_table(rows):
    """Columns side by side; the first row names them."""
    rows = [[cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…" for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows and rows[0] else []
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def html_table(names, rows):
    """Cells are HTML already."""
    style = "text-align:left;padding:3px 12px 3px 0;background:transparent;border:none;border-bottom:1px solid rgba(128,128,128,.25)"
    head = "".join(f'<th style="{style}">{name}</th>' for name in names)
    body = "".join("<tr>" + "".join(f'<td style="{style}">{cell}</td>' for cell in row) + "</tr>" for row in rows)
    return f'<table style="border-collapse:collapse;font-size:13px"><tr>{head}</tr>{body}</table>'


def _faint(text):
    return f'<span style="opacity:.6;font-weight:normal">{escape(text)}</span>'


def _text(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
