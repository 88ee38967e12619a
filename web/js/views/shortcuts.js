// Keys that work anywhere on the page, and the sheet that lists all keys. One table says what each does, in words.

import { showLane } from '../model/filters.js';
import { LANES, LANE_ORDER } from '../verdicts.js';
import { byId, el, fill } from './element.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../model/filters.js').Filters} Filters */
/** @typedef {import('../url-state.js').View} View */

/**
 * @typedef {object} Actions
 * @property {(view: View) => void} setView
 * @property {(filters: Filters) => void} setFilters
 * @property {() => void} clearSelection
 * @property {() => void} undo
 */
/** @typedef {{keys: string[], words: string, run?: () => void}} Shortcut without `run` it belongs to the view that has the focus */

const STORED = 'flowmap.single-keys';
const TYPING = 'input:not([type="checkbox"], [type="radio"], [type="range"]), select, textarea, [contenteditable]';

/** Whether keys without Ctrl or Alt may act from anywhere: speech input and unsteady hands need them off (WCAG 2.1.4). */
export function singleKeysAreOn() {
  try {
    return localStorage.getItem(STORED) !== 'off';
  } catch {
    return document.documentElement.dataset.singleKeys !== 'off'; // storage may be forbidden: the choice then lasts as long as the page
  }
}

/** @param {boolean} on */
function keepSingleKeys(on) {
  document.documentElement.dataset.singleKeys = on ? 'on' : 'off';
  try {
    localStorage.setItem(STORED, on ? 'on' : 'off');
  } catch {
    // see above
  }
}

/**
 * @param {Store} store
 * @param {Actions} actions
 */
export function mountShortcuts(store, actions) {
  const dialog = el('dialog', { class: 'dialog', id: 'shortcuts-dialog', 'aria-labelledby': 'shortcuts-title' });
  document.body.append(dialog);
  const groups = table(store, actions, open);
  const global = new Map(groups.flatMap(({ rows }) => rows).flatMap(({ keys, run }) => (run ? keys.map((key) => [key, run]) : [])));
  document.documentElement.dataset.singleKeys = singleKeysAreOn() ? 'on' : 'off';
  byId('shortcuts-button').addEventListener('click', open);

  function open() {
    if (dialog.open) return;
    const box = el('input', { type: 'checkbox', id: 'single-keys' });
    box.checked = singleKeysAreOn();
    box.addEventListener('change', () => keepSingleKeys(box.checked));
    fill(dialog, el('form', { method: 'dialog' },
      el('h2', { id: 'shortcuts-title' }, 'Keyboard'),
      el('div', { class: 'shortcuts', tabindex: 0, role: 'region', 'aria-labelledby': 'shortcuts-title' }, groups.map(({ title, rows }) => el('section', {}, el('h3', {}, title),
        el('dl', { class: 'shortcuts__keys' }, rows.flatMap(({ keys, words }) => [el('dt', {}, keys.map((key) => el('kbd', {}, key))), el('dd', {}, words)]))))),
      el('label', { class: 'check' }, box, el('span', {}, 'Keys without Ctrl or Alt act from anywhere on the page')),
      el('div', { class: 'dialog__actions' }, el('button', { type: 'submit', class: 'button button--primary', autofocus: true }, 'Close'))));
    dialog.showModal();
  }

  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector('dialog[open], [popover]:popover-open')) return; // Esc closes these, and nothing behind them acts
    const typing = event.target instanceof Element && event.target.closest(TYPING) !== null;
    if (event.key === 'Escape') {
      if (typing) return; // what is typed in the panel would go with the selection
      if (!document.body.classList.contains('shows-filters')) actions.clearSelection();
      return;
    }
    const run = global.get(event.key);
    if (!run || !singleKeysAreOn() || typing) return;
    event.preventDefault();
    run();
  });
}

/** @param {Store} store @param {Actions} actions @param {() => void} openSheet @returns {{title: string, rows: Shortcut[]}[]} */
function table(store, actions, openSheet) {
  const search = () => {
    const field = /** @type {HTMLInputElement} */ (byId('search'));
    field.focus();
    field.select();
  };
  return [
    { title: 'Anywhere', rows: [
      { keys: ['/'], words: 'search', run: search },
      ...LANE_ORDER.map((lane, index) => ({ keys: [String(index + 1)], words: `show or hide “${LANES[lane].label}”`, run: () => {
        const { filters } = store.get();
        actions.setFilters(showLane(filters, lane, filters.hiddenLanes.includes(lane)));
      } })),
      { keys: ['z'], words: 'undo the last filter or time range', run: actions.undo },
      { keys: ['m'], words: 'map', run: () => actions.setView('map') },
      { keys: ['x'], words: 'matrix', run: () => actions.setView('matrix') },
      { keys: ['t'], words: 'table', run: () => actions.setView('table') },
      { keys: ['?'], words: 'this list', run: openSheet },
      { keys: ['Esc'], words: 'clear the selection; close what is open' },
    ] },
    { title: 'On the map', rows: [
      { keys: ['←', '→'], words: 'previous, next VM or host' },
      { keys: ['↑', '↓'], words: 'nearest VM above, below; previous, next pair after e' },
      { keys: ['Enter'], words: 'select' },
      { keys: ['e'], words: 'select the pairs of the VM one after another; ← leads back to it' },
      { keys: ['+', '−', '0'], words: 'zoom in, out, show everything' },
    ] },
    { title: 'On the matrix', rows: [
      { keys: ['←', '→', '↑', '↓'], words: 'next traffic along the row or column; with Shift the next cell' },
      { keys: ['Home', 'End'], words: 'first, last traffic of the row' },
      { keys: ['Enter'], words: 'select' },
      { keys: ['f'], words: 'fold or unfold the host' },
      { keys: ['+', '−', '0'], words: 'zoom in, out, show everything' },
    ] },
    { title: 'On the timeline', rows: [
      { keys: ['[', ']'], words: 'move the time range by its half, from anywhere' },
      { keys: ['←', '→'], words: 'on an end: move it by one bar, with Shift the whole range' },
      { keys: ['Page Up', 'Page Down'], words: 'the same by ten bars' },
      { keys: ['Home', 'End'], words: 'to the first, the last bar' },
      { keys: ['Esc'], words: 'show the whole capture' },
    ] },
  ];
}
