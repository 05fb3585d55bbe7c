// What one station sees of the kitchen: its own items, and what of an order is made elsewhere. Pure.

/** @typedef {import('../shapes').Ticket} Ticket */
/** @typedef {import('../shapes').TicketItem} TicketItem */

/** The station in a path such as /kitchen/bar; empty: the whole kitchen. @param {string} path */
export function stationOf(path) {
  const [, , station = ''] = path.split('/');
  try {
    return decodeURIComponent(station).trim();
  } catch {
    return station;
  }
}

/** @param {string} station */
export function pathOf(station) {
  return `/kitchen/${encodeURIComponent(station)}`;
}

/** @param {string} one @param {string} other */
export function same(one, other) {
  return one.toLowerCase() === other.toLowerCase();
}

/** What a station's part of an order is remembered by: more of it is another part. @param {Ticket} ticket */
export function partOf(ticket) {
  return `${ticket.orderId}/${pieces(ticket.items)}`;
}

/**
 * The tickets that have something for the station, with its items alone and the number of those made elsewhere.
 * @template {Ticket} T @param {T[]} tickets @param {string} station @returns {(T & {elsewhere: number})[]}
 */
export function atStation(tickets, station) {
  if (!station) return tickets.map((ticket) => ({ ...ticket, elsewhere: 0 }));
  return tickets
    .map((ticket) => {
      const own = ticket.items.filter((item) => same(item.station ?? '', station));
      return { ...ticket, items: own, elsewhere: pieces(ticket.items) - pieces(own) };
    })
    .filter((ticket) => ticket.items.length > 0);
}

/** How many tickets have nothing for the station. @param {Ticket[]} tickets @param {string} station */
export function elsewhereOnly(tickets, station) {
  return station ? tickets.filter((ticket) => !ticket.items.some((item) => same(item.station ?? '', station))).length : 0;
}

/** @param {TicketItem[]} items */
function pieces(items) {
  return items.reduce((sum, item) => sum + item.quantity, 0);
}
