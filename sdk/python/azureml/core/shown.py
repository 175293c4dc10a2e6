"""How objects are shown: one line in text, a small table in a notebook."""

import html


class ShownAsTable:
    """A class says what is shown by `_shown` (column to text) and `_shown_links` (column to text and address)."""

    def _shown(self):
        raise NotImplementedError

    def _shown_links(self):
        return {}

    def __repr__(self):
        inside = ",\n".join(f"{name}: {value}" for name, value in self._shown().items())
        return f"{type(self).__name__}({inside})"

    def _repr_html_(self):
        cells = {name: html.escape(str(value)) for name, value in self._shown().items()}
        for name, (text, address) in self._shown_links().items():
            cells[name] = f'<a href="{html.escape(address)}" target="_blank" rel="noopener">{html.escape(text)}</a>'
        head = "".join(f"<th>{html.escape(name)}</th>" for name in cells)
        row = "".join(f"<td>{cell}</td>" for cell in cells.values())
        return f'<table style="width:100%"><tr>{head}</tr><tr>{row}</tr></table>'
