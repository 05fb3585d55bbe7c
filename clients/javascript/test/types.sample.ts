// Read by the type checker alone: what must be understood, and, below each `@ts-expect-error`, what must not.

import type { Socket } from 'socket.io-client';
import type { Ack, ClientEvents, ServerEvents, Snapshot, StreamEvent, StreamKey } from '../events';

declare const kitchen: Socket<ServerEvents<'/kitchen'>, ClientEvents<'/kitchen'>>;
declare const counter: Socket<ServerEvents<'/counter'>, ClientEvents<'/counter'>>;

export const stream: StreamKey['kitchen'] = 'cafe:019ab000-0000-7000-8000-000000000000:kitchen';
export const next = (event: StreamEvent) => ({ epoch: event.epoch, seq: event.seq + 1 });
export const waiting = (snapshot: Snapshot<'kitchen'>) => snapshot.state.orders.map((order) => order.items.length);

kitchen.on('new_paid_order', (event) => event.items.map((item) => item.name.length + event.seq));
kitchen.on('heartbeat', ({ heads }) => heads[stream]?.seq);
kitchen.emit('subscribe', { stream }, (ack) => (ack.ok ? ack.result.head : ack.error.code === 'snapshot_required'));
kitchen.emit('order_status_update', { orderId: 'o', status: 'ready', commandId: 'c' }, (ack: Ack<'order_status_update'>) => {
  if (!ack.ok && ack.error.code === 'version_conflict') console.log(ack.error.message);
});
counter.on('credit_added', (event) => event.amount);

// @ts-expect-error the kitchen sees no prices
kitchen.on('new_paid_order', (event) => event.totalAmount);
// @ts-expect-error the kitchen does not hear of credit
kitchen.on('credit_added', () => undefined);
// @ts-expect-error a balance is its owner's alone
counter.on('credit_added', (event) => event.newBalance);
// @ts-expect-error there is no such state of an order
kitchen.emit('order_status_update', { orderId: 'o', status: 'burnt' }, () => undefined);
// @ts-expect-error the kitchen has no such command
kitchen.emit('join_payment', { paymentId: 'p' }, () => undefined);
// @ts-expect-error no such code is ever answered
kitchen.emit('subscribe', { stream }, (ack) => !ack.ok && ack.error.code === 'price_changed');
// @ts-expect-error that is another stream's name
export const wrong: StreamKey['kitchen'] = 'order:019ab000-0000-7000-8000-000000000000';

// The module itself: what is written is what is declared.
import * as declared from '../index';
import * as written from '../src/index.js';

export const same: Pick<typeof declared, 'memoryStorage' | 'webStorage' | 'newId'> = written;
export const names: Record<keyof typeof declared, unknown> = written;
export const declaredNames: Record<keyof typeof written, unknown> = declared;

const live = new declared.Live({ namespace: '/kitchen', token: async () => 'token', storage: declared.memoryStorage() });
const orders = live.follow(stream, {
  initial: { orders: [] as declared.KitchenTicket[] },
  reduce: (state, event) =>
    event.name === 'new_paid_order' ? { orders: [...state.orders, { ...event, items: event.items }] } : state,
});
orders.state.orders.map((order) => order.orderNumber);
void live.send('order_status_update', { orderId: 'o', status: 'ready' }).then((order) => order.version);

// @ts-expect-error the kitchen's connection follows the kitchen's streams
live.follow('user:019ab000-0000-7000-8000-000000000000', { initial: 0, reduce: (state: number) => state });
// @ts-expect-error a namespace that does not exist
void new declared.Live({ namespace: '/bar', token: '' });
