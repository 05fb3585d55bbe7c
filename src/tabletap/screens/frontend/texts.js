// Every English sentence and word that a screen's script shows, so that other languages can follow.

/** @param {number} count @param {string} one @param {string} many */
const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

export const texts = {
  strip: {
    live: 'Live',
    /** @param {string} age */
    age: (age) => `${age} ago`,
    /** @param {number} count */
    received: (count) => (count === 0 ? 'no events yet' : count === 1 ? 'the 1 event received' : `all ${count} events received`),
    catchingUp: 'Catching up',
    /** @param {string} time */
    asOf: (time) => `as of ${time}`,
    /** @param {string} time */
    stale: (time) => `Not up to date since ${time}`,
    staleNever: 'Not up to date: no connection yet',
    /** @param {number} count */
    waiting: (count) => `${plural(count, 'change waits', 'changes wait')} to be sent`,
  },

  problem: {
    network: 'There is no connection to TableTap right now. Check the network and try again.',
    unclear: 'Something went wrong at our end. Please try again, or ask the staff.',
    signedOut: 'You are signed out. Please sign in again.',
    dismiss: 'Close this message',
  },

  guest: {
    /** @param {string} number */
    table: (number) => `Table ${number}`,
    menu: 'Menu',
    categories: 'Sections of the menu',
    soldOut: 'Sold out',
    allergens: 'Contains',
    add: 'Add',
    /** @param {string} name */
    addItem: (name) => `Add ${name}`,
    /** @param {string} name */
    chooseItem: (name) => `Choose options for ${name}`,
    /** @param {string} name @param {number} count */
    added: (name, count) => `${name} added. ${plural(count, 'item', 'items')} in your order.`,
    none: 'None',
    note: 'Note for the kitchen',
    noteHint: 'For example: extra hot. Please tell the staff about allergies in person.',
    quantity: 'How many',
    fewer: 'One fewer',
    more: 'One more',
    /** @param {string} name */
    fewerOf: (name) => `One fewer ${name}`,
    /** @param {string} name */
    moreOf: (name) => `One more ${name}`,
    close: 'Close',
    /** @param {string} price */
    addFor: (price) => `Add · ${price}`,
    /** @param {number} count */
    viewOrder: (count) => `View order · ${plural(count, 'item', 'items')}`,
    yourOrder: 'Your order',
    loading: 'Loading the menu …',
    emptyCart: 'Nothing here yet.',
    backToMenu: 'Back to the menu',
    total: 'Total',
    place: 'Place order and pay',
    placing: 'Placing your order …',
    priceChanged: 'A price on the menu has changed. Please look at the new total and place your order again.',
    /** @param {string[]} names */
    gone: (names) => `No longer available, and taken off your order: ${names.join(', ')}.`,
    /** @param {number} number */
    openOrder: (number) => `Order ${number}`,
    yourOrders: 'Other orders at this table',
    /** @param {number} number @param {string} state */
    orderIs: (number, state) => `Order ${number}: ${state}`,
    /** @param {string} amount */
    toPay: (amount) => `${amount} to pay`,
    orderMore: 'Order something else',
    modified: 'Options',
  },

  pay: {
    /** @param {number} number */
    heading: (number) => `Pay order ${number}`,
    items: 'What is on it',
    tip: 'Would you like to leave a tip?',
    noTip: 'No tip',
    otherTip: 'Another amount',
    /** @param {string} currency */
    otherTipLabel: (currency) => `Tip in ${currency}`,
    tipUnreadable: 'Please write the tip as an amount, such as 2.50.',
    tipWrong: 'Please look at the tip again: it cannot be taken as it is.',
    /** @param {string} least @param {string} most */
    tipBetween: (least, most) => `A tip is between ${least} and ${most} on this amount.`,
    order: 'Order',
    share: 'Your share',
    tipLine: 'Tip',
    total: 'You pay',
    method: 'How would you like to pay?',
    methods: /** @type {Record<string, string>} */ ({
      payconic_card: 'Card',
      payconic_digital_wallet: 'Digital wallet',
      payconic_bank_transfer: 'Bank transfer',
      qr_bank_transfer: 'Bank transfer by QR code',
      cash: 'Cash at the counter',
      customer_credit: 'Credit',
    }),
    methodHints: /** @type {Record<string, string>} */ ({
      payconic_card: 'On the payment page of Payconic',
      payconic_digital_wallet: 'Apple Pay, Google Pay and others, through Payconic',
      payconic_bank_transfer: 'From your bank, through Payconic',
      qr_bank_transfer: 'Scan or copy the details into your bank’s app',
      cash: 'Pay the staff; tell them your order number',
    }),
    chooseMethod: 'Please choose how you would like to pay.',
    /** @param {string} amount */
    pay: (amount) => `Pay ${amount}`,
    payShare: 'Pay your share',
    sending: 'Starting your payment …',
    cancelling: 'Cancelling …',
    resuming: 'We are finishing the payment you started. You will not be charged twice.',
    split: 'Split the bill equally',
    splitHow: 'Between how many people?',
    fewerPeople: 'One person fewer',
    morePeople: 'One person more',
    /** @param {number} count */
    splitInto: (count) => `Split into ${count}`,
    /** @param {number} place */
    shareNumber: (place) => `Share ${place}`,
    shareMine: 'yours',
    shareOpen: 'open',
    sharePaid: 'paid',
    shareTaken: 'being paid',
    chooseShare: 'Which share do you pay?',
    wholeBill: 'Do not split it after all',
    back: 'Back',
    later: 'Not now',
  },

  payment: {
    pending: 'Waiting for your payment.',
    processing: 'We are checking whether your payment went through. Please do not pay again.',
    completed: 'Paid. Thank you!',
    failed: 'The payment did not go through, and nothing was taken.',
    cancelled: 'The payment was cancelled, and nothing was taken.',
    expired: 'The payment was not finished in time. You can pay again.',
    partial_refund: 'Part of your payment was given back.',
    refunded: 'Your payment was given back.',
    /** @param {string} amount */
    cash: (amount) => `Please pay ${amount} at the counter and tell them your order number.`,
    goOn: 'Go on to the payment page',
    /** @param {string} amount */
    transfer: (amount) => `Transfer ${amount} from your bank’s app.`,
    qrImage: 'QR code with the details of the bank transfer',
    qrLost: 'The QR code could not be loaded. The details below are the same.',
    reference: 'Reference',
    amount: 'Amount',
    accountName: 'Account name',
    iban: 'IBAN',
    bic: 'BIC',
    bsb: 'BSB',
    accountNumber: 'Account number',
    payId: 'PayID',
    payNowUen: 'PayNow UEN',
    payNowMobile: 'PayNow mobile number',
    promptPayId: 'PromptPay ID',
    pixKey: 'Pix key',
    copy: 'Copy',
    done: 'Copied',
    /** @param {string} what */
    copyWhat: (what) => `Copy: ${what}`,
    /** @param {string} what */
    copied: (what) => `${what} copied.`,
    notCopied: 'This browser did not allow copying. Please select the text instead.',
    referenceNote: 'Please keep the reference as it is: it tells us that the money is yours.',
    /** @param {string} time */
    until: (time) => `Until ${time}`,
    otherWay: 'Pay another way',
    again: 'Pay now',
  },

  status: {
    yourNumber: 'Your order number',
    steps: /** @type {Record<string, string>} */ ({
      pending: 'Not paid yet',
      paid: 'Paid',
      preparing: 'Being prepared',
      ready: 'Ready',
      collected: 'Collected',
    }),
    sentences: /** @type {Record<string, string>} */ ({
      pending: 'Your order goes to the kitchen as soon as it is paid.',
      paid: 'The kitchen has your order.',
      preparing: 'The kitchen is preparing your order.',
      ready: 'Your order is ready!',
      collected: 'You have your order. Enjoy!',
      cancelled: 'This order was cancelled.',
    }),
    stepsLabel: 'Where your order is',
    done: 'done',
    /** @param {string} amount */
    outstanding: (amount) => `${amount} still to pay`,
    /** @param {string} amount */
    paidSoFar: (amount) => `${amount} paid so far`,
    loading: 'Looking up your order …',
    /** @param {number} number */
    readyTitle: (number) => `Ready: order ${number}`,
  },

  kitchen: {
    heading: 'Kitchen',
    /** @param {string} name */
    station: (name) => `Kitchen: ${name}`,
    allStations: 'All stations',
    noStation: 'No station',
    /** @param {number} tickets */
    others: (tickets) => `(${tickets} elsewhere)`,
    /** @param {number} pieces */
    elsewhere: (pieces) => `+ ${pieces} made at other stations`,
    partNext: 'tap when your part is done',
    partBack: 'tap to take back',
    partDone: 'Your part is done',
    /** @param {number} number @param {boolean} wasDone */
    partOf: (number, wasDone) => (wasDone ? `Order ${number} taken back` : `Your part of order ${number} is done`),
    /** @param {number} fresh @param {number} cooking @param {number} ready */
    counts: (fresh, cooking, ready) => `${fresh} new · ${cooking} cooking · ${ready} ready`,
    tickets: 'Tickets, oldest first',
    ready: 'Ready',
    nothingReady: 'Nothing is waiting to be collected.',
    empty: 'No tickets. Paid orders appear here by themselves.',
    emptyStation: 'Nothing to make at this station. Paid orders appear here by themselves.',
    unverified: 'Waiting for the server. There may be tickets that are not shown here.',
    /** @param {string} number */
    table: (number) => `Table ${number}`,
    takeaway: 'Takeaway',
    states: /** @type {Record<string, string>} */ ({
      pending: 'New',
      paid: 'New',
      preparing: 'Cooking',
      ready: 'Ready',
      collected: 'Collected',
      cancelled: 'Cancelled',
    }),
    next: /** @type {Record<string, string>} */ ({
      pending: 'tap to start',
      paid: 'tap to start',
      preparing: 'tap when ready',
      ready: 'tap when collected',
      cancelled: 'tap to clear',
    }),
    moved: /** @type {Record<string, string>} */ ({
      preparing: 'started',
      ready: 'ready',
      collected: 'collected',
    }),
    bands: { due: 'Due', late: 'Late' },
    urgent: 'Priority',
    allergens: 'Allergens',
    note: 'Note',
    cancelled: 'Cancelled: stop',
    held: 'not sent yet',
    sending: 'sending',
    waiting: 'waiting to be sent',
    sixtyPlus: '60+ min',
    /** @param {number} number @param {string} moved */
    undoLine: (number, moved) => `Order ${number} ${moved}`,
    undo: 'Undo',
    /** @param {number} number */
    undoWhat: (number) => `order ${number}`,
    undone: 'Taken back.',
    /** @param {number} number @param {string} detail */
    notMoved: (number, detail) => `Order ${number} was not moved: ${detail}`,
    conflict: 'somebody else moved it in the meantime. The ticket shows how it stands now.',
    /** @param {number} number */
    newTicket: (number) => `New order ${number}`,
    /** @param {number} number */
    changedTicket: (number) => `Order ${number} was changed: look at its ticket again`,
    /** @param {number} number */
    cancelledTicket: (number) => `Order ${number} was cancelled`,
    startShift: 'Start shift',
    startShiftHint: 'turns on sound and keeps the screen awake',
    soundOn: 'Sound on',
    soundOff: 'Sound off',
    awake: 'screen stays awake',
    mayNotSleep: 'the screen may go dark: this browser keeps it awake only over https',
    allDay: 'All day',
    allDayEmpty: 'Nothing to make.',
    recall: 'Recall',
    recallHint: 'What was finished last. A finished order cannot be reopened.',
    recallEmpty: 'Nothing was finished yet.',
    close: 'Close',
    keysOn: 'Keys on',
    keysOff: 'Keys off',
    keysHint: '1–9 bump a ticket, R recall, A all day, U undo',
    signOut: 'Sign out',
    notAllowed: 'This account may not see the kitchen. Please sign in as kitchen or manager.',
  },

  webhooks: {
    heading: 'Webhooks',
    about: 'What your payment provider told us, and what became of it. Nothing here is believed: each notice makes us ask the provider.',
    signOut: 'Sign out',
    upToDate: 'Up to date',
    loading: 'Loading …',
    tryAgain: 'Try again',
    notLoaded: 'The notices could not be loaded yet.',
    notAllowed: 'This account may not see webhooks. Please sign in as manager.',
    filter: 'Show',
    all: 'All',
    none: 'Nothing came in yet. Notices appear here by themselves.',
    noneSuch: 'No notice is in this state.',
    states: /** @type {Record<string, string>} */ ({
      received: 'Being worked off',
      handled: 'Done',
      kept: 'Kept, nothing to do',
      held: 'On hold',
    }),
    types: /** @type {Record<string, string>} */ ({
      'payment.succeeded': 'Payment succeeded',
      'payment.failed': 'Payment failed',
      'payment.cancelled': 'Payment cancelled',
      'payment.expired': 'Payment expired',
      'refund.succeeded': 'Refund succeeded',
      'refund.failed': 'Refund failed',
      'dispute.opened': 'Dispute opened',
      'dispute.closed': 'Dispute closed',
      unreadable: 'Unreadable notice',
    }),
    statuses: /** @type {Record<string, string>} */ ({
      pending: 'waiting for the guest',
      processing: 'not known yet',
      completed: 'completed',
      failed: 'failed',
      cancelled: 'cancelled',
      expired: 'expired',
      partial_refund: 'partly refunded',
      refunded: 'refunded',
    }),
    became: {
      received: 'It will be worked off in a moment.',
      kept: 'It names no payment, or is of a kind we do not know: it was kept as it came.',
      notOurs: 'It is about nothing of this cafe.',
      /** @param {string} before @param {string} after */
      changed: (before, after) => `The provider was asked: the payment was ${before} and is ${after}.`,
      /** @param {string} status */
      unchanged: (status) => `The provider was asked: the payment is ${status}, as before.`,
      /** @param {string} status */
      refund: (status) => `The refund is ${status}.`,
      /** @param {number} attempts @param {string} error */
      trying: (attempts, error) => `Tried ${plural(attempts, 'time', 'times')}, and will be tried again: ${error}.`,
      /** @param {number} attempts @param {string} error */
      held: (attempts, error) => `Tried ${plural(attempts, 'time', 'times')} in vain: ${error}. Work it off again when that is mended.`,
    },
    /** @param {string} end @param {string} status */
    payment: (end, status) => `Payment …${end} now: ${status}.`,
    details: 'Details',
    hide: 'Hide details',
    replay: 'Work off again',
    replayed: 'The provider is being asked again.',
    /** @param {string} time */
    ofNotice: (time) => `of the notice of ${time}`,
    older: 'Show older notices',
    /** @param {number} count */
    more: (count) => `${plural(count, 'older notice', 'older notices')} added.`,
    said: 'What it said:',
    saidNothing: 'Its content could not be read, or is no longer kept: that is so after 90 days.',
    /** @param {string[]} names */
    otherFields: (names) => `It also carried, not shown: ${names.join(', ')}.`,
    labels: { notice: 'notice', attempts: 'attempts', tried: 'last tried', order: 'our order' },
    noAccount: 'This cafe has no account at Payconic.',
    /** @param {string} merchant @param {string} mode */
    account: (merchant, mode) => `Payconic account ${merchant}, ${mode} mode.`,
    unreadable: 'The account’s secrets cannot be opened: ask whoever runs the server.',
    /** @param {string} time */
    twoSecrets: (time) => `The previous webhook secret is valid beside the new one until ${time}.`,
    /** @param {number} count @param {string} time */
    refused: (count, time) => `${plural(count, 'notice was', 'notices were')} turned away for a wrong signature${time ? `, the last on ${time}` : ''}.`,
  },

  login: {
    wait: 'Signing in …',
    missing: 'Please fill in your e-mail address and your password.',
  },
};
