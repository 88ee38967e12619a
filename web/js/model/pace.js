// How fast something goes and how long it will still take. Pure.

/** @typedef {{atMs: number, done: number}} Mark */
/** @typedef {{perSecond: number|null, leftMs: number|null}} Pace */

/** Older marks tell nothing of the pace now. */
const WINDOW_MS = 8_000;
/** Before this the first guess would be wide of the mark. */
const SETTLED_MS = 3_000;

/**
 * @param {Mark[]} marks
 * @param {Mark} mark the newest
 * @returns {Mark[]} those that count for the pace; a smaller amount than before begins anew
 */
export function withMark(marks, mark) {
  const last = marks.at(-1);
  if (last && mark.done < last.done) return [mark];
  return [...marks.filter(({ atMs }) => mark.atMs - atMs <= WINDOW_MS), mark];
}

/**
 * @param {Mark[]} marks oldest first
 * @param {number|null} total in the unit of the marks
 * @returns {Pace} nulls while it is too early to tell
 */
export function paceOf(marks, total) {
  const [first, last] = [marks[0], marks.at(-1)];
  if (!first || !last || last.atMs - first.atMs < 500 || last.done <= first.done) return { perSecond: null, leftMs: null };
  const perSecond = ((last.done - first.done) * 1000) / (last.atMs - first.atMs);
  const early = last.atMs - first.atMs < SETTLED_MS;
  return { perSecond, leftMs: total === null || early ? null : Math.max(0, ((total - last.done) * 1000) / perSecond) };
}

/**
 * How much of a map's captures has been read.
 * @param {Pick<import('../document-types.js').MapStatus, 'captures'|'progress'>} map
 * @returns {{done: number, total: number}|null} bytes; null while no capture is being read
 */
export function bytesRead({ captures, progress }) {
  const at = captures.findIndex(({ name }) => name === progress?.stage);
  const now = captures[at];
  if (!now || !progress || progress.share === null) return null;
  const size = (/** @type {typeof captures} */ some) => some.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  return { done: size(captures.slice(0, at)) + progress.share * now.size_bytes, total: size(captures) };
}

/** What a job without a file is called on the server, and here. */
const STAGES = new Map([['names', 'looking up names'], ['judging', 'judging every pair']]);

/** @param {string} stage name of a job, or of the capture that is read, which may be anything */
export function stageName(stage) {
  return STAGES.get(stage) ?? stage;
}
