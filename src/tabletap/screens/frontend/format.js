// Amounts and times the way people read them. Amounts stay whole minor units; only their text has a decimal point.

const locale = document.documentElement.lang || 'en';
/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/** @param {string} currency */
function format(currency) {
  let found = formats.get(currency);
  if (!found) {
    found = new Intl.NumberFormat(locale, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
    formats.set(currency, found);
  }
  return found;
}

/** Digits after the decimal point. @param {string} currency */
export function exponent(currency) {
  return format(currency).resolvedOptions().maximumFractionDigits ?? 2;
}

/** "4.80" of 480, by digits and never by division. @param {number} minor @param {number} digits */
function decimal(minor, digits) {
  const text = String(Math.abs(minor)).padStart(digits + 1, '0');
  const whole = digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
  return (minor < 0 ? '-' : '') + whole;
}

/** "$4.80" of 480 in AUD. @param {number} minor @param {string} currency @returns {string} */
export function money(minor, currency) {
  const shown = format(currency);
  // A string keeps every digit; older browsers read it as a number, exact for any bill.
  return shown.format(/** @type {any} */ (decimal(minor, exponent(currency))));
}

/** Minor units of what a person typed ("2,50", "2.5"), null when it is no amount. @param {string} text @param {string} currency */
export function parseMoney(text, currency) {
  const digits = exponent(currency);
  const match = /^(\d{1,7})(?:[.,](\d{1,4}))?$/.exec(text.trim());
  const fraction = match?.[2] ?? '';
  if (!match || fraction.length > digits) return null;
  return Number(match[1] + fraction.padEnd(digits, '0'));
}

/** A percentage of an amount, rounded half up as the server does. @param {number} minor @param {number} basisPoints */
export function basisPointsOf(minor, basisPoints) {
  return Math.floor((minor * basisPoints + 5000) / 10000);
}

/** "15%" of 1500 basis points. @param {number} basisPoints */
export function percentage(basisPoints) {
  return new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 }).format(basisPoints / 10000);
}

const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hour12: false });

/** "12:41". @param {number} milliseconds since 1970 */
export function timeOfDay(milliseconds) {
  return clock.format(milliseconds);
}

const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });

/** "23 Nov 2026, 12:41:07". @param {number} milliseconds since 1970 */
export function dateAndTime(milliseconds) {
  return moment.format(milliseconds);
}

/** "12 s", "3 min", "2 h". @param {number} milliseconds */
export function age(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

/** "4:07". @param {number} milliseconds */
export function minutesAndSeconds(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
