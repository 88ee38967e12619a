// The frame over the timeline: drawn, moved and stretched with pointer or keys. It shows at once what is released later.

import { timeOfDay, zoneOf } from '../format.js';
import { borderNear, drawn, halfOf, moved, resized, sameRange, wholeRange } from '../model/brush.js';
import { el } from './element.js';
import { spanText } from './timeline-chart.js';

/** @typedef {import('../url-state.js').Range} Range */
/** @typedef {import('../model/brush.js').Axis} Axis */
/** @typedef {import('./timeline-chart.js').Drawn} Drawn */

const CLICK_PX = 4;
const PAGE = 10;

/**
 * @param {HTMLElement} plot in which pixels count
 * @param {{preview: (range: Range|null) => void, release: (range: Range|null) => void}} actions
 */
export function createBrush(plot, actions) {
  const label = el('span', { class: 'timeline__span num' });
  const handles = { from: handle('from', 'Start of the time range'), to: handle('to', 'End of the time range') };
  const frame = el('div', { class: 'timeline__frame', role: 'group', 'aria-label': 'Time range', 'aria-describedby': 'timeline-help' }, label, handles.from, handles.to);
  /** @type {Range|null} what is released */
  let held = null;
  /** @type {Range|null} what is shown */
  let shown = null;
  /** @type {Drawn|null} */
  let chart = null;
  let t0Ms = 0;
  /** @type {((ms: number) => Range|null)|null} what a pointer that is down makes of where it is */
  let dragging = null;
  let pressedAt = 0;
  let stepping = false; // keys have moved what is shown, and are not let go yet

  /** @param {'from'|'to'} end @param {string} name */
  function handle(end, name) {
    return el('div', { class: `timeline__handle timeline__handle--${end}`, role: 'slider', tabindex: 0, 'aria-label': name, 'data-end': end, 'aria-orientation': 'horizontal' });
  }

  /** @param {Range|null} range */
  function show(range) {
    shown = range;
    if (!chart) return;
    const { axis, x } = chart;
    const { fromMs, toMs } = range ?? wholeRange(axis);
    const [left, right] = [x(fromMs), x(toMs)];
    frame.classList.toggle('is-set', range !== null);
    Object.assign(frame.style, { left: `${left}px`, width: `${Math.max(2, right - left)}px` });
    label.textContent = range ? spanText(t0Ms, range) : '';
    // a short frame has no room inside for its name
    const beside = right - left < label.offsetWidth + 16;
    label.classList.toggle('is-left', beside && right + label.offsetWidth + 10 > chart.width);
    label.classList.toggle('is-beside', beside);
    for (const [end, ms] of /** @type {['from'|'to', number][]} */ ([['from', fromMs], ['to', toMs]])) {
      const at = t0Ms + ms;
      const values = { 'aria-valuemin': 0, 'aria-valuemax': axis.count, 'aria-valuenow': borderNear(axis, ms), 'aria-valuetext': `${timeOfDay(at)} ${zoneOf(at)}${range ? '' : ', whole capture'}` };
      for (const [name, value] of Object.entries(values)) handles[end].setAttribute(name, String(value));
    }
    actions.preview(range);
  }

  function release() {
    [dragging, stepping] = [null, false];
    if (!sameRange(shown, held)) {
      held = shown;
      actions.release(shown);
    }
  }

  /** @param {PointerEvent} event @returns {number} milliseconds from t0 */
  function timeAt(event) {
    if (!chart) return 0;
    const { axis, x } = chart;
    const [left, right] = [x(axis.startMs), x(axis.startMs + axis.bucketMs * axis.count)];
    return axis.startMs + ((event.clientX - plot.getBoundingClientRect().left - left) / (right - left)) * axis.bucketMs * axis.count;
  }

  plot.addEventListener('pointerdown', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.button !== 0 || !chart || target.closest('button')) return;
    const { axis } = chart;
    const start = timeAt(event);
    const before = shown;
    const end = /** @type {'from'|'to'|undefined} */ (target.dataset.end);
    if (end) dragging = (ms) => resized(axis, before ?? wholeRange(axis), end, borderNear(axis, ms));
    else if (before && start >= before.fromMs && start <= before.toMs) dragging = (ms) => moved(axis, before, Math.round((ms - start) / axis.bucketMs));
    else dragging = (ms) => drawn(axis, start, ms);
    pressedAt = event.clientX;
    plot.setPointerCapture(event.pointerId);
    event.preventDefault();
    (end ? handles[end] : handles.to).focus({ preventScroll: true, focusVisible: false });
  });
  plot.addEventListener('pointermove', (event) => {
    if (dragging && (Math.abs(event.clientX - pressedAt) >= CLICK_PX || !sameRange(shown, held))) show(dragging(timeAt(event)));
  });
  plot.addEventListener('pointerup', (event) => {
    if (!dragging) return;
    const inside = held && timeAt(event) >= held.fromMs && timeAt(event) <= held.toMs;
    const isClick = Math.abs(event.clientX - pressedAt) < CLICK_PX && sameRange(shown, held);
    const isEverything = chart && sameRange(shown, wholeRange(chart.axis));
    if (isEverything || (isClick && !inside && !(/** @type {HTMLElement} */ (event.target).dataset.end))) show(null);
    release();
  });
  plot.addEventListener('pointercancel', () => {
    dragging = null;
    show(held);
  });

  frame.addEventListener('keydown', (event) => {
    const end = /** @type {'from'|'to'|undefined} */ (/** @type {HTMLElement} */ (event.target).dataset.end);
    if (!chart || !end || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'Escape') {
      if (dragging) {
        dragging = null;
        show(held);
      } else if (shown) {
        show(null);
        release();
      } else return; // nothing to clear here: it clears the selection
      event.stopPropagation();
      return;
    }
    const next = keyed(event, chart.axis, end);
    if (!next) return;
    event.preventDefault();
    stepping = true;
    show(sameRange(next, wholeRange(chart.axis)) ? null : next);
  });
  // a key that is held down asks the server once, when it is let go
  frame.addEventListener('keyup', () => !dragging && release());
  frame.addEventListener('focusout', () => !dragging && release());

  /** @param {KeyboardEvent} event @param {Axis} axis @param {'from'|'to'} end @returns {Range|null} */
  function keyed(event, axis, end) {
    const range = shown ?? wholeRange(axis);
    const border = borderNear(axis, end === 'from' ? range.fromMs : range.toMs);
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -PAGE, PageUp: PAGE }[event.key];
    if (step !== undefined) return event.shiftKey ? moved(axis, range, step) : resized(axis, range, end, border + step);
    if (event.key === 'Home') return resized(axis, range, end, 0);
    if (event.key === 'End') return resized(axis, range, end, axis.count);
    return null;
  }

  return {
    frame,
    /** @param {Drawn|null} next @param {number} t0 milliseconds since 1970 @param {Range|null} range */
    update(next, t0, range) {
      if (t0 !== t0Ms) stepping = false; // what is shown counts from another time
      [chart, t0Ms, held] = [next, t0, range];
      if (!dragging) show(stepping ? shown : range);
    },
    /** Half its own length. @param {-1|1} direction */
    nudge(direction) {
      if (!chart || !shown) return;
      stepping = true;
      show(moved(chart.axis, shown, direction * halfOf(chart.axis, shown)));
    },
    release,
    isDragging: () => dragging !== null,
    clear() {
      show(null);
      release();
    },
  };
}
