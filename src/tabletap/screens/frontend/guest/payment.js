// A payment under way or done, in words; and what one needs to finish it.

import { useEffect, useState } from 'preact/hooks';
import { copy } from '../copy.js';
import { money, timeOfDay } from '../format.js';
import { html } from '../html.js';
import { texts } from '../texts.js';

/** @typedef {import('../shapes').Payment} Payment */
/** @typedef {import('./guest.js').Guest} Guest */

const words = texts.payment;
/** @type {(keyof import('../shapes').BankDetails)[]} */
const DETAILS = ['accountName', 'iban', 'bic', 'bsb', 'accountNumber', 'payId', 'payNowUen', 'payNowMobile', 'promptPayId', 'pixKey'];

/** @param {{guest: Guest, followed: import('./orders.js').FollowedOrder, payment: Payment}} props */
export function PaymentPanel({ guest, followed, payment }) {
  const open = payment.status === 'pending' || payment.status === 'processing';
  return html`
    <section class="payment payment-${payment.status}">
      <${Words} payment=${payment} />
      ${payment.status === 'pending' && payment.qr && html`<${Transfer} guest=${guest} payment=${payment} qr=${payment.qr} />`}
      ${payment.status === 'pending' &&
      payment.redirectUrl &&
      html`<button class="main" onClick=${() => guest.toPaymentPage(payment)}>${words.goOn}</button>`}
      ${open && payment.status === 'pending' && html`<button class="second" disabled=${Boolean(guest.busy.value)} onClick=${() => followed.cancelPayment()}>${words.otherWay}</button>`}
    </section>
  `;
}

/** @param {{payment: Payment}} props */
function Words({ payment }) {
  const amount = money(payment.totalAmount, payment.currency);
  const until = payment.expiresAt ? html` <span class="until">${words.until(timeOfDay(Date.parse(payment.expiresAt)))}</span>` : '';
  if (payment.status !== 'pending') return html`<p><strong>${words[payment.status]}</strong></p>`;
  if (payment.paymentMethod === 'cash') return html`<p><strong>${words.cash(amount)}</strong></p>`;
  if (payment.qr) return html`<p><strong>${words.transfer(amount)}</strong>${until}</p>`;
  return html`<p><strong>${words.pending}</strong> ${amount}${until}</p>`;
}

/** @param {{guest: Guest, payment: Payment, qr: NonNullable<Payment['qr']>}} props */
function Transfer({ guest, payment, qr }) {
  const rows = [
    [words.amount, money(payment.totalAmount, payment.currency)],
    [words.reference, qr.reference],
    ...DETAILS.map((name) => [words[name], qr.bankDetails[name] ?? '']),
  ];
  return html`
    <${QrImage} guest=${guest} qrPaymentId=${qr.qrPaymentId} />
    <dl class="transfer">
      ${rows
        .filter(([, value]) => value)
        .map(
          ([label, value]) => html`
            <div>
              <dt>${label}</dt>
              <dd>${value}</dd>
              <dd><button class="quiet" aria-label=${words.copyWhat(String(label))} onClick=${() => void copy(String(label), String(value))}>${words.copy}</button></dd>
            </div>
          `,
        )}
    </dl>
    <p>${words.referenceNote}</p>
  `;
}

/** The image needs the guest's token, so it is fetched and not linked. @param {{guest: Guest, qrPaymentId: string}} props */
function QrImage({ guest, qrPaymentId }) {
  const [address, setAddress] = useState('');
  const [lost, setLost] = useState(false);
  useEffect(() => {
    let made = '';
    guest.api.blob(`/qr-payments/${qrPaymentId}/image.svg`).then(
      (image) => {
        made = URL.createObjectURL(image);
        setAddress(made);
      },
      () => setLost(true),
    );
    return () => URL.revokeObjectURL(made);
  }, [qrPaymentId]);
  if (lost) return html`<p>${words.qrLost}</p>`;
  return html`<div class="qr">${address && html`<img src=${address} alt=${words.qrImage} width="240" height="240" />`}</div>`;
}
