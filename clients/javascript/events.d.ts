// What the live API of TableTap sends and takes. Made by `make docs` from the server's own models; do not edit.
//
//   import type { ClientEvents, ServerEvents } from 'tabletap-live/events';
//   /** @type {import('socket.io-client').Socket<ServerEvents<'/kitchen'>, ClientEvents<'/kitchen'>>} */
//   const socket = io('/kitchen', { auth: { token } });

/** One thing with its modifiers, and how many of it are to be made. */
export interface AllDayCount {
  name: string;
  modifiers: string[];
  quantity: number;
  /** Where it is made; left out: the kitchen as a whole. */
  station?: string;
}

/** `announcement`, as everybody may read it: the words alone. */
export interface Announced {
  message: string;
}

/** `announcement`, as those who work here hear it together. */
export interface AnnouncedToStaff {
  message: string;
  announcedBy: string;
}

/** `roll_call`: who is connected to the cafe, and how far behind they are. */
export interface AskRollCall {}

/** The token runs out: `auth_refresh` goes on with another one, without a new connection. */
export interface AuthExpiring {
  seconds: number;
}

/** `auth_refresh`. */
export interface AuthRefresh {
  token: string;
}

/** Numbers for the whole room, first come first. */
export interface BoardState {
  preparing: number[];
  ready: number[];
}

/** `credit_account_changed`. Why is for the managers alone: they ask for it. */
export interface CreditAccountTold {
  customerId: string;
  status: 'active' | 'closed' | 'suspended';
  previousStatus: 'active' | 'closed' | 'suspended';
}

/** `credit_added` and `credit_deducted`, as the counter hears them; the amount is above zero in both. */
export interface CreditChanged {
  customerId: string;
  amount: number;
  type: 'credit' | 'debit' | 'expiry' | 'refund';
  transactionId: string;
  orderId?: string;
}

/** The same for the customer, who also learns the balance. */
export interface CreditChangedForOwner {
  customerId: string;
  amount: number;
  type: 'credit' | 'debit' | 'expiry' | 'refund';
  transactionId: string;
  orderId?: string;
  newBalance: number;
}

/** A person's credit. */
export interface CreditNow {
  balance: number;
  held: number;
  currency: string;
}

/** The last event of a stream that a client has: everything after it is new to them. */
export interface Cursor {
  epoch: number;
  seq: number;
}

/** What a cafe's dashboard shows: all of it at first (`full`), then the parts that changed, each part whole. `sales` are those of the business day, net of what went back, as `GET /payments/statistics` counts them. */
export interface DashboardDelta {
  cafeId: string;
  at: string;
  full?: boolean;
  businessDay?: string;
  currency?: string;
  openOrders?: OpenOrders;
  sales?: Figures;
  kitchen?: KitchenLoad;
  paymentsInReview?: number;
  openShares?: number;
}

/** `day_closed`: its report can be read and printed. */
export interface DayTold {
  businessDay: string;
  zNumber: number;
  closedBy: string;
  reason?: string;
}

/** `payment_disputed`: opened, or decided (`won`: the money is back, `lost`: it is gone). */
export interface DisputeTold {
  disputeId: string;
  paymentId: string;
  orderId: string;
  amount: number;
  currency: string;
  status: 'lost' | 'open' | 'won';
  reason: string;
  previousStatus?: 'lost' | 'open' | 'won';
}

/** `drawer_changed`: a drawer was opened, moved by hand, counted or closed. What is expected in it is not told. */
export interface DrawerTold {
  sessionId: string;
  drawer: string;
  status: string;
  openedBy: string;
  countedAt?: string;
  differenceAmount?: number;
}

/** A stream that carries only messages begins with nothing. */
export interface EmptyState {}

