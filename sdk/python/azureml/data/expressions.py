"""Conditions over the columns of a dataset: `(ds['age'] > 30) & ds['name'].startswith('A')`.

Each is a text of SQL; nothing is read before the dataset is.
"""

import math
import numbers
from datetime import date, datetime, timezone

from lazuli.errors import InvalidError


class Expression:
    """A column, or a condition over columns."""

    def __init__(self, sql):
        self._sql = sql

    def __eq__(self, other):
        return self.is_null() if other is None else self._compare("=", other)

    def __ne__(self, other):
        return ~self.is_null() if other is None else self._compare("<>", other)

    def __lt__(self, other):
        return self._compare("<", other)

    def __le__(self, other):
        return self._compare("<=", other)

    def __gt__(self, other):
        return self._compare(">", other)

    def __ge__(self, other):
        return self._compare(">=", other)

    def __and__(self, other):
        return self._compare("AND", _condition(other))

    def __or__(self, other):
        return self._compare("OR", _condition(other))

    def __invert__(self):
        return Expression(f"(NOT {self._sql})")

    def is_null(self):
        return Expression(f"({self._sql} IS NULL)")

    def isin(self, values):
        return Expression(f"({self._sql} IN ({', '.join(_literal(value) for value in values) or 'NULL'}))")

    def startswith(self, text):
        return Expression(f"starts_with({self._sql}, {_literal(text)})")

    def endswith(self, text):
        return Expression(f"ends_with({self._sql}, {_literal(text)})")

    def contains(self, text):
        return Expression(f"(strpos({self._sql}, {_literal(text)}) > 0)")

    def _compare(self, operator, other):
        return Expression(f"({self._sql} {operator} {_literal(other)})")

    def __hash__(self):
        return hash(self._sql)

    def __bool__(self):
        raise InvalidError(
            "a condition over columns is neither true nor false", "combine conditions by `&`, `|` and `~`, each in parentheses"
        )

    def __repr__(self):
        return self._sql


def column(name):
    """The column of that name."""
    return Expression('"' + str(name).replace('"', '""') + '"')


def condition_text(expression):
    """The SQL of what `filter` was given."""
    if isinstance(expression, Expression):
        return expression._sql
    if isinstance(expression, str) and expression.strip():
        return expression
    raise InvalidError(
        f"`filter` takes a condition over columns, got a {type(expression).__name__}", "write such as ds.filter(ds['age'] > 30)"
    )


def _condition(value):
    if not isinstance(value, Expression):
        raise InvalidError(
            f"`&` and `|` join conditions, got {value!r}", "put each condition in parentheses: (ds['a'] > 1) & (ds['b'] < 2)"
        )
    return value


def _literal(value):
    if isinstance(value, Expression):
        return value._sql
    if not isinstance(value, numbers.Number) and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        if not math.isfinite(value):
            raise InvalidError(f"a column cannot be compared with {value}", "compare with a finite number")
        return repr(float(value))
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, datetime):
        value = value.astimezone(timezone.utc) if value.tzinfo else value
        return f"TIMESTAMP '{value.strftime('%Y-%m-%dT%H:%M:%S.%f')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    raise InvalidError(
        f"a column cannot be compared with a {type(value).__name__}", "compare with a number, a text, a date or another column"
    )
