// The inbox as a manager reads it: each notice with its state in a shape and in words.

import { age, dateAndTime, timeOfDay } from '../format.js';
import { html } from '../html.js';
import { useTick } from '../strip.js';
import { texts } from '../texts.js';

/** @typedef {import('../shapes').Notice} Notice */
/** @typedef {import('./inbox.js').Inbox} Inbox */

const words = texts.webhooks;
const SHAPES = /** @type {Record<string, string>} */ ({ received: '◌', handled: '●', kept: '○', held: '■' });
const FILTERS = ['', 'held', 'received', 'handled', 'kept'];

/** @param {{inbox: Inbox}} props */
export function InboxPage({ inbox }) {
  return html`
    <header>
      <div class="toolbar">
        <h1>${words.heading}</h1>
        <p class="about">${words.about}</p>
        <button class="tool" onClick=${inbox.signOut}>${words.signOut}</button>
      </div>
      <${Freshness} inbox=${inbox} />
      ${inbox.problem.value && html`<${Message} inbox=${inbox} />`}
    </header>
    <main>${inbox.forbidden.value ? html`<p class="nothing">${words.notAllowed}</p>` : html`<${Notices} inbox=${inbox} />`}</main>
  `;
}

/** Is what this page shows the truth? @param {{inbox: Inbox}} props */
function Freshness({ inbox }) {
  useTick(1_000);
  if (inbox.forbidden.value) return null;
  const asOf = inbox.asOf.value;
  if (inbox.stale.value) {
    return html`
      <div class="strip strip-stale">
        <span class="strip-shape" aria-hidden="true">■</span>
        <strong>${asOf ? texts.strip.stale(timeOfDay(asOf)) : texts.strip.staleNever}</strong>
        <button class="tool" onClick=${inbox.again}>${words.tryAgain}</button>
      </div>
    `;
  }
  if (!asOf) return html`<div class="strip strip-catching"><span class="strip-shape" aria-hidden="true">◌</span><strong>${words.loading}</strong></div>`;
  return html`
    <div class="strip strip-live">
      <span class="strip-shape" aria-hidden="true">●</span>
      <strong>${words.upToDate}</strong>
      <span class="strip-detail">${texts.strip.age(age(Date.now() - asOf))}</span>
    </div>
  `;
}

/** @param {{inbox: Inbox}} props */
function Message({ inbox }) {
  return html`
    <p class="message">
      <span>${inbox.problem.value}</span>
      <button class="tool" aria-label=${texts.problem.dismiss} onClick=${() => (inbox.problem.value = '')}>✕</button>
    </p>
  `;
}

/** @param {{inbox: Inbox}} props */
function Notices({ inbox }) {
  const notices = inbox.notices.value;
  return html`
    <${Account} inbox=${inbox} />
    <div class="filters" role="group" aria-label=${words.filter}>
      ${FILTERS.map(
        (state) => html`
          <button class="tool" key=${state} aria-pressed=${inbox.filter.value === state} onClick=${() => inbox.show(state)}>
            ${state ? words.states[state] : words.all}
          </button>
        `,
      )}
    </div>
    ${notices === null && html`<p class="nothing">${inbox.stale.value ? words.notLoaded : words.loading}</p>`}
    ${notices?.length === 0 && html`<p class="nothing">${inbox.filter.value ? words.noneSuch : words.none}</p>`}
    <ol class="notices">
      ${(notices ?? []).map((notice) => html`<${Entry} key=${notice.noticeId} notice=${notice} inbox=${inbox} />`)}
    </ol>
    ${notices && inbox.cursor.value && html`<button class="tool more" onClick=${inbox.older}>${words.older}</button>`}
  `;
}

/** @param {{inbox: Inbox}} props */
function Account({ inbox }) {
  const account = inbox.account.value;
  if (!account) return inbox.asOf.value ? html`<p class="account">${words.noAccount}</p>` : null;
  const { refusedNotices: refused, lastRefusedAt, previousSecretValidUntil: until } = account;
  return html`
    <div class="account">
      <p>${words.account(account.merchantId, account.mode)}</p>
      ${account.readable === false && html`<p class="warning">■ ${words.unreadable}</p>`}
      ${until && html`<p>${words.twoSecrets(dateAndTime(Date.parse(until)))}</p>`}
      ${refused > 0 && html`<p class="warning">▲ ${words.refused(refused, lastRefusedAt ? dateAndTime(Date.parse(lastRefusedAt)) : '')}</p>`}
    </div>
  `;
}

