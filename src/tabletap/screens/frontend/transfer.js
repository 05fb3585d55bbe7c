// The page of a bank transfer: copies its details, says that it was opened, and follows what becomes of it.
// The server draws every state of it; this only asks whether there is another one.

import { announce } from './announce.js';
import { Problem, ask } from './api.js';
import { copy } from './copy.js';
import { timeOfDay } from './format.js';
import { texts } from './texts.js';

/** @typedef {import('./shapes').TransferStatus} TransferStatus */

const WAITING_MILLISECONDS = 4_000;
const ENDED_MILLISECONDS = 30_000;
const COPIED_MILLISECONDS = 2_000;
const words = texts.payment;

const page = () => /** @type {HTMLElement} */ (document.getElementById('transfer'));
const path = (/** @type {string} */ end) => `/qr-payments/${page().dataset.id}/${end}`;

/** What only a script can do is shown by the script. */
function dress() {
  const main = page();
  for (const button of main.querySelectorAll('button')) button.hidden = false;
  const until = main.querySelector('#until');
  if (until && main.dataset.expiresAt) until.textContent = ` ${words.until(timeOfDay(Date.parse(main.dataset.expiresAt)))}.`;
}

/** @param {HTMLButtonElement} button */
async function copyFrom(button) {
  if (!(await copy(button.dataset.label ?? '', button.dataset.copy ?? ''))) return;
  button.textContent = words.done;
  setTimeout(() => {
    button.textContent = words.copy;
  }, COPIED_MILLISECONDS);
}

/** Take the page as the server draws it now, and say its heading. */
async function redraw() {
  const response = await fetch(location.href, { cache: 'no-store' });
  const drawn = new DOMParser().parseFromString(await response.text(), 'text/html');
  const main = drawn.getElementById('transfer');
  if (!response.ok || !main) return;
  page().replaceWith(document.adoptNode(main));
  document.title = drawn.title;
  dress();
  announce(main.querySelector('h1')?.textContent?.replace(/^\W+/, '') ?? '');
}

/** Ask whether anything changed; a hidden page asks nothing. @returns {Promise<number>} when to ask again, in ms */
async function look() {
  const shown = page().dataset.status;
  const pause = shown === 'waiting' ? WAITING_MILLISECONDS : ENDED_MILLISECONDS;
  if (document.hidden) return pause;
  try {
    /** @type {TransferStatus} */
    const { status } = await (await ask('GET', path('status'))).json();
    if (status !== shown) await redraw();
  } catch (error) {
    const seconds = error instanceof Problem ? error.retryAfterSeconds : undefined;
    return Math.max(pause, (seconds ?? 0) * 1000);
  }
  return pause;
}

async function follow() {
  while (page().dataset.status !== 'received') {
    const pause = await look();
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('button') : null;
  if (button?.dataset.copy) void copyFrom(button);
});
document.addEventListener('visibilitychange', () => void look());
dress();
if (page().dataset.status === 'waiting') ask('POST', path('scanned')).catch(() => undefined);
void follow();