/** What every event carries beside its own fields. */
export interface Envelope {
  /** One named event has one id in every stream, webhook and poll. */
  eventId: string;
  /** Shared by the events of one change. */
  causeId: string;
  name: string;
  /** When it happened: milliseconds since 1970. */
  timestamp: number;
  schemaVersion: number;
  cafeId: string;
  /** The key of the stream that this copy was written to. */
  stream: string;
  /** Changes only when a stream had to be restarted (a restored backup). */
  epoch: number;
  /** Within a stream and epoch 1, 2, 3 … with no gap and no repeat. */
  seq: number;
}

/** Why not. Also emitted as `exception`; `stream` names the one it is about, if it answers no message. */
export interface LiveError {
  type: 'authentication_failed' | 'authorization_denied' | 'conflict' | 'invalid_message_format' | 'rate_limit_exceeded' | 'resource_not_found' | 'server_error';
  code: string;
  message: string;
  retryable: boolean;
  retryAfterSeconds?: number;
  stream?: string;
}

/** What payments came to. `net` is gross and tips less what went back. */
export interface Figures {
  count?: number;
  /** For orders, tips not among them. */
  grossAmount?: number;
  tipAmount?: number;
  refundedAmount?: number;
  chargedBackAmount?: number;
  netAmount?: number;
}

/** What counter, staff and management begin with: what is open in the cafe, oldest first. */
export interface FloorState {
  orders: OpenOrder[];
  payments: PaymentTold[];
}

/** `auth` of the connection. */
export interface Handshake {
  token?: string | null;
  cursors?: Record<string, Cursor>;
}

/** How far each subscribed stream has come, so that a screen can know that it shows the truth. */
export interface Heartbeat {
  heads: Record<string, Position>;
}

/** `join_cafe`. */
export interface JoinCafe {
  cafeId: string;
}

/** `join_order`. */
export interface JoinOrder {
  orderId: string;
}

/** `join_payment`. */
export interface JoinPayment {
  paymentId: string;
}

/** The streams of a cafe that are heard from now on. */
export interface Joined {
  cafeId: string;
  streams: Subscribed[];
}

/** A line of a kitchen ticket: what to make, not what it costs. */
export interface KitchenItem {
  name: string;
  quantity: number;
  modifiers: string[];
  note?: string;
  allergens?: string[];
  station?: string;
}

/** What the kitchen has to make: how many tickets, and how many of them have waited for 5 and for 8 minutes. */
export interface KitchenLoad {
  waiting: number;
  due: number;
  late: number;
  /** Since when the oldest of them waits. */
  oldestAt?: string;
}

/** What the kitchen has to do, in the order in which it learnt of it, and how many of each thing that is. */
export interface KitchenState {
  orders: KitchenTicket[];
  allDay: AllDayCount[];
}

/** `new_paid_order` (kitchen), and what a kitchen's snapshot is made of. */
export interface KitchenTicket {
  orderId: string;
  orderNumber: number;
  items: KitchenItem[];
  status: 'cancelled' | 'collected' | 'paid' | 'pending' | 'preparing' | 'ready';
  version: number;
  /** 0 is what everybody gets; higher goes first. */
  priority: number;
  tableNumber?: string;
  paidAt?: string;
}

/** `order_changed` (kitchen): the ticket as it is now, and what is new or not wanted any more. */
export interface KitchenTicketChanged {
  orderId: string;
  orderNumber: number;
  items: KitchenItem[];
  status: 'cancelled' | 'collected' | 'paid' | 'pending' | 'preparing' | 'ready';
  version: number;
  /** 0 is what everybody gets; higher goes first. */
  priority: number;
  tableNumber?: string;
  paidAt?: string;
  added: KitchenItem[];
  voided: KitchenItem[];
}

/** An order that is not finished, as the cafe's people see it in a list. */
export interface OpenOrder {
  orderId: string;
  orderNumber: number;
  status: 'cancelled' | 'collected' | 'paid' | 'pending' | 'preparing' | 'ready';
  paymentStatus: string;
  totalAmount: number;
  outstandingAmount: number;
  currency: string;
  version: number;
  tableNumber?: string;
  takeawayName?: string;
}

