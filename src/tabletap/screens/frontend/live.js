// A live connection that knows whether it shows the truth (contract, section 4.3).
//
// Each stream is followed as a state and a cursor that are kept together: an event is applied only when it is the very
// next one, anything else makes us ask again from the cursor, and where that cannot be answered, a snapshot is taken.

import { signal } from '@preact/signals';
import { io } from 'socket.io-client';
import { Problem } from './api.js';
import { recall, remember } from './storage.js';

/** @typedef {import('./shapes').StreamEvent} StreamEvent */
/** @typedef {import('./shapes').Cursor} Cursor */
/** @typedef {'live' | 'catching_up' | 'stale'} Phase */
/** @typedef {{phase: Phase, since: number | null, beatAt: number | null, events: number}} View */

const SILENT_MILLISECONDS = 25_000; // two heartbeats missed
const BLINK_MILLISECONDS = 3_000; // an interruption this short is only "catching up"
const ANSWER_MILLISECONDS = 8_000;
const READY_MILLISECONDS = 3_000;

/**
 * One stream: what it says so far, and up to where.
 * @template State
 */
export class Followed {
  /**
   * @param {string} stream
   * @param {{initial: State, reduce: (state: State, event: StreamEvent) => State,
   *   load: () => Promise<{state: State} & Cursor>, onEvent?: (event: StreamEvent) => void}} how
   * @param {string} name where it is kept
   */
  constructor(stream, how, name) {
    this.stream = stream;
    this.how = how;
    this.name = name;
    const kept = /** @type {({state: State} & Cursor) | null} */ (recall(name));
    this.state = signal(kept ? kept.state : how.initial);
    this.cursor = /** @type {Cursor | null} */ (kept && { epoch: kept.epoch, seq: kept.seq });
    /** Everything up to the head that the server named has been applied. */
    this.complete = false;
    this.head = 0;
    this.asking = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retry = undefined;
  }

  /** Change the state by our own doing; the cursor stays. @param {(state: State) => State} change */
  change(change) {
    this.state.value = change(this.state.value);
    this.keep();
  }

  /** @param {State} state @param {Cursor} cursor */
  set(state, { epoch, seq }) {
    this.state.value = state;
    this.cursor = { epoch, seq };
    this.keep();
  }

  keep() {
    if (this.cursor) remember(this.name, { state: this.state.value, ...this.cursor });
  }
}

/** A connection to one namespace. */
export class Live {
  /** @type {Map<string, Followed<any>>} */
  #streams = new Map();
  #connectedAt = 0;
  #refusals = 0;

