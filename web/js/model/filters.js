// What the user asked to see. Map and table show the pairs that pass, and only those. Pure.

import { LANE_ORDER } from '../verdicts.js';
import { isDrawn } from './graph-model.js';

/** @typedef {import('./graph-model.js').GraphModel} GraphModel */
/** @typedef {import('./graph-model.js').Pair} Pair */
/** @typedef {import('../verdicts.js').Lane} Lane */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */

/**
 * @typedef {object} Filters
 * @property {Lane[]} hiddenLanes
 * @property {string[]} hiddenSegments
 * @property {string[]} hiddenServices
 * @property {string[]} hiddenHosts places (graph-model.js) whose pairs are hidden
 * @property {string[]} hiddenGrades of GRADE_ORDER, or NO_GRADE
 * @property {string[]} hiddenNodes ids of noisy endpoints: their pairs are hidden
 * @property {string[]} isolated ids: one shows its pairs alone, several show what they have with each other
 * @property {string} search
 * @property {number} minBytes pairs with fewer bytes are hidden
 */

/** @type {Filters} */
export const NO_FILTERS = {
  hiddenLanes: [], hiddenSegments: [], hiddenServices: [], hiddenHosts: [], hiddenGrades: [], hiddenNodes: [], isolated: [], search: '', minBytes: 0,
};

/** The grade of pairs without evidence, as a filter names it. */
export const NO_GRADE = 'none';

/** @param {Filters} filters */
export function isFiltering(filters) {
  return Object.values(filters).some((value) => (Array.isArray(value) ? value.length > 0 : typeof value === 'string' ? value.trim() !== '' : value > 0));
}

/**
 * @template T
 * @param {T[]} list
 * @param {T} item
 * @param {boolean} present
 * @returns {T[]}
 */
function withItem(list, item, present) {
  const rest = list.filter((other) => other !== item);
  return present ? [...rest, item] : rest;
}

/**
 * Shows or hides a lane. A hairpin is a part of "left": hiding all that left hides it, too.
 * @param {Filters} filters
 * @param {Lane} lane
 * @param {boolean} shown
 * @returns {Filters}
 */
export function showLane(filters, lane, shown) {
  let hiddenLanes = withItem(filters.hiddenLanes, lane, !shown);
  if (lane === 'left') hiddenLanes = withItem(hiddenLanes, 'hairpin', !shown);
  return { ...filters, hiddenLanes };
}

/** Shows one lane alone, or all again when it already stands alone. @param {Filters} filters @param {Lane} lane @returns {Filters} */
export function isolateLane(filters, lane) {
  const wanted = lane === 'left' ? ['left', 'hairpin'] : [lane];
  const others = LANE_ORDER.filter((other) => !wanted.includes(other));
  const alone = others.every((other) => filters.hiddenLanes.includes(other))
    && wanted.every((one) => !filters.hiddenLanes.includes(/** @type {Lane} */ (one)));
  return { ...filters, hiddenLanes: alone ? [] : others };
}

/** @param {Filters} filters @param {string} segment @param {boolean} shown @returns {Filters} */
export function showSegment(filters, segment, shown) {
  return { ...filters, hiddenSegments: withItem(filters.hiddenSegments, segment, !shown) };
}

/** @param {Filters} filters @param {string} service @param {boolean} shown @returns {Filters} */
export function showService(filters, service, shown) {
  return { ...filters, hiddenServices: withItem(filters.hiddenServices, service, !shown) };
}

/** @param {Filters} filters @param {string} place @param {boolean} shown @returns {Filters} */
export function showHost(filters, place, shown) {
  return { ...filters, hiddenHosts: withItem(filters.hiddenHosts, place, !shown) };
}

/** @param {Filters} filters @param {string} grade @param {boolean} shown @returns {Filters} */
export function showGrade(filters, grade, shown) {
  return { ...filters, hiddenGrades: withItem(filters.hiddenGrades, grade, !shown) };
}

/** @param {Filters} filters @param {string} id of an endpoint @param {boolean} shown @returns {Filters} */
export function showNode(filters, id, shown) {
  return { ...filters, hiddenNodes: withItem(filters.hiddenNodes, id, !shown) };
}

/** Shows the given endpoints alone, or all again when they already stand alone. @param {Filters} filters @param {string[]} ids @returns {Filters} */
export function isolate(filters, ids) {
  const wanted = [...ids].sort();
  const alone = wanted.length === filters.isolated.length && wanted.every((id, i) => id === filters.isolated[i]);
  return { ...filters, isolated: alone ? [] : wanted };
}

/** @param {DocumentNode} node @param {string} wanted lower case */
export function nodeMatches(node, wanted) {
  const asMac = wanted.replaceAll('-', ':');
  return [node.label, node.id, node.host ?? '', ...node.ips, ...node.names.map((name) => name.name)]
    .some((text) => text.toLowerCase().includes(wanted))
    || node.macs.some((mac) => mac.includes(asMac))
    || node.segments.some((segment) => segment.toLowerCase() === wanted);
}