/** How many orders are not finished, by where they stand. */
export interface OpenOrders {
  pending: number;
  paid: number;
  preparing: number;
  ready: number;
}

/** `order_changed`: its lines, and so what it costs. */
export interface OrderChangedTold {
  orderId: string;
  orderNumber: number;
  status: 'cancelled' | 'collected' | 'paid' | 'pending' | 'preparing' | 'ready';
  paymentStatus: 'paid' | 'partly_paid' | 'partly_refunded' | 'refunded' | 'unpaid';
  totalAmount: number;
  outstandingAmount: number;
  currency: string;
  version: number;
  added: OrderLine[];
  voided: OrderLine[];
  tableNumber?: string;
}

/** `order_in_preparation`. */
export interface OrderInPreparation {
  orderId: string;
  orderNumber: number;
  version: number;
  tableNumber?: string;
}

/** A line as callers see it. */
export interface OrderItemView {
  id: string;
  menuItemId: string;
  name: string;
  quantity: number;
  unitPrice: number;
  modifiers: (Record<string, unknown>)[];
  total: number;
  note?: string;
  voided?: boolean;
}

/** A line that was added to an order or taken off it. */
export interface OrderLine {
  orderItemId: string;
  name: string;
  quantity: number;
  total: number;
}

/** `order_status_changed`. */
export interface OrderMoved {
  orderId: string;
  orderNumber: number;
  previousStatus: 'cancelled' | 'collected' | 'paid' | 'pending' | 'preparing' | 'ready';
  status: 'cancelled' | 'collected' | 'paid' | 'pending' | 'preparing' | 'ready';
  version: number;
  reason?: string;
}

/** `order_created`, as the guest and their table hear it. */
export interface OrderPlaced {
  orderId: string;
  orderNumber: number;
  status: 'cancelled' | 'collected' | 'paid' | 'pending' | 'preparing' | 'ready';
  totalAmount: number;
  currency: string;
  version: number;
  tableNumber?: string;
}

/** `order_created`, as the cafe's people hear it. */
export interface OrderPlacedInCafe {
  orderId: string;
  orderNumber: number;
  status: 'cancelled' | 'collected' | 'paid' | 'pending' | 'preparing' | 'ready';
  totalAmount: number;
  currency: string;
  version: number;
  tableNumber?: string;
  itemCount: number;
  takeawayName?: string;
}

/** `order_ready`, for those concerned. */
export interface OrderReady {
  orderId: string;
  orderNumber: number;
  version: number;
  tableNumber?: string;
}

/** `order_ready`, for the whole room: a number. */
export interface OrderReadyOnBoard {
  orderNumber: number;
}

/** One order, every attempt to pay it, and its shares when the bill is split. */
export interface OrderState {
  order: OrderView;
  payments: PaymentTold[];
  split?: SplitView;
}

/** `order_status_update`. Safe to repeat with its `commandId`, which moves that return money cannot do without. */
export interface OrderStatusUpdate {
  orderId: string;
  status: 'cancelled' | 'collected' | 'paid' | 'pending' | 'preparing' | 'ready';
  expectedVersion?: number | null;
  reason?: string | null;
  commandId?: string | null;
}

/** An order as callers see it (contract 2.2). */
export interface OrderView {
  id: string;
  orderNumber: number;
  cafeId: string;
  status: 'cancelled' | 'collected' | 'paid' | 'pending' | 'preparing' | 'ready';
  paymentStatus: 'paid' | 'partly_paid' | 'partly_refunded' | 'refunded' | 'unpaid';
  items: OrderItemView[];
  subtotalAmount: number;
  taxAmount: number;
  totalAmount: number;
  outstandingAmount: number;
  currency: string;
  version: number;
  createdAt: string;
  kind: 'sale' | 'top_up';
  tableId?: string;
  tableNumber?: string;
  takeawayName?: string;
  customerId?: string;
  clientOrderId?: string;
  paidAt?: string;
}

