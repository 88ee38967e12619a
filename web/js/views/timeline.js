// Along the bottom: traffic over time by verdict, the moves of VMs, and the brush that chooses a time range.

import { api } from '../api.js';
import { createAsking } from '../asking.js';
import { bytes, fromTo, msOfText, roundDuration, visibleText, zoneOf } from '../format.js';
import { bucketAt } from '../model/brush.js';
import { axisOf, bucketTexts, marksOf, moveText, seriesOn, spokenSummary } from '../model/timeline.js';
import { byId, el, fill } from './element.js';
import { singleKeysAreOn } from './shortcuts.js';
import { createSteady, keepingPlace } from './steady.js';
import { createBrush } from './timeline-brush.js';
import { EDGES, createChart, spanText } from './timeline-chart.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../document-types.js').Timeline} Timeline */
/** @typedef {import('../url-state.js').Range} Range */
/** @typedef {import('../url-state.js').Selection} Selection */

const MARK_PX = 18;
const LEAST_LABEL_PX = 70;
const HELP = 'Arrow keys move an end by one bar, with Shift the whole range; Page Up and Down by ten; Escape shows the whole capture. Anywhere on the page, [ and ] move the range by its half.';

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {{setRange: (range: Range|null) => void, select: (selection: Selection|null) => void, report: (error: unknown) => void}} actions
 */
