// Along the bottom: traffic over time by verdict, the moves of VMs, and the brush that chooses a time range.

import { api } from '../api.js';
import { bytes, msOfText, roundDuration, visibleText, zoneOf } from '../format.js';
import { bucketAt } from '../model/brush.js';
import { axisOf, bucketTexts, marksOf, moveText, spokenSummary } from '../model/timeline.js';
import { byId, el, fill } from './element.js';
import { singleKeysAreOn } from './shortcuts.js';
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
  /** @type {Timeline|null} traffic of what is selected */
  let own = null;
  /** @type {AbortController|null} */
  let loading = null;

  function draw() {
    const { timeline, filters, range, whole } = store.get();
    element.hidden = whole === null || (timeline !== null && axisOf(timeline) === null); // it comes a moment after the map, which keeps its room
    if (!timeline || element.hidden) return;
    t0Ms = msOfText(timeline.t0_ns) ?? 0;
    drawn = chart.draw(timeline, own, filters.hiddenLanes, t0Ms);
    drawMarks();
    brush.update(drawn, t0Ms, range);
    drawSide();
    spoken.textContent = [spokenSummary(timeline, filters.hiddenLanes, t0Ms), ...(whole?.facts.moves ?? []).slice(0, 50).map((move) => moveText(move, whole?.nodes ?? new Map()))].join(' ');
  }

  function drawSide() {
    const { timeline, range, selection, whole } = store.get();
    if (!timeline || !drawn) return;
    const focused = side.contains(document.activeElement);
    const untimed = timeline.untimed_bytes ? ` ${bytes(timeline.untimed_bytes)} have no time.` : '';
    fill(side,
      el('p', { class: 'timeline__title', title: `Stacked by verdict as in the legend; without multicast and broadcast.${untimed}` }, el('b', {}, drawn.unit), ' by verdict'),
      el('p', { class: 'timeline__note num' }, `${roundDuration(timeline.bucket_ms)} a bar · ${zoneOf(t0Ms)}`),
      own && selection && el('p', { class: 'timeline__note timeline__name hostile', id: 'timeline-own-name' }, `Bold: ${nameOf(selection, whole)}`),
      range
        ? el('button', { type: 'button', class: 'button button--small', id: 'timeline-clear', onclick: brush.clear }, 'Whole capture')
        : !own && drawn.axis.count > 1 && el('p', { class: 'timeline__note' }, 'Drag for a time range'));
    if (focused && !side.contains(document.activeElement)) (side.querySelector('button') ?? /** @type {HTMLElement|null} */ (brush.frame.querySelector('[role=slider]')))?.focus();
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
      const button = el('button', { type: 'button', class: 'timeline__mark', title: visibleText(mark.title), 'aria-label': mark.title, onclick: () => {
        const node = mark.moves[0]?.node;
        if (node !== undefined) actions.select({ type: 'node', id: node });
      } }, el('span', { class: 'timeline__mark-sign', 'aria-hidden': 'true' }, '⇄'), room >= LEAST_LABEL_PX && text);
      button.style.left = `${at}px`;
      text.style.maxWidth = `${Math.max(0, room - 6)}px`;
      marks.append(button);
    });
  }

  /** Asks for the traffic of the selected pair or endpoint. */
  async function loadOwn() {
    loading?.abort();
    const { map, selection, timeline } = store.get();
    const ends = selection?.type === 'pair' ? [selection.a, selection.b] : selection?.type === 'node' ? [selection.id] : [];
    if (!map || !timeline || ends.length === 0) {
      if (own !== null) {
        own = null;
        draw();
      }
      return;
    }
    const asked = new AbortController();
    loading = asked;
    try {
      const found = await api.timelineOf(map.id, ends, asked.signal);
      if (asked.signal.aborted) return;
      // while a live map grows, a series of other buckets is of a newer result, which is drawn with its own
      own = found.series.stayed.length === store.get().timeline?.series.stayed.length ? found : null;
      draw();
    } catch (error) {
      if (!asked.signal.aborted) actions.report(error);
    }
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

  new ResizeObserver(draw).observe(plot);
  draw();
  void loadOwn();
  return store.subscribe((state, before) => {
    const moved = state.selection !== before.selection || state.timeline !== before.timeline || state.map?.id !== before.map?.id;
    if (moved) void loadOwn();
    if (moved || state.range !== before.range || state.filters !== before.filters || state.whole !== before.whole) draw();
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
  const label = (/** @type {string} */ id) => visibleText(whole?.nodes.get(id)?.label ?? id);
  return selection.type === 'pair' ? `${label(selection.a)} → ${label(selection.b)}` : selection.type === 'node' ? label(selection.id) : '';
}
