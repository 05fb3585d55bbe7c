// What the kitchen knows, from its stream: pure, without a screen.

/** @typedef {import('../shapes').KitchenState} KitchenState */
/** @typedef {import('tabletap-live').StreamEvent<'kitchen'>} StreamEvent */
/** @typedef {import('../shapes').Ticket} Ticket */
/** @typedef {import('../shapes').OrderStatus} OrderStatus */
/** @typedef {import('tabletap-live').Waiting} Waiting */

const DONE_KEPT = 30;
const DUE_MILLISECONDS = 5 * 60_000;
const LATE_MILLISECONDS = 8 * 60_000;

/** @type {KitchenState} */
export const EMPTY = { tickets: [], done: [] };

/** @type {Partial<Record<OrderStatus, OrderStatus>>} */
export const NEXT = { pending: 'preparing', paid: 'preparing', preparing: 'ready', ready: 'collected' };

/** A ticket as the API tells it: the one place that knows its shape. @param {Record<string, any>} told @param {number} at @returns {Ticket} */
function ticketOf(told, at) {
  const paidAt = typeof told.paidAt === 'string' ? Date.parse(told.paidAt) : told.paidAt;
  return {
    orderId: told.orderId,
    orderNumber: told.orderNumber,
    tableNumber: told.tableNumber ?? '',
    items: (told.items ?? []).map((/** @type {Record<string, any>} */ item) => ({
      name: item.name,
      quantity: item.quantity,
      modifiers: (item.modifiers ?? []).map((/** @type {any} */ modifier) => modifier.name ?? String(modifier)),
      note: item.note ?? '',
      allergens: item.allergens ?? [],
      station: item.station ?? '',
    })),
    status: told.status ?? 'paid',
    version: told.version ?? null,
    since: paidAt || at,
    urgent: ['high', 'urgent', 'rush'].includes(told.priority) || Number(told.priority) > 0,
  };
}

/** The state in a snapshot; what was finished before is remembered. @param {KitchenState} before @param {any} snapshot @param {number} at */
export function fromSnapshot(before, snapshot, at) {
  // An order that is paid later has no time of payment: what we knew of it stays.
  const since = new Map(before.tickets.map((ticket) => [ticket.orderId, ticket.since]));
  const tickets = (snapshot.orders ?? []).map((/** @type {any} */ told) => ticketOf(told, since.get(told.orderId) ?? at));
  const open = new Set(tickets.map((/** @type {Ticket} */ ticket) => ticket.orderId));
  return { tickets: oldestFirst(tickets), done: before.done.filter((ticket) => !open.has(ticket.orderId)) };
}

/** @param {KitchenState} state @param {StreamEvent} event @returns {KitchenState} */
export function reduce(state, event) {
  if (event.name === 'new_paid_order') return arrived(state, event);
  if (event.name === 'order_status_changed') return moved(state, event);
  if (event.name === 'order_changed') return rewritten(state, event);
  return state;
}

/** @param {KitchenState} state @param {StreamEvent} event */
function arrived(state, event) {
  const ticket = ticketOf(event, event.timestamp);
  const others = state.tickets.filter((other) => other.orderId !== ticket.orderId);
  return { ...state, tickets: oldestFirst([...others, ticket]) };
}

/** Lines were added or taken off: the ticket keeps its turn. @param {KitchenState} state @param {StreamEvent} event */
function rewritten(state, event) {
  const ticket = state.tickets.find((other) => other.orderId === event.orderId);
  if (!ticket || (ticket.version !== null && event.version < ticket.version)) return state;
  const now = { ...ticketOf(event, event.timestamp), since: ticket.since };
  return { ...state, tickets: oldestFirst([...state.tickets.filter((other) => other !== ticket), now]) };
}

/** @param {KitchenState} state @param {StreamEvent} event */
function moved(state, event) {
  const ticket = state.tickets.find((other) => other.orderId === event.orderId);
  if (!ticket || (ticket.version !== null && event.version < ticket.version)) return state;
  const now = { ...ticket, status: event.status, version: event.version };
  const rest = state.tickets.filter((other) => other !== ticket);
  if (event.status === 'collected') return { tickets: rest, done: finished(state.done, now) };
  return { ...state, tickets: oldestFirst([...rest, now]) };
}

/** Clear a cancelled ticket that somebody has seen. @param {KitchenState} state @param {string} orderId @returns {KitchenState} */
export function clear(state, orderId) {
  const ticket = state.tickets.find((other) => other.orderId === orderId);
  if (!ticket) return state;
  return { tickets: state.tickets.filter((other) => other !== ticket), done: finished(state.done, ticket) };
}

/** @param {Ticket[]} done @param {Ticket} ticket */
function finished(done, ticket) {
  return [ticket, ...done.filter((other) => other.orderId !== ticket.orderId)].slice(0, DONE_KEPT);
}

/** @param {Ticket[]} tickets */
function oldestFirst(tickets) {
  return tickets.toSorted((one, other) => one.since - other.since || one.orderNumber - other.orderNumber);
}

/**
 * The tickets as this screen shows them: moved on already by what waits to be sent.
 * @param {Ticket[]} tickets @param {Waiting[]} waiting
 * @returns {(Ticket & {command: Waiting | null})[]}
 */
export function withWaiting(tickets, waiting) {
  return tickets.map((ticket) => {
    // A command on an older version has had its effect already, only its answer is missing.
    const own = waiting.filter(({ payload }) => payload.orderId === ticket.orderId && !(payload.expectedVersion < Number(ticket.version)));
    const last = own.at(-1);
    if (!last || ticket.status === 'cancelled') return { ...ticket, command: null };
    const version = ticket.version === null ? null : ticket.version + own.length;
    return { ...ticket, status: last.payload.status, version, command: last };
  });
}

/** How late a ticket is. @param {Ticket} ticket @param {number} now @returns {'' | 'due' | 'late'} */
export function band(ticket, now) {
  if (ticket.status === 'ready' || ticket.status === 'cancelled') return '';
  const waited = now - ticket.since;
  if (waited >= LATE_MILLISECONDS) return 'late';
  return waited >= DUE_MILLISECONDS ? 'due' : '';
}

/**
 * What is to be made altogether: station by station, and there the most first.
 * @param {Ticket[]} tickets @returns {{station: string, label: string, modifiers: string[], quantity: number}[]}
 */
export function allDay(tickets) {
  /** @type {Map<string, {station: string, label: string, modifiers: string[], quantity: number}>} */
  const counts = new Map();
  for (const item of tickets.filter((ticket) => !['ready', 'cancelled'].includes(ticket.status)).flatMap((ticket) => ticket.items)) {
    const { station = '', name } = item; // what an earlier version of this screen kept has no station
    const modifiers = item.modifiers.toSorted();
    const key = [station, name, ...modifiers].join('\u0000');
    const count = counts.get(key) ?? { station, label: name, modifiers, quantity: 0 };
    counts.set(key, { ...count, quantity: count.quantity + item.quantity });
  }
  return [...counts.values()].sort(
    (one, other) =>
      one.station.localeCompare(other.station) || other.quantity - one.quantity || one.label.localeCompare(other.label),
  );
}