export function mountTimeline(element, store, actions) {
  const chart = createChart();
  const side = el('div', { class: 'timeline__side' });
  const marks = el('div', { class: 'timeline__marks' });
  const tip = el('div', { class: 'timeline__tip', role: 'tooltip', hidden: true });
  const plot = el('div', { class: 'timeline__plot', id: 'timeline-plot' }, chart.svg);
  const spoken = el('p', { class: 'visually-hidden', id: 'timeline-spoken' });
  const brush = createBrush(plot, {
    preview: (range) => {
      const span = drawn && range ? [drawn.x(range.fromMs), drawn.x(range.toMs)] : [0, drawn?.width ?? 0];
      chart.lightUp(span[0] ?? 0, span[1] ?? 0);
    },
    release: (range) => {
      actions.setRange(range);
      byId('announcer').textContent = range ? `Time range ${spanText(t0Ms, range)}` : 'Whole capture';
    },
  });
  plot.append(brush.frame, marks, tip);
  element.append(side, plot, spoken, el('p', { class: 'visually-hidden', id: 'timeline-help' }, HELP));

  /** @type {import('./timeline-chart.js').Drawn|null} */
  let drawn = null;
  let t0Ms = 0;
  const steady = createSteady(marks);
  const asking = createAsking((/** @type {{map: string, ends: string[]}} */ { map, ends }, signal) => api.timelineOf(map, ends, signal), (error) => {
    if (error !== null) actions.report(error);
    steady.render(draw);
  });

  function draw() {
    keepingPlace(element, build);
  }

  function build() {
    const { timeline, filters, range, whole } = store.get();
    element.hidden = whole === null || (timeline !== null && axisOf(timeline) === null); // it comes a moment after the map, which keeps its room
    if (!timeline || element.hidden) return;
    t0Ms = msOfText(timeline.t0_ns) ?? 0;
    const own = ownSeries();
    drawn = chart.draw(timeline, own, filters.hiddenLanes, t0Ms);
    drawMarks();
    brush.update(drawn, t0Ms, range);
    drawSide(own !== null);
    spoken.textContent = [spokenSummary(timeline, filters.hiddenLanes, t0Ms), ...(whole?.facts.moves ?? []).slice(0, 50).map((move) => moveText(move, whole?.nodes ?? new Map()))].join(' ');
  }

  /** @param {boolean} bold */
  function drawSide(bold) {
    const { timeline, range, selection, whole } = store.get();
    if (!timeline || !drawn) return;
    const untimed = timeline.untimed_bytes ? ` ${bytes(timeline.untimed_bytes)} have no time.` : '';
    fill(side,
      el('p', { class: 'timeline__title', title: `Stacked by verdict as in the legend; without multicast and broadcast.${untimed}` }, el('b', {}, drawn.unit), ' by verdict'),
      el('p', { class: 'timeline__note num' }, `${roundDuration(timeline.bucket_ms)} a bar · ${zoneOf(t0Ms)}`),
      bold && selection && el('p', { class: 'timeline__note timeline__name hostile', id: 'timeline-own-name' }, `Bold: ${nameOf(selection, whole)}`),
      range
        ? el('button', { type: 'button', class: 'button button--small', id: 'timeline-clear', onclick: brush.clear }, 'Whole capture')
        : !bold && drawn.axis.count > 1 && el('p', { class: 'timeline__note' }, 'Drag for a time range'));
  }

  function drawMarks() {
    const { whole, timeline } = store.get();
    fill(marks);
    if (!drawn || !whole || !timeline) return;
    const { axis, x, width } = drawn;
    const perPixel = (axis.bucketMs * axis.count) / (width - EDGES.left - EDGES.right);
    const from = t0Ms + axis.startMs;
    const list = marksOf(whole.facts.moves ?? [], whole.nodes, from, from + axis.bucketMs * axis.count, MARK_PX * perPixel);
    list.forEach((mark, index) => {
      const at = x(mark.ms - t0Ms);
      const next = list[index + 1];
      const room = (next ? x(next.ms - t0Ms) - MARK_PX / 2 : width) - at - MARK_PX;
      const text = el('span', { class: 'timeline__mark-text' }, mark.label);
      const button = el('button', { type: 'button', class: 'timeline__mark', 'data-key': `move ${mark.moves[0]?.node} ${mark.moves[0]?.time_ns}`, title: mark.title, 'aria-label': mark.title, onclick: () => {
        const node = mark.moves[0]?.node;
        if (node !== undefined) actions.select({ type: 'node', id: node });
      } }, el('span', { class: 'timeline__mark-sign', 'aria-hidden': 'true' }, '⇄'), room >= LEAST_LABEL_PX && text);
      button.style.left = `${at}px`;
      text.style.maxWidth = `${Math.max(0, room - 6)}px`;
      marks.append(button);
    });
  }

  /** Traffic of the selected pair or endpoint, as far as it was told; never that of another. @returns {Timeline|null} */
  function ownSeries() {
    const { map, selection, timeline } = store.get();
    const ends = selection?.type === 'pair' ? [selection.a, selection.b] : selection?.type === 'node' ? [selection.id] : [];
    if (!map || !timeline || ends.length === 0) {
      asking.forget();
      return null;
    }
    const { answer } = asking.of(JSON.stringify([map.id, ...ends]), timeline, { map: map.id, ends });
    return answer && seriesOn(answer, timeline);
  }

  plot.addEventListener('pointermove', (event) => {
    const { timeline, filters } = store.get();
    tip.hidden = true;
    if (!drawn || !timeline || brush.isDragging() || event.pointerType === 'touch' || /** @type {HTMLElement} */ (event.target).closest('button')) return;
    const { axis, x, width } = drawn;
    const at = event.clientX - plot.getBoundingClientRect().left;
    if (at < EDGES.left || at > width - EDGES.right) return;
    const ms = axis.startMs + ((at - x(axis.startMs)) / (width - EDGES.left - EDGES.right)) * axis.bucketMs * axis.count;
    const bucket = bucketAt(axis, ms);
    const start = axis.startMs + bucket * axis.bucketMs;
    const rows = bucketTexts(timeline, bucket, filters.hiddenLanes);
    fill(tip, el('b', { class: 'num' }, spanText(t0Ms, { fromMs: start, toMs: start + axis.bucketMs })),
      rows.length ? rows.reverse().map(({ text }) => el('div', { class: 'num' }, text)) : 'no traffic');
    tip.hidden = false;
    tip.style.left = `${Math.min(Math.max(at, tip.offsetWidth / 2), width - tip.offsetWidth / 2)}px`;
  });
  plot.addEventListener('pointerleave', () => { tip.hidden = true; });

  addEventListener('keydown', (event) => {
    if (isBrushKey(event) && store.get().range) brush.nudge(event.key === '[' ? -1 : 1);
  });
  addEventListener('keyup', (event) => {
    if (isBrushKey(event) && store.get().range) brush.release();
  });

  // a key that is let go in another window is not heard of here
  addEventListener('blur', () => !brush.isDragging() && brush.release());

  new ResizeObserver(draw).observe(plot);
  draw();
  return store.subscribe((state, before) => {
    const moved = state.selection !== before.selection || state.timeline !== before.timeline || state.map?.id !== before.map?.id;
    const asked = state.selection !== before.selection || state.range !== before.range || state.filters !== before.filters;
    if (moved || asked || state.whole !== before.whole) steady.render(draw, asked);
  });
}

/** @param {KeyboardEvent} event @returns {boolean} [ or ], and nobody is typing */
function isBrushKey(event) {
  if (!['[', ']'].includes(event.key) || !singleKeysAreOn() || event.metaKey || event.ctrlKey !== event.altKey) return false; // Ctrl and Alt together are AltGr
  if (document.querySelector('dialog[open], [popover]:popover-open')) return false;
  const target = /** @type {HTMLElement} */ (event.target);
  return !(target instanceof Element && target.closest('input:not([type=checkbox], [type=range]), textarea, select, [contenteditable]'));
}

/** @param {Selection} selection @param {import('../model/graph-model.js').GraphModel|null} whole */
function nameOf(selection, whole) {
  const label = (/** @type {string} */ id) => whole?.nodes.get(id)?.label ?? id;
  return selection.type === 'pair' ? fromTo(label(selection.a), label(selection.b)) : selection.type === 'node' ? visibleText(label(selection.id)) : '';
}
