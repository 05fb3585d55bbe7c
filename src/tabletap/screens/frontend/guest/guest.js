// What a guest at a table can do, and what this phone remembers of it.

import { computed, signal } from '@preact/signals';
import { newId } from 'tabletap-live';
import { alert, announce } from '../announce.js';
import { Api, Problem, ask, sentence } from '../api.js';
import { Live } from '../live.js';
import { Session, signIn } from '../session.js';
import { recall, remember } from '../storage.js';
import { texts } from '../texts.js';
import { freshen, pieces, put, total } from './cart.js';
import { followOrder } from './orders.js';
import { menuOf } from './shapes.js';
import { TableOrders } from './table.js';

/** @typedef {import('../shapes').CartLine} CartLine */
/** @typedef {import('../shapes').Menu} Menu */
/** @typedef {import('../shapes').MenuItem} MenuItem */
/** @typedef {import('../shapes').Modifier} Modifier */
/** @typedef {import('../shapes').Payment} Payment */
/** @typedef {import('../shapes').PaymentRequest} PaymentRequest */
/** @typedef {{cafeId: string, cafeName: string, tableId: string, tableNumber: string, tableCode: string, currency: string}} Table */
/** @typedef {'menu' | 'cart' | 'pay' | 'status'} ViewName */
/**
 * @typedef {object} Memory
 * @property {CartLine[]} cart
 * @property {Record<string, any> | null} draft an order that was sent and not answered
 * @property {{key: string, request: PaymentRequest} | null} intent a payment that was sent and not answered
 * @property {{id: string, number: number}[]} orders latest first
 * @property {Record<string, string>} paymentIds by order, the latest payment of this phone
 * @property {string | null} [looked] the order that was looked at last: one's own or a friend's
 * @property {boolean} [leftToPay] the page was left for the provider's
 */

const VIEWS = new Set(['menu', 'cart', 'pay', 'status']);
const ORDERS_KEPT = 10;
const LONGEST_WAIT_MILLISECONDS = 10_000;

/**
 * Whether asking again may help. An answer that nothing was done (429, 503) is believed after a few times; where no
 * answer came, or one that says nothing, only another attempt can tell what happened.
 * @param {Problem} problem @param {number} attempt
 */
function mayHelp(problem, attempt) {
  if (problem.status === 429 || problem.status === 503) return attempt < 3;
  return problem.status === 0 || problem.status >= 500 || problem.code === 'request_in_progress';
}

/** A guest at one table. */
export class Guest {
  /** @param {Table} table */
  constructor(table) {
    this.table = table;
    this.name = `guest:${table.tableCode}`;
    this.session = new Session(`${this.name}:tokens`, () => signIn('/auth/guest', { tableCode: table.tableCode }));
    this.api = new Api(this.session);
    this.live = new Live('/customers', this.session, {
      onConnected: () => this.#listen(),
      onProblem: (problem) => this.complain(problem),
    });
    this.tableOrders = new TableOrders(this);
    /** The own stream that is followed. */
    this.ownStream = '';
    /** What the cafe has to say to everybody. */
    this.announcement = signal('');
    /** @type {Memory} */
    this.memory = recall(this.name) ?? { cart: [], draft: null, intent: null, orders: [], paymentIds: {} };
    /** @type {import('@preact/signals').Signal<Menu | null>} */
    this.menu = signal(null);
    this.cart = signal(this.memory.cart);
    this.cartTotal = computed(() => total(this.cart.value));
    this.pieces = computed(() => pieces(this.cart.value));
    this.orders = signal(this.memory.orders);
    this.orderId = signal(this.memory.intent?.request.orderId ?? this.memory.looked ?? this.memory.orders[0]?.id ?? null);
    this.problem = signal('');
    /** What we are waiting for, in words; nothing else can be started meanwhile. */
    this.busy = signal('');
    this.view = signal(this.#firstView());
    window.addEventListener('hashchange', () => this.#show(this.#viewOf(location.hash)));
  }

  /** Follow the guest's own stream, whoever they are now, and see what their table has ordered. */
  #listen() {
    const stream = /** @type {const} */ (`user:${this.session.tokens?.customerId}`);
    if (stream !== this.ownStream) {
      if (this.ownStream) this.live.unfollow(this.ownStream);
      this.ownStream = stream;
      this.live.show(stream, {
        initial: null,
        reduce: (state) => state,
        load: async () => ({ ...(await this.api.get(`/streams/${stream}/snapshot`)), state: null }),
        onEvent: (event) => this.#heard(event),
      });
    }
    void this.tableOrders.load();
  }

  /** @param {import('tabletap-live').StreamEvent<'user'>} event */
  #heard(event) {
    if (event.name !== 'announcement') return;
    this.announcement.value = String(event.message);
    announce(this.announcement.value);
  }

