"""The hosted pay page: plain HTML without script, where a guest approves, declines or leaves."""

import base64
import hashlib
from html import escape
from urllib.parse import urlsplit

from litestar import MediaType, Response, Router, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from tabletap.kernel.money import format_major
from tabletap.sandbox.errors import PaymentClosed, UnknownPayment
from tabletap.sandbox.http import WebRequest, sandbox_of
from tabletap.sandbox.model import Method, Payment, Status

_STYLE = """
:root { color-scheme: light dark; --page: #f3f4f7; --card: #fff; --text: #16191d; --soft: #555e6b; --line: #d5d9e0;
  --go: #0b6b3a; --go-text: #fff; --test: #fff3cd; --test-text: #5c4300; }
@media (prefers-color-scheme: dark) { :root { --page: #101317; --card: #1a1f26; --text: #f1f3f5; --soft: #aab3bf;
  --line: #39424e; --go: #4cc38a; --go-text: #06210f; --test: #3a3000; --test-text: #ffe08a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--page); color: var(--text);
  font: 1.0625rem/1.5 system-ui, sans-serif; display: flex; flex-direction: column; align-items: center; }
.test { align-self: stretch; margin: 0; padding: .6rem 1rem; text-align: center; font-size: .9375rem;
  background: var(--test); color: var(--test-text); }
main { width: min(26rem, 100% - 2rem); margin: 1.5rem auto; padding: 1.75rem 1.5rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; }
h1 { margin: 0; font-size: 1.0625rem; font-weight: 600; color: var(--soft); }
.amount { margin: .25rem 0 1.25rem; font-size: 2.75rem; font-weight: 700; line-height: 1.1;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.amount span { font-size: 1.25rem; font-weight: 600; color: var(--soft); }
dl { margin: 0 0 1.5rem; padding: 1rem 0; border: solid var(--line); border-width: 1px 0; display: grid;
  grid-template-columns: auto 1fr; gap: .35rem 1rem; font-size: .9375rem; }
dt { color: var(--soft); }
dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
form { margin: 0 0 .75rem; }
button, a.button { display: block; width: 100%; min-height: 3.25rem; padding: .75rem 1rem; border-radius: .75rem;
  border: 2px solid var(--line); background: transparent; color: inherit; font: inherit; font-weight: 600;
  text-align: center; text-decoration: none; cursor: pointer; }
button.go { background: var(--go); border-color: var(--go); color: var(--go-text); font-size: 1.1875rem; }
button.leave { border-color: transparent; color: var(--soft); text-decoration: underline; margin-bottom: -.75rem; }
:focus-visible { outline: 3px solid #2f7df6; outline-offset: 2px; }
.state { margin: 0 0 1.5rem; font-size: 1.1875rem; font-weight: 600; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_METHODS = {
    Method.CARD: "Card",
    Method.BANK_TRANSFER: "Bank transfer",
    Method.DIGITAL_WALLET: "Digital wallet",
}
_STATES = {
    Status.SUCCEEDED: "✓ Paid. Thank you!",
    Status.FAILED: "✕ The payment was declined. Nothing was charged.",
    Status.CANCELLED: "✕ The payment was cancelled. Nothing was charged.",
    Status.EXPIRED: "✕ The time to pay is over. Nothing was charged.",
}


def _page(title: str, content: str, *, status: int = 200, form_targets: str = "'self'") -> Response[str]:
    html = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        '<p class="test" role="note">Payconic sandbox: a test payment, no money moves.</p>\n'
        f"<main>\n{content}\n</main>\n</body>\n</html>\n"
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_targets}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(html, media_type=MediaType.HTML, status_code=status, headers=headers)


def _origin(address: str | None) -> str:
    """The origin of the merchant's site as a policy may name it: browsers apply form-action to redirects as well."""
    parts = urlsplit(address or "")
    plain = parts.netloc.isascii() and all(letter.isalnum() or letter in ".:-[]" for letter in parts.netloc)
    return f" {parts.scheme}://{parts.netloc}" if parts.netloc and plain else ""


def _pay_page(payment: Payment, status: int = 200) -> Response[str]:
    amount = format_major(payment.amount, payment.currency)
    facts = (
        f'<h1>Pay {escape(payment.merchant_id)}</h1>\n<p class="amount">{escape(amount)} '
        f"<span>{escape(payment.currency)}</span></p>\n<dl>\n"
        f"<dt>Merchant</dt><dd>{escape(payment.merchant_id)}</dd>\n"
        f"<dt>Method</dt><dd>{_METHODS[Method(payment.method)]}</dd>\n"
        f"<dt>Reference</dt><dd>{escape(payment.reference)}</dd>\n</dl>\n"
    )
    if payment.status is Status.PENDING:
        here = f"/pay/{escape(payment.id)}"
        actions = "\n".join(
            f'<form method="post" action="{here}/{action}"><button class="{look}">{words}</button></form>'
            for action, look, words in (
                ("approve", "go", f"Approve {escape(amount)} {escape(payment.currency)}"),
                ("decline", "no", "Decline"),
                ("leave", "leave", "Leave without paying"),
            )
        )
    else:
        actions = f'<p class="state" role="status">{_STATES[payment.status]}</p>'
        if payment.return_url:
            actions += f'\n<a class="button" href="{escape(payment.return_url)}">Back to the cafe</a>'
    title = f"Pay {amount} {payment.currency} – Payconic sandbox"
    return _page(title, facts + actions, status=status, form_targets=f"'self'{_origin(payment.return_url)}")


def _unknown() -> Response[str]:
    return _page("Payment not found", "<h1>There is no such payment here.</h1>", status=404)


def _back(payment: Payment) -> Redirect:
    return Redirect(payment.return_url or f"/pay/{payment.id}", status_code=303)


@get("/{payment_id:str}")
async def pay_page(request: WebRequest, payment_id: FromPath[str]) -> Response[str]:
    """The page that a redirectUrl leads to."""
    try:
        return _pay_page(await sandbox_of(request).payment(payment_id))
    except UnknownPayment:
        return _unknown()


@post("/{payment_id:str}/{action:str}")
async def act(request: WebRequest, payment_id: FromPath[str], action: FromPath[str]) -> Response[str] | Redirect:
    """A button of the page: approve, decline, or leave (which changes nothing). Leads back to the merchant."""
    sandbox = sandbox_of(request)
    try:
        payment = await sandbox.payment(payment_id)
        if action == "approve":
            payment = await sandbox.approve(payment.id)
        elif action == "decline":
            payment = await sandbox.decline(payment.id)
        elif action != "leave":
            return _unknown()
    except UnknownPayment:
        return _unknown()
    except PaymentClosed:
        return _pay_page(await sandbox.payment(payment_id), status=409)
    return _back(payment)


page_routes = Router("/pay", route_handlers=[pay_page, act])