/** A part of an item: one third of the cake is 1 of 3. */
export interface Part {
  orderItemId: string;
  numerator?: number;
  denominator?: number;
}

/** One payment. */
export interface PaymentStateNow {
  payment: PaymentTold;
}

/** `payment_initiated` and `payment_state_sync`. */
export interface PaymentTold {
  paymentId: string;
  orderId: string;
  status: 'cancelled' | 'completed' | 'expired' | 'failed' | 'partial_refund' | 'pending' | 'processing' | 'refunded';
  amount: number;
  tipAmount: number;
  totalAmount: number;
  currency: string;
  paymentMethod: string;
  retryCount: number;
  lastUpdated: string;
  previousStatus?: 'cancelled' | 'completed' | 'expired' | 'failed' | 'pending' | 'processing';
  needsReview?: boolean;
  reviewReason?: 'contradiction' | 'dispute' | 'late_money' | 'outcome_unknown' | 'overpaid' | 'refund_unknown' | 'wrong_amount' | 'wrong_currency' | 'wrong_mode' | 'wrong_reference';
}

/** Where a stream stands. */
export interface Position {
  epoch: number;
  seq: number;
}

/** Somebody came or went, in whichever process; `roll_call` says who is here now. */
export interface PresenceChanged {
  cafeId: string;
  /** Of those who work here. */
  screens: number;
  guests: number;
}

/** `qr_payment_scanned`: the payer opened the page of a bank transfer. */
export interface QrScannedTold {
  qrPaymentId: string;
  paymentId: string;
  orderId: string;
}

/** How long the new token is good for. */
export interface Refreshed {
  tokenExpiresAt: string | null;
}

/** `payment_refunded`. */
export interface RefundTold {
  originalPaymentId: string;
  orderId: string;
  refundId: string;
  refundAmount: number;
  currency: string;
  status: 'completed' | 'failed' | 'pending';
}

/** `data` of a refused handshake. */
export interface Refused {
  code: string;
  message: string;
  retryable: boolean;
  retryAfterSeconds?: number;
}

/** What a person is at a cafe (contract section 2). */
export interface Role {}

/** Who is connected to the cafe. */
export interface RollCall {
  at: string;
  /** False while not all processes are known: Redis is away, or some run another version. */
  isComplete: boolean;
  /** Those that hold connections of this cafe. */
  processes: string[];
  screens: ScreenHere[];
  /** Connections of customers and guests. */
  guests: number;
}

/** One screen of somebody who works here. */
export interface ScreenHere {
  screenId: string;
  personId: string;
  /** Their name, or what they are. */
  label: string;
  roles: Role[];
  audience: string;
  namespaces: string[];
  processId: string;
  connectedAt: string;
  streams: StreamReached[];
}

/** `security_event`: what was refused, and how often since the last time. */
export interface SecurityEventTold {
  securityEventId: string;
  rule: string;
  severity: 'notice' | 'warning';
  count: number;
  route: string;
  firstAt: string;
  lastAt: string;
  personId?: string;
  address?: string;
  orderId?: string;
  paymentId?: string;
  amount?: number;
  paymentMethod?: string;
}

/** The session ends here; the socket is disconnected next. */
export interface SessionExpired {
  reason: string;
}

/** Connected: what is heard already, because the handshake had cursors for it. */
export interface SessionReady {
  streams: Subscribed[];
  tokenExpiresAt: string | null;
  heartbeatSeconds: number;
}

/** One share of a bill. */
export interface ShareView {
  splitId: string;
  amount: number;
  status: string;
  label?: string;
  claimedBy?: string;
  leasedUntil?: string;
  /** Of a split by items, what it covers. */
  items?: Part[];
}

/** The stream is not subscribed any more; take a snapshot and subscribe from its position. */
export interface SnapshotNeeded {
  stream: string;
  reason: string;
}

/** `split_changed`: all shares as they are now, none once the bill is whole again. */
export interface SplitTold {
  orderId: string;
  method: string;
  shares: ShareView[];
  outstandingAmount: number;
}

