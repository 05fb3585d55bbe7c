// One order as a guest sees it: the order, this phone's payments of it, kept up to date by its stream.

import { signal } from '@preact/signals';
import { Problem } from '../api.js';
import { announce } from '../announce.js';
import { texts } from '../texts.js';

/** @typedef {import('../shapes').Order} Order */
/** @typedef {import('../shapes').Payment} Payment */
/** @typedef {import('../shapes').Splits} Splits */
/** @typedef {import('tabletap-live').StreamEvent<'order'>} StreamEvent */
/** @typedef {import('./guest.js').Guest} Guest */
/** @typedef {{order: Order | null, payments: Record<string, Payment>}} OrderState */

const REFRESH_MILLISECONDS = 150;
const LIVE_PAYMENTS = new Set(['pending', 'processing']);
/** @type {Map<string, FollowedOrder>} */
const known = new Map();

/** The order with this id. Safe to repeat. @param {Guest} guest @param {string} orderId */
export function followOrder(guest, orderId) {
  let found = known.get(orderId);
  if (!found) {
    found = new FollowedOrder(guest, orderId);
    known.set(orderId, found);
  }
  return found;
}

/** @param {OrderState} state @param {StreamEvent} event @returns {OrderState} */
function reduce(state, event) {
  const { order, payments } = state;
  if (event.name === 'order_status_changed' && order && event.version > order.version) {
    return { ...state, order: { ...order, status: event.status, version: event.version } };
  }
  if (event.name !== 'payment_state_sync') return state;
  const payment = payments[event.paymentId];
  if (!payment) return state;
  return { ...state, payments: { ...payments, [event.paymentId]: { ...payment, status: event.status } } };
}

/** An order, live. */
export class FollowedOrder {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;

  /** @param {Guest} guest @param {string} orderId */
  constructor(guest, orderId) {
    this.guest = guest;
    this.orderId = orderId;
    /** The shares of a split bill, null when it is not split. @type {import('@preact/signals').Signal<Splits | null | undefined>} */
    this.splits = signal(undefined);
    const stream = /** @type {const} */ (`order:${orderId}`);
    this.followed = guest.live.show(stream, {
      initial: /** @type {OrderState} */ ({ order: null, payments: {} }),
      reduce,
      load: async () => {
        // The place in the stream first: what happens while we ask comes again as an event, and changes nothing.
        const { epoch, seq } = await guest.api.get(`/streams/${stream}/snapshot`);
        return { state: await this.#read(), epoch, seq };
      },
      onEvent: (event) => this.#heard(event),
    });
    this.refresh();
  }

  /** @returns {OrderState} */
  get state() {
    return this.followed.state.value;
  }

  /** This phone's latest payment of the order. @returns {Payment | null} */
  get payment() {
    const { order, payments } = this.state;
    return (order && payments[this.guest.memory.paymentIds[order.id] ?? '']) ?? null;
  }

  /** A payment of ours that is still under way. */
  get livePayment() {
    const { payment } = this;
    return payment && LIVE_PAYMENTS.has(payment.status) ? payment : null;
  }

  /** Read everything again, soon and once for several reasons. */
  refresh() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        const read = await this.#read();
        this.followed.change((state) => newest(state, read));
      } catch (problem) {
        // Without a connection the strip says so; another refusal is said in words.
        if (!(problem instanceof Problem && problem.status === 0)) this.guest.complain(problem);
      }
    }, REFRESH_MILLISECONDS);
  }

  /** @param {Payment} payment */
  know(payment) {
    this.followed.change((state) => ({ ...state, payments: { ...state.payments, [payment.paymentId]: payment } }));
    this.refresh();
  }

  /** Cancel this phone's payment, to pay another way. */
  async cancelPayment() {
    const { payment, guest } = this;
    if (!payment || guest.busy.value) return;
    guest.busy.value = texts.pay.cancelling;
    try {
      await guest.api.post(`/payments/${payment.paymentId}/cancel`, {});
      this.know(await guest.api.get(`/payments/${payment.paymentId}`));
      guest.busy.value = '';
      guest.go('pay');
    } catch (problem) {
      guest.complain(problem);
      this.refresh();
    } finally {
      guest.busy.value = '';
    }
  }

  /** Ask again how the bill is split. */
  async loadSplits() {
    try {
      const splits = await this.guest.api.get(`/orders/${this.orderId}/splits`);
      const shares = splits.shares.filter((/** @type {import('../shapes').Share} */ share) => share.status !== 'cancelled');
      const stillSplit = shares.some((/** @type {import('../shapes').Share} */ share) => share.status !== 'paid');
      this.splits.value = stillSplit ? { ...splits, shares } : null;
    } catch (problem) {
      this.splits.value = null;
      if (!(problem instanceof Problem && problem.status === 404)) this.guest.complain(problem);
    }
  }

  /** @returns {Promise<OrderState>} */
  async #read() {
    const { api, memory } = this.guest;
    const paymentId = memory.paymentIds[this.orderId];
    const [order, payment] = await Promise.all([
      api.get(`/orders/${this.orderId}`),
      paymentId ? api.get(`/payments/${paymentId}`) : null,
    ]);
    const qr = payment?.qr ?? this.state?.payments[paymentId ?? '']?.qr;
    return { order, payments: payment ? { [payment.paymentId]: { ...payment, ...(qr ? { qr } : {}) } } : {} };
  }

  /** @param {StreamEvent} event */
  #heard(event) {
    if (event.name === 'order_status_changed') {
      announce(texts.status.sentences[event.status] ?? '');
      if (event.status === 'ready') {
        navigator.vibrate?.([300, 120, 300]);
        document.title = texts.status.readyTitle(event.orderNumber);
      }
    } else if (event.name === 'payment_state_sync' && event.paymentId === this.payment?.paymentId) {
      announce(texts.payment[/** @type {'completed'} */ (event.status)] ?? '');
    }
    if (event.name === 'split_changed') void this.loadSplits();
    this.refresh();
  }
}

/** What was read may be older than what the stream has said since. @param {OrderState} state @param {OrderState} read @returns {OrderState} */
function newest(state, read) {
  const order = state.order && read.order && state.order.version > read.order.version ? state.order : read.order;
  return { order, payments: { ...state.payments, ...read.payments } };
}
