// A connection to one namespace that knows whether it shows the truth.
//
// Each stream is followed as a state and a cursor: an event is applied only when it is the very next one, anything else
// makes us ask again from the cursor, and where that cannot be answered, a snapshot is taken. The connection comes back
// by itself for as long as it is wanted, whatever ended it.

import { io } from 'socket.io-client';
import { Followed } from './followed.js';
import { LiveProblem, readProblem, silence } from './problem.js';
import { fetchSnapshot } from './snapshot.js';
import { memoryStorage } from './storage.js';
import { Tokens } from './tokens.js';

/** @typedef {import('./followed.js').AnyEvent} AnyEvent */
/** @typedef {import('./followed.js').Cursor} Cursor */
/** @typedef {import('../index').LiveStorage} LiveStorage */
/** @typedef {'live' | 'catching_up' | 'stale'} Phase */
/** @typedef {{phase: Phase, since: number | null, beatAt: number | null, events: number}} Status */
/**
 * @typedef {object} LiveOptions
 * @property {string} [url] where TableTap is; the page's own address where there is one
 * @property {string} namespace
 * @property {string | (() => string | Promise<string>)} token an access token that is good for a while yet
 * @property {(refused: string) => string | Promise<string>} [refresh] another one than this, which ran out or was refused
 * @property {LiveStorage} [storage] where states and cursors are kept
 * @property {string} [name] tells apart what several people of one device keep
 * @property {(status: Status) => void} [onStatus]
 * @property {(problem: any) => void} [onProblem] something that only people can mend: no sign-in, no right, a bug
 * @property {number} [blinkMilliseconds] an interruption this short is only "catching up"
 * @property {number} [answerMilliseconds] after this the answer to a command is not waited for any more
 * @property {number} [ackMilliseconds] how often the server is told how far we are; 0 for never
 * @property {Partial<import('socket.io-client').ManagerOptions & import('socket.io-client').SocketOptions>} [socket]
 */

const LOOK_MILLISECONDS = 1_000;
const READY_MILLISECONDS = 3_000;
const LATE_MILLISECONDS = 1_000;
const REFUSED_AGAIN_MILLISECONDS = 30_000;
const HEARTBEATS_MISSED = 2.5;

/** A connection to one namespace. */
export class Live {
  /** @type {Map<string, Followed<any>>} */
  #streams = new Map();
  /** @type {Set<() => void>} */
  #connectedListeners = new Set();
  /** @type {(() => void)[]} */
  #undo = [];
  #started = false;
  #connectedAt = 0;
  #heartbeatMilliseconds = 10_000;
  #refusals = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #connecting = undefined;

  /** @param {LiveOptions} options */
  constructor(options) {
    this.options = { blinkMilliseconds: 3_000, answerMilliseconds: 8_000, ackMilliseconds: 10_000, ...options };
    this.namespace = options.namespace;
    this.storage = options.storage ?? memoryStorage();
    this.tokens = new Tokens(options.token, options.refresh);
    this.name = `live:${options.namespace}:${options.name ?? ''}`;
    /** When what we show was last known to be the truth, ms since 1970. */
    const since = /** @type {number | null} */ (this.storage.get(`${this.name}:at`));
    /** What may be claimed of what is shown. @type {Status} */
    this.status = { phase: since ? 'catching_up' : 'stale', since, beatAt: null, events: 0 };
    this.socket = io((options.url ?? '').replace(/\/$/, '') + options.namespace, {
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelayMax: 5_000,
      ...options.socket,
      autoConnect: false,
      auth: (/** @type {(auth: object) => void} */ give) => void this.#greet(give),
    });
    this.#listen();
  }

