// The time range that a person brushes: whole buckets within the capture, moved and drawn out. Pure.

/** @typedef {import('../url-state.js').Range} Range */

/**
 * Where the buckets of the timeline lie, in milliseconds from the map's t0.
 * @typedef {{startMs: number, bucketMs: number, count: number}} Axis
 */

/** An address holds whole microseconds. @param {number} ms */
function microseconds(ms) {
  return Math.round(ms * 1000) / 1000;
}

/** @param {Axis} axis @param {number} bucket @returns {number} where a bucket begins */
export function bucketStart(axis, bucket) {
  return microseconds(axis.startMs + bucket * axis.bucketMs);
}

/** @param {Axis} axis @param {number} first @param {number} end bucket after the last @returns {Range} */
function rangeOf(axis, first, end) {
  return { fromMs: bucketStart(axis, first), toMs: bucketStart(axis, end) };
}

/** @param {Axis} axis @returns {Range} */
export function wholeRange(axis) {
  return rangeOf(axis, 0, axis.count);
}

/** @param {Axis} axis @param {number} ms @returns {number} the border between buckets that lies nearest */
export function borderNear(axis, ms) {
  return Math.min(axis.count, Math.max(0, Math.round((ms - axis.startMs) / axis.bucketMs)));
}

/** @param {Axis} axis @param {number} ms @returns {number} the bucket that a time is in, or the nearest */
export function bucketAt(axis, ms) {
  return Math.min(axis.count - 1, Math.max(0, Math.floor((ms - axis.startMs) / axis.bucketMs)));
}

/**
 * The whole buckets between two times, one at least.
 * @param {Axis} axis
 * @param {number} oneMs
 * @param {number} otherMs
 * @returns {Range}
 */
export function drawn(axis, oneMs, otherMs) {
  const [low, high] = [Math.min(oneMs, otherMs), Math.max(oneMs, otherMs)];
  const [first, end] = [borderNear(axis, low), borderNear(axis, high)];
  if (first < end) return rangeOf(axis, first, end);
  const bucket = bucketAt(axis, (low + high) / 2);
  return rangeOf(axis, bucket, bucket + 1);
}

/** The range as long as it was, somewhere else. @param {Axis} axis @param {Range} range @param {number} buckets to the right @returns {Range} */
export function moved(axis, range, buckets) {
  const [first, end] = [borderNear(axis, range.fromMs), borderNear(axis, range.toMs)];
  const length = Math.min(axis.count, Math.max(1, end - first));
  const begin = Math.min(axis.count - length, Math.max(0, first + buckets));
  return rangeOf(axis, begin, begin + length);
}

/**
 * One end of the range elsewhere; the other one stays, a bucket away at least.
 * @param {Axis} axis
 * @param {Range} range
 * @param {'from'|'to'} end
 * @param {number} border number of the border between buckets
 * @returns {Range}
 */
export function resized(axis, range, end, border) {
  const [first, last] = [borderNear(axis, range.fromMs), borderNear(axis, range.toMs)];
  return end === 'from'
    ? rangeOf(axis, Math.max(0, Math.min(border, last - 1)), last)
    : rangeOf(axis, first, Math.min(axis.count, Math.max(border, first + 1)));
}

/** How far the keys [ and ] move it. @param {Axis} axis @param {Range} range */
export function halfOf(axis, range) {
  return Math.max(1, Math.round((borderNear(axis, range.toMs) - borderNear(axis, range.fromMs)) / 2));
}

/** @param {Range|null} one @param {Range|null} other @returns {boolean} the same but for what the address rounds off */
export function sameRange(one, other) {
  if (one === null || other === null) return one === other;
  return Math.abs(one.fromMs - other.fromMs) < 0.005 && Math.abs(one.toMs - other.toMs) < 0.005;
}

/**
 * The range in a newer result: t0 may be another time when an earlier capture came in, and what lies outside of the
 * capture is cut off.
 * @param {Range|null} range
 * @param {number} shiftMs how much later t0 was before
 * @param {Axis|null} axis of the newer result; null when nothing has a time
 * @returns {Range|null} null when nothing is left of it
 */
export function carried(range, shiftMs, axis) {
  if (range === null || axis === null) return null;
  const whole = wholeRange(axis);
  const fromMs = Math.max(whole.fromMs, microseconds(range.fromMs + shiftMs));
  const toMs = Math.min(whole.toMs, microseconds(range.toMs + shiftMs));
  if (fromMs >= toMs) return null;
  return sameRange(range, { fromMs, toMs }) ? range : { fromMs, toMs };
}

/**
 * The whole buckets that the server counted for a range, within the capture.
 * @param {import('../document-types.js').GraphFacts} facts of its answer
 * @param {Range} asked
 * @param {Axis|null} axis
 * @returns {Range} the same object when they are what was asked for
 */
export function usedRange({ range, totals }, asked, axis) {
  const t0 = totals.first_seen_ns;
  if (!range || t0 === null || range.from_ns === null || range.to_ns === null) return asked;
  const used = carried({ fromMs: microseconds((range.from_ns - t0) / 1e6), toMs: microseconds((range.to_ns - t0) / 1e6) }, 0, axis);
  return used === null || sameRange(used, asked) ? asked : used;
}