/** A bill split into shares. */
export interface SplitView {
  orderId: string;
  method: string;
  shares: ShareView[];
  outstandingAmount: number;
}

/** `stream_ack`: how far a screen has come. */
export interface StreamAck {
  cursors: Record<string, Cursor>;
}

/** How far a screen has come in one stream of the cafe; null while it has not said so. */
export interface StreamReached {
  stream: string;
  head: number;
  acknowledgedSeq?: number | null;
  eventsBehind?: number | null;
  /** How long the first event that it has not acknowledged has been there. */
  secondsBehind?: number | null;
}

/** `subscribe`. */
export interface Subscribe {
  stream: string;
  cursor?: Cursor | null;
}

/** The stream as it stood when the subscription began, and how many events of before will follow this answer. */
export interface Subscribed {
  stream: string;
  epoch: number;
  head: number;
  replayed: number;
}

/** `tip_distributed`: tips were shared out, taken back (below zero) or assigned. */
export interface TipsDistributedTold {
  distributionId: string;
  kind: string;
  groupId: string;
  businessDay: string;
  amount: number;
  unassignedAmount: number;
  currency: string;
  paymentId?: string;
}

/** `unsubscribe`. A cursor may stand beside it and changes nothing. */
export interface Unsubscribe {
  stream: string;
  cursor?: Cursor | null;
}

/** The stream that is not heard any more. */
export interface Unsubscribed {
  stream: string;
}

/** What concerns one person: their latest payments, newest first, and their credit if they have an account. */
export interface UserState {
  payments: PaymentTold[];
  credit?: CreditNow;
}

/** How the streams of an audience are called. */
export interface StreamKey {
  kitchen: `cafe:${string}:kitchen`;
  counter: `cafe:${string}:counter`;
  staff: `cafe:${string}:staff`;
  management: `cafe:${string}:management`;
  board: `cafe:${string}:board`;
  role: `cafe:${string}:role:${string}`;
  order: `order:${string}`;
  payment: `payment:${string}`;
  user: `user:${string}`;
}

/** What each audience is told. */
export interface EventsOf {
  kitchen: {
    order_status_changed: OrderMoved;
    new_paid_order: KitchenTicket;
    order_changed: KitchenTicketChanged;
  };
  counter: {
    order_created: OrderPlacedInCafe;
    order_status_changed: OrderMoved;
    order_changed: OrderChangedTold;
    order_in_preparation: OrderInPreparation;
    order_ready: OrderReady;
    payment_initiated: PaymentTold;
    payment_state_sync: PaymentTold;
    qr_payment_scanned: QrScannedTold;
    payment_refunded: RefundTold;
    payment_disputed: DisputeTold;
    credit_added: CreditChanged;
    credit_deducted: CreditChanged;
    credit_account_changed: CreditAccountTold;
    drawer_changed: DrawerTold;
    split_changed: SplitTold;
  };
  staff: {
    order_created: OrderPlacedInCafe;
    order_status_changed: OrderMoved;
    order_changed: OrderChangedTold;
    order_in_preparation: OrderInPreparation;
    order_ready: OrderReady;
    payment_initiated: PaymentTold;
    payment_state_sync: PaymentTold;
    announcement: AnnouncedToStaff;
  };
  management: {
    order_created: OrderPlacedInCafe;
    order_status_changed: OrderMoved;
    order_changed: OrderChangedTold;
    payment_initiated: PaymentTold;
    payment_state_sync: PaymentTold;
    payment_refunded: RefundTold;
    payment_disputed: DisputeTold;
    credit_account_changed: CreditAccountTold;
    tip_distributed: TipsDistributedTold;
    drawer_changed: DrawerTold;
    day_closed: DayTold;
    security_event: SecurityEventTold;
  };
  board: {
    order_ready: OrderReadyOnBoard;
    announcement: Announced;
  };
  role: {
    announcement: AnnouncedToStaff;
  };
  order: {
    order_created: OrderPlaced;
    order_status_changed: OrderMoved;
    order_changed: OrderChangedTold;
    order_ready: OrderReady;
    payment_initiated: PaymentTold;
    payment_state_sync: PaymentTold;
    payment_refunded: RefundTold;
    split_changed: SplitTold;
  };
  payment: {
    payment_initiated: PaymentTold;
    payment_state_sync: PaymentTold;
    qr_payment_scanned: QrScannedTold;
    payment_refunded: RefundTold;
    payment_disputed: DisputeTold;
  };
  user: {
    payment_initiated: PaymentTold;
    payment_state_sync: PaymentTold;
    payment_refunded: RefundTold;
    credit_added: CreditChangedForOwner;
    credit_deducted: CreditChangedForOwner;
    credit_account_changed: CreditAccountTold;
    announcement: Announced;
  };
}

