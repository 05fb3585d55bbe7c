// The manager's page of what payment providers told us and what became of it.

import { render } from 'preact';
import { html } from './html.js';
import { toLogin } from './session.js';
import { recall } from './storage.js';
import { Inbox } from './webhooks/inbox.js';
import { InboxPage } from './webhooks/view.js';

function start() {
  const root = document.getElementById('app');
  if (!root) return;
  if (!recall('staff')) {
    toLogin().catch(() => undefined);
    return;
  }
  const inbox = new Inbox();
  root.replaceChildren();
  render(html`<${InboxPage} inbox=${inbox} />`, root);
  inbox.start();
}

start();
