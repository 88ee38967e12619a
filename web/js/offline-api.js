// Stands for api.js in a map that was saved as one file: answers from the document in the page, for there is no server.

import { ApiError } from './api.js';
import { documentText } from './offline.js';
import { LANE_ORDER } from './verdicts.js';

export { ApiError };

/** @typedef {import('./document-types.js').GraphDocument} GraphDocument */
/** @typedef {import('./document-types.js').MapStatus} MapStatus */
/** @typedef {import('./document-types.js').MapList} MapList */

const KEPT_THERE = 'This is kept with the map on the FlowMap server; this file holds the map alone.';
const CONVERSATIONS = 'Single conversations are kept with the map on the FlowMap server.';

/** @type {GraphDocument|null} */
let parsed = null;

function graphDocument() {
  parsed ??= /** @type {GraphDocument} */ (JSON.parse(documentText()));
  return parsed;
}

/** What the server would say of the map. @returns {MapStatus} */
function status() {
  const { graph } = graphDocument();
  const first = graph.totals.first_seen_ns;
  return {
    id: 'file', name: graph.name, state: graph.complete ? 'done' : 'partial', progress: null, complete: graph.complete, error: null, revision: 1,
    created_at: '', t0_ns: first === null ? null : String(first), captures: [], inventory: [], points: null, stale: false, live: null,
  };
}

/** Bytes over time are not in the document: without a bar there is no timeline. */
async function noTimeline() {
  const series = Object.fromEntries([...LANE_ORDER, 'flood', 'group'].map((lane) => [lane, []]));
  return { t0_ns: status().t0_ns, bucket_ms: 1, start_ms: 0, series, untimed_bytes: 0 };
}

/** @type {Record<string, (...args: any[]) => unknown>} */
const ANSWERS = {
  /** @returns {Promise<MapList>} */
  listMaps: async () => ({ maps: [status()], keep_captures_s: 0, keep_captures_bytes: 0, max_upload_bytes: 0 }),
  getMap: async () => status(),
  graph: async () => ({ document: graphDocument(), revision: 1 }),
  health: async () => null,
  timeline: noTimeline,
  timelineOf: noTimeline,
  pair: () => refuse(CONVERSATIONS),
  conversations: () => refuse(CONVERSATIONS),
};

/** @param {string} [why] */
function refuse(why = KEPT_THERE) {
  return Promise.reject(new ApiError(0, why));
}

/** Whatever the document does not answer is refused with a sentence, and no address leads anywhere. */
export const api = /** @type {typeof import('./api.js').api} */ (/** @type {unknown} */ (
  new Proxy(ANSWERS, { get: (answers, name) => answers[String(name)] ?? (String(name).endsWith('Address') ? () => '#' : () => refuse()) })));

/** Nothing changes here. */
export function follow() {
  return () => {};
}

export function upload() {
  return refuse();
}
