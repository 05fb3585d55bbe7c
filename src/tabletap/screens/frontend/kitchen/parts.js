// The parts of orders that this station has finished while other stations still work: this device remembers them.

import { signal } from '@preact/signals';
import { recall, remember } from '../storage.js';

const KEPT = 200;

export class Parts {
  /** @param {string} name where it is kept */
  constructor(name) {
    this.name = name;
    /** The parts that are done, latest first. */
    this.done = signal(/** @type {string[]} */ (recall(name) ?? []));
  }

  /** Finish a part, or take that back. @param {string} part */
  turn(part) {
    const others = this.done.value.filter((other) => other !== part);
    this.done.value = others.length < this.done.value.length ? others : [part, ...others].slice(0, KEPT);
    remember(this.name, this.done.value);
  }
}
