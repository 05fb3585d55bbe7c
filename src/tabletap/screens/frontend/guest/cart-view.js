// The cart: what will be ordered, and its one total.

import { money } from '../format.js';
import { html } from '../html.js';
import { texts } from '../texts.js';
import { change, lineTotal } from './cart.js';
import { Stepper } from './menu.js';

const words = texts.guest;

/** @param {{guest: import('./guest.js').Guest}} props */
export function CartView({ guest }) {
  const { currency } = guest.table;
  const lines = guest.cart.value;
  return html`
    <main>
      ${lines.length === 0 && html`<p>${words.emptyCart}</p>`}
      <ul class="lines">
        ${lines.map((line) => html`<${Line} key=${line.key} line=${line} guest=${guest} />`)}
      </ul>
      <p><a href="#menu">${words.backToMenu}</a></p>
      ${lines.length > 0 &&
      html`<p class="sum"><span>${words.total}</span> <strong>${money(guest.cartTotal.value, currency)}</strong></p>`}
    </main>
    ${lines.length > 0 &&
    html`<div class="thumb">
      <button class="main" disabled=${Boolean(guest.busy.value)} onClick=${() => guest.place()}>
        <span>${guest.busy.value || words.place}</span> <span>${money(guest.cartTotal.value, currency)}</span>
      </button>
    </div>`}
  `;
}

/** @param {{line: import('../shapes').CartLine, guest: import('./guest.js').Guest}} props */
function Line({ line, guest }) {
  const { item, modifiers, note, quantity, key } = line;
  return html`
    <li class="line">
      <div class="item-text">
        <h2>${item.name}</h2>
        ${modifiers.length > 0 && html`<p>${modifiers.map((modifier) => `+ ${modifier.name}`).join(', ')}</p>`}
        ${note && html`<p>“${note}”</p>`}
      </div>
      <p class="price">${money(lineTotal(line), guest.table.currency)}</p>
      <${Stepper} quantity=${quantity} fewer=${words.fewerOf(item.name)} more=${words.moreOf(item.name)} least=${0}
        onChange=${(/** @type {number} */ count) => guest.changeCart((lines) => change(lines, key, count))} />
    </li>
  `;
}
