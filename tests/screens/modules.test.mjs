// The screens' pure modules, run by Node: what needs no browser to be checked.

import assert from 'node:assert/strict';
import { test } from 'node:test';

globalThis.document = { documentElement: { lang: 'en' } };
const { change, freshen, put, total } = await import('../../src/tabletap/screens/frontend/guest/cart.js');
const { basisPointsOf, money, parseMoney, percentage } = await import('../../src/tabletap/screens/frontend/format.js');
const { allDay, band, clear, EMPTY, fromSnapshot, reduce, withWaiting } = await import(
  '../../src/tabletap/screens/frontend/kitchen/tickets.js'
);
const { atStation, elsewhereOnly, partOf, pathOf, stationOf } = await import(
  '../../src/tabletap/screens/frontend/kitchen/station.js'
);

const oat = { id: 'oat', name: 'Oat', priceDelta: 70 };
const flatWhite = { id: 'fw', name: 'Flat white', price: 480, available: true, groups: [{ options: [oat] }] };
const menuOf = (...items) => ({ currency: 'AUD', categories: [{ name: 'Coffee', items }] });
const NOON = Date.UTC(2026, 0, 1, 12);
const arrives = (orderId, more = {}) => ({
  name: 'new_paid_order', timestamp: NOON, orderId, orderNumber: 7, status: 'paid', version: 2, priority: 0,
  items: [{ name: 'Flat white', quantity: 2, modifiers: ['Oat'] }], ...more,
});
const moves = (orderId, status, version) => ({ name: 'order_status_changed', orderId, orderNumber: 7, status, version });
const after = (...events) => events.reduce(reduce, EMPTY);

test('the same coffee twice is one line, another note another', () => {
  let lines = put([], flatWhite, [oat], 1, '');
  lines = put(lines, flatWhite, [oat], 2, '');
  lines = put(lines, flatWhite, [oat], 1, 'extra hot');
  assert.deepEqual(lines.map((line) => line.quantity), [3, 1]);
  assert.equal(total(lines), 4 * 550);
});

test('a line with none of it is taken off', () => {
  const lines = put([], flatWhite, [], 1, '');
  assert.deepEqual(change(lines, lines[0].key, 0), []);
});

test('a cart follows the menu: new prices, and nothing that is gone', () => {
  const lines = put(put([], flatWhite, [oat], 1, ''), { id: 'x', name: 'Scone', price: 1, groups: [] }, [], 1, '');
  const { lines: kept, gone } = freshen(lines, menuOf({ ...flatWhite, price: 500 }));
  assert.equal(total(kept), 570);
  assert.deepEqual(gone, ['Scone']);
});

test('amounts keep every minor unit', () => {
  assert.equal(money(480, 'AUD'), '$4.80');
  assert.equal(money(1200, 'JPY'), '¥1,200');
  assert.equal(money(123456789012, 'EUR'), '€1,234,567,890.12');
  assert.equal(money(4805, 'KWD'), 'KWD\u00a04.805');
});

test('a typed amount is read to the minor unit or not at all', () => {
  assert.equal(parseMoney('2.50', 'AUD'), 250);
  assert.equal(parseMoney(' 2,5 ', 'AUD'), 250);
  assert.equal(parseMoney('3', 'JPY'), 3);
  for (const wrong of ['2.505', '-1', 'ten', '1e3', '', '3.5.1']) assert.equal(parseMoney(wrong, 'AUD'), null);
  assert.equal(parseMoney('3.5', 'JPY'), null);
});

test('a percentage is rounded half up, as the server does', () => {
  assert.equal(basisPointsOf(1530, 1500), 230);
  assert.equal(basisPointsOf(1, 4999), 0);
  assert.equal(percentage(1250), '12.5%');
});

test('a ticket arrives, is moved on, and is remembered when it is collected', () => {
  const state = after(arrives('a'), moves('a', 'preparing', 3), moves('a', 'ready', 4), moves('a', 'collected', 5));
  assert.deepEqual(state.tickets, []);
  assert.deepEqual(state.done.map((ticket) => ticket.status), ['collected']);
});

test('a ticket whose lines change is written anew and keeps its turn', () => {
  const tea = [{ name: 'Tea', quantity: 1, modifiers: [] }];
  const changed = { ...arrives('a', { items: tea, status: 'preparing', version: 4 }), name: 'order_changed', timestamp: NOON + 60_000 };
  const [ticket] = after(arrives('a'), moves('a', 'preparing', 3), changed).tickets;
  assert.deepEqual(ticket.items.map((item) => item.name), ['Tea']);
  assert.deepEqual([ticket.since, ticket.status, ticket.version], [NOON, 'preparing', 4]);
  assert.deepEqual(after(changed).tickets, [], 'an order that the kitchen does not have');
  assert.equal(after(arrives('a', { version: 5 }), changed).tickets[0].items[0].name, 'Flat white', 'older news');
});

