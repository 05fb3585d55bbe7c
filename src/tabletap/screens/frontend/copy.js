// Copying a detail of a bank transfer, and saying so.

import { alert, announce } from './announce.js';
import { texts } from './texts.js';

/** @param {string} label what is copied, in words @param {string} value */
export async function copy(label, value) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(value);
    else copyTheOldWay(value);
    announce(texts.payment.copied(label));
    return true;
  } catch {
    alert(texts.payment.notCopied);
    return false;
  }
}

/** Browsers keep the clipboard from plain-http pages, as on a cafe's own network. @param {string} value */
function copyTheOldWay(value) {
  const field = document.createElement('textarea');
  field.value = value;
  field.className = 'visually-hidden';
  document.body.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  if (!copied) throw new Error('the browser did not copy');
}
