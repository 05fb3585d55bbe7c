// A tip, if one likes: nothing is chosen beforehand, and "No tip" is as large as the rest.

import { useEffect, useState } from 'preact/hooks';
import { Problem } from '../api.js';
import { basisPointsOf, money, parseMoney, percentage } from '../format.js';
import { html } from '../html.js';
import { texts } from '../texts.js';

/** @typedef {import('../shapes').Order} Order */
/** @typedef {import('../shapes').TipConfiguration} TipConfiguration */
/** @typedef {import('./guest.js').Guest} Guest */
/** @typedef {{label: string, amount: number}} Choice */

const words = texts.pay;

/** @param {{guest: Guest, order: Order, amount: number, onTip: (tip: number | null) => void}} props `onTip(null)`: unreadable */
export function TipChoice({ guest, order, amount, onTip }) {
  const [configuration, setConfiguration] = useState(/** @type {TipConfiguration | null} */ (null));
  const [choices, setChoices] = useState(/** @type {Choice[]} */ ([]));
  const [chosen, setChosen] = useState('');
  const [other, setOther] = useState('');
  const [problem, setProblem] = useState('');
  useEffect(() => {
    onTip(0);
    let current = true;
    tipsFor(guest, order, amount).then(
      (found) => {
        if (!current || !found) return;
        setConfiguration(found.configuration);
        setChoices(found.choices);
      },
      (error) => guest.complain(error),
    );
    return () => {
      current = false;
    };
  }, []);
  if (!configuration?.tipEnabled) return null;
  const choose = (/** @type {string} */ name, /** @type {number | null} */ tip) => {
    setChosen(name);
    setProblem('');
    onTip(tip);
  };
  /** @param {string} text */
  const written = (text) => {
    const tip = text.trim() ? parseMoney(text, order.currency) : 0;
    return { tip, refusal: refusal(configuration, tip, amount, order.currency) };
  };
  const write = (/** @type {string} */ text) => {
    const { tip, refusal: refused } = written(text);
    setOther(text);
    if (!refused) setProblem('');
    onTip(refused ? null : tip);
  };
  return html`
    <fieldset class="tips" aria-describedby="tip-problem">
      <legend>${words.tip}</legend>
      <div class="tip-choices">
        <${Option} name="none" label=${words.noTip} chosen=${chosen} onChoose=${() => choose('none', 0)} />
        ${choices.map(
          (choice) => html`
            <${Option} name=${choice.label} label=${choice.label} detail=${money(choice.amount, order.currency)} chosen=${chosen}
              onChoose=${() => choose(choice.label, choice.amount)} />
          `,
        )}
        ${configuration.customTipEnabled &&
        html`<${Option} name="other" label=${words.otherTip} chosen=${chosen}
          onChoose=${() => choose('other', written(other).refusal ? null : written(other).tip)} />`}
      </div>
      ${chosen === 'other' &&
      html`<label for="other-tip">${words.otherTipLabel(order.currency)}</label>
        <input id="other-tip" inputmode="decimal" autocomplete="off" value=${other} aria-invalid=${problem ? 'true' : undefined}
          aria-describedby="tip-problem" onInput=${(/** @type {any} */ event) => write(event.target.value)} onBlur=${() => setProblem(written(other).refusal)} />`}
      <p id="tip-problem" class="field-problem" aria-live="polite">${problem}</p>
    </fieldset>
  `;
}

/** @param {{name: string, label: string, detail?: string, chosen: string, onChoose: () => void}} props */
function Option({ name, label, detail = '', chosen, onChoose }) {
  return html`
    <label class="tip">
      <input type="radio" name="tip" value=${name} checked=${chosen === name} onChange=${onChoose} />
      <span>${label}${detail && html`<small>${detail}</small>`}</span>
    </label>
  `;
}

/** What the cafe suggests, in money. @param {Guest} guest @param {Order} order @param {number} amount */
async function tipsFor(guest, order, amount) {
  /** @type {TipConfiguration} */
  const configuration = await guest.api.get('/tip-configuration');
  if (!configuration.tipEnabled) return { configuration, choices: [] };
  const byPercentage = configuration.tipType === 'fixed' ? [] : configuration.percentages;
  const fixed = configuration.tipType === 'percentage' ? [] : configuration.fixedAmounts;
  const found = await Promise.all([
    ...byPercentage.map((basisPoints) => calculated(guest, order, amount, basisPoints)),
    ...fixed.map((tip) => ({ label: money(tip, order.currency), amount: tip })),
  ]);
  return { configuration, choices: found.filter((choice) => choice !== null) };
}

/**
 * The server calculates tips on a whole order; of a share we take the same percentage by the same rule.
 * @param {Guest} guest @param {Order} order @param {number} amount @param {number} basisPoints
 * @returns {Promise<Choice | null>}
 */
async function calculated(guest, order, amount, basisPoints) {
  const label = percentage(basisPoints);
  if (amount !== order.totalAmount) return { label, amount: basisPointsOf(amount, basisPoints) };
  try {
    const { tipAmount } = await guest.api.post('/tips/calculate', { orderId: order.id, percentage: basisPoints });
    return { label, amount: tipAmount };
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 422) return null; // too small or too large here: not offered
    throw problem;
  }
}

/**
 * Why the cafe does not take this tip on this amount, in words; empty when it does.
 * @param {TipConfiguration} configuration @param {number | null} tip @param {number} amount @param {string} currency
 */
function refusal(configuration, tip, amount, currency) {
  if (tip === null) return words.tipUnreadable;
  const least = configuration.minTipAmount;
  const most = Math.min(configuration.maxTipAmount, basisPointsOf(amount, configuration.maxTipPercentage));
  if (tip === 0 || (tip >= least && tip <= most)) return '';
  return words.tipBetween(money(least, currency), money(most, currency));
}
