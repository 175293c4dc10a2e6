"""A dataset in figures."""

from html import escape

from azureml.data.dataset_preview import _text, html_table, text_table

QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


class ColumnProfile:
    """One column in figures; what its type does not have is None."""

    def __init__(self, profile):
        self.name = profile["name"]
        self.type = profile["type"]
        self.count = profile["count"] + profile["missing_count"]
        self.missing_count = profile["missing_count"]
        self.not_missing_count = profile["count"]
        self.percent_missing = profile["missing_count"] / self.count if self.count else 0.0
        self.distinct_count = profile["distinct_count"]
        self.is_distinct_exact = profile["is_distinct_exact"]
        self.min = profile.get("min")
        self.max = profile.get("max")
        self.mean = profile.get("mean")
        self.std = profile.get("standard_deviation")
        self.variance = None if self.std is None else self.std**2
        #: Share to value.
        self.quantiles = dict(zip(QUANTILES, profile.get("quantiles") or []))
        self.median = self.quantiles.get(0.5)
        self.lower_quartile = self.quantiles.get(0.25)
        self.upper_quartile = self.quantiles.get(0.75)
        self.histogram = profile.get("histogram") or []
        #: Value to how often it occurs.
        self.value_counts = {found["value"]: found["count"] for found in profile.get("most_frequent") or []}

    def __repr__(self):
        return f"ColumnProfile(name={self.name!r}, type={self.type!r}, count={self.count}, missing_count={self.missing_count})"


class DatasetProfile:
    """`profile.columns['age'].mean`; a notebook shows all columns as a table."""

    def __init__(self, title, profile):
        self.title = title
        self.row_count = profile["row_count"]
        #: Name to profile.
        self.columns = {column["name"]: ColumnProfile(column) for column in profile["columns"]}

    def to_pandas_dataframe(self):
        from lazuli.frames import check_packages

        check_packages("a profile as a frame")
        import pandas

        return pandas.DataFrame([{name: getattr(column, name) for name in _SHOWN} for column in self.columns.values()])

    def __str__(self):
        return f"{self._heading()}\n{text_table([list(_SHOWN), *self._rows()])}"

    __repr__ = __str__

    def _repr_html_(self):
        rows = [[escape(cell) for cell in row] for row in self._rows()]
        return f"<div><b>{escape(self._heading())}</b></div>{html_table(_SHOWN, rows)}"

    def _heading(self):
        return f"{self.title}: {self.row_count:,} rows"

    def _rows(self):
        return [[_text(getattr(column, name)) for name in _SHOWN] for column in self.columns.values()]


_SHOWN = ("name", "type", "missing_count", "distinct_count", "min", "max", "mean", "std", "lower_quartile", "median", "upper_quartile")