  /** Connect, and stay connected until `stop`. Safe to repeat. */
  start() {
    if (this.#started) return;
    this.#started = true;
    this.socket.connect();
    const looking = setInterval(() => this.#look(), LOOK_MILLISECONDS);
    this.#undo.push(() => clearInterval(looking));
    const { ackMilliseconds } = this.options;
    if (ackMilliseconds) {
      const telling = setInterval(() => this.#acknowledge(), ackMilliseconds);
      this.#undo.push(() => clearInterval(telling));
    }
    this.#wakeWithThePage();
  }

  /** Disconnect, and stay so until `start`. What is kept stays kept. Safe to repeat. */
  stop() {
    this.#started = false;
    clearTimeout(this.#connecting);
    for (const undo of this.#undo.splice(0)) undo();
    this.socket.disconnect();
    for (const followed of this.#streams.values()) followed.interrupt();
    this.#look();
  }

  /**
   * Follow a stream from what is kept of it, or from a snapshot. Safe to repeat: a stream is followed once.
   * @template State
   * @param {string} stream @param {import('./followed.js').How<State>} how @returns {Followed<State>}
   */
  follow(stream, how) {
    const known = this.#streams.get(stream);
    if (known) return known;
    const followed = new Followed(stream, how, this.storage, `${this.name}:${stream}`);
    this.#streams.set(stream, followed);
    if (this.socket.connected) void this.#subscribe(followed);
    return followed;
  }

  /** Follow a stream no longer. What is kept of it stays kept. @param {string} stream */
  unfollow(stream) {
    this.#streams.get(stream)?.interrupt();
    if (this.#streams.delete(stream) && this.socket.connected) this.socket.emit('unsubscribe', { stream });
    this.#look();
  }

  /**
   * Send a command and wait for its answer. Raises LiveProblem; its code is "network" when no answer came, and then it may
   * have happened: `Outbox` is for commands that must.
   * @param {string} name @param {unknown} payload @returns {Promise<any>}
   */
  async send(name, payload) {
    /** @type {any} */
    let ack;
    try {
      ack = await this.socket.timeout(this.options.answerMilliseconds).emitWithAck(name, payload);
    } catch {
      throw silence();
    }
    if (ack?.ok) return ack.result;
    throw new LiveProblem(ack?.error ?? {});
  }

  /** Be told of every connection, from the first. @param {() => void} listener @returns {() => void} to be told no more */
  onConnected(listener) {
    this.#connectedListeners.add(listener);
    return () => void this.#connectedListeners.delete(listener);
  }

  #listen() {
    const { socket } = this;
    socket.on('connect', () => this.#connected());
    socket.on('session_ready', (ready) => this.#ready(ready));
    socket.on('disconnect', (reason) => {
      for (const followed of this.#streams.values()) followed.interrupt();
      this.#look();
      if (reason === 'io server disconnect') this.#connectLater(); // the library does not come back from this
    });
    socket.on('connect_error', (error) => {
      this.#look();
      if (!socket.active) void this.#refused(/** @type {any} */ (error).data ?? {}); // else the library tries again by itself
    });
    socket.on('heartbeat', ({ heads = {} } = {}) => this.#beat(heads));
    socket.on('auth_expiring', () => void this.#renew());
    socket.on('snapshot_required', ({ stream }) => {
      const followed = this.#streams.get(stream);
      if (followed && !followed.asking) void this.#subscribe(followed, true);
    });
    socket.onAny((_name, event) => {
      const followed = event?.stream && event.seq ? this.#streams.get(event.stream) : undefined;
      if (followed) this.#hear(followed, event);
    });
  }

  // --- the connection ----------------------------------------------------------------------------------------------

  /** @param {(auth: object) => void} give */
  async #greet(give) {
    try {
      give({ token: await this.tokens.current(), cursors: this.#cursors() });
    } catch (error) {
      if (!readProblem(error).retryable) this.options.onProblem?.(error);
      give({}); // refused, and so tried again
    }
  }

  #connected() {
    this.#connectedAt = Date.now();
    this.#refusals = 0;
    // What has a cursor is resumed by the handshake itself; what is not resumed by then is asked for.
    const waiting = setTimeout(() => this.#subscribeAll((followed) => !followed.complete), READY_MILLISECONDS);
    this.socket.once('disconnect', () => clearTimeout(waiting));
    this.#subscribeAll((followed) => !followed.cursor);
    this.#look();
    for (const listener of this.#connectedListeners) listener();
  }

  /** @param {{streams: {stream: string, head: number}[], heartbeatSeconds?: number}} ready */
  #ready({ streams, heartbeatSeconds }) {
    if (heartbeatSeconds) this.#heartbeatMilliseconds = heartbeatSeconds * 1_000;
    for (const { stream, head } of streams) this.#streams.get(stream)?.reaches(head);
    const resumed = new Set(streams.map(({ stream }) => stream));
    this.#subscribeAll((followed) => !resumed.has(followed.stream));
    this.#look();
  }

  /** The handshake was refused. @param {{code?: string, message?: string, retryable?: boolean, retryAfterSeconds?: number}} why */
  async #refused({ code = '', message = '', retryable = true, retryAfterSeconds = 0 }) {
    if (code.startsWith('token_')) {
      await this.tokens.another().catch((error) => readProblem(error).retryable || this.options.onProblem?.(error));
    } else if (!retryable) this.options.onProblem?.(new LiveProblem({ code, message, type: 'authorization_denied' }));
    this.#connectLater(retryAfterSeconds * 1_000);
  }

  /** @param {number} [least] milliseconds */
  #connectLater(least = 0) {
    this.#refusals += 1;
    const longest = Math.min(15_000, 500 * 2 ** this.#refusals);
    clearTimeout(this.#connecting);
    this.#connecting = setTimeout(
      () => {
        if (this.#started) this.socket.connect();
      },
      Math.max(least, longest / 2 + Math.random() * (longest / 2)),
    );
  }

  /** Go on with another token on the same connection. */
  async #renew() {
    try {
      await this.send('auth_refresh', { token: await this.tokens.another() });
    } catch (error) {
      if (!readProblem(error).retryable) this.options.onProblem?.(error);
    }
  }

  /** A page that is shown again, or a network that is back, need not wait for the next attempt. */
  #wakeWithThePage() {
    if (typeof document === 'undefined' || typeof window === 'undefined') return;
    const wake = () => {
      if (document.visibilityState === 'visible' && !this.socket.connected) this.socket.connect();
    };
    document.addEventListener('visibilitychange', wake);
    window.addEventListener('online', wake);
    this.#undo.push(
      () => document.removeEventListener('visibilitychange', wake),
      () => window.removeEventListener('online', wake),
    );
  }

  // --- the streams -------------------------------------------------------------------------------------------------

  /** @returns {Record<string, Cursor>} */
  #cursors() {
    const known = [...this.#streams.values()].filter((followed) => followed.cursor);
    return Object.fromEntries(known.map(({ stream, cursor }) => [stream, /** @type {Cursor} */ (cursor)]));
  }

  /** @param {Followed<any>} followed @param {AnyEvent} event */
  #hear(followed, event) {
    const place = followed.place(event);
    if (place === 'old') return;
    try {
      if (place === 'next') followed.apply(event);
      else {
        followed.complete = false;
        if (!followed.asking) void this.#subscribe(followed);
      }
    } catch (error) {
      this.options.onProblem?.(error); // a bug in what is done with the event; the cursor says whether it was applied
      if (followed.place(event) === 'next') this.#tryAgain(followed, REFUSED_AGAIN_MILLISECONDS, true);
    }
    this.#look();
  }

  /** @param {(followed: Followed<any>) => boolean} which */
  #subscribeAll(which) {
    if (!this.socket.connected) return;
    for (const followed of this.#streams.values()) if (!followed.asking && which(followed)) void this.#subscribe(followed);
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
    const isOver = () => connection !== this.socket.id || this.#streams.get(followed.stream) !== followed;
    try {
      if (afresh || !followed.cursor) {
        const { state, epoch, seq } = await (followed.how.load?.() ?? this.#snapshot(followed.stream));
        if (isOver()) return; // another connection has asked anew
        followed.set(state, { epoch, seq });
      }
      const { head } = await this.send('subscribe', { stream: followed.stream, cursor: followed.cursor });
      if (isOver()) return;
      followed.asking = false;
      followed.reaches(head);
    } catch (error) {
      if (isOver()) return;
      this.#notSubscribed(followed, error);
    }
    this.#look();
  }

  /** @param {string} stream */
  #snapshot(stream) {
    return fetchSnapshot(this.options.url ?? '', stream, this.tokens.now, () => this.tokens.another());
  }

  /** @param {Followed<any>} followed @param {unknown} error */
  #notSubscribed(followed, error) {
    const { code, retryable, afterMilliseconds } = readProblem(error);
    const afresh = code === 'snapshot_required';
    const passes = afresh || retryable;
    if (!passes && followed.refusedWith !== (code || 'bug')) this.options.onProblem?.(error);
    followed.refusedWith = passes ? '' : code || 'bug';
    const wait = afresh ? 0 : afterMilliseconds || (passes ? 2_000 : REFUSED_AGAIN_MILLISECONDS);
    this.#tryAgain(followed, wait, afresh);
  }

  /** @param {Followed<any>} followed @param {number} milliseconds @param {boolean} afresh */
  #tryAgain(followed, milliseconds, afresh) {
    clearTimeout(followed.retry);
    followed.asking = followed.complete = false;
    followed.retry = setTimeout(() => {
      if (this.socket.connected && !followed.asking) void this.#subscribe(followed, afresh);
    }, milliseconds);
  }

  /** The server is there, and this is how far its streams have come. @param {Record<string, Cursor>} heads */
  #beat(heads) {
    for (const followed of this.#streams.values()) {
      const told = heads[followed.stream];
      const { cursor } = followed;
      if (!told || !cursor) continue;
      if (told.epoch !== cursor.epoch && !followed.asking) void this.#subscribe(followed);
      followed.head = Math.max(followed.head, told.seq);
      if (followed.complete && cursor.seq < followed.head) this.#isLate(followed);
    }
    this.#tell({ beatAt: Date.now() });
    this.#look();
  }

  /** The event may still be under way; if it does not come at once, ask for it. @param {Followed<any>} followed */
  #isLate(followed) {
    followed.complete = false;
    followed.retry = setTimeout(() => {
      const missing = Number(followed.cursor?.seq) < followed.head;
      if (missing && this.socket.connected && !followed.asking) void this.#subscribe(followed);
      else this.#look();
    }, LATE_MILLISECONDS);
  }

  #acknowledge() {
    const cursors = this.#cursors();
    if (this.socket.connected && Object.keys(cursors).length) this.socket.emit('stream_ack', { cursors }, () => undefined);
  }

  // --- what may be claimed -----------------------------------------------------------------------------------------

  /** Work out anew what we may claim. */
  #look() {
    const now = Date.now();
    const streams = [...this.#streams.values()];
    const silent = now - Math.max(this.#connectedAt, this.status.beatAt ?? 0) > HEARTBEATS_MISSED * this.#heartbeatMilliseconds;
    const { connected } = this.socket;
    const live = connected && !silent && streams.every((followed) => followed.complete);
    let { since } = this.status;
    if (live) {
      if (now - (since ?? 0) > 2_000 || this.status.phase !== 'live') this.storage.set(`${this.name}:at`, now);
      since = now;
    } else if (connected && silent) {
      this.#connectedAt = now;
      this.socket.io.engine.close(); // nobody is there any more, whatever the network says; the library comes back from this
    }
    const blink = since !== null && now - since < this.options.blinkMilliseconds;
    const events = streams.reduce((sum, followed) => sum + (followed.cursor?.seq ?? 0), 0);
    this.#tell({ phase: live ? 'live' : connected || blink ? 'catching_up' : 'stale', since, events });
  }

  /** @param {Partial<Status>} news */
  #tell(news) {
    const before = /** @type {Record<string, unknown>} */ (this.status);
    if (Object.entries(news).every(([field, value]) => before[field] === value)) return;
    this.status = { ...this.status, ...news };
    this.options.onStatus?.(this.status);
  }
}
