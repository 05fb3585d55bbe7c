// Who is using this screen: tokens kept on this device, renewed before they run out.

import { Problem, ask } from './api.js';
import { recall, remember } from './storage.js';
import { texts } from './texts.js';

/** @typedef {import('./shapes').Tokens} Tokens */

const RENEW_BEFORE_MILLISECONDS = 30_000;

/** Sign in and note when the token ends. @param {string} path @param {unknown} body @returns {Promise<Tokens>} */
export async function signIn(path, body) {
  const answer = await (await ask('POST', path, { body })).json();
  return { ...answer, expiresAt: Date.now() + answer.expiresIn * 1000 };
}

/** The tokens under one name on this device. */
export class Session {
  /** @type {Promise<string> | null} */
  #renewing = null;

  /**
   * @param {string} name where the tokens are kept
   * @param {() => Promise<Tokens>} signInAgain what to do when they cannot be renewed; may raise Problem
   */
  constructor(name, signInAgain) {
    this.name = name;
    this.signInAgain = signInAgain;
  }

  /** @returns {Tokens | null} */
  get tokens() {
    return recall(this.name);
  }

  /** @param {Tokens | null} tokens */
  keep(tokens) {
    remember(this.name, tokens);
  }

  /** A token that is good for a while yet. Raises Problem. @returns {Promise<string>} */
  async token() {
    const tokens = this.tokens;
    const good = tokens && tokens.expiresAt - Date.now() > RENEW_BEFORE_MILLISECONDS;
    return good ? tokens.accessToken : this.renew(tokens?.accessToken ?? null);
  }

  /** Another token than the one that was refused. Raises Problem. @param {string | null} refused @returns {Promise<string>} */
  renew(refused) {
    this.#renewing ??= this.#alone(() => this.#renew(refused)).finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /** @param {string | null} refused */
  async #renew(refused) {
    const tokens = this.tokens; // another tab may have renewed them already
    if (tokens && tokens.accessToken !== refused) return tokens.accessToken;
    const renewed = tokens ? await this.#refresh(tokens) : await this.signInAgain();
    this.keep(renewed);
    return renewed.accessToken;
  }

  /** @param {Tokens} tokens */
  async #refresh(tokens) {
    try {
      const renewed = await signIn('/auth/refresh', { refreshToken: tokens.refreshToken });
      return { ...tokens, ...renewed };
    } catch (error) {
      if (!(error instanceof Problem) || ![400, 401, 403].includes(error.status)) throw error;
      this.keep(null);
      return this.signInAgain();
    }
  }

  /** Two tabs that refresh with one token would look like theft: take turns where the browser offers it. @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  #alone(work) {
    const locks = /** @type {LockManager | undefined} */ (navigator.locks);
    return locks ? locks.request(`tabletap:${this.name}`, work) : work();
  }
}

/** Where staff sign in, and back to this page afterwards. Never resolves: the page is left. @returns {Promise<never>} */
export function toLogin() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  return Promise.reject(new Problem(401, 'signed_out', texts.problem.signedOut, false));
}