/** A port or an application: 443, tcp/443, tls. @param {Pair} pair @param {string} wanted lower case */
function serviceMatches(pair, wanted) {
  return pair.edge.services.some(
    (service) => String(service.port) === wanted || `${service.protocol}/${service.port}` === wanted
      || service.application?.toLowerCase() === wanted || service.protocol === wanted,
  );
}

/** @param {Pair} pair @param {Set<string>} isolated */
function isIsolated({ a, b }, isolated) {
  if (isolated.size === 0) return true;
  return isolated.size === 1 ? isolated.has(a.id) || isolated.has(b.id) : isolated.has(a.id) && isolated.has(b.id);
}

/** @param {DocumentNode} node @param {Set<string>} hidden */
function segmentShown(node, hidden) {
  return node.segments.length === 0 || node.segments.some((segment) => !hidden.has(segment));
}

/**
 * Makes the test that a pair passes.
 * @param {Filters} filters
 * @returns {(pair: Pair) => boolean}
 */
export function pairFilter(filters) {
  const lanes = new Set(filters.hiddenLanes);
  const segments = new Set(filters.hiddenSegments);
  const services = new Set(filters.hiddenServices);
  const hosts = new Set(filters.hiddenHosts);
  const grades = new Set(filters.hiddenGrades);
  const nodes = new Set(filters.hiddenNodes);
  const isolated = new Set(filters.isolated);
  const wanted = filters.search.trim().toLowerCase();
  return (pair) =>
    !lanes.has(pair.lane)
    && !hosts.has(pair.placeA) && !hosts.has(pair.placeB)
    && !grades.has(pair.edge.grade ?? NO_GRADE)
    && !nodes.has(pair.a.id) && !nodes.has(pair.b.id)
    && isIsolated(pair, isolated)
    && pair.edge.wire_bytes >= filters.minBytes
    && (segments.size === 0 || (segmentShown(pair.a, segments) && segmentShown(pair.b, segments)))
    && (services.size === 0 || pair.services.length === 0 || pair.services.some((key) => !services.has(key)))
    && (wanted === '' || nodeMatches(pair.a, wanted) || nodeMatches(pair.b, wanted) || serviceMatches(pair, wanted));
}

/**
 * @typedef {object} Shown
 * @property {Pair[]} pairs that pass, groups included
 * @property {Pair[]} drawn those of them that stand on the map
 * @property {number} hiddenPairs
 * @property {number} hiddenBytes
 * @property {Set<string>} nodes ids of endpoints with a shown pair
 */

/**
 * @param {GraphModel} model
 * @param {Filters} filters
 * @returns {Shown}
 */
export function applyFilters(model, filters) {
  const passes = pairFilter(filters);
  /** @type {Pair[]} */
  const pairs = [];
  /** @type {Set<string>} */
  const nodes = new Set();
  let hiddenBytes = 0;
  for (const pair of model.pairs) {
    if (passes(pair)) {
      pairs.push(pair);
      nodes.add(pair.a.id).add(pair.b.id);
    } else {
      hiddenBytes += pair.edge.wire_bytes;
    }
  }
  return {
    pairs,
    nodes,
    drawn: pairs.filter(isDrawn),
    hiddenPairs: model.pairs.length - pairs.length,
    hiddenBytes,
  };
}

/**
 * Bytes of each row of a filter's list: of the pairs that pass every other filter, so that a hidden row still says
 * what it hides.
 * @param {GraphModel} model
 * @param {Filters} filters
 * @param {'hiddenHosts'|'hiddenGrades'} own name of the list
 * @param {(pair: Pair) => string[]} rowsOf rows that a pair counts in, each once
 * @returns {Map<string, number>}
 */
export function rowSums(model, filters, own, rowsOf) {
  const passes = pairFilter({ ...filters, [own]: [] });
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const pair of model.pairs) {
    if (!passes(pair)) continue;
    for (const row of new Set(rowsOf(pair))) sums.set(row, (sums.get(row) ?? 0) + pair.edge.wire_bytes);
  }
  return sums;
}

/**
 * Bytes and pairs of each lane, for the legend: of the pairs that pass every filter but the legend's own,
 * so that a hidden lane still says what it hides. Mixed pairs count in their own row.
 * @param {GraphModel} model
 * @param {Filters} filters
 * @returns {Record<Lane, {pairs: number, wire_bytes: number}>}
 */
export function laneSums(model, filters) {
  const passes = pairFilter({ ...filters, hiddenLanes: [] });
  const sums = /** @type {Record<Lane, {pairs: number, wire_bytes: number}>} */ (
    Object.fromEntries([...LANE_ORDER, 'flood'].map((lane) => [lane, { pairs: 0, wire_bytes: 0 }])));
  for (const pair of model.pairs) {
    if (!passes(pair)) continue;
    sums[pair.lane].pairs += 1;
    sums[pair.lane].wire_bytes += pair.edge.wire_bytes;
  }
  return sums;
}
