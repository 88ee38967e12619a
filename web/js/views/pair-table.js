// The table: the full equivalent of the map, every pair a row, groups included.

import { shownOf } from '../app-state.js';
import { bytes, count, dateOf, msOfNs, naturalOrder, plural, serviceName, timeOfDay, visibleText, zoneOf } from '../format.js';
import { memoized } from '../store.js';
import { GRADE_ORDER, LANE_ORDER, laneTitle } from '../verdicts.js';
import { pairSelection } from '../scene/street-scene.js';
import { el, fill, icon } from './element.js';
import { createSteady } from './steady.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../url-state.js').Selection} Selection */

const PAGE = 100;

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
 * @property {string} [spoken] what the label leaves out
 * @property {boolean} [numeric]
 * @property {(p: Pair, q: Pair) => number} order ascending
 */

/** @type {Column[]} */
const COLUMNS = [
  { key: 'source', label: 'Initiator', order: (p, q) => naturalOrder(p.a.label, q.a.label) },
  { key: 'target', label: 'Responder', order: (p, q) => naturalOrder(p.b.label, q.b.label) },
  { key: 'verdict', label: 'Verdict', order: (p, q) => LANE_ORDER.indexOf(p.lane) - LANE_ORDER.indexOf(q.lane) || naturalOrder(p.edge.verdict, q.edge.verdict) },
  { key: 'grade', label: 'Grade', order: (p, q) => gradeRank(p) - gradeRank(q) },
  { key: 'bytes', label: 'Bytes', numeric: true, order: (p, q) => p.edge.wire_bytes - q.edge.wire_bytes },
  { key: 'sent', label: '→', spoken: 'bytes to the responder', numeric: true, order: (p, q) => p.edge.source_to_target_bytes - q.edge.source_to_target_bytes },
  { key: 'received', label: '←', spoken: 'bytes to the initiator', numeric: true, order: (p, q) => p.edge.target_to_source_bytes - q.edge.target_to_source_bytes },
  { key: 'packets', label: 'Packets', numeric: true, order: (p, q) => p.edge.packets - q.edge.packets },
  { key: 'conversations', label: 'Conv.', spoken: 'conversations', numeric: true, order: (p, q) => p.edge.conversations - q.edge.conversations },
  { key: 'services', label: 'Services', order: (p, q) => naturalOrder(p.services[0] ?? '', q.services[0] ?? '') },
  { key: 'first', label: 'First seen', numeric: true, order: (p, q) => (p.edge.first_seen_ns ?? 0) - (q.edge.first_seen_ns ?? 0) },
  { key: 'last', label: 'Last seen', numeric: true, order: (p, q) => (p.edge.last_seen_ns ?? 0) - (q.edge.last_seen_ns ?? 0) },
];

/** @param {Pair} pair */
function gradeRank(pair) {
  const rank = GRADE_ORDER.indexOf(pair.edge.grade ?? '');
  return rank < 0 ? GRADE_ORDER.length : rank;
}

/**
 * The order that a state's `sort` names: numbers begin with the most, text with A; a minus turns that round.
 * @param {string} sort
 */
function orderOf(sort) {
  const column = COLUMNS.find(({ key }) => key === sort.replace(/^-/, '')) ?? /** @type {Column} */ (COLUMNS.find(({ key }) => key === 'bytes'));
  const ascending = (column.numeric === true) === sort.startsWith('-');
  return { column, ascending };
}

/** Sorting 50,000 names takes a moment: it is done once for each result and order. */
const sorted = memoized((/** @type {Pair[]} */ pairs, /** @type {string} */ sort) => {
  const { column, ascending } = orderOf(sort);
  return [...pairs].sort((p, q) => (ascending ? 1 : -1) * column.order(p, q) || naturalOrder(p.key, q.key));
});

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {{select: (selection: Selection|null) => void, setSort: (sort: string) => void}} actions
 * @returns {() => void} unmount
 */
