// The notices, asked for again and again: the newest page by itself, older ones when somebody wants them.

import { signal } from '@preact/signals';
import { alert, announce } from '../announce.js';
import { Api, Problem, ask, sentence } from '../api.js';
import { Session, toLogin } from '../session.js';
import { texts } from '../texts.js';

/** @typedef {import('../shapes').Notice} Notice */
/** @typedef {import('../shapes').NoticeDetail} NoticeDetail */
/** @typedef {import('../shapes').ProviderAccount} ProviderAccount */

const POLL_MILLISECONDS = 4_000;
const SOON_MILLISECONDS = 700;
const words = texts.webhooks;

/** What a manager sees of the inbox. */
export class Inbox {
  session = new Session('staff', toLogin);
  api = new Api(this.session);
  /** Null until the first answer. @type {import('@preact/signals').Signal<Notice[] | null>} */
  notices = signal(/** @type {Notice[] | null} */ (null));
  filter = signal('');
  /** Where older notices begin; null when there are none. */
  cursor = signal(/** @type {string | null} */ (null));
  problem = signal('');
  forbidden = signal(false);
  /** When the list was last known to be right, ms since 1970. */
  asOf = signal(/** @type {number | null} */ (null));
  stale = signal(false);
  account = signal(/** @type {ProviderAccount | null} */ (null));
  opened = signal(/** @type {string | null} */ (null));
  detail = signal(/** @type {NoticeDetail | null} */ (null));
  /** Ids of notices being sent to be worked off again. */
  busy = signal(/** @type {string[]} */ ([]));

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Answers to what was asked before the filter changed are of no use. */
  #round = 0;

  start() {
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.#poll();
    });
    void this.#poll();
  }

  /** @param {string} state */
  show(state) {
    this.filter.value = state;
    this.notices.value = null;
    this.cursor.value = null;
    this.#round += 1;
    void this.#poll();
  }

  again = () => this.#poll();

  async #poll() {
    clearTimeout(this.#timer);
    const round = this.#round;
    if (!document.hidden || this.notices.value === null) await this.#load(round);
    if (round !== this.#round || this.forbidden.value) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#poll(), POLL_MILLISECONDS);
  }

  /** @param {number} round */
  async #load(round) {
    try {
      const [page, account] = await Promise.all([this.api.get(this.#path(null)), this.#account()]);
      if (round !== this.#round) return;
      const known = this.notices.value;
      const last = page.items.at(-1)?.noticeId ?? '';
      const older = known ? known.filter((notice) => notice.noticeId < last) : [];
      if (!older.length) this.cursor.value = page.nextCursor ?? null;
      this.notices.value = [...page.items, ...older];
      this.account.value = account;
      this.asOf.value = Date.now();
      if (this.stale.value) announce(words.upToDate);
      this.stale.value = false;
      if (this.opened.value) await this.#read(this.opened.value);
    } catch (error) {
      if (round === this.#round) this.#failed(error);
    }
  }

  /** @param {string | null} cursor */
  #path(cursor) {
    const query = new URLSearchParams({ limit: '50' });
    if (this.filter.value) query.set('state', this.filter.value);
    if (cursor) query.set('cursor', cursor);
    return `/webhooks/inbox?${query}`;
  }

  /** @returns {Promise<ProviderAccount | null>} */
  async #account() {
    try {
      return await this.api.get('/provider-accounts/payconic');
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    if (error instanceof Problem && error.status === 403) {
      this.forbidden.value = true;
      alert(words.notAllowed);
      return;
    }
    if (!this.stale.value) alert(sentence(error));
    this.stale.value = true;
  }

  older = async () => {
    const cursor = this.cursor.value;
    if (!cursor) return;
    const round = this.#round;
    try {
      const page = await this.api.get(this.#path(cursor));
      if (round !== this.#round) return;
      const known = new Set((this.notices.value ?? []).map((notice) => notice.noticeId));
      const added = page.items.filter((/** @type {Notice} */ notice) => !known.has(notice.noticeId));
      this.notices.value = [...(this.notices.value ?? []), ...added];
      this.cursor.value = page.nextCursor ?? null;
      announce(words.more(added.length));
    } catch (error) {
      this.#complain(error);
    }
  };

  /** Show what a notice said, or hide it again. @param {string} noticeId */
  open = async (noticeId) => {
    this.detail.value = null;
    this.opened.value = this.opened.value === noticeId ? null : noticeId;
    if (this.opened.value) await this.#read(noticeId).catch((error) => this.#complain(error));
  };

  /** @param {string} noticeId */
  async #read(noticeId) {
    const detail = await this.api.get(`/webhooks/inbox/${noticeId}`);
    if (this.opened.value === noticeId) this.detail.value = detail;
  }

  /** Have the provider asked once more. @param {Notice} notice */
  replay = async (notice) => {
    this.busy.value = [...this.busy.value, notice.noticeId];
    try {
      const now = await this.api.post(`/webhooks/inbox/${notice.noticeId}/replay`, {});
      this.notices.value = (this.notices.value ?? []).map((each) => (each.noticeId === now.noticeId ? now : each));
      announce(words.replayed);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#poll(), SOON_MILLISECONDS);
    } catch (error) {
      this.#complain(error);
    } finally {
      this.busy.value = this.busy.value.filter((id) => id !== notice.noticeId);
    }
  };

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
    location.assign('/login?next=/admin/webhooks');
  };

  /** @param {unknown} error */
  #complain(error) {
    this.problem.value = sentence(error);
    alert(this.problem.value);
  }
}
