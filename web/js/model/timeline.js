// What the timeline draws: bars stacked by verdict, its scales and the moves of VMs. Pure.

import { clockSpan, dateOf, isolated, rate, roundDuration, shortenMiddle, timeOfDay, visibleText } from '../format.js';
import { LANES } from '../verdicts.js';

/** @typedef {import('../document-types.js').Timeline} Timeline */
/** @typedef {import('../document-types.js').Move} Move */
/** @typedef {import('../verdicts.js').Lane} Lane */
/** @typedef {import('./brush.js').Axis} Axis */
/** @typedef {{bucket: number, low: number, high: number}} Bar in bytes, upon the lanes below */

/**
 * From the bottom up. Multicast and broadcast, which no verdict speaks of, are left out here as they are on the map.
 * @type {Lane[]}
 */
export const BAR_LANES = ['stayed', 'left', 'hairpin', 'mixed', 'undetermined'];

/** @param {Timeline|null} timeline @returns {Axis|null} null when no packet has a time */
export function axisOf(timeline) {
  const count = timeline?.series.stayed.length ?? 0;
  return timeline && count > 0 ? { startMs: timeline.start_ms, bucketMs: timeline.bucket_ms, count } : null;
}

/**
 * A series of a part of the traffic on the axis of the whole. While a live map grows one of them may be of an older result.
 * @param {Timeline} own
 * @param {Timeline} whole
 * @returns {Timeline|null} null when its buckets are others
 */
export function seriesOn(own, whole) {
  if (own.bucket_ms !== whole.bucket_ms || own.start_ms !== whole.start_ms || own.t0_ns !== whole.t0_ns) return null;
  const length = whole.series.stayed.length;
  if (own.series.stayed.length <= length) return own;
  return { ...own, series: /** @type {Timeline['series']} */ (Object.fromEntries(Object.entries(own.series).map(([lane, sums]) => [lane, sums.slice(0, length)]))) };
}

/**
 * @param {Timeline} timeline
 * @param {Lane[]} hidden
 * @returns {{lane: Lane, bars: Bar[]}[]} lanes with bytes
 */
export function stacked(timeline, hidden) {
  const heights = timeline.series.stayed.map(() => 0);
  return BAR_LANES.filter((lane) => !hidden.includes(lane)).map((lane) => {
    /** @type {Bar[]} */
    const bars = [];
    (timeline.series[lane] ?? []).forEach((size, bucket) => {
      if (size <= 0) return;
      const low = heights[bucket] ?? 0;
      heights[bucket] = low + size;
      bars.push({ bucket, low, high: low + size });
    });
    return { lane, bars };
  }).filter(({ bars }) => bars.length > 0);
}

/** @param {ReturnType<typeof stacked>} lanes @returns {Bar|null} top of the highest bucket */
export function highest(lanes) {
  return lanes.flatMap(({ bars }) => bars).reduce((/** @type {Bar|null} */ most, bar) => (most && most.high >= bar.high ? most : bar), null);
}

/** @param {number} bytes @param {Axis} axis @returns {number} bit/s of a bucket */
export function bitRate(bytes, axis) {
  return (bytes * 8000) / axis.bucketMs;
}

/** The next number with one digit that people like on an axis. @param {number} value */
export function niceTop(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 3, 4, 5, 6, 8, 10].find((digit) => digit * power >= value * (1 - 1e-9)) ?? 10;
  return step * power;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
  DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY,
];

/**
 * Round local times on the axis.
 * @param {number} fromMs since 1970
 * @param {number} toMs
 * @param {number} most ticks
 * @param {number} leastMs apart: finer than the bars they would say nothing
 * @returns {{ms: number, label: string}[]}
 */
export function timeTicks(fromMs, toMs, most, leastMs) {
  const step = STEPS.find((one) => one >= leastMs && (toMs - fromMs) / one <= most) ?? Math.ceil((toMs - fromMs) / most / DAY) * DAY;
  const offset = new Date(fromMs).getTimezoneOffset() * MINUTE;
  const ticks = [];
  for (let ms = Math.ceil((fromMs - offset) / step) * step + offset; ms <= toMs; ms += step) {
    // where clocks change within days of ticks, midnight stays midnight
    const shift = step >= DAY ? new Date(ms).getTimezoneOffset() * MINUTE - offset : 0;
    ticks.push({ ms: ms + shift, label: tickLabel(ms + shift, step) });
  }
  return ticks;
}

