// The orders of everybody at this table, so that friends can see and pay each other's.

import { signal } from '@preact/signals';
import { Problem } from '../api.js';

/** @typedef {import('../shapes').Order} Order */

const FINISHED = new Set(['collected', 'cancelled']);
const MOST_SHOWN = 20;

/** What the server lists for this guest: their own orders and those of their table. */
export class TableOrders {
  #asking = false;

  /** @param {import('./guest.js').Guest} guest */
  constructor(guest) {
    this.guest = guest;
    /** @type {import('@preact/signals').Signal<Order[]>} */
    this.orders = signal([]);
  }

  /** Those that still concern somebody, latest first. @returns {Order[]} */
  get open() {
    return this.orders.value.filter((order) => !FINISHED.has(order.status));
  }

  /** Ask again. Without a connection the strip says so. */
  async load() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      this.orders.value = (await this.guest.api.get(`/orders?limit=${MOST_SHOWN}`)).items;
    } catch (problem) {
      if (!(problem instanceof Problem && problem.status === 0)) this.guest.complain(problem);
    } finally {
      this.#asking = false;
    }
  }
}
