// One ticket.

import { serverNow } from '../api.js';
import { minutesAndSeconds } from '../format.js';
import { html } from '../html.js';
import { texts } from '../texts.js';
import { band } from './tickets.js';

/**
 * @typedef {import('../shapes').Ticket & {command: import('tabletap-live').Waiting | null, elsewhere: number,
 *   partDone: boolean}} ShownTicket
 */

const words = texts.kitchen;
const BAND_SHAPES = { due: '◐', late: '▲' };
const SIXTY_MINUTES = 3_600_000;

/** @param {import('../shapes').Ticket} ticket */
export function place(ticket) {
  if (ticket.tableNumber) return words.table(ticket.tableNumber);
  return words.takeaway; // its name is personal: the number calls it
}

/** @param {{ticket: ShownTicket, digit: number | null, connected: boolean, onBump: (ticket: ShownTicket) => void}} props */
export function TicketCard({ ticket, digit, connected, onBump }) {
  const now = serverNow();
  const late = ticket.partDone ? '' : band(ticket, now);
  const waited = now - ticket.since;
  const cancelled = ticket.status === 'cancelled';
  return html`
    <article class="ticket ticket-${ticket.status} ${late && `ticket-${late}`}" aria-labelledby="number-${ticket.orderId}">
      <button class="ticket-head" data-order=${ticket.orderId} onClick=${() => onBump(ticket)}>
        <span class="ticket-line">
          <span class="ticket-number" id="number-${ticket.orderId}">${ticket.orderNumber}</span>
          <span class="ticket-place">${place(ticket)}</span>
          <span class="ticket-time">${waited >= SIXTY_MINUTES ? words.sixtyPlus : minutesAndSeconds(waited)}</span>
        </span>
        <span class="ticket-line">
          <span class="ticket-state">${words.states[ticket.status]}</span>
          <span class="ticket-next">${nextOf(ticket)}</span>
          ${digit !== null && html`<kbd class="ticket-key" aria-hidden="true">${digit}</kbd>`}
        </span>
      </button>
      <${Marks} ticket=${ticket} late=${late} connected=${connected} />
      <ul class="ticket-items">
        ${ticket.items.map((item) => html`<${Item} item=${item} struck=${cancelled} />`)}
      </ul>
      ${ticket.elsewhere > 0 && html`<p class="ticket-elsewhere">${words.elsewhere(ticket.elsewhere)}</p>`}
    </article>
  `;
}

/** @param {ShownTicket} ticket */
function nextOf(ticket) {
  if (!ticket.elsewhere || ticket.status !== 'preparing') return words.next[ticket.status];
  return ticket.partDone ? words.partBack : words.partNext;
}

/** @param {{ticket: ShownTicket, late: '' | 'due' | 'late', connected: boolean}} props */
function Marks({ ticket, late, connected }) {
  const cancelled = ticket.status === 'cancelled';
  if (!late && !ticket.urgent && !cancelled && !ticket.command) return null;
  return html`
    <p class="ticket-marks">
      ${cancelled && html`<span class="mark mark-cancelled"><span aria-hidden="true">✕</span> ${words.cancelled}</span>`}
      ${ticket.urgent && html`<span class="mark mark-urgent"><span aria-hidden="true">★</span> ${words.urgent}</span>`}
      ${late && html`<span class="mark mark-${late}"><span aria-hidden="true">${BAND_SHAPES[late]}</span> ${words.bands[late]}</span>`}
      ${ticket.command &&
      html`<span class="mark mark-waiting"><span aria-hidden="true">↑</span> ${onItsWay(ticket.command, connected)}</span>`}
    </p>
  `;
}

/** @param {import('tabletap-live').Waiting} command @param {boolean} connected */
function onItsWay(command, connected) {
  if (!connected) return words.waiting;
  return command.notBefore > Date.now() ? words.held : words.sending;
}

/** @param {{item: import('../shapes').TicketItem, struck: boolean}} props */
function Item({ item, struck }) {
  const line = html`<span class="item-quantity">${item.quantity} ×</span> <span class="item-name">${item.name}</span>`;
  return html`
    <li>
      ${struck ? html`<del>${line}</del>` : line}
      ${item.modifiers.length > 0 &&
      html`<ul class="item-modifiers">
        ${item.modifiers.map((modifier) => html`<li>+ ${modifier}</li>`)}
      </ul>`}
      ${item.note && html`<p class="item-note"><span class="visually-hidden">${words.note}: </span>“${item.note}”</p>`}
      ${item.allergens.length > 0 &&
      html`<p class="item-allergens"><span aria-hidden="true">⚠</span> ${words.allergens}: ${item.allergens.join(', ')}</p>`}
    </li>
  `;
}
