// The live client (clients/javascript) as the screens use it: its states and status as signals, its problems as ours.

import { signal } from '@preact/signals';
import { Live as Connection, LiveProblem } from 'tabletap-live';
import { Problem } from './api.js';
import { storage } from './storage.js';
import { texts } from './texts.js';

/** @typedef {import('tabletap-live').Status} View */
/** @typedef {import('tabletap-live').Cursor} Cursor */
/**
 * @template State
 * @typedef {{state: import('@preact/signals').Signal<State>, change: (change: (state: State) => State) => void}} Followed
 */

/** What anything that was thrown is to a person. @param {unknown} error @returns {unknown} */
export function asProblem(error) {
  if (!(error instanceof LiveProblem)) return error;
  if (error.code === 'network') return new Problem(0, error.code, texts.problem.network, true);
  return new Problem(422, error.code, error.message, error.retryable, error.retryAfterSeconds);
}

/** A connection to one namespace. */
export class Live extends Connection {
  /** @type {Map<string, Followed<any>>} */
  #shown = new Map();

  /**
   * @param {import('tabletap-live').Namespace} namespace
   * @param {import('./session.js').Session} session
   * @param {{onConnected?: () => void, onProblem?: (problem: unknown) => void}} [listeners]
   */
  constructor(namespace, session, { onConnected, onProblem } = {}) {
    super({
      namespace,
      token: () => session.token(),
      refresh: (refused) => session.renew(refused),
      storage,
      name: session.name,
      onStatus: (status) => (this.view.value = status),
      onProblem: (problem) => onProblem?.(asProblem(problem)),
    });
    /** @type {import('@preact/signals').Signal<View>} */
    this.view = signal(this.status);
    if (onConnected) this.onConnected(onConnected);
  }

  /**
   * Follow a stream as a signal. Safe to repeat.
   * @template State
   * @template {string} K
   * @param {K} stream
   * @param {{initial: State, reduce: (state: State, event: import('tabletap-live').EventOf<K>) => State,
   *   load: () => Promise<{state: State} & Cursor>, onEvent?: (event: import('tabletap-live').EventOf<K>) => void}} how
   * @returns {Followed<State>}
   */
  show(stream, how) {
    const known = this.#shown.get(stream);
    if (known) return known;
    const state = signal(how.initial);
    const followed = this.follow(/** @type {any} */ (stream), {
      .../** @type {any} */ (how),
      onChange: (/** @type {State} */ changed) => (state.value = changed),
    });
    state.value = /** @type {State} */ (followed.state);
    const shown = { state, change: (/** @type {(state: State) => State} */ change) => followed.change(/** @type {any} */ (change)) };
    this.#shown.set(stream, shown);
    return shown;
  }

  /** Follow a stream no longer. @param {string} stream @override */
  unfollow(stream) {
    this.#shown.delete(stream);
    super.unfollow(stream);
  }
}
