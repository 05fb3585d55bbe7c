// Splitting a bill equally, and choosing the share that this phone pays.

import { useState } from 'preact/hooks';
import { money } from '../format.js';
import { html } from '../html.js';
import { texts } from '../texts.js';
import { Stepper } from './menu.js';

/** @typedef {import('../shapes').Share} Share */
/** @typedef {import('./guest.js').Guest} Guest */
/** @typedef {import('./orders.js').FollowedOrder} FollowedOrder */

const words = texts.pay;
const MOST_PEOPLE = 20;

/** @param {{guest: Guest, followed: FollowedOrder, share: Share | null, onShare: (share: Share | null) => void}} props */
export function SplitBill({ guest, followed, share, onShare }) {
  const [people, setPeople] = useState(2);
  const splits = followed.splits.value;
  const { orderId } = followed;
  /** @param {() => Promise<unknown>} work */
  const attempt = async (work) => {
    try {
      await work();
    } catch (problem) {
      guest.complain(problem);
    }
    await followed.loadSplits();
  };
  const split = () => attempt(() => guest.api.post(`/orders/${orderId}/splits`, { method: 'equal', count: people }));
  const undo = () => {
    onShare(null);
    return attempt(() => guest.api.remove(`/orders/${orderId}/splits`));
  };
  const choose = (/** @type {Share} */ wanted) =>
    attempt(async () => {
      await guest.api.post(`/orders/${orderId}/splits/${wanted.splitId}/claim`, {});
      onShare(wanted);
    });
  if (splits === undefined) return null;
  if (!splits) {
    return html`
      <details class="split">
        <summary>${words.split}</summary>
        <p>${words.splitHow}</p>
        <div class="split-row">
          <${Stepper} quantity=${people} fewer=${words.fewerPeople} more=${words.morePeople} least=${2} most=${MOST_PEOPLE} onChange=${setPeople} />
          <button class="second" onClick=${split}>${words.splitInto(people)}</button>
        </div>
      </details>
    `;
  }
  return html`
    <fieldset class="shares">
      <legend>${words.chooseShare}</legend>
      ${splits.shares.map((other, index) => {
        const mine = share?.splitId === other.splitId;
        const state = shareState(other, guest.session.tokens?.customerId);
        return html`
          <label class="choice choice-big">
            <input type="radio" name="share" checked=${mine} disabled=${state !== 'open'} onChange=${() => choose(other)} />
            <span>${other.label || words.shareNumber(index + 1)}<small>${SHARE_WORDS[mine ? 'mine' : state]}</small></span>
            <span class="price">${money(other.amount, guest.table.currency)}</span>
          </label>
        `;
      })}
      <button class="second" onClick=${undo}>${words.wholeBill}</button>
    </fieldset>
  `;
}

const SHARE_WORDS = { mine: words.shareMine, open: words.shareOpen, paid: words.sharePaid, taken: words.shareTaken };

/** @param {Share} share @param {string | undefined} me @returns {'open' | 'paid' | 'taken'} */
function shareState(share, me) {
  if (share.status === 'paid') return 'paid';
  return share.status === 'open' || (share.status === 'claimed' && share.claimedBy === me) ? 'open' : 'taken';
}
