// The kitchen screen: tickets to make, tickets that are ready, and what goes with them.

import { useEffect, useRef } from 'preact/hooks';
import { signal } from '@preact/signals';
import { html } from '../html.js';
import { recall, remember } from '../storage.js';
import { Strip, useTick } from '../strip.js';
import { texts } from '../texts.js';
import { atStation, elsewhereOnly, partOf, pathOf, same } from './station.js';
import { shift, startShift, toggleSound } from './shift.js';
import { TicketCard, place } from './ticket.js';
import { allDay, withWaiting } from './tickets.js';

/** @typedef {import('./ticket.js').ShownTicket} ShownTicket */
/** @typedef {import('./kitchen.js').Kitchen} Kitchen */

const words = texts.kitchen;
export const keysOn = signal(recall('kitchen:keys') !== false);
export const showAllDay = signal(recall('kitchen:allDay') !== false);
export const showRecall = signal(false);
export const message = signal('');

/** @param {Kitchen} kitchen @returns {{toMake: ShownTicket[], partDone: ShownTicket[], ready: ShownTicket[], others: number}} */
export function shown(kitchen) {
  const all = withWaiting(kitchen.tickets.state.value.tickets, kitchen.waiting.value);
  const done = new Set(kitchen.parts.done.value);
  const tickets = atStation(all, kitchen.station).map((ticket) => ({
    ...ticket,
    partDone: ticket.elsewhere > 0 && ticket.status === 'preparing' && done.has(partOf(ticket)),
  }));
  const open = tickets.filter((ticket) => !['ready', 'collected'].includes(ticket.status));
  return {
    toMake: open.filter((ticket) => !ticket.partDone),
    partDone: open.filter((ticket) => ticket.partDone),
    ready: tickets.filter((ticket) => ticket.status === 'ready'),
    others: elsewhereOnly(all.filter((ticket) => ticket.status !== 'ready'), kitchen.station),
  };
}

/** @param {{kitchen: Kitchen}} props */
export function Board({ kitchen }) {
  useTick(1_000);
  const { toMake, partDone, ready, others } = shown(kitchen);
  const connected = kitchen.live.view.value.phase !== 'stale';
  const cards = (/** @type {ShownTicket[]} */ tickets, /** @type {number} */ from) =>
    tickets.map((ticket, index) => {
      const digit = keysOn.value && from + index < 9 ? from + index + 1 : null;
      return html`<${TicketCard} key=${ticket.orderId} ticket=${ticket} digit=${digit} connected=${connected} onBump=${kitchen.bump} />`;
    });
  return html`
    <${Toolbar} kitchen=${kitchen} toMake=${toMake} ready=${ready} others=${others} />
    <main class="board">
      <section class="tickets" aria-label=${words.tickets}>
        ${toMake.length ? cards(toMake, 0) : html`<${NoTickets} kitchen=${kitchen} />`}
      </section>
      <div class="rail">
        ${partDone.length > 0 &&
        html`
          <section aria-labelledby="part-heading">
            <h2 id="part-heading">${words.partDone}</h2>
            ${cards(partDone, toMake.length + ready.length)}
          </section>
        `}
        <section aria-labelledby="ready-heading">
          <h2 id="ready-heading">${words.ready}</h2>
          ${ready.length ? cards(ready, toMake.length) : html`<p>${words.nothingReady}</p>`}
        </section>
        ${showAllDay.value && html`<${AllDay} tickets=${toMake} station=${kitchen.station} />`}
      </div>
    </main>
    <footer class="foot">
      <${UndoLine} kitchen=${kitchen} />
      <${Strip} live=${kitchen.live} waiting=${connected ? 0 : kitchen.waiting.value.length} />
    </footer>
    ${showRecall.value && html`<${Recall} kitchen=${kitchen} />`}
  `;
}

