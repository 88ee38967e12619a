// A view as a picture that stands alone: under it what the page says around it, printed. Pure.

import { shownOf } from '../app-state.js';
import { bytes, dateOf, plural, percent, timeOfDay, visibleText, zoneOf } from '../format.js';
import { filterWords } from '../model/filter-words.js';
import { laneSums } from '../model/filters.js';
import { denominators, headline } from '../model/headline.js';
import { LANES, LANE_ORDER } from '../verdicts.js';
import { hairpinMark, mixedMark, twoTone } from './items.js';
import { fitText, textWidth, wrapText } from './text-width.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {import('../verdicts.js').Lane} Lane */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/**
 * What the words under a picture are made from.
 * @typedef {object} PictureFacts
 * @property {string} name of the map
 * @property {GraphModel} model what is shown
 * @property {import('../model/filters.js').Filters} filters
 * @property {import('../url-state.js').Range|null} range
 * @property {number|null} t0Ms what the range counts from
 * @property {number} nowMs when the picture is made
 */

const MARGIN = 26;
const LEAST_WIDTH = 920;
const LEGEND = { h: 40, mark: 34, glyph: 26, gap: 30, size: 12 };
/** Above and under the view. */
const AIR = 20;
const HEADLINE = { size: 17, line: 22, lines: 3 };
const SMALL = { size: 12, line: 18, lines: 4 };

/** A side of a canvas, and all its pixels, that browsers draw for sure. */
const MOST_SIDE_PX = 16_384;
const MOST_PIXELS = 64_000_000;

/**
 * @param {{items: Item[], bounds: Rect, title: string}} view
 * @param {PictureFacts} facts
 * @returns {{items: Item[], bounds: Rect, title: string, description: string}}
 */
export function composePicture(view, facts) {
  const w = Math.ceil(Math.max(view.bounds.w, LEAST_WIDTH));
  const x = Math.floor(view.bounds.x - (w - view.bounds.w) / 2);
  const top = Math.floor(view.bounds.y - AIR);
  const under = Math.ceil(view.bounds.y + view.bounds.h + AIR);
  const words = footerWords(facts);
  const footer = footerItems({ x: x + MARGIN, y: under + MARGIN, w: w - 2 * MARGIN }, words, facts);
  const h = under - top + footer.h + 2 * MARGIN;
  return {
    items: [
      { kind: 'rect', x, y: top, w, h, fill: 'bg' },
      ...view.items,
      { kind: 'rect', x, y: under, w, h: footer.h + 2 * MARGIN, fill: 'panel' },
      { kind: 'path', d: `M${x} ${under}H${x + w}`, stroke: 'line', lw: 1.5 },
      ...footer.items,
    ],
    bounds: { x, y: top, w, h },
    title: `${visibleText(facts.name)} – ${view.title} of FlowMap`,
    description: [words.headline, words.span, words.filters, words.source].join('. '),
  };
}

/** @param {PictureFacts} facts */
function footerWords({ name, model, filters, range, t0Ms, nowMs }) {
  const shown = shownOf(model, filters);
  const total = model.facts.totals.unique_bytes;
  const hidden = shown.hiddenPairs > 0 ? ` · ${shown.pairs.length} of ${plural(model.pairs.length, 'pair')} shown, ${bytes(shown.hiddenBytes)} (${percent(shown.hiddenBytes, total)}) hidden; the sentence above keeps them` : '';
  const filtering = filterWords(filters, range, model, t0Ms);
  return {
    headline: headline(model),
    span: denominators(model).join(' · '),
    filters: `${filtering === 'no filter' ? 'Shown: everything, no filter' : filtering}${hidden}`,
    source: `${visibleText(name)} · drawn by FlowMap on ${dateOf(nowMs)} ${timeOfDay(nowMs, 'minutes')} (${zoneOf(nowMs)})`,
  };
}

/**
 * @param {{x: number, y: number, w: number}} room
 * @param {ReturnType<typeof footerWords>} words
 * @param {PictureFacts} facts
 * @returns {{items: Item[], h: number}}
 */