test('older news of a ticket changes nothing', () => {
  const state = after(arrives('a'), moves('a', 'ready', 4), moves('a', 'preparing', 3));
  assert.equal(state.tickets[0].status, 'ready');
});

test('a cancelled ticket stays until somebody has seen it', () => {
  const state = after(arrives('a'), moves('a', 'cancelled', 3));
  assert.equal(state.tickets[0].status, 'cancelled');
  assert.deepEqual(clear(state, 'a').tickets, []);
});

test('the oldest ticket comes first', () => {
  const state = after(arrives('late', { timestamp: NOON + 1000 }), arrives('early'));
  assert.deepEqual(state.tickets.map((ticket) => ticket.orderId), ['early', 'late']);
});

test('a snapshot replaces the tickets and keeps what was finished', () => {
  const before = after(arrives('a'), moves('a', 'preparing', 3), moves('a', 'ready', 4), moves('a', 'collected', 5), arrives('b'));
  const state = fromSnapshot(before, { orders: [{ ...arrives('c'), paidAt: '2026-01-01T11:00:00Z' }] }, NOON);
  assert.deepEqual(state.tickets.map((ticket) => [ticket.orderId, ticket.since]), [['c', NOON - 3_600_000]]);
  assert.deepEqual(state.done.map((ticket) => ticket.orderId), ['a']);
});

test('what waits to be sent is shown as done, on the version it builds on', () => {
  const waiting = [
    { payload: { orderId: 'a', status: 'preparing', expectedVersion: 2 } },
    { payload: { orderId: 'a', status: 'ready', expectedVersion: 3 } },
  ];
  const [ticket] = withWaiting(after(arrives('a')).tickets, waiting);
  assert.deepEqual([ticket.status, ticket.version, ticket.command], ['ready', 4, waiting[1]]);
});

test('a command whose answer was lost does not hide how the ticket stands', () => {
  const waiting = [{ payload: { orderId: 'a', status: 'preparing', expectedVersion: 2 } }];
  const [ticket] = withWaiting(after(arrives('a'), moves('a', 'preparing', 3)).tickets, waiting);
  assert.deepEqual([ticket.status, ticket.version, ticket.command], ['preparing', 3, null]);
});

test('a ticket is due after five minutes and late after eight, until it is ready', () => {
  const [ticket] = after(arrives('a')).tickets;
  const minute = 60_000;
  assert.deepEqual([4, 5, 8].map((minutes) => band(ticket, NOON + minutes * minute)), ['', 'due', 'late']);
  assert.equal(band({ ...ticket, status: 'ready' }, NOON + 20 * minute), '');
});

test('all-day counts add up what is still to be made', () => {
  const state = after(arrives('a'), arrives('b'), arrives('c'), moves('c', 'ready', 3));
  assert.deepEqual(allDay(state.tickets), [{ station: '', label: 'Flat white', modifiers: ['Oat'], quantity: 4 }]);
});

const bar = { name: 'Flat white', quantity: 2, modifiers: [], station: 'Cold bar' };
const grill = { name: 'Burger', quantity: 1, modifiers: [], station: 'Grill' };
const plain = { name: 'Banana', quantity: 3, modifiers: [] };

test('all-day counts go station by station', () => {
  const state = after(arrives('a', { items: [grill, bar] }), arrives('b', { items: [grill, plain] }));
  assert.deepEqual(allDay(state.tickets).map(({ station, label, quantity }) => [station, label, quantity]), [
    ['', 'Banana', 3], ['Cold bar', 'Flat white', 2], ['Grill', 'Burger', 2],
  ]);
});

test('a station sees its own items and how much is made elsewhere', () => {
  const { tickets } = after(arrives('a', { items: [grill, bar, plain] }), arrives('b', { items: [grill] }));
  const [own, ...others] = atStation(tickets, 'cold BAR');
  assert.deepEqual([own.orderId, own.items.map((item) => item.name), own.elsewhere, others], ['a', ['Flat white'], 4, []]);
  assert.equal(elsewhereOnly(tickets, 'Cold bar'), 1);
  assert.deepEqual(atStation(tickets, '').map((ticket) => [ticket.items.length, ticket.elsewhere]), [[3, 0], [1, 0]]);
  assert.deepEqual(atStation(tickets, 'Pass'), []);
  const more = after(arrives('a', { items: [bar] }), arrives('b', { items: [bar, bar] })).tickets;
  assert.notEqual(partOf(more[0]).split('/')[1], partOf(more[1]).split('/')[1]);
});

test('a station is named in the path', () => {
  assert.equal(stationOf('/kitchen'), '');
  assert.equal(stationOf('/kitchen/'), '');
  assert.equal(stationOf(pathOf('Café / 1')), 'Café / 1');
  assert.equal(stationOf('/kitchen/%E0%A4%A'), '%E0%A4%A');
});
