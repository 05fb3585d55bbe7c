"""A worker's statement as a table and as a page to print. Pure."""

from jinja2 import Environment

from tabletap.kernel.csv_text import amount, csv_text
from tabletap.kernel.money import format_major
from tabletap.tips.sharing.statements import TipStatementView

_HEAD = (
    "date", "business day", "kind", "pool or payment", "role", "minutes", "points", "amount", "balance", "currency",
    "due on",
)  # fmt: skip


def statement_csv(statement: TipStatementView) -> bytes:
    """The statement as a table."""
    currency = statement.currency
    rows = [
        (
            line.at.isoformat(), line.business_day, line.kind, line.group_id, line.role, line.minutes, line.points,
            amount(line.amount, currency), amount(line.balance, currency), currency,
            line.due_on.isoformat() if line.due_on else None,
        )
        for line in statement.lines
    ]  # fmt: skip
    return csv_text(_HEAD, rows)


_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Tips of {{ s.name or s.staff_id }}</title></head><body>
<h1>Tips of {{ s.name or s.staff_id }}</h1>
<p>{{ s.cafe }}, {{ s.from_ }} to {{ s.to }}, in {{ s.currency }}. {{ s.policy }}</p>
<p>Shared with everybody in these days: {{ money(s.cafe_total) }}.
{%- if s.give_by %} This statement is to be given by {{ s.give_by }}.{% endif %}</p>
<table border="1" cellpadding="4">
<caption>Balance before: {{ money(s.opening) }}</caption>
<thead><tr><th scope="col">Day</th><th scope="col">What</th><th scope="col">Role</th><th scope="col">Minutes</th>
<th scope="col">Points</th><th scope="col">Amount</th><th scope="col">Balance</th><th scope="col">Due</th></tr></thead>
<tbody>{% for line in s.lines %}
<tr><td>{{ line.business_day or line.at.date() }}</td><td>{{ line.kind.replace("_", " ") }}</td>
<td>{{ (line.role or "").replace("_", " ") }}</td><td>{{ line.minutes or "" }}</td><td>{{ line.points or "" }}</td>
<td align="right">{{ money(line.amount) }}</td><td align="right">{{ money(line.balance) }}</td>
<td>{{ line.due_on or "" }}</td></tr>{% endfor %}
</tbody><tfoot><tr><th scope="row" colspan="6">Still to be paid</th><td align="right">{{ money(s.closing) }}</td>
<td></td></tr></tfoot></table></body></html>
""")


def statement_html(statement: TipStatementView) -> bytes:
    """The statement as a page to print; it needs nothing from elsewhere."""
    return _PAGE.render(s=statement, money=lambda minor: format_major(minor, statement.currency)).encode()