/** What the snapshots of an audience's streams are made of. */
export interface StateOf {
  kitchen: KitchenState;
  counter: FloorState;
  staff: FloorState;
  management: FloorState;
  board: BoardState;
  role: EmptyState;
  order: OrderState;
  payment: PaymentStateNow;
  user: UserState;
}

/** Which audiences' streams may be followed in a namespace. */
export interface StreamsIn {
  '/orders': 'staff' | 'order' | 'user';
  '/kitchen': 'kitchen' | 'role';
  '/counter': 'counter' | 'staff' | 'order';
  '/customers': 'board' | 'order' | 'user';
  '/admin': 'kitchen' | 'counter' | 'staff' | 'management' | 'board' | 'role' | 'order' | 'payment' | 'user';
  '/payments': 'counter' | 'order' | 'payment' | 'user';
}

/** What the server says that belongs to no stream. */
export interface ServerMessages {
  session_ready: SessionReady;
  heartbeat: Heartbeat;
  auth_expiring: AuthExpiring;
  session_expired: SessionExpired;
  snapshot_required: SnapshotNeeded;
  exception: LiveError;
  presence_changed: PresenceChanged;
  dashboard_delta: DashboardDelta;
}

/** Which of it is said in a namespace. */
export interface MessagesIn {
  '/orders': 'session_ready' | 'heartbeat' | 'auth_expiring' | 'session_expired' | 'snapshot_required' | 'exception';
  '/kitchen': 'session_ready' | 'heartbeat' | 'auth_expiring' | 'session_expired' | 'snapshot_required' | 'exception';
  '/counter': 'session_ready' | 'heartbeat' | 'auth_expiring' | 'session_expired' | 'snapshot_required' | 'exception' | 'presence_changed';
  '/customers': 'session_ready' | 'heartbeat' | 'auth_expiring' | 'session_expired' | 'snapshot_required' | 'exception';
  '/admin': 'session_ready' | 'heartbeat' | 'auth_expiring' | 'session_expired' | 'snapshot_required' | 'exception' | 'dashboard_delta' | 'presence_changed';
  '/payments': 'session_ready' | 'heartbeat' | 'auth_expiring' | 'session_expired' | 'snapshot_required' | 'exception';
}

/** Why anything that is sent may be refused. */
export type AnyCode = 'invalid_request' | 'request_too_large' | 'rate_limit_exceeded' | 'not_allowed' | 'token_invalid' | 'token_expired' | 'temporarily_unavailable' | 'internal_error';

