// Capture health: what the headline rests on. Points of one host and role share a chip. Pure.

import { bytes, count, percent, plural, visibleText } from '../format.js';
import { ROLES } from '../verdicts.js';

/** @typedef {import('../document-types.js').Point} Point */
/** @typedef {import('../document-types.js').HostStatement} HostStatement */
/** @typedef {{text: string, off: boolean}} Fact a fact that is off weakens the verdicts */
/** @typedef {{id: string, title: string, facts: Fact[], off: boolean, points: Point[]}} PointHealth id: of its first point */

/** From this share of one-way conversations on, half of the traffic may be missing. */
const ONE_WAY_OFF = 0.1;

/**
 * What is stated or read about each host's uplinks: the document tells both, the statements of the map only one.
 * @param {import('../document-types.js').GraphFacts} facts
 * @param {import('../document-types.js').Health|null} health
 * @returns {Record<string, HostStatement>}
 */
export function hostStatements(facts, health) {
  return facts.hosts ? Object.fromEntries(facts.hosts.map((host) => [host.host, host])) : health?.hosts ?? {};
}

/**
 * One chip for the points of one host and role; what is off comes first.
 * @param {Point[]} points
 * @param {Record<string, HostStatement>} hosts what is stated or read about each host's uplinks
 * @returns {PointHealth[]}
 */
export function captureHealth(points, hosts) {
  /** @type {Map<string, Point[]>} */
  const groups = new Map();
  for (const point of points) {
    const key = JSON.stringify([point.host, point.role]);
    groups.set(key, [...(groups.get(key) ?? []), point]);
  }
  return [...groups.values()].map((group) => healthOf(group, hosts)).sort((p, q) => Number(q.off) - Number(p.off));
}

/**
 * @param {Point[]} points of one host and role, at least one
 * @param {Record<string, HostStatement>} hosts
 * @returns {PointHealth}
 */
export function healthOf(points, hosts) {
  const first = /** @type {Point} */ (points[0]);
  const role = ROLES[first.role] ?? first.role;
  const times = points.length > 1 ? ` × ${points.length}` : '';
  const facts = [uplinkFact(first, hosts), copiesFact(points), droppedFact(points), oneWayFact(points), cutFact(points)]
    .filter((fact) => fact !== null);
  return {
    id: first.id,
    title: visibleText(first.host === null ? `${role}${times}, host unknown` : `${first.host} ${role}${times}`),
    facts,
    off: facts.some((fact) => fact.off),
    points,
  };
}

/** Largest of the values that are known. @param {(number|null)[]} values @returns {number|null} */
function largest(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? Math.max(...known) : null;
}

/** A vNIC says nothing about uplinks. @param {Point} point @param {Record<string, HostStatement>} hosts @returns {Fact|null} */
function uplinkFact(point, hosts) {
  if (point.host === null) return { text: 'no host stated', off: true };
  if (point.role === 'vnic') return null;
  const complete = hosts[point.host]?.uplinks_complete ?? false;
  return { text: complete ? 'uplinks complete' : 'uplinks unknown', off: false };
}

/** @param {Point[]} points @returns {Fact|null} */
function copiesFact(points) {
  const copies = largest(points.map((point) => point.copies_per_packet));
  if (copies === null) return null;
  return { text: `${copies.toFixed(2)} copies${copies >= 1.05 ? ', counted once' : ''}`, off: false };
}

/** @param {Point[]} points @returns {Fact} */
function droppedFact(points) {
  const known = points.map((point) => point.dropped_packets).filter((drops) => drops !== null);
  if (known.length === 0) return { text: 'drops unknown', off: false };
  const sum = known.reduce((total, drops) => total + drops, 0);
  return { text: `${count(sum)} dropped`, off: sum > 0 };
}

/** @param {Point[]} points @returns {Fact|null} */
function oneWayFact(points) {
  const share = largest(points.map((point) => point.one_way_share));
  if (share === null || share === 0) return null;
  return { text: `one-way ${points.length > 1 ? 'up to ' : ''}${percent(share, 1)}`, off: share >= ONE_WAY_OFF };
}

/** @param {Point[]} points @returns {Fact|null} */
function cutFact(points) {
  const share = largest(points.map((point) => point.truncated_share));
  // bytes come from the lengths in the headers, so cut frames weaken names, not sums
  return share === null || share === 0 ? null : { text: `${percent(share, 1)} cut short`, off: false };
}

/**
 * The sentences of the banner that says the numbers are not the whole.
 * @param {import('../document-types.js').GraphFacts} facts
 * @param {string|null} error sentence of the map's status
 * @returns {string[]}
 */
export function incompleteSentences(facts, error) {
  if (facts.complete && !error) return [];
  if (error) return [visibleText(error)];
  const ofCaptures = facts.captures
    .filter((capture) => !capture.complete)
    .flatMap((capture) => capture.warnings.map((warning) => warning.text));
  return (ofCaptures.length ? [...new Set(ofCaptures)] : ['A capture ended before its end.']).map(visibleText);
}

/** @param {import('../document-types.js').GraphFacts} facts @returns {string} "2 captures · 1.84 GB" */
export function captureSummary(facts) {
  const size = facts.captures.reduce((sum, capture) => sum + capture.size_bytes, 0);
  const names = facts.captures.map((capture) => visibleText(capture.file));
  const what = names.length === 1 ? /** @type {string} */ (names[0]) : plural(names.length, 'capture');
  return size > 0 ? `${what} · ${bytes(size)}` : what;
}
