// The table: the full equivalent of the map, every pair a row, groups included.

import { shownOf } from '../app-state.js';
import { bytes, count, msOfNs, naturalOrder, plural, serviceName, timeOfDay, visibleText } from '../format.js';
import { GRADE_ORDER, LANE_ORDER, laneTitle } from '../verdicts.js';
import { pairSelection } from '../scene/street-scene.js';
import { el, fill, icon } from './element.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../url-state.js').Selection} Selection */

const PAGE = 100;

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
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
  { key: 'sent', label: '→', numeric: true, order: (p, q) => p.edge.source_to_target_bytes - q.edge.source_to_target_bytes },
  { key: 'received', label: '←', numeric: true, order: (p, q) => p.edge.target_to_source_bytes - q.edge.target_to_source_bytes },
  { key: 'packets', label: 'Packets', numeric: true, order: (p, q) => p.edge.packets - q.edge.packets },
  { key: 'conversations', label: 'Conv.', numeric: true, order: (p, q) => p.edge.conversations - q.edge.conversations },
  { key: 'services', label: 'Services', order: (p, q) => naturalOrder(p.services[0] ?? '', q.services[0] ?? '') },
  { key: 'first', label: 'First seen', numeric: true, order: (p, q) => (p.edge.first_seen_ns ?? 0) - (q.edge.first_seen_ns ?? 0) },
  { key: 'last', label: 'Last seen', numeric: true, order: (p, q) => (p.edge.last_seen_ns ?? 0) - (q.edge.last_seen_ns ?? 0) },
];
const SPOKEN = new Map([['→', 'Bytes to the responder'], ['←', 'Bytes to the initiator'], ['Conv.', 'Conversations']]);

/** @param {Pair} pair */
function gradeRank(pair) {
  const rank = GRADE_ORDER.indexOf(pair.edge.grade ?? '');
  return rank < 0 ? GRADE_ORDER.length : rank;
}

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {(selection: Selection|null) => void} select
 * @returns {() => void} unmount
 */
export function mountPairTable(element, store, select) {
  let sortKey = 'bytes';
  let ascending = false;
  let page = 0;
  const bar = el('div', { class: 'pair-table__bar num' });
  const head = el('tr');
  const body = el('tbody');
  const scroll = el('div', { class: 'pair-table__scroll', tabindex: 0, role: 'region', 'aria-label': 'Pairs' },
    el('table', {}, el('caption', { class: 'visually-hidden' }, 'All pairs that pass the filters. A row’s first cell opens its details.'), el('thead', {}, head), body));
  const root = el('div', { class: 'pair-table' }, bar, scroll);
  element.append(root);

  function renderHead() {
    const focused = head.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.sort : undefined;
    fill(head, COLUMNS.map(({ key, label, numeric }) => {
      const sort = key === sortKey ? (ascending ? 'ascending' : 'descending') : 'none';
      return el('th', { scope: 'col', 'aria-sort': sort, class: numeric ? 'is-number' : null },
        el('button', { type: 'button', 'data-sort': key, 'aria-label': SPOKEN.get(label) ?? null, onclick: () => sortBy(key, !numeric) }, label));
    }));
    if (focused) /** @type {HTMLElement|null} */ (head.querySelector(`[data-sort="${focused}"]`))?.focus();
  }

  /** @param {string} key @param {boolean} firstAscending */
  function sortBy(key, firstAscending) {
    ascending = key === sortKey ? !ascending : firstAscending;
    sortKey = key;
    page = 0;
    renderHead();
    renderBody();
  }

  function renderBody() {
    const { model, filters, selection } = store.get();
    if (!model) return;
    const order = /** @type {Column} */ (COLUMNS.find(({ key }) => key === sortKey)).order;
    const sign = ascending ? 1 : -1;
    const rows = [...shownOf(model, filters).pairs].sort((p, q) => sign * order(p, q) || q.edge.wire_bytes - p.edge.wire_bytes);
    const pages = Math.max(1, Math.ceil(rows.length / PAGE));
    page = Math.min(page, pages - 1);
    const focused = body.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.key : undefined;
    fill(body, rows.slice(page * PAGE, (page + 1) * PAGE).map((pair) => row(pair, isSelected(pair, selection))));
    if (focused) /** @type {HTMLElement|null} */ (body.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
    renderBar(rows.length, model.pairs.length, pages);
  }

  /** @param {number} shown @param {number} total @param {number} pages */
  function renderBar(shown, total, pages) {
    const turn = (/** @type {number} */ step) => () => {
      page += step;
      renderBody();
      scroll.scrollTop = 0;
    };
    const previous = el('button', { type: 'button', class: 'button button--small', onclick: turn(-1) }, 'Previous');
    const next = el('button', { type: 'button', class: 'button button--small', onclick: turn(1) }, 'Next');
    previous.disabled = page === 0;
    next.disabled = page >= pages - 1;
    const what = shown === total ? plural(total, 'pair') : `${count(shown)} of ${plural(total, 'pair')} pass the filters`;
    fill(bar, el('span', {}, what), el('span', { class: 'header__gap' }), pages > 1 && [el('span', {}, `page ${page + 1} of ${count(pages)}`), previous, next]);
  }

  /** @param {Pair} pair @param {boolean} selected */
  function row(pair, selected) {
    const { edge } = pair;
    const services = edge.services.slice(0, 3).map(serviceName).join(', ') + (edge.services.length > 3 ? ` +${edge.services.length - 3}` : '');
    const open = () => select(pairSelection(pair));
    const number = (/** @type {string} */ text) => el('td', { class: 'is-number' }, text);
    return el('tr', { 'aria-selected': String(selected), onclick: open },
      el('td', {}, el('button', { type: 'button', class: 'pair-table__open', 'data-key': pair.key, 'aria-label': visibleText(`Open ${pair.a.label} and ${pair.b.label}`) }, el('bdi', {}, visibleText(pair.a.label)))),
      el('td', {}, el('bdi', { class: 'hostile' }, visibleText(pair.b.label))),
      el('td', {}, el('span', { class: 'lane' }, pair.lane !== 'flood' && icon(pair.lane, 20, 17), laneTitle(pair.lane)), el('br'), el('code', { class: 'muted' }, edge.verdict)),
      el('td', {}, edge.grade ?? '–'),
      number(bytes(edge.wire_bytes)), number(bytes(edge.source_to_target_bytes)), number(bytes(edge.target_to_source_bytes)),
      number(count(edge.packets)), number(count(edge.conversations)), el('td', {}, services || '–'),
      number(timeOfDay(msOfNs(edge.first_seen_ns))), number(timeOfDay(msOfNs(edge.last_seen_ns))));
  }

  renderHead();
  renderBody();
  const unsubscribe = store.subscribe((state, before) => {
    if (state.filters !== before.filters) page = 0;
    if (state.model !== before.model || state.filters !== before.filters || state.selection !== before.selection) renderBody();
  });
  return () => {
    unsubscribe();
    root.remove();
  };
}

/** @param {Pair} pair @param {Selection|null} selection */
function isSelected(pair, selection) {
  if (selection?.type === 'node') return pair.a.id === selection.id || pair.b.id === selection.id;
  return selection?.type === 'pair' && ((pair.a.id === selection.a && pair.b.id === selection.b) || (pair.a.id === selection.b && pair.b.id === selection.a));
}