export function mountPairTable(element, store, { select, setSort }) {
  let page = 0;
  /** @type {Pair[]} */
  let shownRows = [];
  /** While somebody points at the table or is in it, a live capture does not move its rows: their keys. @type {string[]|null} */
  let held = null;
  const bar = el('div', { class: 'pair-table__bar num' });
  const head = el('tr', { 'aria-rowindex': 1 });
  const body = el('tbody');
  const table = el('table', {}, el('caption', { class: 'visually-hidden' }, 'All pairs that pass the filters. A row’s first cell opens its details.'), el('thead', {}, head), body);
  const scroll = el('div', { class: 'pair-table__scroll', tabindex: 0, role: 'region', 'aria-label': 'Pairs' }, table);
  const root = el('div', { class: 'pair-table' }, bar, scroll);
  element.append(root);
  const steady = createSteady(root);

  function renderHead() {
    const focused = head.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.sort : undefined;
    const { column, ascending } = orderOf(store.get().sort);
    fill(head, COLUMNS.map(({ key, label, spoken, numeric }) =>
      el('th', { scope: 'col', 'aria-sort': key === column.key ? (ascending ? 'ascending' : 'descending') : 'none', class: numeric ? 'is-number' : null },
        el('button', { type: 'button', 'data-sort': key, onclick: () => sortBy(key) }, label, spoken && el('span', { class: 'visually-hidden' }, ` ${spoken}`)))));
    if (focused) /** @type {HTMLElement|null} */ (head.querySelector(`[data-sort="${focused}"]`))?.focus();
  }

  /** @param {string} key */
  function sortBy(key) {
    const { sort } = store.get();
    page = 0;
    held = null;
    setSort(orderOf(sort).column.key === key && !sort.startsWith('-') ? `-${key}` : key);
  }

  /** Rows in their order, and how many wait for theirs. @returns {{rows: Pair[], waiting: number}} */
  function ordered() {
    const { model, filters, sort } = store.get();
    if (!model) return { rows: [], waiting: 0 };
    const rows = sorted(shownOf(model, filters).pairs, sort);
    if (held === null) return { rows, waiting: 0 };
    const byKey = new Map(rows.map((pair) => [pair.key, pair]));
    const kept = held.flatMap((key) => byKey.get(key) ?? []);
    return { rows: kept, waiting: rows.length - kept.length };
  }

  function renderBody() {
    const { model, selection } = store.get();
    if (!model) return;
    const { rows, waiting } = ordered();
    const pages = Math.max(1, Math.ceil(rows.length / PAGE));
    page = Math.min(page, pages - 1);
    const focused = body.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.key : undefined;
    const { first_seen_ns, last_seen_ns } = model.facts.totals;
    const [first, last] = [msOfNs(first_seen_ns), msOfNs(last_seen_ns)];
    const clock = first !== null && last !== null && dateOf(first) !== dateOf(last) ? dayAndTime : timeOfDay;
    table.setAttribute('aria-rowcount', String(rows.length + 1));
    shownRows = rows.slice(page * PAGE, (page + 1) * PAGE);
    fill(body, shownRows.map((pair, index) => row(pair, page * PAGE + index + 2, isSelected(pair, selection), clock)));
    if (focused) focusRow(focused);
    renderBar(rows.length, waiting, model, first);
  }

  /** @param {string} key of a pair: holds a sign that no CSS selector can name */
  function focusRow(key) {
    const buttons = /** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll('[data-key]'));
    [...buttons].find((button) => button.dataset.key === key)?.focus({ preventScroll: true });
  }

  /** A selection changes no row but its mark. */
  function markSelected() {
    const { selection } = store.get();
    shownRows.forEach((pair, index) => body.children[index]?.setAttribute('aria-selected', String(isSelected(pair, selection))));
  }

  /** @param {number} shown @param {number} waiting @param {GraphModel} model @param {number|null} first */
  function renderBar(shown, waiting, model, first) {
    const pages = Math.max(1, Math.ceil(shown / PAGE));
    const focused = bar.contains(document.activeElement) ? document.activeElement?.id : '';
    const turn = (/** @type {string} */ id, /** @type {string} */ label, /** @type {number} */ to) => {
      const button = el('button', { type: 'button', class: 'button button--small', id, onclick: () => {
        page = to;
        renderBody();
        scroll.scrollTop = 0;
      } }, label);
      button.disabled = to < 0 || to >= pages || to === page;
      return button;
    };
    const total = model.pairs.length;
    const what = shown + waiting === total ? plural(total, 'pair') : `${count(shown + waiting)} of ${plural(total, 'pair')} pass the filters`;
    fill(bar, el('span', {}, what), first !== null && el('span', {}, `times in ${zoneOf(first)}`),
      held !== null && el('button', { type: 'button', class: 'button button--small', id: 'take-rows', onclick: release }, waiting > 0 ? `+${count(waiting)} new` : 'Order is held: sort now'),
      el('span', { class: 'header__gap' }),
      pages > 1 && [
        el('span', {}, `rows ${count(page * PAGE + 1)} – ${count(Math.min(shown, (page + 1) * PAGE))}`),
        turn('page-first', 'First', 0), turn('page-previous', 'Previous', page - 1), turn('page-next', 'Next', page + 1), turn('page-last', 'Last', pages - 1),
      ]);
    if (!focused) return;
    const again = /** @type {HTMLButtonElement|null} */ (document.getElementById(focused));
    if (again && !again.disabled) again.focus();
    else scroll.focus({ preventScroll: true });
  }

  /** @param {Pair} pair @param {number} index of the row, from 1 @param {boolean} selected @param {(ms: number|null) => string} clock */
  function row(pair, index, selected, clock) {
    const { edge } = pair;
    const services = edge.services.slice(0, 3).map(serviceName).join(', ') + (edge.services.length > 3 ? ` +${edge.services.length - 3}` : '');
    const open = () => select(pairSelection(pair));
    const number = (/** @type {string} */ text) => el('td', { class: 'is-number' }, text);
    const name = (/** @type {string} */ label) => el('bdi', { class: 'pair-table__name', title: visibleText(label) }, visibleText(label));
    return el('tr', { 'aria-rowindex': index, 'aria-selected': String(selected), onclick: open },
      el('th', { scope: 'row' }, el('button', { type: 'button', class: 'pair-table__open', 'data-key': pair.key, 'aria-label': visibleText(`Open ${pair.a.label} and ${pair.b.label}`) }, name(pair.a.label))),
      el('td', {}, name(pair.b.label)),
      el('td', {}, el('span', { class: 'lane' }, pair.lane !== 'flood' && icon(pair.lane, 20, 17), laneTitle(pair.lane)), el('br'), el('code', { class: 'muted' }, edge.verdict)),
      el('td', {}, edge.grade ?? '–'),
      number(bytes(edge.wire_bytes)), number(bytes(edge.source_to_target_bytes)), number(bytes(edge.target_to_source_bytes)),
      number(count(edge.packets)), number(count(edge.conversations)), el('td', { class: 'hostile' }, services || '–'),
      number(clock(msOfNs(edge.first_seen_ns))), number(clock(msOfNs(edge.last_seen_ns))));
  }

  /** Takes the changes that were held back. */
  function release() {
    if (held === null) return;
    held = null;
    renderBody();
  }

  /** @param {GraphModel} before what the rows were in order of */
  function hold(before) {
    const { map, filters, sort } = store.get();
    if (map?.state !== 'live' || !(root.matches(':hover') || root.contains(document.activeElement))) held = null;
    else held ??= sorted(shownOf(before, filters).pairs, sort).map((pair) => pair.key);
  }
  root.addEventListener('pointerleave', () => !root.contains(document.activeElement) && release());
  root.addEventListener('focusout', (event) => {
    if (!root.matches(':hover') && !(event.relatedTarget instanceof Node && root.contains(event.relatedTarget)) && event.relatedTarget !== null) release();
  });

  /** Turns to the page of the selected pair. */
  function turnToSelection() {
    const { selection } = store.get();
    const at = selection?.type === 'pair' ? ordered().rows.findIndex((pair) => isSelected(pair, selection)) : -1;
    if (at >= 0) page = Math.floor(at / PAGE);
  }

  renderHead();
  turnToSelection();
  renderBody();
  const unsubscribe = store.subscribe((state, before) => {
    if (state.filters !== before.filters) [page, held] = [0, null];
    else if (state.model !== before.model && before.model && state.map?.id === before.map?.id) hold(before.model);
    else if (state.map?.state !== 'live') held = null;
    if (state.sort !== before.sort) renderHead();
    const asked = state.filters !== before.filters || state.sort !== before.sort;
    if (asked || state.model !== before.model || state.map?.state !== before.map?.state) steady.render(renderBody, asked);
    else if (state.selection !== before.selection) markSelected();
  });
  return () => {
    unsubscribe();
    steady.unmount();
    root.remove();
  };
}

/** @param {number|null} ms */
function dayAndTime(ms) {
  return ms === null ? timeOfDay(ms) : `${dateOf(ms)} ${timeOfDay(ms)}`;
}

/** @param {Pair} pair @param {Selection|null} selection */
function isSelected(pair, selection) {
  if (selection?.type === 'node') return pair.a.id === selection.id || pair.b.id === selection.id;
  return selection?.type === 'pair' && ((pair.a.id === selection.a && pair.b.id === selection.b) || (pair.a.id === selection.b && pair.b.id === selection.a));
}
