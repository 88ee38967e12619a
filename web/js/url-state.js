// View, time range, filters, selection and zoom as the address' hash, and back. Pure. Ids, never names; defaults are left out.

import { NO_FILTERS } from './model/filters.js';
import { LANE_ORDER } from './verdicts.js';

/** @typedef {import('./model/filters.js').Filters} Filters */
/** @typedef {'map'|'matrix'|'table'} View */
/** @typedef {{fromMs: number, toMs: number}} Range milliseconds from the map's t0 */
/** @typedef {{x: number, y: number, k: number}} Camera the middle of the window in map units, and the zoom */
/**
 * @typedef {{type: 'pair', a: string, b: string} | {type: 'node', id: string} | {type: 'place', place: string}
 *   | {type: 'trunk', from: string, to: string} | {type: 'point', id: string}} Selection
 */
/**
 * @typedef {object} UrlState
 * @property {View} view
 * @property {Range|null} range
 * @property {Filters} filters
 * @property {Selection|null} selection
 * @property {Camera|null} camera
 * @property {string[]|null} matrixFolds
 * @property {Camera|null} matrixCamera
 * @property {import('./model/clusters.js').Grouping} grouping of hosts on the map
 * @property {string[]} unfolded names of clusters whose hosts stand on the map
 * @property {string} sort
 */

/** The filters that are lists, and what they are called in an address. @type {[string, 'hiddenSegments'|'hiddenServices'|'hiddenHosts'|'hiddenGrades'|'hiddenNodes'|'isolated'][]} */
const LISTS = [
  ['seg', 'hiddenSegments'], ['svc', 'hiddenServices'], ['host', 'hiddenHosts'], ['grade', 'hiddenGrades'], ['no', 'hiddenNodes'], ['only', 'isolated'],
];

const SEPARATOR = '~';
/** @type {View[]} */
const VIEWS = ['map', 'matrix', 'table'];

/** encodeURIComponent leaves the separator alone. @param {string} part */
function encodePart(part) {
  return encodeURIComponent(part).replaceAll(SEPARATOR, '%7E');
}

/** @param {string[]} parts */
function join(parts) {
  return parts.map(encodePart).join(SEPARATOR);
}

/** @param {string|null} text @returns {string[]} */
function split(text) {
  if (!text) return [];
  try {
    return text.split(SEPARATOR).map(decodeURIComponent);
  } catch {
    return [];
  }
}

/** @param {number[]} values */
function numbers(values) {
  return values.map((value) => String(Math.round(value * 1000) / 1000)).join(SEPARATOR);
}

/** @param {string|undefined} text @param {number} wanted @returns {number[]} empty unless there are as many numbers as wanted */
function numbersOf(text, wanted) {
  const values = (text ?? '').split(SEPARATOR).map(Number);
  return text && values.length === wanted && values.every(Number.isFinite) ? values : [];
}

/** @param {Camera} camera */
function cameraText({ x, y, k }) {
  return numbers([x, y, k]);
}

/** @param {string|undefined} text @returns {Camera|null} */
function cameraOf(text) {
  const [x, y, k] = numbersOf(text, 3);
  return x !== undefined && y !== undefined && k !== undefined && k > 0 ? { x, y, k } : null;
}

/** @param {Selection} selection */
function selectionParts(selection) {
  if (selection.type === 'pair') return ['pair', selection.a, selection.b];
  if (selection.type === 'trunk') return ['trunk', selection.from, selection.to];
  if (selection.type === 'place') return ['place', selection.place];
  return [selection.type, selection.id];
}

/** @param {string[]} parts @returns {Selection|null} */
function selectionOf([type, one, two]) {
  if (one === undefined) return null;
  if (type === 'pair' && two !== undefined) return { type, a: one, b: two };
  if (type === 'trunk' && two !== undefined) return { type, from: one, to: two };
  if (type === 'place') return { type, place: one };
  if (type === 'node' || type === 'point') return { type, id: one };
  return null;
}

/** @param {UrlState} state @returns {string} without the leading # */
export function toHash({ view, range, filters, selection, camera, matrixFolds, matrixCamera, grouping, unfolded, sort }) {
  const fields = [];
  if (view !== 'map') fields.push(`v=${view}`);
  if (range) fields.push(`t=${numbers([range.fromMs, range.toMs])}`);
  if (filters.hiddenLanes.length) fields.push(`hide=${join(filters.hiddenLanes)}`);
  for (const [key, name] of LISTS) if (filters[name].length) fields.push(`${key}=${join(filters[name])}`);
  if (filters.search) fields.push(`q=${encodePart(filters.search)}`);
  if (filters.minBytes) fields.push(`min=${filters.minBytes}`);
  if (sort) fields.push(`s=${encodePart(sort)}`);
  if (grouping !== 'auto') fields.push(`by=${grouping}`);
  if (unfolded.length) fields.push(`unf=${join(unfolded)}`);
  if (selection) fields.push(`sel=${join(selectionParts(selection))}`);
  if (camera) fields.push(`z=${cameraText(camera)}`);
  if (matrixFolds) fields.push(`mf=${join(matrixFolds)}`);
  if (matrixCamera) fields.push(`mz=${cameraText(matrixCamera)}`);
  return fields.join('&');
}

/** @param {string} hash with or without the leading # @returns {UrlState} what is unknown or broken is left out */
export function fromHash(hash) {
  const fields = new Map(
    hash.replace(/^#/, '').split('&').map((field) => {
      const [key = '', ...rest] = field.split('=');
      return /** @type {[string, string]} */ ([key, rest.join('=')]);
    }),
  );
  const least = Number(fields.get('min'));
  const lists = Object.fromEntries(LISTS.map(([key, name]) => [name, split(fields.get(key) ?? null)]));
  const [fromMs, toMs] = numbersOf(fields.get('t'), 2);
  return {
    view: VIEWS.find((view) => view === fields.get('v')) ?? 'map',
    range: fromMs !== undefined && toMs !== undefined && fromMs < toMs ? { fromMs, toMs } : null,
    filters: {
      ...NO_FILTERS,
      ...lists,
      hiddenLanes: LANE_ORDER.filter((lane) => split(fields.get('hide') ?? null).includes(lane)),
      search: split(fields.get('q') ?? null)[0] ?? '',
      minBytes: Number.isFinite(least) && least > 0 ? least : 0,
    },
    selection: selectionOf(split(fields.get('sel') ?? null)),
    camera: cameraOf(fields.get('z')),
    matrixFolds: fields.has('mf') ? split(fields.get('mf') ?? null) : null,
    matrixCamera: cameraOf(fields.get('mz')),
    grouping: (/** @type {const} */ (['host', 'cluster'])).find((one) => one === fields.get('by')) ?? 'auto',
    unfolded: split(fields.get('unf') ?? null),
    sort: split(fields.get('s') ?? null)[0] ?? '',
  };
}
