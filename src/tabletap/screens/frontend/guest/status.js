// Where the order is.

import { money } from '../format.js';
import { html } from '../html.js';
import { texts } from '../texts.js';
import { Items } from './pay.js';
import { PaymentPanel } from './payment.js';

/** @typedef {import('../shapes').Order} Order */
/** @typedef {import('./guest.js').Guest} Guest */

const words = texts.status;
const STEPS = ['paid', 'preparing', 'ready', 'collected'];

/** @param {{guest: Guest, followed: import('./orders.js').FollowedOrder}} props */
export function StatusView({ guest, followed }) {
  const { order } = followed.state;
  if (!order) return html`<main><p aria-busy="true">${words.loading}</p></main>`;
  const { payment, livePayment } = followed;
  const unpaid = order.outstandingAmount > 0 && order.status !== 'cancelled';
  return html`
    <main>
      <section class="number number-${order.status}">
        <p>${words.yourNumber}</p>
        <p class="number-figure">${order.orderNumber}</p>
        <p class="number-words">${words.sentences[order.status]}</p>
      </section>
      ${order.status !== 'cancelled' && html`<${Steps} order=${order} />`}
      ${payment && (livePayment || unpaid || payment.status !== 'failed') && html`<${PaymentPanel} guest=${guest} followed=${followed} payment=${payment} />`}
      ${unpaid && order.outstandingAmount < order.totalAmount && html`<p>${words.paidSoFar(money(order.totalAmount - order.outstandingAmount, order.currency))}</p>`}
      ${unpaid && !livePayment && html`<p class="sum"><span>${words.outstanding(money(order.outstandingAmount, order.currency))}</span></p>`}
      <${Items} order=${order} />
      <${OtherOrders} guest=${guest} />
      <p><a href="#menu">${texts.guest.orderMore}</a></p>
    </main>
    ${unpaid &&
    !livePayment &&
    html`<div class="thumb">
      <button class="main" disabled=${Boolean(guest.busy.value)} onClick=${() => guest.go('pay')}>${guest.busy.value || texts.payment.again}</button>
    </div>`}
  `;
}

/** @param {{order: Order}} props */
function Steps({ order }) {
  const reached = STEPS.indexOf(order.status);
  return html`
    <ol class="steps" aria-label=${words.stepsLabel}>
      ${STEPS.map((step, index) => {
        const state = index === reached ? 'now' : index < reached ? 'done' : 'ahead';
        return html`
          <li class="step step-${state}" aria-current=${index === reached ? 'step' : undefined}>
            <span aria-hidden="true">${index <= reached ? '●' : '○'}</span> ${words.steps[step]}
            ${state === 'done' && html`<span class="visually-hidden"> (${words.done})</span>`}
          </li>
        `;
      })}
    </ol>
  `;
}

/** @param {{guest: Guest}} props */
function OtherOrders({ guest }) {
  const others = guest.tableOrders.open.filter(({ id }) => id !== guest.orderId.value);
  if (!others.length) return null;
  return html`
    <section aria-labelledby="others-heading">
      <h2 id="others-heading">${texts.guest.yourOrders}</h2>
      <${OrderLinks} guest=${guest} orders=${others} />
    </section>
  `;
}

/** @param {{guest: Guest, orders: Order[]}} props */
export function OrderLinks({ guest, orders }) {
  return html`
    <ul class="order-links">
      ${orders.map(
        (order) => html`
          <li key=${order.id}>
            <button class="second" onClick=${() => guest.look(order.id)}>
              <span>${texts.guest.orderIs(order.orderNumber, words.steps[order.status] ?? '')}</span>
              ${order.outstandingAmount > 0 && html`<span>${texts.guest.toPay(money(order.outstandingAmount, order.currency))}</span>`}
            </button>
          </li>
        `,
      )}
    </ul>
  `;
}