  /** Look at an order: one's own or a friend's. @param {string} orderId */
  look(orderId) {
    this.#turnTo(orderId);
    this.go('status');
  }

  /** This order from now on, after a reload too. @param {string} orderId */
  #turnTo(orderId) {
    this.orderId.value = orderId;
    this.keep({ looked: orderId });
  }

  /** The order that is shown, with its payments. */
  get order() {
    return this.orderId.value ? followOrder(this, this.orderId.value) : null;
  }

  #firstView() {
    const { intent, leftToPay } = this.memory;
    this.keep({ leftToPay: false });
    if (intent || (leftToPay && this.orderId.value)) return /** @type {ViewName} */ ('status');
    if (location.hash) return this.#viewOf(location.hash);
    return this.orderId.value && this.memory.cart.length === 0 ? 'status' : 'menu';
  }

  /** @param {string} hash @returns {ViewName} */
  #viewOf(hash) {
    const name = /** @type {ViewName} */ (hash.slice(1));
    const needsOrder = name === 'pay' || name === 'status';
    return VIEWS.has(name) && !(needsOrder && !this.orderId.value) ? name : 'menu';
  }

  /** @param {ViewName} name */
  #show(name) {
    if (this.view.value === name) return;
    this.view.value = name;
    this.problem.value = '';
    if (name !== 'pay') void this.tableOrders.load();
    requestAnimationFrame(() => {
      window.scrollTo(0, 0);
      document.querySelector('h1')?.focus();
    });
  }

  /** @param {ViewName} name */
  go(name) {
    if (location.hash !== `#${name}`) location.hash = name;
    this.#show(name);
  }

  /** @param {Partial<Memory>} changes */
  keep(changes) {
    Object.assign(this.memory, changes);
    remember(this.name, this.memory);
  }

  /** @param {unknown} problem */
  complain(problem) {
    this.problem.value = typeof problem === 'string' ? problem : sentence(problem);
    alert(this.problem.value);
  }

  /** Fetch the menu; the cart follows its prices. Raises Problem. */
  async loadMenu() {
    const told = await (await ask('GET', `/cafes/${this.table.cafeId}/menu`)).json();
    const menu = menuOf(told);
    const { lines, gone } = freshen(this.cart.value, menu);
    this.menu.value = menu;
    this.#setCart(lines);
    if (gone.length) this.complain(texts.guest.gone(gone));
  }

  /** @param {MenuItem} item @param {Modifier[]} modifiers @param {number} quantity @param {string} note */
  add(item, modifiers, quantity, note) {
    this.#setCart(put(this.cart.value, item, modifiers, quantity, note));
    announce(texts.guest.added(item.name, this.pieces.value));
  }

  /** @param {(lines: CartLine[]) => CartLine[]} change */
  changeCart(change) {
    this.#setCart(change(this.cart.value));
  }

  /** @param {CartLine[]} lines */
  #setCart(lines) {
    this.cart.value = lines;
    this.keep({ cart: lines });
  }

  /** Place what is in the cart, then go on to pay. Safe to repeat: what was sent once is sent again as it was. */
  async place() {
    if (this.busy.value) return;
    if (!this.memory.draft) this.keep({ draft: this.#draft() });
    this.busy.value = texts.guest.placing;
    try {
      const order = await this.#untilAnswered(() => this.api.post('/orders', this.memory.draft));
      const others = this.memory.orders.filter(({ id }) => id !== order.id);
      const orders = [{ id: order.id, number: order.orderNumber }, ...others].slice(0, ORDERS_KEPT);
      this.keep({ draft: null, orders });
      this.#setCart([]);
      this.orders.value = orders;
      this.#turnTo(order.id);
      this.go('pay');
    } catch (problem) {
      this.keep({ draft: null });
      await this.#notPlaced(problem);
    } finally {
      this.busy.value = '';
    }
  }

  #draft() {
    const items = this.cart.value.map((line) => ({
      menuItemId: line.item.id,
      quantity: line.quantity,
      ...(line.modifiers.length ? { modifierIds: line.modifiers.map((modifier) => modifier.id) } : {}),
      ...(line.note ? { note: line.note } : {}),
    }));
    const table = this.table.tableId ? { tableId: this.table.tableId } : {};
    return { items, ...table, clientOrderId: newId(), expectedTotalAmount: this.cartTotal.value };
  }

  /** @param {unknown} problem */
  async #notPlaced(problem) {
    const code = problem instanceof Problem ? problem.code : '';
    if (code === 'price_changed' || code === 'item_unavailable') {
      try {
        await this.loadMenu();
      } catch (error) {
        this.complain(error);
        return;
      }
    }
    if (code === 'price_changed') this.complain(texts.guest.priceChanged);
    else if (!this.problem.value) this.complain(problem);
  }

  /** Start a payment. Safe to repeat: the key is kept before anything is sent. @param {PaymentRequest} request */
  async pay(request) {
    if (this.busy.value) return;
    this.keep({ intent: { key: newId(), request } });
    await this.#sendIntent(texts.pay.sending);
  }

  /** @param {string} words */
  async #sendIntent(words) {
    const { intent } = this.memory;
    if (!intent) return;
    this.busy.value = words;
    try {
      /** @type {Payment} */
      const payment = await this.#untilAnswered(() => this.api.post('/payments', intent.request, intent.key));
      this.keep({ intent: null, paymentIds: { ...this.memory.paymentIds, [payment.orderId]: payment.paymentId } });
      this.#turnTo(payment.orderId);
      this.order?.know(payment);
      this.go('status');
      if (payment.status === 'pending') this.toPaymentPage(payment);
    } catch (problem) {
      this.keep({ intent: null });
      this.complain(problem);
      this.order?.refresh();
    } finally {
      this.busy.value = '';
    }
  }

  /** @param {Payment} payment */
  toPaymentPage({ redirectUrl }) {
    if (!redirectUrl || !/^https?:$/.test(new URL(redirectUrl, location.href).protocol)) return;
    this.keep({ leftToPay: true });
    location.assign(redirectUrl);
  }

  /** Go on with what was under way when the page was left. */
  async resume() {
    if (this.memory.draft) await this.place();
    else if (this.memory.intent) await this.#sendIntent(texts.pay.resuming);
  }

  /** Ask again and again while no answer comes: only an answer ends a wait for money. @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  async #untilAnswered(work) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await work();
        this.problem.value = '';
        return answer;
      } catch (problem) {
        if (!(problem instanceof Problem) || !mayHelp(problem, attempt)) throw problem;
        if (attempt === 0) this.complain(problem);
        const wait = (problem.retryAfterSeconds ?? 0) * 1_000 || 1_000 * 2 ** Math.min(attempt, 4);
        await new Promise((resolve) => setTimeout(resolve, Math.min(wait, LONGEST_WAIT_MILLISECONDS)));
      }
    }
  }
}