/** @param {{notice: Notice, inbox: Inbox}} props */
function Entry({ notice, inbox }) {
  const isOpen = inbox.opened.value === notice.noticeId;
  const isBusy = inbox.busy.value.includes(notice.noticeId);
  const heading = `notice-${notice.noticeId}`;
  return html`
    <li class="notice notice-${notice.state}">
      <article aria-labelledby=${heading}>
        <header>
          <h2 id=${heading}>${words.types[notice.eventType] ?? notice.eventType}</h2>
          <p class="state"><span aria-hidden="true">${SHAPES[notice.state]}</span> ${words.states[notice.state]}</p>
          <p class="when"><time datetime=${notice.receivedAt}>${dateAndTime(Date.parse(notice.receivedAt))}</time></p>
        </header>
        <p class="became">${became(notice)}</p>
        ${notice.paymentId && html`<p class="payment">${words.payment(notice.paymentId.slice(-8), words.statuses[notice.paymentStatus ?? ''] ?? '')}</p>`}
        <footer>
          <button class="tool" aria-expanded=${isOpen} onClick=${() => inbox.open(notice.noticeId)}>
            ${isOpen ? words.hide : words.details}<span class="visually-hidden"> ${words.ofNotice(timeOfDay(Date.parse(notice.receivedAt)))}</span>
          </button>
          ${notice.reference &&
          html`
            <button class="tool" disabled=${isBusy} onClick=${() => inbox.replay(notice)}>
              ${words.replay}<span class="visually-hidden"> ${words.ofNotice(timeOfDay(Date.parse(notice.receivedAt)))}</span>
            </button>
          `}
        </footer>
        ${isOpen && html`<${Detail} inbox=${inbox} notice=${notice} />`}
      </article>
    </li>
  `;
}

/** In a sentence, what became of it. @param {Notice} notice */
function became(notice) {
  const status = (/** @type {string | undefined} */ name) => words.statuses[name ?? ''] ?? name ?? '';
  if (notice.state === 'held') return words.became.held(notice.attempts, notice.error ?? '');
  if (notice.outcome === 'unanswered' || notice.outcome === 'failed') return words.became.trying(notice.attempts, notice.error ?? '');
  if (notice.state === 'received') return words.became.received;
  if (notice.state === 'kept') return words.became.kept;
  if (notice.outcome === 'not_ours') return words.became.notOurs;
  const refund = notice.refundStatus ? ` ${words.became.refund(status(notice.refundStatus))}` : '';
  if (notice.statusBefore === notice.statusAfter) return words.became.unchanged(status(notice.statusAfter)) + refund;
  return words.became.changed(status(notice.statusBefore), status(notice.statusAfter)) + refund;
}

/** @param {{inbox: Inbox, notice: Notice}} props */
function Detail({ inbox, notice }) {
  const detail = inbox.detail.value;
  if (!detail || detail.noticeId !== notice.noticeId) return html`<p>${words.loading}</p>`;
  const fields = Object.entries(detail.fields ?? {});
  const ours = [
    [words.labels.notice, detail.noticeId],
    [words.labels.attempts, String(detail.attempts)],
    [words.labels.tried, detail.triedAt ? dateAndTime(Date.parse(detail.triedAt)) : ''],
    [words.labels.order, detail.orderId ?? ''],
  ].filter(([, value]) => value);
  return html`
    <div class="detail">
      <p>${fields.length ? words.said : words.saidNothing}</p>
      <dl>
        ${fields.map(([name, value]) => html`<div><dt>${name}</dt><dd>${String(value)}</dd></div>`)}
        ${ours.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
      </dl>
      ${detail.otherFields?.length ? html`<p>${words.otherFields(detail.otherFields)}</p>` : null}
    </div>
  `;
}
