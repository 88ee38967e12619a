// The state of the page: what the store holds.

import { NO_FILTERS, applyFilters } from './model/filters.js';
import { memoized } from './store.js';

/** @typedef {import('./document-types.js').MapStatus} MapStatus */
/** @typedef {import('./model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('./model/filters.js').Filters} Filters */
/** @typedef {import('./url-state.js').Selection} Selection */
/** @typedef {import('./url-state.js').View} View */
/** @typedef {import('./url-state.js').Range} Range */
/** @typedef {import('./url-state.js').Camera} Camera */

/** @typedef {{name: string, done: number, total: number, text: string, cancel: (() => void)|null}} Work a file on its way; bytes */
/** @typedef {{id: number, text: string, tone: 'problem'|'info'}} Notice */

/**
 * @typedef {object} AppState
 * @property {'loading'|'locked'|'ready'} phase locked: the server wants its token
 * @property {string} lockedText
 * @property {MapStatus[]} maps newest first
 * @property {import('./document-types.js').MapList|null} limits
 * @property {MapStatus|null} map
 * @property {GraphModel|null} whole the newest result, of the whole capture: the layout rests on it
 * @property {GraphModel|null} model what is shown: `whole`, or the same endpoints with the bytes of `range`
 * @property {Range|null} range
 * @property {import('./document-types.js').Health|null} health
 * @property {import('./document-types.js').Timeline|null} timeline of the whole capture
 * @property {Work|null} work
 * @property {Notice[]} notices
 * @property {View} view
 * @property {Filters} filters
 * @property {Selection|null} selection
 * @property {Camera|null} camera of the street map; null shows everything
 * @property {string[]|null} matrixFolds hosts that are one line of the matrix; null as it begins
 * @property {Camera|null} matrixCamera
 * @property {import('./model/clusters.js').Grouping} grouping
 * @property {string[]} unfolded names of clusters whose hosts stand on the map
 * @property {string} sort of the table: a column, after a minus when it is turned round; empty as it comes
 * @property {{filters: Filters, range: Range|null}[]} past what Undo goes back to, newest last
 */
/** @typedef {ReturnType<typeof import('./store.js').createStore<AppState>>} Store */

/** @type {AppState} */
export const INITIAL_STATE = {
  phase: 'loading', lockedText: '', maps: [], limits: null, map: null, whole: null, model: null, range: null,
  health: null, timeline: null, work: null, notices: [], view: 'map', filters: NO_FILTERS, selection: null, camera: null, matrixFolds: null, matrixCamera: null, grouping: 'auto', unfolded: [], sort: '', past: [],
};

/** Map, matrix and table share one filter result. */
export const shownOf = memoized(applyFilters);

/** What no filter hides: shares of hosts and places are facts of all their traffic. */
export const allOf = memoized((/** @type {GraphModel} */ model) => applyFilters(model, NO_FILTERS));

/** @param {MapStatus|null} map @returns {boolean} whether the server is at work on it */
export function isBusy(map) {
  return map !== null && ['queued', 'running', 'live'].includes(map.state);
}
