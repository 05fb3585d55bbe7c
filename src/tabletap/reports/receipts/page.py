"""A receipt as a page: to read on a phone, to print, and as the body of a mail. It needs nothing from elsewhere."""

import base64
import hashlib

from jinja2 import Environment

from tabletap.reports.receipts.model import ReceiptView
from tabletap.reports.receipts.printing import Printed

_STYLE = """
body{margin:0;background:#f2f2ef;color:#111;font:1rem/1.45 system-ui,sans-serif}
main{box-sizing:border-box;max-width:28rem;margin:1rem auto;padding:1.5rem;background:#fff}
header,footer{text-align:center}h1{font-size:1.35rem;margin:.75rem 0 .25rem}p{margin:.25rem 0}
.mark{border:2px solid #111;padding:.15rem .5rem;font-weight:700;margin:.4rem 0}
table{width:100%;border-collapse:collapse;margin:.75rem 0}tbody{border-top:1px solid #777}
tbody tr:first-child>*{padding-top:.5rem}tbody tr:last-child>*{padding-bottom:.5rem}
th{font-weight:400;text-align:left;white-space:pre-wrap;overflow-wrap:anywhere;padding:.1rem 0}
td{text-align:right;vertical-align:top;white-space:nowrap;font-variant-numeric:tabular-nums;padding:.1rem 0 .1rem 1rem}
.total>*{font-weight:700;font-size:1.1rem}
@media print{body{background:none;font-size:10pt}main{margin:0;padding:0;max-width:none}@page{margin:8mm}}
"""
_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
<html lang="{{ p.texts.language }}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ p.receipt.cafe }}: {{ p.title() }}</title>
<style>{{ style|safe }}</style></head>
<body><main>
<header>
{% for line in p.head() %}
<p>{{ line }}</p>
{% endfor %}
<h1>{{ p.title() }}</h1>
{% for mark in p.marks() %}
<p class="mark">{{ mark }}</p>
{% endfor %}
</header>
{% for line in p.facts() %}
<p>{{ line }}</p>
{% endfor %}
<table>
{% for block in p.blocks() %}
{% set first = loop.first %}
<tbody>
{% for left, right in block %}
<tr{% if first and loop.last %} class="total"{% endif %}><th scope="row">{{ left }}</th><td>{{ right }}</td></tr>
{% endfor %}
</tbody>
{% endfor %}
</table>
<footer>
{% for line in p.foot() %}
<p>{{ line }}</p>
{% endfor %}
</footer>
</main></body></html>
""")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
)
"""What the page may do: look as it should, and nothing else."""


def as_html(receipt: ReceiptView) -> bytes:
    """A page to read and to print."""
    return _PAGE.render(p=Printed(receipt), style=_STYLE).encode()
