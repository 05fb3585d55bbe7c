// What one can do in the kitchen.

import { signal } from '@preact/signals';
import { Outbox } from 'tabletap-live';
import { alert, announce } from '../announce.js';
import { Api, Problem, ask, sentence, serverNow } from '../api.js';
import { Live, asProblem } from '../live.js';
import { Session, toLogin } from '../session.js';
import { forget } from '../storage.js';
import { texts } from '../texts.js';
import { message } from './board.js';
import { Parts } from './parts.js';
import { alarm, chime } from './shift.js';
import { partOf, stationOf } from './station.js';
import { EMPTY, NEXT, clear, fromSnapshot, reduce } from './tickets.js';

/** @typedef {import('tabletap-live').Waiting} Waiting */
/** @typedef {import('tabletap-live').StreamEvent<'kitchen'>} StreamEvent */
/** @typedef {import('./ticket.js').ShownTicket} ShownTicket */

const UNDO_MILLISECONDS = 5_000;
const words = texts.kitchen;

/** The kitchen of the cafe that this screen is signed in to. */
export class Kitchen {
  /** @param {string} cafeId */
  constructor(cafeId) {
    this.session = new Session('staff', toLogin);
    this.api = new Api(this.session);
    this.live = new Live('/kitchen', this.session, { onProblem: (problem) => this.#complain(problem) });
    this.outbox = new Outbox(this.live, {
      name: `outbox:${cafeId}:kitchen`,
      lane: (command) => command.payload['orderId'],
      onChange: (waiting) => (this.waiting.value = waiting),
      onDone: (command, result) => this.#done(command, result),
      onRefused: (command, problem) => this.#refused(command, asProblem(problem)),
    });
    /** Moves that have not been answered yet. @type {import('@preact/signals').Signal<Waiting[]>} */
    this.waiting = signal(this.outbox.waiting);
    /** Empty: the whole kitchen. */
    this.station = stationOf(location.pathname);
    this.parts = new Parts(`kitchen:${cafeId}:${this.station.toLowerCase()}:done`);
    const stream = /** @type {const} */ (`cafe:${cafeId}:kitchen`);
    /** @type {import('../live.js').Followed<import('../shapes').KitchenState>} */
    this.tickets = this.live.show(stream, {
      initial: EMPTY,
      reduce,
      load: async () => {
        const { state, epoch, seq } = await this.api.get(`/streams/${stream}/snapshot`);
        return { state: fromSnapshot(this.tickets.state.value, state, serverNow()), epoch, seq };
      },
      onEvent: (event) => this.#heard(event),
    });
  }

  /**
   * Move a ticket on; it can be taken back for five seconds. A station whose order is made elsewhere, too, only puts its
   * own part away: the order is ready when the whole kitchen says so.
   * @param {ShownTicket} ticket
   */
  bump = (ticket) => {
    if (ticket.elsewhere && ticket.status === 'preparing') {
      this.parts.turn(partOf(ticket));
      announce(words.partOf(ticket.orderNumber, ticket.partDone));
      return;
    }
    if (ticket.status === 'cancelled') {
      this.tickets.change((state) => clear(state, ticket.orderId));
      return;
    }
    const status = NEXT[ticket.status];
    if (!status) return;
    const expected = ticket.version === null ? {} : { expectedVersion: ticket.version };
    this.outbox.add('order_status_update', { orderId: ticket.orderId, status, ...expected }, { holdMilliseconds: UNDO_MILLISECONDS });
    announce(words.undoLine(ticket.orderNumber, words.moved[status] ?? status));
  };

  /** @param {string} commandId */
  undo = (commandId) => {
    if (this.outbox.takeBack(commandId)) announce(words.undone);
  };

  undoLast = () => {
    const last = this.outbox.waiting.findLast((command) => !command.sent);
    if (last) this.undo(last.commandId);
  };

  /** @param {string} orderId @returns {number} */
  numberOf(orderId) {
    return this.tickets.state.value.tickets.find((ticket) => ticket.orderId === orderId)?.orderNumber ?? 0;
  }

  signOut = async () => {
    const tokens = this.session.tokens;
    try {
      await ask('POST', '/auth/logout', { body: { refreshToken: tokens?.refreshToken }, token: tokens?.accessToken ?? null });
    } catch (error) {
      if (error instanceof Problem && error.status === 0) {
        this.#complain(error);
        return;
      }
    }
    this.session.keep(null);
    forget('live:/kitchen');
    forget('outbox:');
    location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  };

  /** @param {StreamEvent} event */
  #heard(event) {
    if (event.name === 'new_paid_order') {
      announce(words.newTicket(event.orderNumber));
      chime();
    } else if (event.name === 'order_changed') {
      alert(words.changedTicket(event.orderNumber));
      chime();
    } else if (event.name === 'order_status_changed' && event.status === 'cancelled') {
      alert(words.cancelledTicket(event.orderNumber));
      alarm();
    }
  }

  /** The answer comes before the event, or after it: either may tell the new state first. @param {Waiting} command @param {any} result */
  #done(command, result) {
    const { orderId, status } = command.payload;
    if (typeof result?.version !== 'number') return;
    const order = { name: 'order_status_changed', orderId, status: result.status ?? status, version: result.version };
    this.tickets.change((state) => reduce(state, /** @type {any} */ (order)));
  }

  /** @param {Waiting} command @param {unknown} problem */
  #refused(command, problem) {
    const { orderId, status } = command.payload;
    const stands = this.tickets.state.value.tickets.find((ticket) => ticket.orderId === orderId);
    if (!stands || stands.status === status) return; // somebody else did the same
    const detail = problem instanceof Problem && problem.code === 'version_conflict' ? words.conflict : sentence(problem);
    message.value = words.notMoved(stands.orderNumber, detail);
    alert(message.value);
  }

  /** @param {unknown} problem */
  #complain(problem) {
    const forbidden = problem instanceof Problem && problem.status !== 401 && /not_allowed|authorization_denied|forbidden/.test(problem.code);
    message.value = forbidden ? words.notAllowed : sentence(problem);
    alert(message.value);
  }
}
