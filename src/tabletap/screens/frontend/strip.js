// The strip: is what this screen shows the truth? In colour, shape and words.

import { useEffect, useRef, useState } from 'preact/hooks';
import { alert, announce } from './announce.js';
import { age, timeOfDay } from './format.js';
import { html } from './html.js';
import { texts } from './texts.js';

/** @typedef {import('./live.js').View} View */

const SHAPES = { live: '●', catching_up: '◌', stale: '■' };
const CLASSES = { live: 'live', catching_up: 'catching', stale: 'stale' };

/** @param {View} view */
function words({ phase, since }) {
  if (phase === 'live') return texts.strip.live;
  if (phase === 'stale') return since ? texts.strip.stale(timeOfDay(since)) : texts.strip.staleNever;
  return since ? `${texts.strip.catchingUp}, ${texts.strip.asOf(timeOfDay(since))}` : texts.strip.catchingUp;
}

/** @param {{live: import('./live.js').Live, waiting?: number}} props */
export function Strip({ live, waiting = 0 }) {
  const view = live.view.value;
  useTick(1_000);
  const said = useRef(view.phase);
  useEffect(() => {
    if (said.current === view.phase) return;
    if (view.phase === 'stale') alert(words(view));
    else if (view.phase === 'live' && said.current === 'stale') announce(words(view));
    if (view.phase !== 'catching_up') said.current = view.phase;
  }, [view.phase]);
  const details = [];
  if (view.phase === 'live') {
    if (view.beatAt) details.push(texts.strip.age(age(Date.now() - view.beatAt)));
    details.push(texts.strip.received(view.events));
  }
  if (waiting) details.push(texts.strip.waiting(waiting));
  return html`
    <div class="strip strip-${CLASSES[view.phase]}">
      <span class="strip-shape" aria-hidden="true">${SHAPES[view.phase]}</span>
      <strong>${words(view)}</strong>
      ${details.map((detail) => html`<span class="strip-detail">${detail}</span>`)}
    </div>
  `;
}

/** Draw again every so often. @param {number} milliseconds */
export function useTick(milliseconds) {
  const [, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick((tick) => tick + 1), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}
