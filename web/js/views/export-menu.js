// What the export menu holds: the map as data, as a picture of what is shown, as a page.

import { api } from '../api.js';
import { count, msOfNs, msOfText } from '../format.js';
import { fileName } from '../model/file-name.js';
import { isOffline, documentText } from '../offline.js';
import { CanvasPainter } from '../scene/paint-canvas.js';
import { part } from '../scene/items.js';
import { paintSvg } from '../scene/paint-svg.js';
import { bitmapSize, composePicture } from '../scene/picture.js';
import { streetPicture } from '../scene/street-picture.js';
import { el } from './element.js';
import { currentPicture } from './picture-source.js';
import { readColours } from './theme.js';

/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {ReturnType<typeof composePicture>} Composed */

const DATA = [
  ['json', 'JSON', 'the whole graph document, networkx node-link'],
  ['graphml', 'GraphML', 'for Gephi, yEd, networkx'],
  ['gexf', 'GEXF', 'for Gephi'],
  ['csv', 'CSV', 'nodes and edges, zipped'],
  ['parquet', 'Parquet', 'tables for DuckDB, pandas, Spark, zipped'],
];
const SCALES = [1, 2, 4];
/** Long enough for a browser to have begun to save. */
const ADDRESS_LASTS_MS = 60_000;

/**
 * @param {AppState} state
 * @param {(text: string, tone?: 'problem'|'info') => void} notify
 * @returns {Node[]}
 */
export function exportRows(state, notify) {
  const { map } = state;
  const picture = map && pictureOf(state);
  if (!map || !picture) return [];
  /** @type {Map<HTMLAnchorElement, string>} link to its format */
  const links = new Map();
  const link = (/** @type {string} */ format, /** @type {string} */ label, /** @type {string} */ use) => {
    const found = el('a', { class: 'menu__item', href: api.exportAddress(map.id, format), download: true }, label, el('small', {}, use));
    links.set(found, format);
    return found;
  };
  const pseudonyms = el('input', { type: 'checkbox', onchange: () => {
    for (const [found, format] of links) found.href = api.exportAddress(map.id, format, pseudonyms.checked);
  } });
  const button = (/** @type {string} */ label, /** @type {string} */ use, /** @type {() => unknown} */ action) =>
    el('button', { type: 'button', class: 'menu__item', onclick: action }, label, el('small', {}, use));
  const data = isOffline()
    ? [button('JSON', 'the whole graph document, networkx node-link', () => save(new Blob([documentText(), '\n'], { type: 'application/json' }), fileName(map.name, '.json')))]
    : DATA.map(([format = '', label = '', use = '']) => link(format, label, use));
  const view = state.view === 'table' ? 'of the street map, with the filters' : 'of the view as it is shown';
  const anonymised = el('label', { class: 'menu__choice' }, pseudonyms, 'Anonymise data and page',
    el('small', {}, 'pseudonyms for addresses and names; times, ports and bytes stay'));
  return [
    group('Data', isOffline() ? data : [anonymised, ...data]),
    group('Picture', [
      button('SVG', `${view}, to print or edit`, () => saveSvg(picture, fileName(map.name, '.svg'))),
      el('div', { class: 'menu__beside' }, SCALES.map((scale) => {
        const size = bitmapSize(picture.bounds, scale);
        const reduced = size.reduced ? `, reduced to ${size.scale.toFixed(1)}x` : '';
        return button(`PNG ${scale}x`, `${count(size.width)} × ${count(size.height)}${reduced}`, () => savePng(picture, scale, fileName(map.name, scale === 1 ? '.png' : `@${scale}x.png`), notify));
      })),
    ]),
    ...(isOffline() ? [] : [group('Page', [link('html', 'HTML', 'one file that opens in a browser, without a server')])]),
  ];
}

/** @param {string} title @param {Node[]} rows */
function group(title, rows) {
  return el('div', { class: 'menu__group', role: 'group', 'aria-label': title }, el('h3', { 'aria-hidden': 'true' }, title), rows);
}

/** What is shown, with its words under it. @param {AppState} state @returns {Composed|null} */
function pictureOf(state) {
  const { map, whole, model, filters, range } = state;
  if (!map || !model) return null;
  const view = currentPicture() ?? streetPicture(state, whole ?? model, model);
  const t0Ms = msOfText(map.t0_ns) ?? msOfNs((whole ?? model).facts.totals.first_seen_ns);
  return composePicture(view, { name: map.name, model, filters, range, t0Ms, nowMs: Date.now() });
}

/** @param {Composed} picture @param {string} name */
function saveSvg(picture, name) {
  save(new Blob([paintSvg(picture, readColours())], { type: 'image/svg+xml' }), name);
}

/** @param {Composed} picture @param {number} wanted scale @param {string} name @param {(text: string, tone?: 'problem'|'info') => void} notify */
function savePng({ items, bounds }, wanted, name, notify) {
  const { scale, width, height, reduced } = bitmapSize(bounds, wanted);
  const canvas = el('canvas', { width, height });
  const painter = new CanvasPainter(canvas, getComputedStyle(document.body).fontFamily);
  painter.setColours(readColours());
  painter.paint([part(null, () => items)], { x: -bounds.x * scale, y: -bounds.y * scale, k: scale }, 1);
  canvas.toBlob((blob) => {
    if (blob === null) {
      notify(`This browser could not make a picture of ${count(width)} × ${count(height)} px. Choose a smaller one, or SVG.`);
      return;
    }
    save(blob, name);
    if (reduced) notify(`The picture is ${scale.toFixed(1)}x instead of ${wanted}x, ${count(width)} × ${count(height)} px: browsers draw no larger one. SVG has no such limit.`, 'info');
  }, 'image/png');
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const address = URL.createObjectURL(blob);
  el('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), ADDRESS_LASTS_MS);
}
