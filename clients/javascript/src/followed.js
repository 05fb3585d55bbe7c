// One stream: what it says so far, and up to where. State and cursor are one thing and are kept together.

/** @typedef {import('../events').Envelope & Record<string, any>} AnyEvent */
/** @typedef {{epoch: number, seq: number}} Cursor */
/** @typedef {import('../index').LiveStorage} LiveStorage */
/**
 * @template State
 * @typedef {object} How
 * @property {State} initial the state before anything was heard
 * @property {(state: State, event: AnyEvent) => State} reduce the state after the next event; a new value, not a changed one
 * @property {() => Promise<{state: State} & Cursor>} [load] where to begin, instead of the server's snapshot as it is
 * @property {(state: State) => void} [onChange] the state is another one
 * @property {(event: AnyEvent) => void} [onEvent] something happened just now: for sounds and the like
 */

/** @template State */
export class Followed {
  /** @param {string} stream @param {How<State>} how @param {LiveStorage} storage @param {string} name */
  constructor(stream, how, storage, name) {
    this.stream = stream;
    this.how = how;
    this.storage = storage;
    this.name = name;
    const kept = /** @type {({state: State} & Cursor) | null} */ (storage.get(name));
    this.state = kept ? kept.state : how.initial;
    /** The last event in the state. @type {Cursor | null} */
    this.cursor = kept && { epoch: kept.epoch, seq: kept.seq };
    /** Everything up to the head that the server named has been applied. */
    this.complete = false;
    /** How far the stream has come, as far as we know. */
    this.head = 0;
    /** We are asking for what is missing. */
    this.asking = false;
    /** Why the stream cannot be had at the moment, so that it is said once. */
    this.refusedWith = '';
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retry = undefined;
  }

  /** Whether an event is the next one, an old one, or shows that something is missing. @param {Cursor} event */
  place({ epoch, seq }) {
    const { cursor } = this;
    if (!cursor || epoch !== cursor.epoch) return 'gap';
    if (seq <= cursor.seq) return 'old';
    return seq === cursor.seq + 1 ? 'next' : 'gap';
  }

  /** Apply the next event. @param {AnyEvent} event */
  apply(event) {
    this.set(this.how.reduce(this.state, event), event);
    if (!this.asking && event.seq >= this.head) this.complete = true;
    this.how.onEvent?.(event);
  }

  /** The server named its head. @param {number} head */
  reaches(head) {
    this.head = head;
    this.complete = this.cursor !== null && this.cursor.seq >= head;
    this.refusedWith = '';
  }

  /** Change the state by our own doing; the cursor stays. @param {(state: State) => State} change */
  change(change) {
    this.state = change(this.state);
    this.#keep();
  }

  /** @param {State} state @param {Cursor} cursor */
  set(state, { epoch, seq }) {
    this.state = state;
    this.cursor = { epoch, seq };
    this.#keep();
  }

  /** The connection is gone, and with it the subscription. */
  interrupt() {
    clearTimeout(this.retry);
    this.complete = this.asking = false;
  }

  #keep() {
    if (this.cursor) this.storage.set(this.name, { state: this.state, ...this.cursor });
    this.how.onChange?.(this.state);
  }
}
