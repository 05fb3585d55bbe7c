// The guest's screen at a table.

import { render } from 'preact';
import { Guest } from './guest/guest.js';
import { CartView } from './guest/cart-view.js';
import { MenuView } from './guest/menu.js';
import { PayView } from './guest/pay.js';
import { StatusView } from './guest/status.js';
import { html } from './html.js';
import { Strip } from './strip.js';
import { texts } from './texts.js';

/** @param {{guest: Guest}} props */
function App({ guest }) {
  const view = guest.view.value;
  const { order } = guest;
  return html`
    <header class="top">
      <p>${guest.table.cafeName} · ${texts.guest.table(guest.table.tableNumber)}</p>
      <h1 tabindex="-1">${heading(guest)}</h1>
      <${Strip} live=${guest.live} />
      ${guest.problem.value && html`<${Line} kind="problem" text=${guest.problem} />`}
      ${guest.announcement.value && html`<${Line} kind="announcement" text=${guest.announcement} />`}
    </header>
    ${view === 'menu' && html`<${MenuView} guest=${guest} />`}
    ${view === 'cart' && html`<${CartView} guest=${guest} />`}
    ${view === 'pay' && order && html`<${PayView} key=${order.orderId} guest=${guest} followed=${order} />`}
    ${view === 'status' && order && html`<${StatusView} guest=${guest} followed=${order} />`}
  `;
}

/** @param {Guest} guest */
function heading(guest) {
  const number = guest.order?.state.order?.orderNumber;
  if (guest.view.value === 'cart') return texts.guest.yourOrder;
  if (guest.view.value === 'pay' && number) return texts.pay.heading(number);
  if (guest.view.value === 'status' && number) return texts.guest.openOrder(number);
  return guest.view.value === 'menu' ? texts.guest.menu : texts.guest.yourOrder;
}

/** @param {{kind: string, text: import('@preact/signals').Signal<string>}} props */
function Line({ kind, text }) {
  return html`
    <p class=${kind}>
      <span>${text.value}</span>
      <button class="quiet" aria-label=${texts.problem.dismiss} onClick=${() => (text.value = '')}>✕</button>
    </p>
  `;
}

/** Fetch the menu, again and again until it is there. @param {Guest} guest */
async function menuOrWait(guest) {
  for (let seconds = 1; ; seconds = Math.min(seconds * 2, 15)) {
    try {
      await guest.loadMenu();
      return;
    } catch (problem) {
      if (seconds === 1) guest.complain(problem);
      const place = document.getElementById('first-problem');
      if (place) place.textContent = guest.problem.value;
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    }
  }
}

async function start() {
  const root = document.getElementById('app');
  if (!root) return;
  const { cafeId = '', cafeName = '', tableId = '', tableNumber = '', tableCode = '', currency = '' } = root.dataset;
  const guest = new Guest({ cafeId, cafeName, tableId, tableNumber, tableCode, currency });
  guest.live.start();
  const menu = menuOrWait(guest);
  // The server has drawn the menu: it stays until this script can draw it, too.
  if (guest.view.value === 'menu') await menu;
  root.replaceChildren();
  render(html`<${App} guest=${guest} />`, root);
  await guest.resume();
}

void start();
