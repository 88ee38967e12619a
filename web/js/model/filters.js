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
 * @property {string} search
 * @property {number} minBytes pairs with fewer bytes are hidden
 */

/** @type {Filters} */
export const NO_FILTERS = { hiddenLanes: [], hiddenSegments: [], hiddenServices: [], search: '', minBytes: 0 };

/** @param {Filters} filters */
export function isFiltering(filters) {
  return filters.hiddenLanes.length > 0 || filters.hiddenSegments.length > 0 || filters.hiddenServices.length > 0
    || filters.search.trim() !== '' || filters.minBytes > 0;
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
  const wanted = filters.search.trim().toLowerCase();
  return (pair) =>
    !lanes.has(pair.lane)
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
  let hiddenBytes = 0;
  for (const pair of model.pairs) {
    if (passes(pair)) pairs.push(pair);
    else hiddenBytes += pair.edge.wire_bytes;
  }
  return {
    pairs,
    drawn: pairs.filter(isDrawn),
    hiddenPairs: model.pairs.length - pairs.length,
    hiddenBytes,
    nodes: new Set(pairs.flatMap((pair) => [pair.a.id, pair.b.id])),
  };
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
