// Paying: whole or a share, a tip if one likes, how, and one total.

import { useEffect, useState } from 'preact/hooks';
import { money } from '../format.js';
import { html } from '../html.js';
import { texts } from '../texts.js';
import { SplitBill } from './split.js';
import { TipChoice } from './tip.js';

/** @typedef {import('../shapes').Share} Share */
/** @typedef {import('./guest.js').Guest} Guest */
/** @typedef {import('./orders.js').FollowedOrder} FollowedOrder */

const words = texts.pay;
const METHODS = ['payconic_card', 'payconic_digital_wallet', 'payconic_bank_transfer', 'qr_bank_transfer', 'cash'];

/** @param {{guest: Guest, followed: FollowedOrder}} props */
export function PayView({ guest, followed }) {
  const { order } = followed.state;
  const [picked, pick] = useState(/** @type {Share | null} */ (null));
  const [tip, setTip] = useState(/** @type {number | null} */ (0));
  const [method, setMethod] = useState('');
  useEffect(() => void followed.loadSplits(), [followed]);
  if (!order) return html`<main><p aria-busy="true">${texts.status.loading}</p></main>`;
  const splits = followed.splits.value;
  const share = splits?.shares.find(({ splitId }) => splitId === picked?.splitId) ?? null;
  const amount = share ? share.amount : order.outstandingAmount;
  const total = amount + (tip ?? 0);
  const { currency } = order;
  /** There is one amount to pay: of a split bill, only once a share is chosen. */
  const chosen = splits === null || share !== null;
  const choose = (/** @type {string} */ name) => {
    setMethod(name);
    guest.problem.value = '';
  };
  const pay = () => {
    const problem = problemWith(tip, method, !chosen);
    if (problem) {
      guest.complain(problem);
      return;
    }
    const returnUrl = `${location.origin}/t/${encodeURIComponent(guest.table.tableCode)}`;
    const splitId = share ? { splitId: share.splitId } : {};
    void guest.pay({ orderId: order.id, amount, tipAmount: tip ?? 0, paymentMethod: method, ...splitId, returnUrl });
  };
  return html`
    <main>
      <${Items} order=${order} />
      <${SplitBill} guest=${guest} followed=${followed} share=${share} onShare=${pick} />
      ${chosen && html`<${TipChoice} key=${amount} guest=${guest} order=${order} amount=${amount} onTip=${setTip} />`}
      <fieldset class="methods">
        <legend>${words.method}</legend>
        ${METHODS.map(
          (name) => html`
            <label class="choice choice-big">
              <input type="radio" name="method" value=${name} checked=${method === name} onChange=${() => choose(name)} />
              <span>${words.methods[name]}<small>${words.methodHints[name]}</small></span>
            </label>
          `,
        )}
      </fieldset>
      ${chosen &&
      html`<dl class="bill">
        <div><dt>${share ? words.share : words.order}</dt><dd>${money(amount, currency)}</dd></div>
        <div><dt>${words.tipLine}</dt><dd>${money(tip ?? 0, currency)}</dd></div>
        <div class="bill-total"><dt>${words.total}</dt><dd>${money(total, currency)}</dd></div>
      </dl>`}
      <p><a href="#status">${words.later}</a></p>
    </main>
    <div class="thumb">
      <button class="main" disabled=${Boolean(guest.busy.value) || amount < 1 || splits === undefined} onClick=${pay}>
        ${guest.busy.value || (chosen ? words.pay(money(total, currency)) : words.payShare)}
      </button>
    </div>
  `;
}

/** @param {number | null} tip @param {string} method @param {boolean} shareMissing */
function problemWith(tip, method, shareMissing) {
  if (shareMissing) return words.chooseShare;
  if (tip === null) return words.tipWrong;
  return method ? '' : words.chooseMethod;
}

/** @param {{order: import('../shapes').Order}} props */
export function Items({ order }) {
  return html`
    <details class="order-items">
      <summary>${words.items}</summary>
      <ul>
        ${order.items.map(
          (item) => html`
            <li>
              <span>${item.quantity} × ${[item.name, ...item.modifiers.map((modifier) => modifier.name)].join(' + ')}</span>
              <span class="price">${money(item.total, order.currency)}</span>
            </li>
          `,
        )}
      </ul>
      <p class="sum"><span>${texts.guest.total}</span> <strong>${money(order.totalAmount, order.currency)}</strong></p>
    </details>
  `;
}

