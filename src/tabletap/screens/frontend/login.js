// Signing in as staff, then on to the screen that asked for it.

import { sentence } from './api.js';
import { Session, signIn, toLogin } from './session.js';
import { forget } from './storage.js';
import { texts } from './texts.js';

/** A page of ours to go on to; anything else leads to the kitchen. */
function destination() {
  const next = new URLSearchParams(location.search).get('next') ?? '';
  return /^\/[a-z0-9/_%-]*$/i.test(next) && !next.startsWith('//') ? next : '/kitchen';
}

const form = document.querySelector('form');
const problem = document.getElementById('problem');

/** @param {string} message */
function complain(message) {
  if (problem) problem.textContent = message;
}

/** @param {HTMLFormElement} filled */
async function submit(filled) {
  const fields = new FormData(filled);
  const [email, password, cafeId] = ['email', 'password', 'cafeId'].map((name) => String(fields.get(name) ?? '').trim());
  if (!email || !password) {
    complain(texts.login.missing);
    /** @type {HTMLInputElement | null} */ (filled.querySelector(email ? '#password' : '#email'))?.focus();
    return;
  }
  const button = filled.querySelector('button');
  button?.setAttribute('aria-busy', 'true');
  complain('');
  try {
    const tokens = await signIn('/auth/login', { email, password: fields.get('password'), ...(cafeId ? { cafeId } : {}) });
    forget('live:');
    new Session('staff', toLogin).keep(tokens);
    location.assign(destination());
  } catch (error) {
    complain(sentence(error));
    button?.removeAttribute('aria-busy');
  }
}

form?.addEventListener('submit', (event) => {
  event.preventDefault();
  void submit(form);
});