  /**
   * @param {string} namespace
   * @param {import('./session.js').Session} session
   * @param {{onConnected?: () => void, onProblem?: (problem: unknown) => void}} [listeners]
   */
  constructor(namespace, session, listeners = {}) {
    this.namespace = namespace;
    this.session = session;
    this.listeners = listeners;
    this.atName = `live:${namespace}:${session.name}:at`;
    /** When what we show was last known to be the truth. */
    this.trueAt = /** @type {number | null} */ (recall(this.atName));
    /** @type {import('@preact/signals').Signal<View>} */
    this.view = signal({ phase: this.trueAt ? 'catching_up' : 'stale', since: this.trueAt, beatAt: null, events: 0 });
    this.socket = io(namespace, {
      autoConnect: false,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelayMax: 5_000,
      auth: (give) => {
        session.token().then((token) => give({ token, cursors: this.#cursors() }), () => give({}));
      },
    });
    this.#listen();
  }

  /** Connect, and stay connected. */
  start() {
    this.socket.connect();
    setInterval(() => this.#look(), 1_000);
    const wake = () => {
      if (document.visibilityState === 'visible' && !this.socket.connected) this.socket.connect();
    };
    document.addEventListener('visibilitychange', wake);
    window.addEventListener('online', wake);
  }

  /**
   * Follow a stream from what is kept of it, or from a snapshot. Safe to repeat.
   * @template State
   * @param {string} stream
   * @param {ConstructorParameters<typeof Followed<State>>[1]} how
   * @returns {Followed<State>}
   */
  follow(stream, how) {
    const known = this.#streams.get(stream);
    if (known) return known;
    const followed = new Followed(stream, how, `live:${this.namespace}:${stream}`);
    this.#streams.set(stream, followed);
    if (this.socket.connected) void this.#subscribe(followed);
    return followed;
  }

  /** Send a command and wait for its answer. Raises Problem; "network" when no answer came. @param {string} name @param {unknown} payload */
  async send(name, payload) {
    /** @type {any} */
    let ack;
    try {
      ack = await this.socket.timeout(ANSWER_MILLISECONDS).emitWithAck(name, payload);
    } catch {
      throw new Problem(0, 'network', 'no answer', true);
    }
    if (ack?.ok) return ack.result;
    const { code, message, retryable, retryAfterSeconds } = ack?.error ?? {};
    throw new Problem(422, String(code ?? 'unknown'), String(message ?? ''), Boolean(retryable), retryAfterSeconds);
  }

  /** Follow a stream no longer. @param {string} stream */
  unfollow(stream) {
    clearTimeout(this.#streams.get(stream)?.retry);
    if (this.#streams.delete(stream) && this.socket.connected) this.socket.emit('unsubscribe', { stream });
  }

  #listen() {
    const { socket } = this;
    socket.on('connect', () => {
      this.#connectedAt = Date.now();
      this.#refusals = 0;
      // What has a cursor is resumed by the handshake itself; what is not resumed by then is asked for.
      setTimeout(() => this.#subscribeAll((followed) => !followed.complete), READY_MILLISECONDS);
      this.#subscribeAll((followed) => !followed.cursor);
      this.#look();
      this.listeners.onConnected?.();
    });
    socket.on('session_ready', ({ streams }) => {
      for (const { stream, head } of streams) this.#isSubscribed(this.#streams.get(stream), head);
      const resumed = new Set(streams.map((/** @type {{stream: string}} */ { stream }) => stream));
      this.#subscribeAll((followed) => !resumed.has(followed.stream));
      this.#look();
    });
    socket.on('disconnect', (reason) => {
      for (const followed of this.#streams.values()) followed.complete = followed.asking = false;
      this.#look();
      if (reason === 'io server disconnect') this.#connectLater();
    });
    socket.on('connect_error', (error) => {
      this.#look();
      if (socket.active) return; // the library tries again by itself
      const { code = '', message = '', retryable = true } = /** @type {any} */ (error).data ?? {};
      if (String(code).startsWith('token_')) this.#renew().catch((problem) => this.listeners.onProblem?.(problem));
      else if (!retryable) this.listeners.onProblem?.(new Problem(403, code, message, false));
      this.#connectLater();
    });
    socket.on('heartbeat', ({ heads } = {}) => this.#beat(heads ?? {}));
    socket.on('auth_expiring', async () => {
      try {
        await this.send('auth_refresh', { token: await this.#renew() });
      } catch (error) {
        this.listeners.onProblem?.(error);
      }
    });
    socket.on('snapshot_required', ({ stream }) => {
      const followed = this.#streams.get(stream);
      if (followed && !followed.asking) void this.#subscribe(followed, true);
    });
    socket.onAny((_name, event) => {
      const followed = event?.stream && event.seq ? this.#streams.get(event.stream) : undefined;
      if (followed) this.#apply(followed, event);
    });
  }

  #renew() {
    return this.session.renew(this.session.tokens?.accessToken ?? null);
  }

  #connectLater() {
    this.#refusals += 1;
    const longest = Math.min(15_000, 500 * 2 ** this.#refusals);
    setTimeout(() => this.socket.connect(), longest / 2 + Math.random() * (longest / 2));
  }

  /** @param {Followed<any>} followed @param {StreamEvent} event */
  #apply(followed, event) {
    const { cursor } = followed;
    if (!cursor || event.epoch !== cursor.epoch) {
      if (!followed.asking) void this.#subscribe(followed);
      return;
    }
    if (event.seq <= cursor.seq) return;
    if (event.seq !== cursor.seq + 1) {
      followed.complete = false;
      if (!followed.asking) void this.#subscribe(followed);
      return;
    }
    followed.set(followed.how.reduce(followed.state.value, event), event);
    followed.complete ||= !followed.asking && event.seq >= followed.head;
    followed.how.onEvent?.(event);
    this.#look();
  }

  /** @returns {Record<string, Cursor>} */
  #cursors() {
    const known = [...this.#streams.values()].filter((followed) => followed.cursor);
    return Object.fromEntries(known.map(({ stream, cursor }) => [stream, /** @type {Cursor} */ (cursor)]));
  }

  /** @param {(followed: Followed<any>) => boolean} which */
  #subscribeAll(which) {
    if (!this.socket.connected) return;
    for (const followed of this.#streams.values()) if (!followed.asking && which(followed)) void this.#subscribe(followed);
  }

  /** @param {Followed<any> | undefined} followed @param {number} head */
  #isSubscribed(followed, head) {
    if (!followed) return;
    followed.head = head;
    followed.complete = Number(followed.cursor?.seq) >= head;
  }

  /**
   * Ask for everything after the cursor; without a cursor, or when that cannot be had, from a snapshot.
   * @param {Followed<any>} followed @param {boolean} [afresh]
   */
  async #subscribe(followed, afresh = false) {
    clearTimeout(followed.retry);
    followed.asking = true;
    followed.complete = false;
    const connection = this.socket.id;
    try {
      if (afresh || !followed.cursor) await this.#load(followed);
      const answer = await this.send('subscribe', { stream: followed.stream, cursor: followed.cursor });
      followed.asking = false;
      this.#isSubscribed(followed, answer.head);
    } catch (error) {
      if (connection !== this.socket.id) return; // another connection has asked anew
      followed.asking = false;
      this.#tryAgain(followed, error);
    }
    this.#look();
  }

  /** @param {Followed<any>} followed */
  async #load(followed) {
    const { state, epoch, seq } = await followed.how.load();
    followed.set(state, { epoch, seq });
  }

  /** @param {Followed<any>} followed @param {unknown} error */
  #tryAgain(followed, error) {
    const needsSnapshot = error instanceof Problem && error.code === 'snapshot_required';
    const passes = needsSnapshot || (error instanceof Problem && error.retryable);
    if (!passes) this.listeners.onProblem?.(error);
    const wait = needsSnapshot ? 0 : ((error instanceof Problem && error.retryAfterSeconds) || (passes ? 2 : 30)) * 1_000;
    followed.retry = setTimeout(() => {
      if (this.socket.connected && !followed.asking) void this.#subscribe(followed, needsSnapshot);
    }, wait);
  }

  /** The server is there, and this is how far its streams have come. @param {Record<string, Cursor>} heads */
  #beat(heads) {
    const now = Date.now();
    for (const followed of this.#streams.values()) {
      const told = heads[followed.stream];
      const { cursor } = followed;
      if (!told || !cursor) continue;
      if (told.epoch !== cursor.epoch && !followed.asking) void this.#subscribe(followed);
      followed.head = Math.max(followed.head, told.seq);
      if (followed.complete && cursor.seq < followed.head) {
        // The event may still be under way; if it does not come at once, ask for it.
        followed.complete = false;
        followed.retry = setTimeout(() => {
          const missing = Number(followed.cursor?.seq) < followed.head;
          if (missing && this.socket.connected && !followed.asking) void this.#subscribe(followed);
        }, 1_000);
      }
    }
    this.view.value = { ...this.view.value, beatAt: now };
    this.#look();
  }

  /** Work out anew what we may claim. */
  #look() {
    const now = Date.now();
    const streams = [...this.#streams.values()];
    const heardAt = Math.max(this.#connectedAt, this.view.value.beatAt ?? 0);
    const silent = now - heardAt > SILENT_MILLISECONDS;
    const { connected } = this.socket;
    const live = connected && !silent && streams.every((followed) => followed.complete);
    if (live) {
      if (now - (this.trueAt ?? 0) > 2_000) remember(this.atName, now);
      this.trueAt = now;
    } else if (connected && silent) {
      this.#connectedAt = now;
      this.socket.disconnect().connect(); // nobody is there any more, whatever the network says
    }
    const blink = this.trueAt !== null && now - this.trueAt < BLINK_MILLISECONDS;
    const events = streams.reduce((sum, followed) => sum + (followed.cursor?.seq ?? 0), 0);
    /** @type {Phase} */
    const phase = live ? 'live' : connected || blink ? 'catching_up' : 'stale';
    const before = this.view.value;
    if (phase !== before.phase || events !== before.events || this.trueAt !== before.since) {
      this.view.value = { ...before, phase, events, since: this.trueAt };
    }
  }
}
