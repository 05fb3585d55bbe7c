// The menu, and choosing from it. It looks just as the server has drawn it before this script came.

import { useEffect, useRef, useState } from 'preact/hooks';
import { money } from '../format.js';
import { html } from '../html.js';
import { texts } from '../texts.js';
import { unitPrice } from './cart.js';
import { OrderLinks } from './status.js';

/** @typedef {import('../shapes').MenuItem} MenuItem */
/** @typedef {import('../shapes').Modifier} Modifier */
/** @typedef {import('../shapes').ModifierGroup} ModifierGroup */
/** @typedef {import('./guest.js').Guest} Guest */

const words = texts.guest;

/** @param {{guest: Guest}} props */
export function MenuView({ guest }) {
  const menu = guest.menu.value;
  const [chosen, setChosen] = useState(/** @type {MenuItem | null} */ (null));
  if (!menu) return html`<main><p aria-busy="true">${words.loading}</p></main>`;
  const add = (/** @type {MenuItem} */ item) => (item.groups.length ? setChosen(item) : guest.add(item, [], 1, ''));
  return html`
    <main>
      ${guest.tableOrders.open.length > 0 && html`<${OrderLinks} guest=${guest} orders=${guest.tableOrders.open} />`}
      <nav class="jump" aria-label=${words.categories}>
        <ul>
          ${menu.categories.map(({ name }, index) => html`<li><a href="#section-${index + 1}">${name}</a></li>`)}
        </ul>
      </nav>
      ${menu.categories.map(
        ({ name, items }, index) => html`
          <section id="section-${index + 1}" aria-labelledby="heading-${index + 1}">
            <h2 id="heading-${index + 1}">${name}</h2>
            <ul class="items">
              ${items.map((item) => html`<${Item} key=${item.id} item=${item} currency=${menu.currency} onAdd=${add} />`)}
            </ul>
          </section>
        `,
      )}
    </main>
    ${guest.pieces.value > 0 &&
    html`<div class="thumb">
      <button class="main" onClick=${() => guest.go('cart')}>
        <span>${words.viewOrder(guest.pieces.value)}</span> <span>${money(guest.cartTotal.value, menu.currency)}</span>
      </button>
    </div>`}
    ${chosen && html`<${ItemDialog} guest=${guest} item=${chosen} currency=${menu.currency} onClose=${() => setChosen(null)} />`}
  `;
}

/** @param {{item: MenuItem, currency: string, onAdd: (item: MenuItem) => void}} props */
function Item({ item, currency, onAdd }) {
  return html`
    <li class="item ${item.available ? '' : 'item-gone'}">
      <div class="item-text">
        <h3>${item.name}</h3>
        ${item.description && html`<p>${item.description}</p>`}
        ${item.allergens.length > 0 && html`<p class="allergens">${words.allergens}: ${item.allergens.join(', ')}</p>`}
      </div>
      <p class="price">${money(item.price, currency)}</p>
      ${item.available
        ? html`<button class="add" aria-label=${item.groups.length ? words.chooseItem(item.name) : words.addItem(item.name)} onClick=${() => onAdd(item)}>
            <span aria-hidden="true">+</span>
          </button>`
        : html`<p class="sold-out">${words.soldOut}</p>`}
    </li>
  `;
}

/** @param {{guest: Guest, item: MenuItem, currency: string, onClose: () => void}} props */
function ItemDialog({ guest, item, currency, onClose }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [chosen, setChosen] = useState(/** @type {Modifier[]} */ ([]));
  const [quantity, setQuantity] = useState(1);
  const [note, setNote] = useState('');
  useEffect(() => dialog.current?.showModal(), []);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    guest.add(item, chosen, quantity, note.trim());
    dialog.current?.close();
  };
  return html`
    <dialog ref=${dialog} class="sheet" aria-labelledby="item-heading" onClose=${onClose}>
      <form onSubmit=${submit}>
        <header>
          <h2 id="item-heading">${item.name}</h2>
          <button type="button" class="quiet" aria-label=${words.close} onClick=${() => dialog.current?.close()}>✕</button>
        </header>
        ${item.description && html`<p>${item.description}</p>`}
        ${item.groups.map((group) => html`<${Group} key=${group.id} group=${group} chosen=${chosen} currency=${currency} onChoose=${setChosen} />`)}
        <label for="item-note">${words.note}</label>
        <input id="item-note" maxlength="200" autocomplete="off" aria-describedby="item-note-hint" value=${note}
          onInput=${(/** @type {any} */ event) => setNote(event.target.value)} />
        <small id="item-note-hint">${words.noteHint}</small>
        <div class="sheet-end">
          <${Stepper} quantity=${quantity} fewer=${words.fewer} more=${words.more} least=${1} onChange=${setQuantity} />
          <button class="main">${words.addFor(money(unitPrice(item, chosen) * quantity, currency))}</button>
        </div>
      </form>
    </dialog>
  `;
}

/** @param {{group: ModifierGroup, chosen: Modifier[], currency: string, onChoose: (chosen: Modifier[]) => void}} props */
function Group({ group, chosen, currency, onChoose }) {
  const own = new Set(group.options.map((option) => option.id));
  const others = chosen.filter((modifier) => !own.has(modifier.id));
  const mine = chosen.filter((modifier) => own.has(modifier.id));
  const single = group.max === 1 && group.options.length > 1;
  const toggle = (/** @type {Modifier} */ option) => {
    if (single) onChoose([...others, option]);
    else if (mine.includes(option)) onChoose(chosen.filter((modifier) => modifier !== option));
    else if (mine.length < group.max) onChoose([...chosen, option]);
  };
  return html`
    <fieldset>
      <legend>${group.name}</legend>
      ${single &&
      group.min === 0 &&
      html`<label class="choice"><input type="radio" name=${group.id} checked=${!mine.length} onChange=${() => onChoose(others)} /> ${words.none}</label>`}
      ${group.options.map(
        (option) => html`
          <label class="choice">
            <input type=${single ? 'radio' : 'checkbox'} name=${group.id} required=${single && group.min > 0} checked=${mine.includes(option)}
              disabled=${!single && mine.length >= group.max && !mine.includes(option)} onChange=${() => toggle(option)} />
            <span>${option.name}</span>
            ${option.priceDelta !== 0 && html`<span class="price">${option.priceDelta > 0 ? '+' : ''}${money(option.priceDelta, currency)}</span>`}
          </label>
        `,
      )}
    </fieldset>
  `;
}

/** @param {{quantity: number, fewer: string, more: string, least: number, most?: number, onChange: (quantity: number) => void}} props */
export function Stepper({ quantity, fewer, more, least, most = 99, onChange }) {
  return html`
    <div class="stepper">
      <button type="button" aria-label=${fewer} disabled=${quantity <= least} onClick=${() => onChange(quantity - 1)}>−</button>
      <output>${quantity}</output>
      <button type="button" aria-label=${more} disabled=${quantity >= most} onClick=${() => onChange(quantity + 1)}>+</button>
    </div>
  `;
}
