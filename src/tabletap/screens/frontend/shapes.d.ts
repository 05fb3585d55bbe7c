// The shapes of the public API that the screens use (contract, sections 2.2 and 4.3).

export interface Tokens {
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
  cafeId: string;
  customerId?: string;
  roles: string[];
  /** Ours: when the access token ends, by this device's clock. */
  expiresAt: number;
}

export interface Modifier {
  id: string;
  name: string;
  priceDelta: number;
}

export interface ModifierGroup {
  id: string;
  name: string;
  /** 1 = choose at most one. */
  max: number;
  min: number;
  options: Modifier[];
}

export interface MenuItem {
  id: string;
  name: string;
  description: string;
  price: number;
  allergens: string[];
  available: boolean;
  groups: ModifierGroup[];
}

export interface Menu {
  cafeName: string;
  currency: string;
  categories: { name: string; items: MenuItem[] }[];
}

export interface CartLine {
  key: string;
  item: MenuItem;
  modifiers: Modifier[];
  quantity: number;
  note: string;
}

export interface OrderItem {
  id: string;
  menuItemId: string;
  name: string;
  quantity: number;
  unitPrice: number;
  modifiers: Modifier[];
  note?: string | null;
  total: number;
}

export type OrderStatus = 'pending' | 'paid' | 'preparing' | 'ready' | 'collected' | 'cancelled';

export interface Order {
  id: string;
  orderNumber: number;
  status: OrderStatus;
  paymentStatus: 'unpaid' | 'partly_paid' | 'paid' | 'partly_refunded' | 'refunded';
  items: OrderItem[];
  totalAmount: number;
  outstandingAmount: number;
  currency: string;
  version: number;
  createdAt: string;
}

export interface BankDetails {
  accountName: string;
  iban?: string;
  bic?: string;
  bsb?: string;
  accountNumber?: string;
  payId?: string;
  payNowUen?: string;
  payNowMobile?: string;
  promptPayId?: string;
  pixKey?: string;
}

export interface Payment {
  paymentId: string;
  orderId: string;
  status: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired' | 'partial_refund' | 'refunded';
  amount: number;
  tipAmount: number;
  totalAmount: number;
  currency: string;
  paymentMethod: string;
  redirectUrl?: string | null;
  qr?: { qrPaymentId: string; reference: string; imageUrl: string; bankDetails: BankDetails; expiresAt: string } | null;
  expiresAt?: string | null;
}

/** What became of an awaited bank transfer, for whoever has its link. */
export interface TransferStatus {
  status: 'waiting' | 'received' | 'partly_paid' | 'expired' | 'cancelled';
  amount: number;
  receivedAmount: number;
  missingAmount: number;
  currency: string;
  expiresAt: string | null;
}

export interface PaymentRequest {
  orderId: string;
  amount: number;
  tipAmount: number;
  paymentMethod: string;
  splitId?: string;
  returnUrl?: string;
}

export interface TipConfiguration {
  tipEnabled: boolean;
  tipType: 'percentage' | 'fixed' | 'both';
  percentages: number[];
  fixedAmounts: number[];
  customTipEnabled: boolean;
  maxTipPercentage: number;
  minTipAmount: number;
  maxTipAmount: number;
}

export interface Share {
  splitId: string;
  amount: number;
  label?: string | null;
  status: 'open' | 'claimed' | 'paying' | 'paid' | 'cancelled';
  claimedBy?: string | null;
}

export interface Splits {
  orderId: string;
  method: string;
  shares: Share[];
  outstandingAmount: number;
}

export interface TicketItem {
  name: string;
  quantity: number;
  modifiers: string[];
  note: string;
  allergens: string[];
  /** Empty: the kitchen as a whole. */
  station: string;
}

export interface Ticket {
  orderId: string;
  orderNumber: number;
  /** Empty: a takeaway. */
  tableNumber: string;
  items: TicketItem[];
  status: OrderStatus;
  /** Unknown (null) until the server says it. */
  version: number | null;
  /** When the kitchen got it, ms since 1970. */
  since: number;
  urgent: boolean;
}

export interface KitchenState {
  tickets: Ticket[];
  /** Collected or cancelled not long ago, latest first. */
  done: Ticket[];
}

export type NoticeState = 'received' | 'handled' | 'kept' | 'held';

/** What a provider told us and what became of it. */
export interface Notice {
  noticeId: string;
  accountId: string;
  eventType: string;
  state: NoticeState;
  receivedAt: string;
  attempts: number;
  reference?: string;
  paymentId?: string;
  orderId?: string;
  paymentStatus?: string;
  outcome?: 'changed' | 'unchanged' | 'not_ours' | 'unanswered' | 'failed';
  error?: string;
  statusBefore?: string;
  statusAfter?: string;
  refundReference?: string;
  refundStatus?: string;
  triedAt?: string;
  handledAt?: string;
  heldAt?: string;
}

export interface NoticeDetail extends Notice {
  fields?: Record<string, string | number | boolean>;
  otherFields?: string[];
}

export interface ProviderAccount {
  accountId: string;
  merchantId: string;
  mode: 'live' | 'test';
  readable?: boolean;
  refusedNotices: number;
  lastRefusedAt?: string;
  previousSecretValidUntil?: string;
}
