// Commands on their way to the server: kept until they are answered, sent in their order, repeated under the same
// commandId so that none happens twice, and taken back if that is asked for before they go.

import { newId } from './ids.js';
import { readProblem } from './problem.js';

/**
 * @typedef {object} Waiting A command that has not been answered yet.
 * @property {string} commandId
 * @property {string} name
 * @property {Record<string, any>} payload
 * @property {number} notBefore not sent before this moment (time to take it back), ms since 1970
 * @property {boolean} sent it may have happened
 */
/**
 * @typedef {object} OutboxOptions
 * @property {string} [name] where it is kept; two outboxes of one device need two names
 * @property {(command: Waiting) => string} [lane] commands of one lane build on each other, those of others need not wait
 * @property {(waiting: Waiting[]) => void} [onChange]
 * @property {(command: Waiting, result: any) => void} [onDone]
 * @property {(command: Waiting, problem: any, dropped: Waiting[]) => void} [onRefused] it will not happen, nor what built on it
 */

const AGAIN_MILLISECONDS = 3_000;

/** The commands of one screen. */
export class Outbox {
  #sending = false;
  #closed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;
  /** @type {() => void} */
  #forget;

  /** @param {import('./live.js').Live} live @param {OutboxOptions} [options] */
  constructor(live, options = {}) {
    this.live = live;
    this.options = options;
    this.name = options.name ?? `outbox:${live.namespace}`;
    /** What has not been answered yet, oldest first. @type {Waiting[]} */
    this.waiting = live.storage.get(this.name) ?? [];
    this.#forget = live.onConnected(() => this.flush());
  }

  /** Put a command in line. @param {string} name @param {Record<string, any>} payload @param {{holdMilliseconds?: number}} [options] */
  add(name, payload, { holdMilliseconds = 0 } = {}) {
    const command = { commandId: newId(), name, payload, notBefore: Date.now() + holdMilliseconds, sent: false };
    this.#set([...this.waiting, command]);
    this.flush();
    return command;
  }

  /** Take a command back, with those that build on it. False when it has already gone. @param {string} commandId */
  takeBack(commandId) {
    const index = this.waiting.findIndex((command) => command.commandId === commandId);
    const found = this.waiting[index];
    if (!found || found.sent) return false;
    this.#set(this.waiting.filter((command, place) => place < index || !this.#buildsOn(command, found)));
    return true;
  }

  /** Send what may go now; safe to call at any time. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sending || this.#closed || !this.live.socket.connected) return;
    const now = Date.now();
    const next = this.waiting.find((command, index) => command.notBefore <= now && this.#isFirst(index));
    if (next) void this.#send(next);
    else this.#flushIn(Math.min(...this.waiting.map((command) => command.notBefore)) - now);
  }

  /** Send nothing more from here; what waits stays kept. */
  close() {
    clearTimeout(this.#timer);
    this.#closed = true;
    this.#forget();
  }

  /** @param {number} milliseconds */
  #flushIn(milliseconds) {
    if (Number.isFinite(milliseconds)) this.#timer = setTimeout(() => this.flush(), Math.max(50, milliseconds));
  }

  /** @param {Waiting} command @param {Waiting} other */
  #buildsOn(command, other) {
    const { lane } = this.options;
    return command.commandId === other.commandId || (lane !== undefined && lane(command) === lane(other));
  }

  /** @param {number} index */
  #isFirst(index) {
    const { lane } = this.options;
    const command = this.waiting[index];
    if (!lane || !command) return index === 0;
    return this.waiting.findIndex((other) => lane(other) === lane(command)) === index;
  }

  /** @param {Waiting} command */
  async #send(command) {
    this.#sending = true;
    this.#set(this.waiting.map((other) => (other === command ? { ...command, sent: true } : other)));
    const { result, error } = await this.live.send(command.name, { ...command.payload, commandId: command.commandId }).then(
      (given) => ({ result: given, error: null }),
      (refusal) => ({ result: undefined, error: refusal }),
    );
    this.#sending = false;
    const { retryable, afterMilliseconds } = readProblem(error);
    if (error && retryable) this.#flushIn(afterMilliseconds || AGAIN_MILLISECONDS);
    else this.#settle(command, result, error);
  }

  /** @param {Waiting} command @param {any} result @param {unknown} error */
  #settle(command, result, error) {
    // What was to follow a refused command in its lane makes no sense any more.
    const over = this.waiting.filter((other) => (error ? this.#buildsOn(other, command) : other.commandId === command.commandId));
    try {
      if (error) this.options.onRefused?.(command, error, over.filter((other) => other.commandId !== command.commandId));
      else this.options.onDone?.(command, result);
    } finally {
      this.#set(this.waiting.filter((other) => !over.includes(other)));
      this.flush();
    }
  }

  /** @param {Waiting[]} waiting */
  #set(waiting) {
    this.waiting = waiting;
    this.live.storage.set(this.name, waiting.length ? waiting : null);
    this.options.onChange?.(waiting);
  }
}
