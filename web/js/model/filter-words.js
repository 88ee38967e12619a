// What the filters leave out, in words, for pictures and other places where the filters themselves cannot be seen. Pure.

import { bytes, dateOf, timeOfDay, visibleText, zoneOf } from '../format.js';
import { LANES, LANE_ORDER } from '../verdicts.js';
import { NO_GRADE } from './filters.js';
import { OUTSIDE, ROUTERS, UNPLACED } from './graph-model.js';

/** @typedef {import('./filters.js').Filters} Filters */
/** @typedef {import('./graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../url-state.js').Range} Range */

/** Longer lists say how many there are. */
const NAMED = 6;
const PLACES = new Map([[UNPLACED, 'hosts not known'], [OUTSIDE, 'outside'], [ROUTERS, 'routers']]);

/**
 * "no filter", or what is hidden and what alone is shown: "Hidden: Left the host; segment vlan20; below 1.00 MB. Only: search 'app'".
 * @param {Filters} filters
 * @param {Range|null} range
 * @param {GraphModel|null} model for the names of endpoints and services
 * @param {number|null} t0Ms what the range counts from
 * @returns {string}
 */
export function filterWords(filters, range, model, t0Ms) {
  const label = (/** @type {string} */ id) => model?.nodes.get(id)?.label ?? id;
  const service = (/** @type {string} */ key) => model?.services.find((row) => row.key === key)?.label ?? key.replace(/\/$/, '');
  const hidden = [
    ...laneWords(filters.hiddenLanes),
    ...listed('segment', 'segments', filters.hiddenSegments),
    ...listed('service', 'services', filters.hiddenServices.map(service)),
    ...listed('host', 'hosts', filters.hiddenHosts.map((place) => PLACES.get(place) ?? place)),
    ...listed('grade', 'grades', filters.hiddenGrades.map((grade) => (grade === NO_GRADE ? 'no evidence' : grade))),
    ...listed('endpoint', 'endpoints', filters.hiddenNodes.map(label)),
    ...(filters.minBytes > 0 ? [`below ${bytes(filters.minBytes)}`] : []),
  ];
  const search = filters.search.trim();
  const only = [
    ...listed('pairs of', filters.isolated.length > 1 ? 'pairs among' : '', filters.isolated.map(label)),
    ...(search ? [`search '${visibleText(search)}'`] : []),
    ...(range ? [rangeWords(range, t0Ms)] : []),
  ];
  const sentences = [...(hidden.length ? [`Hidden: ${hidden.join('; ')}`] : []), ...(only.length ? [`Only: ${only.join('; ')}`] : [])];
  return sentences.length ? sentences.join('. ') : 'no filter';
}

/** A hairpin is a part of what left. @param {Filters['hiddenLanes']} hidden @returns {string[]} */
function laneWords(hidden) {
  const both = hidden.includes('left') && hidden.includes('hairpin');
  return LANE_ORDER.filter((lane) => hidden.includes(lane) && !(both && lane === 'hairpin'))
    .map((lane) => (lane === 'left' && !both ? `${LANES.left.label}, hairpins apart` : LANES[lane].label));
}

/** @param {string} one @param {string} many @param {string[]} names */
function listed(one, many, names) {
  if (names.length === 0) return [];
  const shown = names.slice(0, NAMED).map(visibleText).join(', ');
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return [`${names.length === 1 ? one : many} ${shown}${more}`];
}

/** @param {Range} range @param {number|null} t0Ms */
export function rangeWords({ fromMs, toMs }, t0Ms) {
  if (t0Ms === null) return 'a time range';
  const precision = toMs - fromMs < 60_000 ? 'millis' : 'seconds';
  const [from, to] = [t0Ms + fromMs, t0Ms + toMs];
  const end = dateOf(from) === dateOf(to) ? timeOfDay(to, precision) : `${dateOf(to)} ${timeOfDay(to, precision)}`;
  return `${dateOf(from)} ${timeOfDay(from, precision)} – ${end} (${zoneOf(from)})`;
}
