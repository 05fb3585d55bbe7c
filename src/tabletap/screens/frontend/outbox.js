// Commands on their way to the server: kept on this device until they are answered, sent in their order, repeated under
// the same commandId so that none happens twice, and taken back if that is asked for before they go.

import { signal } from '@preact/signals';
import { Problem } from './api.js';
import { newId } from './ids.js';
import { recall, remember } from './storage.js';

/** @typedef {import('./shapes').Waiting} Waiting */

const AGAIN_MILLISECONDS = 3_000;

/** The commands of one screen. */
export class Outbox {
  #sending = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;

  /**
   * @param {string} name where it is kept
   * @param {import('./live.js').Live} live
   * @param {{onDone: (command: Waiting, result: any) => void, onRefused: (command: Waiting, problem: Problem) => void}} listeners
   */
  constructor(name, live, listeners) {
    this.name = name;
    this.live = live;
    this.listeners = listeners;
    /** @type {import('@preact/signals').Signal<Waiting[]>} */
    this.waiting = signal(recall(name) ?? []);
  }

  /** Put a command in line. @param {string} name @param {Record<string, any>} payload @param {number} holdMilliseconds time to take it back */
  add(name, payload, holdMilliseconds) {
    const command = { commandId: newId(), name, payload, notBefore: Date.now() + holdMilliseconds, sent: false };
    this.#set([...this.waiting.value, command]);
    this.flush();
    return command;
  }

  /** Take a command back, with those that build on it (same order). False when it has already gone. @param {string} commandId */
  takeBack(commandId) {
    const index = this.waiting.value.findIndex((command) => command.commandId === commandId);
    const found = this.waiting.value[index];
    if (!found || found.sent) return false;
    const { orderId } = found.payload;
    this.#set(this.waiting.value.filter((command, place) => place < index || command.payload.orderId !== orderId));
    return true;
  }

  /** Send what may go now; safe to call at any time. */
  flush() {
    clearTimeout(this.#timer);
    if (this.#sending || !this.live.socket.connected) return;
    const now = Date.now();
    const next = this.waiting.value.find((command, index) => command.notBefore <= now && this.#isFirstOfItsOrder(index));
    if (next) {
      void this.#send(next);
      return;
    }
    const soonest = Math.min(...this.waiting.value.map((command) => command.notBefore));
    if (Number.isFinite(soonest)) this.#timer = setTimeout(() => this.flush(), Math.max(50, soonest - now));
  }

  /** @param {number} index */
  #isFirstOfItsOrder(index) {
    const { orderId } = this.waiting.value[index]?.payload ?? {};
    return this.waiting.value.findIndex((command) => command.payload.orderId === orderId) === index;
  }

  /** @param {Waiting} command */
  async #send(command) {
    this.#sending = true;
    this.#set(this.waiting.value.map((other) => (other === command ? { ...command, sent: true } : other)));
    let again = 0;
    try {
      const result = await this.live.send(command.name, { ...command.payload, commandId: command.commandId });
      this.listeners.onDone(command, result);
      this.#drop(command);
    } catch (error) {
      if (error instanceof Problem && error.retryable) {
        again = (error.retryAfterSeconds ?? 0) * 1_000 || AGAIN_MILLISECONDS;
      } else {
        this.#dropOrder(command);
        this.listeners.onRefused(command, /** @type {Problem} */ (error));
      }
    }
    this.#sending = false;
    if (again) this.#timer = setTimeout(() => this.flush(), again);
    else this.flush();
  }

  /** @param {Waiting} command */
  #drop(command) {
    this.#set(this.waiting.value.filter((other) => other.commandId !== command.commandId));
  }

  /** What was to follow a refused command on its order makes no sense any more. @param {Waiting} command */
  #dropOrder(command) {
    this.#set(this.waiting.value.filter((other) => other.payload.orderId !== command.payload.orderId));
  }

  /** @param {Waiting[]} waiting */
  #set(waiting) {
    this.waiting.value = waiting;
    remember(this.name, waiting);
  }
}