/** @param {number} ms @param {number} step */
function tickLabel(ms, step) {
  const at = timeOfDay(ms, 'millis');
  if (step >= DAY || (step >= MINUTE && at === '00:00:00.000')) return dateOf(ms).slice(5);
  return timeOfDay(ms, step >= MINUTE ? 'minutes' : step >= SECOND ? 'seconds' : 'millis');
}

/**
 * What one bucket holds, in words.
 * @param {Timeline} timeline
 * @param {number} bucket
 * @param {Lane[]} hidden
 * @returns {{lane: Lane, text: string}[]} lanes with bytes
 */
export function bucketTexts(timeline, bucket, hidden) {
  return BAR_LANES.filter((lane) => !hidden.includes(lane) && (timeline.series[lane]?.[bucket] ?? 0) > 0)
    .map((lane) => ({ lane, text: `${LANES[lane].label} ${rate(timeline.series[lane]?.[bucket] ?? 0, timeline.bucket_ms / 1000)}` }));
}

/**
 * The timeline in a sentence or two, for those who do not see it.
 * @param {Timeline} timeline
 * @param {Lane[]} hidden
 * @param {number} t0Ms since 1970
 */
export function spokenSummary(timeline, hidden, t0Ms) {
  const axis = axisOf(timeline);
  if (!axis) return '';
  const at = (/** @type {number} */ bucket) => t0Ms + axis.startMs + bucket * axis.bucketMs;
  const top = highest(stacked(timeline, hidden));
  const whole = `${axis.count} ${axis.count === 1 ? 'bar' : 'bars'} of ${roundDuration(axis.bucketMs)}, ${clockSpan(at(0), at(axis.count))}`;
  return top
    ? `${whole}. Most traffic: ${rate(top.high, axis.bucketMs / 1000)} at ${clockSpan(at(top.bucket), at(top.bucket + 1))}. Multicast and broadcast are left out.`
    : `${whole}. None of the traffic that the legend shows.`;
}

/**
 * Moves of VMs where they happened; those that would stand on each other are one mark.
 * @typedef {{ms: number, moves: Move[], label: string, title: string}} Mark
 */

/**
 * @param {Move[]} moves
 * @param {Map<string, {label: string}>} nodes
 * @param {number} fromMs since 1970
 * @param {number} toMs
 * @param {number} apartMs how far apart two marks are at least
 * @returns {Mark[]}
 */
export function marksOf(moves, nodes, fromMs, toMs, apartMs) {
  /** @type {Mark[]} */
  const marks = [];
  const known = moves.map((move) => ({ move, ms: move.time_ns / 1e6 })).filter(({ ms }) => ms >= fromMs && ms <= toMs)
    .sort((p, q) => p.ms - q.ms);
  for (const { move, ms } of known) {
    const text = moveText(move, nodes);
    const title = `${timeOfDay(ms)} ${text}`;
    const last = marks.at(-1);
    if (last && ms - last.ms < apartMs) {
      last.moves.push(move);
      last.label = `${last.moves.length} moves`;
      last.title += `; ${title}`;
    } else marks.push({ ms, moves: [move], label: text, title });
  }
  return marks;
}

/** "cache-1 moved esx-02 → esx-01", safe to look at. @param {Move} move @param {Map<string, {label: string}>} nodes */
export function moveText(move, nodes) {
  const shown = (/** @type {string} */ text) => isolated(visibleText(shortenMiddle(text, 24)));
  const name = shown(nodes.get(move.node)?.label ?? move.node);
  if (move.from_host === null) return `${name} moved to ${shown(move.to_host ?? 'a host not known')}`;
  if (move.to_host === null) return `${name} moved away from ${shown(move.from_host)}`;
  return `${name} moved ${shown(move.from_host)} → ${shown(move.to_host)}`;
}