function footerItems(room, words, facts) {
  /** @type {Item[]} */
  const items = [];
  let y = room.y;
  const write = (/** @type {string} */ text, /** @type {typeof SMALL} */ type, /** @type {boolean} */ bold, /** @type {string} */ fill) => {
    for (const line of wrapText(text, room.w, type.size, bold, type.lines)) {
      items.push({ kind: 'text', x: room.x, y: y + type.size, text: line, size: type.size, bold, fill });
      y += type.line;
    }
  };
  write(words.headline, HEADLINE, true, 'ink');
  const legend = legendItems(room.x, y + 8, room.w, facts);
  items.push(...legend.items);
  y += legend.h + 14;
  write(words.span, SMALL, false, 'ink2');
  write(words.filters, SMALL, false, 'ink2');
  write(fitText(words.source, room.w, SMALL.size), SMALL, false, 'ink3');
  return { items, h: y - room.y };
}

/** Each lane with its line, mark, word and bytes, in as many rows as it takes. @param {number} left @param {number} top @param {number} width @param {PictureFacts} facts */
function legendItems(left, top, width, { model, filters }) {
  const sums = laneSums(model, filters);
  /** @type {Item[]} */
  const items = [];
  let [x, y] = [left, top];
  for (const lane of LANE_ORDER) {
    const own = sums[lane];
    const whole = lane === 'left' ? { pairs: own.pairs + sums.hairpin.pairs, wire_bytes: own.wire_bytes + sums.hairpin.wire_bytes } : own;
    const { label, glyph } = LANES[lane];
    const hidden = filters.hiddenLanes.includes(lane) ? ', hidden' : '';
    const numbers = `${lane === 'hairpin' ? 'of it ' : ''}${bytes(whole.wire_bytes)} · ${plural(whole.pairs, 'pair')}${hidden}`;
    const words = LEGEND.mark + LEGEND.glyph;
    const wide = words + Math.max(textWidth(label, LEGEND.size, true), textWidth(numbers, LEGEND.size));
    if (x > left && x + wide > left + width) [x, y] = [left, y + LEGEND.h];
    items.push(...markOf(lane, x, y + 4),
      { kind: 'text', x: x + LEGEND.mark + LEGEND.glyph / 2, y: y + 14, text: glyph, size: LEGEND.size, bold: true, align: 'center', fill: 'ink' },
      { kind: 'text', x: x + words, y: y + 14, text: label, size: LEGEND.size, bold: true, fill: 'ink' },
      { kind: 'text', x: x + words, y: y + 29, text: numbers, size: LEGEND.size, fill: 'ink2' });
    x += wide + LEGEND.gap;
  }
  return { items, h: y + LEGEND.h - top };
}

/** A piece of the line as the map draws it. @param {Lane} lane @param {number} x @param {number} y @returns {Item[]} */
function markOf(lane, x, y) {
  const { token, dash } = LANES[lane];
  const end = x + LEGEND.mark;
  const middle = y + 12;
  if (lane === 'stayed') return [{ kind: 'path', d: `M${x + 4} ${y + 20}C${x + 4} ${y - 4} ${end - 4} ${y - 4} ${end - 4} ${y + 20}`, stroke: token, lw: 3, cap: 'round' }];
  if (lane === 'hairpin') return hairpinMark(x + 9, y + 3, 1.1);
  if (lane === 'mixed') return [...twoTone(`M${x} ${middle}H${end}`, 4, 1), ...mixedMark(x + LEGEND.mark / 2, middle, 5.5)];
  return [{ kind: 'path', d: `M${x} ${middle}H${end}`, stroke: token, lw: 3, dash, cap: lane === 'undetermined' ? 'round' : 'butt' }];
}

/**
 * How large a bitmap of the picture becomes.
 * @param {Rect} bounds
 * @param {number} wanted scale
 * @returns {{scale: number, width: number, height: number, reduced: boolean}} reduced: browsers draw no canvas as large as wanted
 */
export function bitmapSize({ w, h }, wanted) {
  const scale = Math.min(wanted, MOST_SIDE_PX / w, MOST_SIDE_PX / h, Math.sqrt(MOST_PIXELS / (w * h)));
  const reduced = scale < wanted;
  const round = reduced ? Math.floor : Math.round;
  return { scale, width: Math.max(1, round(w * scale)), height: Math.max(1, round(h * scale)), reduced };
}
