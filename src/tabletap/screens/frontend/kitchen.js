// The kitchen screen.

import { effect } from '@preact/signals';
import { render } from 'preact';
import { html } from './html.js';
import { Board, keysOn, showAllDay, showRecall, shown } from './kitchen/board.js';
import { Kitchen } from './kitchen/kitchen.js';
import { alarm } from './kitchen/shift.js';
import { recall } from './storage.js';
import { toLogin } from './session.js';

const ALARM_MILLISECONDS = 15_000;

/** @param {Kitchen} kitchen */
function listenToKeys(kitchen) {
  document.addEventListener('keydown', (event) => {
    const typing = event.target instanceof HTMLInputElement;
    if (!keysOn.value || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || showRecall.value) return;
    const key = event.key.toLowerCase();
    if (key === 'r') showRecall.value = true;
    else if (key === 'a') showAllDay.value = !showAllDay.value;
    else if (key === 'u') kitchen.undoLast();
    else if (/^[1-9]$/.test(key)) {
      const { toMake, ready, partDone } = shown(kitchen);
      const ticket = [...toMake, ...ready, ...partDone][Number(key) - 1];
      if (ticket) kitchen.bump(ticket);
    } else return;
    event.preventDefault();
  });
}

/** Sound for as long as the screen does not show the truth. @param {Kitchen} kitchen */
function soundWhenStale(kitchen) {
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  let before = kitchen.live.view.value.phase;
  effect(() => {
    const { phase } = kitchen.live.view.value;
    if (phase === before) return;
    before = phase;
    clearInterval(timer);
    if (phase !== 'stale') return;
    alarm();
    timer = setInterval(alarm, ALARM_MILLISECONDS);
  });
}

function start() {
  const root = document.getElementById('app');
  const tokens = /** @type {import('./shapes').Tokens | null} */ (recall('staff'));
  if (!root) return;
  if (!tokens) {
    toLogin().catch(() => undefined);
    return;
  }
  const kitchen = new Kitchen(tokens.cafeId);
  root.replaceChildren();
  render(html`<${Board} kitchen=${kitchen} />`, root);
  listenToKeys(kitchen);
  soundWhenStale(kitchen);
  kitchen.live.start();
}

start();
