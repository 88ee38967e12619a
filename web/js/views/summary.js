// Above the map: the headline with its denominators, the bar, the banners and the capture health.

import { isBusy } from '../app-state.js';
import { bytes, plural } from '../format.js';
import { denominators, headline, vmSplit } from '../model/headline.js';
import { captureHealth, hostStatements, incompleteSentences } from '../model/health.js';
import { liveSentence, lossSentences } from '../model/live.js';
import { el, fill, icon, splitBar } from './element.js';
import { createSteady, keepingPlace } from './steady.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../model/headline.js').Split} Split */
/** @typedef {import('../url-state.js').Selection} Selection */

const CHIPS_SHOWN = 40;

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {import('../session.js').Session} session
 * @param {(selection: Selection|null) => void} select
 */
export function mountSummary(element, store, session, select) {
  const steady = createSteady(element);

  function render() {
    keepingPlace(element, () => build(store.get()));
  }

  /** @param {AppState} state */
  function build(state) {
    const { model } = state;
    element.hidden = !model;
    if (!model) return;
    const split = vmSplit(model);
    fill(element,
      el('h1', { class: 'summary__headline', id: 'headline' }, headline(model)),
      el('div', { class: 'summary__facts' },
        el('p', { class: 'num' }, denominators(model).map((fact, index) => el('span', {}, fact, index < 2 && ' · '))),
        state.map && liveSentence(state.map) !== '' && el('p', { class: 'hostile', id: 'live-sentence' }, liveSentence(state.map))),
      el('div', {}, split.total > 0 && splitBar('summary__bar', split), split.total > 0 && key(split)),
      banners(state, session),
      healthStrip(state, select));
  }
  render();
  return store.subscribe((state, before) => {
    const same = state.model === before.model && state.map?.state === before.map?.state && state.map?.stale === before.map?.stale
      && state.map?.error === before.map?.error && liveOf(state) === liveOf(before) && state.health === before.health && state.selection === before.selection;
    if (!same) steady.render(render, state.selection !== before.selection);
  });
}

/** @param {AppState} state */
function liveOf({ map }) {
  return map ? [liveSentence(map), ...lossSentences(map)].join(' ') : '';
}

/** @param {Split} split */
function key(split) {
  const part = (/** @type {string} */ glyph, /** @type {string} */ token, /** @type {string} */ text) =>
    el('span', {}, el('i', { class: `ink--${token}`, 'aria-hidden': 'true' }, `${glyph} `), text);
  const hairpin = split.hairpin > 0 ? `, of it ${bytes(split.hairpin)} hairpin` : '';
  return el('p', { class: 'summary__key num' },
    part('⌂', 'stay', `${bytes(split.stayed)} stayed`),
    part('↗', 'leave', `${bytes(split.left)} left${hairpin}`),
    part('?', 'unk', `${bytes(split.undetermined)} undetermined`));
}

/** @param {AppState} state @param {import('../session.js').Session} session */
function banners(state, session) {
  const { model, map } = state;
  if (!model || !map) return [];
  const rows = [];
  const damaged = incompleteSentences(model.facts, map.state === 'partial' || map.state === 'failed' ? map.error : null);
  if (damaged.length) {
    rows.push(banner('warn', el('p', {}, el('b', {}, map.state === 'failed' ? 'The analysis failed: ' : 'Incomplete: '), el('span', { class: 'hostile' }, damaged.join(' '))), null, 'incomplete-banner'));
  }
  const lost = lossSentences(map);
  if (lost.length) rows.push(banner('warn', el('p', { class: 'hostile' }, lost.join(' ')), null, 'loss-banner'));
  if (map.stale && !isBusy(map)) {
    rows.push(banner('warn', el('p', {}, 'Captures, inventory or points have changed since this result.'),
      el('button', { type: 'button', class: 'button button--small', 'data-key': 'analyse', onclick: session.analyse }, 'Analyse again')));
  }
  return rows;
}

/** @param {string|null} mark @param {Node} text @param {Node|null} action @param {string|null} [id] */
function banner(mark, text, action, id = null) {
  return el('div', { class: 'banner', id }, mark && icon(mark, 19, 18), text, action);
}

/** @param {AppState} state @param {(selection: Selection|null) => void} select */
function healthStrip(state, select) {
  const { model, health, selection } = state;
  if (!model) return null;
  const chips = captureHealth(model.facts.points, hostStatements(model.facts, health));
  const warnings = model.facts.warnings.length;
  const off = chips.filter((chip) => chip.off).reduce((sum, chip) => sum + chip.points.length, 0);
  const folded = chips.length > CHIPS_SHOWN ? ` · ${chips.length - CHIPS_SHOWN} more without a chip` : '';
  const title = `Capture health · ${plural(model.facts.points.length, 'point')}${off ? `, ${off} with a flaw` : ''}${warnings ? ` · ${plural(warnings, 'warning')}` : ''}${folded}`;
  return el('section', { class: 'health', 'aria-label': 'Capture health' },
    el('p', { class: 'health__title' }, title),
    el('div', { class: 'health__points', 'data-scroll': 'health' }, chips.slice(0, CHIPS_SHOWN).map((chip) => {
      const pressed = selection?.type === 'point' && chip.points.some((point) => point.id === selection.id);
      const copies = chip.facts.find((fact) => fact.text.includes('copies'));
      const facts = chip.facts.filter((fact) => fact !== copies).sort((p, q) => Number(q.off) - Number(p.off)).slice(0, 2).flatMap((fact, index) => [index > 0 && ' · ', fact.off ? el('b', {}, fact.text) : fact.text]);
      return el('button', {
        type: 'button', 'data-key': `point ${chip.id}`, class: `health__point${chip.off ? ' health__point--off' : ''}`, 'aria-pressed': String(pressed),
        title: `${chip.title}: ${chip.facts.map((fact) => fact.text).join(', ')}`,
        onclick: () => select(pressed ? null : { type: 'point', id: chip.id }),
      }, icon(chip.off ? 'warn' : 'ok', 16, 16), el('span', {}, el('b', {}, chip.title), copies && ` · ${copies.text.split(',')[0]}`), el('span', { class: 'num' }, facts));
    })));
}
