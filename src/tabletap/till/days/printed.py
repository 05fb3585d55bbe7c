"""The report of a day as a page to print: it needs nothing from elsewhere."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from jinja2 import Environment

from tabletap.cafes.model import BusinessDetails
from tabletap.kernel.money import format_major
from tabletap.till.days.model import DayView

_COUNTS = ("count",)
_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>body{font:1rem/1.4 sans-serif;max-width:50rem;margin:2rem auto}table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #999;padding:.2rem .5rem;text-align:left}.n{text-align:right}code{word-break:break-all}
</style></head><body>
<h1>{{ title }}</h1>
<p>{{ business.legal_name or r.cafe }}{% for line in business.address_lines %}, {{ line }}{% endfor %}
{%- if business.tax_number %}, {{ business.tax_number }}{% endif %}<br>
{{ at(r.from_at) }} to {{ at(r.until_at) }} ({{ r.time_zone }}), in {{ r.currency }}
{%- if r.closed_at %}<br>Closed {{ at(r.closed_at) }}{% endif %}</p>
{% if r.open_items %}<h2>Still open</h2>
{% if r.reason %}<p>Closed all the same: {{ r.reason }}</p>{% endif %}
<ul>{% for item in r.open_items %}<li>{{ item.message }}</li>{% endfor %}</ul>{% endif %}
<h2>Figures</h2>
<table>{% for name, value in figures %}
<tr><th scope="row">{{ name }}</th><td class="n">{{ value }}</td></tr>{% endfor %}</table>
{% if r.drawers %}<h2>Drawers</h2>
<table><tr><th scope="col">Drawer</th><th scope="col">Opened</th><th scope="col">Closed</th>
<th scope="col" class="n">Float</th><th scope="col" class="n">Counted</th><th scope="col" class="n">Difference</th></tr>
{% for drawer in r.drawers %}<tr><td>{{ drawer.drawer }}</td><td>{{ at(drawer.opened_at) }}</td>
<td>{{ at(drawer.closed_at) }}</td><td class="n">{{ money(drawer.float_amount) }}</td>
<td class="n">{{ money(drawer.counted_amount) }}</td><td class="n">{{ money(drawer.difference_amount) }}</td></tr>
{% endfor %}</table>{% endif %}
<h2>Accounts</h2>
<table><tr><th scope="col">Account</th><th scope="col" class="n">Opening</th><th scope="col" class="n">Debit</th>
<th scope="col" class="n">Credit</th><th scope="col" class="n">Closing</th></tr>
{% for line in r.accounts %}<tr><td>{{ line.account }}</td><td class="n">{{ money(line.opening) }}</td>
<td class="n">{{ money(line.debit) }}</td><td class="n">{{ money(line.credit) }}</td>
<td class="n">{{ money(line.closing) }}</td></tr>{% endfor %}</table>
<p>{{ r.journals }} journals.</p>
{% if head %}<h2>Signed</h2>
<p>Seal {{ head.seq }}, <code>{{ head.hash }}</code><br>Key {{ head.key_id }}, {{ at(head.signed_at) }}<br>
<code>{{ head.signature }}</code></p>{% endif %}
</body></html>
""")


def report_html(day: DayView) -> bytes:
    """The report, with the signed end of the audit chain below it once the day is closed."""
    report = day.report
    zone = ZoneInfo(report.time_zone)

    def money(amount_minor: int) -> str:
        return format_major(amount_minor, report.currency)

    def at(moment: datetime | None) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment is not None else ""

    figures = [
        (" · ".join(path).replace("_", " "), str(amount) if path[-1] in _COUNTS else money(amount))
        for path, amount in _leaves(report.figures)
    ]
    kind = f"Z {report.z_number}" if report.z_number is not None else "X"
    title = f"{report.cafe}: {kind}, {report.business_day}"
    business = report.business or BusinessDetails()
    page = _PAGE.render(
        title=title, r=report, business=business, figures=figures, head=day.signature, money=money, at=at
    )
    return page.encode()


def _leaves(figures: Mapping[str, object], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, name))
        elif isinstance(value, int):
            yield (*above, name), value