/** What may be sent, what is answered, and why it may be refused. */
export interface Commands {
  /** Hear a stream. */
  subscribe: { payload: Subscribe; result: Subscribed; codes: AnyCode | 'other_cafe' | 'order_not_found' | 'payment_not_found' | 'too_many_streams' | 'snapshot_required' };
  /** Hear a stream no longer. */
  unsubscribe: { payload: Unsubscribe; result: Unsubscribed; codes: AnyCode };
  /** Hear everything of the cafe that one may hear here. */
  join_cafe: { payload: JoinCafe; result: Joined; codes: AnyCode | 'other_cafe' | 'too_many_streams' };
  /** Go on with a newer token of the same person, without a new connection. */
  auth_refresh: { payload: AuthRefresh; result: Refreshed; codes: AnyCode };
  /** Note how far a screen has come. */
  stream_ack: { payload: StreamAck; result: undefined; codes: AnyCode };
  /** Move an order on. Screens learn of it from the stream, not from here. */
  order_status_update: { payload: OrderStatusUpdate; result: OrderView; codes: AnyCode | 'order_not_found' | 'transition_not_allowed' | 'version_conflict' | 'address_blocked' | 'card_number_refused' | 'refund_needs_approval' | 'idempotency_key_required' | 'idempotency_key_reused' | 'request_in_progress' };
  /** Hear of one order. */
  join_order: { payload: JoinOrder; result: Subscribed; codes: AnyCode | 'order_not_found' | 'too_many_streams' };
  /** Say who is connected to the cafe, and how far behind their screens are. */
  roll_call: { payload: AskRollCall; result: RollCall; codes: AnyCode };
  /** Hear of one payment. */
  join_payment: { payload: JoinPayment; result: Subscribed; codes: AnyCode | 'payment_not_found' | 'too_many_streams' };
}

/** Which commands a namespace understands. */
export interface CommandsIn {
  '/orders': 'subscribe' | 'unsubscribe' | 'join_cafe' | 'auth_refresh' | 'stream_ack' | 'order_status_update' | 'join_order';
  '/kitchen': 'subscribe' | 'unsubscribe' | 'join_cafe' | 'auth_refresh' | 'stream_ack' | 'order_status_update';
  '/counter': 'subscribe' | 'unsubscribe' | 'join_cafe' | 'auth_refresh' | 'stream_ack' | 'order_status_update' | 'roll_call';
  '/customers': 'subscribe' | 'unsubscribe' | 'join_cafe' | 'auth_refresh' | 'stream_ack' | 'join_order';
  '/admin': 'subscribe' | 'unsubscribe' | 'join_cafe' | 'auth_refresh' | 'stream_ack' | 'roll_call';
  '/payments': 'subscribe' | 'unsubscribe' | 'join_cafe' | 'auth_refresh' | 'stream_ack' | 'join_payment' | 'join_order';
}

export type Namespace = keyof CommandsIn;
export type CommandName = keyof Commands;
export type Audience = keyof EventsOf;
export type EventName<A extends Audience = Audience> = A extends Audience ? keyof EventsOf[A] & string : never;

/** An event as an audience is told it: its own fields and the envelope. */
export type StreamEvent<A extends Audience = Audience, N extends string = string> = A extends Audience
  ? { [K in EventName<A>]: Omit<Envelope, 'name' | 'stream'> & { name: K; stream: StreamKey[A] } & EventsOf[A][K] }[
      EventName<A> & N]
  : never;

/** What `GET /api/v1/streams/{stream}/snapshot` answers: the state, and where in the stream it was true. */
export interface Snapshot<A extends Audience = Audience> {
  state: StateOf[A];
  epoch: number;
  seq: number;
}

export type Done<Result> = Result extends undefined ? { ok: true } : { ok: true; result: Result };
export type Failed<Code extends string = string> = { ok: false; error: LiveError & { code: Code } };
export type Ack<C extends CommandName> = Done<Commands[C]['result']> | Failed<Commands[C]['codes']>;

/** For `Socket<ServerEvents<S>, ClientEvents<S>>` of socket.io-client: what is heard in a namespace. */
export type ServerEvents<S extends Namespace> = {
  [N in EventName<StreamsIn[S]>]: (event: StreamEvent<StreamsIn[S], N>) => void;
} & {
  [N in MessagesIn[S]]: (message: ServerMessages[N]) => void;
};

/** The same for what is sent: each command with its payload and its ack. */
export type ClientEvents<S extends Namespace> = {
  [C in CommandsIn[S]]: (payload: Commands[C]['payload'], answer: (ack: Ack<C>) => void) => void;
};