/** @param {{kitchen: Kitchen, toMake: ShownTicket[], ready: ShownTicket[], others: number}} props */
function Toolbar({ kitchen, toMake, ready, others }) {
  const cooking = toMake.filter((ticket) => ticket.status === 'preparing').length;
  const { started, sound, awake } = shift.value;
  const keep = (/** @type {import('@preact/signals').Signal<boolean>} */ choice, /** @type {string} */ name) => () => {
    choice.value = !choice.value;
    remember(name, choice.value);
  };
  return html`
    <header class="toolbar">
      <h1>${kitchen.station ? words.station(kitchen.station) : words.heading}</h1>
      ${kitchen.station && html`<a class="tool-link" href="/kitchen">${words.allStations}</a>`}
      <p class="counts">
        ${words.counts(toMake.length - cooking, cooking, ready.length)}${others > 0 && html` <small>${words.others(others)}</small>`}
      </p>
      ${started
        ? html`<button class="tool" aria-pressed=${sound} onClick=${toggleSound}>${sound ? words.soundOn : words.soundOff}</button>
            <span class="shift-note">${awake ? words.awake : words.mayNotSleep}</span>`
        : html`<button class="tool tool-main" onClick=${startShift}>
            ${words.startShift} <small>${words.startShiftHint}</small>
          </button>`}
      <button class="tool" aria-pressed=${showAllDay.value} onClick=${keep(showAllDay, 'kitchen:allDay')}>${words.allDay}</button>
      <button class="tool" onClick=${() => (showRecall.value = true)}>${words.recall}</button>
      <button class="tool" aria-pressed=${keysOn.value} title=${words.keysHint} onClick=${keep(keysOn, 'kitchen:keys')}>
        ${keysOn.value ? words.keysOn : words.keysOff}
      </button>
      <button class="tool" onClick=${kitchen.signOut}>${words.signOut}</button>
      ${message.value && html`<${Message} />`}
    </header>
  `;
}

function Message() {
  return html`
    <p class="message">
      <span>${message.value}</span>
      <button class="tool" aria-label=${texts.problem.dismiss} onClick=${() => (message.value = '')}>✕</button>
    </p>
  `;
}

/** Never "all clear" while that is not certain. @param {{kitchen: Kitchen}} props */
function NoTickets({ kitchen }) {
  const empty = kitchen.station ? words.emptyStation : words.empty;
  const certain = kitchen.live.view.value.phase === 'live';
  return html`<p class="no-tickets">${certain ? empty : words.unverified}</p>`;
}

/** @param {{tickets: ShownTicket[], station: string}} props */
function AllDay({ tickets, station }) {
  const counts = allDay(tickets);
  const stations = station ? [] : [...new Set(counts.map((count) => count.station))];
  const grouped = stations.some(Boolean) ? stations : [''];
  return html`
    <section class="all-day" aria-labelledby="all-day-heading">
      <h2 id="all-day-heading">${words.allDay}</h2>
      ${counts.length === 0 && html`<p>${words.allDayEmpty}</p>`}
      ${grouped.map((name) => {
        const own = grouped.length > 1 || name ? counts.filter((count) => same(count.station, name)) : counts;
        return html`
          ${(grouped.length > 1 || name) &&
          html`<h3>${name ? html`<a href=${pathOf(name)}>${name}</a>` : words.noStation}</h3>`}
          <ul>
            ${own.map(
              ({ label, modifiers, quantity }) => html`
                <li><strong>${quantity} ×</strong> ${label}${modifiers.map((modifier) => html` <em>+ ${modifier}</em>`)}</li>
              `,
            )}
          </ul>
        `;
      })}
    </section>
  `;
}

/** @param {{kitchen: Kitchen}} props */
function UndoLine({ kitchen }) {
  useTick(500);
  const now = Date.now();
  const held = kitchen.waiting.value.filter((command) => !command.sent && command.notBefore > now);
  return html`
    <div class="undo-lines">
      ${held.map((command) => {
        const { orderId, status } = command.payload;
        const number = kitchen.numberOf(orderId);
        const left = Math.ceil((command.notBefore - now) / 1_000);
        return html`
          <p class="undo" key=${command.commandId}>
            <span>${words.undoLine(number, words.moved[status] ?? status)}</span>
            <button class="tool" onClick=${() => kitchen.undo(command.commandId)}>
              ${words.undo}<span class="visually-hidden"> ${words.undoWhat(number)}</span> <span aria-hidden="true">${left}</span>
            </button>
          </p>
        `;
      })}
    </div>
  `;
}

/** What was finished last. @param {{kitchen: Kitchen}} props */
function Recall({ kitchen }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  const { done } = kitchen.tickets.state.value;
  return html`
    <dialog ref=${dialog} class="recall" aria-labelledby="recall-heading" onClose=${() => (showRecall.value = false)}>
      <h2 id="recall-heading">${words.recall}</h2>
      <p>${done.length ? words.recallHint : words.recallEmpty}</p>
      <ol class="recall-list">
        ${done.map(
          (ticket) => html`
            <li key=${ticket.orderId}>
              <strong>${ticket.orderNumber}</strong> ${place(ticket)} · ${words.states[ticket.status]}
              <ul>
                ${ticket.items.map((item) => html`<li>${item.quantity} × ${[item.name, ...item.modifiers].join(' + ')}</li>`)}
              </ul>
            </li>
          `,
        )}
      </ol>
      <button class="tool" onClick=${() => dialog.current?.close()}>${words.close}</button>
    </dialog>
  `;
}
