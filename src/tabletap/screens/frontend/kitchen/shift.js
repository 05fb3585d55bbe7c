// A shift: sound and a screen that stays awake. Browsers give both only after somebody has touched the page.

import { signal } from '@preact/signals';

/** @type {AudioContext | null} */
let audio = null;
/** @type {WakeLockSentinel | null} */
let lock = null;

/** `awake` is false where the browser does not keep the screen awake, as without https. */
export const shift = signal({ started: false, sound: false, awake: false });

/** Start the shift; call it from a tap or a key. */
export async function startShift() {
  audio ??= new AudioContext();
  await audio.resume();
  shift.value = { started: true, sound: true, awake: await keepAwake() };
  chime();
}

export function toggleSound() {
  shift.value = { ...shift.value, sound: !shift.value.sound };
}

async function keepAwake() {
  try {
    lock = await navigator.wakeLock.request('screen');
    return true;
  } catch {
    return false; // not offered here, or the battery is low
  }
}

document.addEventListener('visibilitychange', async () => {
  if (document.visibilityState !== 'visible' || !shift.value.awake || lock?.released === false) return;
  shift.value = { ...shift.value, awake: await keepAwake() };
});

/** @param {number} frequency @param {number} startSeconds @param {number} seconds */
function tone(frequency, startSeconds, seconds) {
  if (!audio || !shift.value.sound) return;
  const start = audio.currentTime + startSeconds;
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0.0001, start);
  gain.gain.exponentialRampToValueAtTime(0.4, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0001, start + seconds);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(start);
  oscillator.stop(start + seconds);
}

/** A new ticket. */
export function chime() {
  tone(880, 0, 0.25);
  tone(1320, 0.18, 0.4);
}

/** The screen is not up to date, or an order was cancelled. */
export function alarm() {
  tone(330, 0, 0.3);
  tone(330, 0.4, 0.3);
}
