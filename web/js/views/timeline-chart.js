// The bars, scales and moves of the timeline as SVG: its colours are the page's tokens, so a theme needs no drawing.

import { clockSpan, rateAxis } from '../format.js';
import { axisOf, bitRate, highest, niceTop, stacked, timeTicks } from '../model/timeline.js';

/** @typedef {import('../document-types.js').Timeline} Timeline */
/** @typedef {import('../verdicts.js').Lane} Lane */
/** @typedef {import('../model/brush.js').Axis} Axis */

const SVG = 'http://www.w3.org/2000/svg';
/** In pixels: marks of moves above, times below, numbers of the scale on the left. */
export const EDGES = { top: 18, bottom: 19, left: 34, right: 12 };
/** Wider bars would be a wall of colour where a capture has few buckets. */
const WIDEST_BAR = 140;
const TICK_ROOM = 90;
/** A pair that is small beside the rest must still be seen. */
const LEAST_OWN = 2;
/** Fill of each lane: a colour, or a pattern with the same meaning as in the bars above the map. @type {Record<string, string>} */
const FILLS = { left: 'url(#timeline-hatch)', hairpin: 'url(#timeline-cross)', mixed: 'url(#timeline-mixed)', undetermined: 'url(#timeline-dots)' };

/** @typedef {{width: number, height: number, axis: Axis, x: (ms: number) => number, unit: string}} Drawn what was drawn; `x` takes milliseconds from t0 */

/** @param {string} tag @param {Record<string, string|number>} attributes @param {...(Node|string)} children */
function shape(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** @param {string} id @param {number} size @param {...Node} children */
function pattern(id, size, ...children) {
  return shape('pattern', { id, width: size, height: size, patternUnits: 'userSpaceOnUse' }, ...children);
}

export function createChart() {
  const clip = shape('rect', { y: 0 });
  const whole = shape('g', { id: 'timeline-whole' });
  const own = shape('g', { id: 'timeline-own' });
  const scale = shape('g', {});
  const use = (/** @type {string} */ href, /** @type {string} */ name, /** @type {Record<string, string>} */ more = {}) => shape('use', { href, class: name, ...more });
  const inside = { 'clip-path': 'url(#timeline-clip)' };
  const svg = /** @type {SVGSVGElement} */ (shape('svg', { class: 'timeline__chart', 'aria-hidden': 'true', focusable: 'false' },
    shape('defs', {},
      pattern('timeline-hatch', 5, shape('path', { class: 'timeline__leave-pale', d: 'M0 0H5V5H0Z' }), shape('path', { class: 'timeline__leave-line', 'stroke-width': 2.4, d: 'M-1 1L1 -1M-1 6L6 -1M4 6L6 4' })),
      pattern('timeline-cross', 6, shape('path', { class: 'timeline__leave', d: 'M0 0H6V6H0Z' }), shape('path', { class: 'timeline__panel-line', 'stroke-width': 1.2, d: 'M0 0L6 6M6 0L0 6' })),
      pattern('timeline-mixed', 8, shape('path', { class: 'timeline__stay', d: 'M0 0H4V8H0Z' }), shape('path', { class: 'timeline__leave', d: 'M4 0H8V8H4Z' })),
      pattern('timeline-dots', 5, shape('path', { class: 'timeline__unk-pale', d: 'M0 0H5V5H0Z' }), shape('circle', { class: 'timeline__unk', cx: 2.5, cy: 2.5, r: 1.3 })),
      shape('clipPath', { id: 'timeline-clip' }, clip), whole, own),
    scale,
    use('#timeline-whole', 'timeline__faded'), use('#timeline-whole', 'timeline__whole', inside),
    use('#timeline-own', 'timeline__own timeline__own--outside'), use('#timeline-own', 'timeline__own', inside)));

  /**
   * @param {Timeline} timeline
   * @param {Timeline|null} selected of the selected pair or endpoint
   * @param {Lane[]} hidden
   * @param {number} t0Ms since 1970
   * @returns {Drawn|null} null when there is nothing to draw or no room
   */
  function draw(timeline, selected, hidden, t0Ms) {
    const axis = axisOf(timeline);
    const { width, height } = svg.getBoundingClientRect();
    if (!axis || width <= EDGES.left + EDGES.right || height === 0) return null;
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    clip.setAttribute('height', String(height));
    const lanes = stacked(timeline, hidden);
    const top = niceTop(bitRate(highest(lanes)?.high ?? 0, axis));
    const [left, right, base] = [EDGES.left, width - EDGES.right, height - EDGES.bottom];
    const x = (/** @type {number} */ ms) => left + ((ms - axis.startMs) / (axis.bucketMs * axis.count)) * (right - left);
    const y = (/** @type {number} */ bytes) => base - (bitRate(bytes, axis) / top) * (base - EDGES.top);
    whole.replaceChildren(...lanes.map(({ lane, bars }) => lanePath(lane, bars, axis, x, y, 0)));
    own.replaceChildren(...(selected ? stacked(selected, hidden).map(({ lane, bars }) => lanePath(lane, bars, axis, x, y, LEAST_OWN)) : []));
    svg.classList.toggle('has-own', selected !== null);
    const unit = drawScale(t0Ms, axis, x, { left, right, base, top });
    return { width, height, axis, x, unit };
  }

  /**
   * @param {number} t0Ms @param {Axis} axis @param {(ms: number) => number} x
   * @param {{left: number, right: number, base: number, top: number}} box pixels, and the rate at its top
   */
  function drawScale(t0Ms, axis, x, { left, right, base, top }) {
    const { unit, text } = rateAxis(top);
    const from = t0Ms + axis.startMs;
    const to = from + axis.bucketMs * axis.count;
    scale.replaceChildren(
      ...[1, 0.5].flatMap((share) => {
        const at = base - share * (base - EDGES.top);
        return [shape('path', { class: 'timeline__grid', d: `M${left} ${at}H${right}` }), shape('text', { class: 'timeline__number', x: left - 5, y: at + 4 }, text(top * share))];
      }),
      shape('path', { class: 'timeline__base', d: `M${left} ${base + 0.5}H${right}` }),
      ...timeTicks(from, to, Math.max(2, Math.floor((right - left) / TICK_ROOM)), axis.bucketMs).flatMap(({ ms, label }) => {
        const at = x(ms - t0Ms);
        const anchor = at < left + 24 ? 'start' : at > right - 24 ? 'end' : 'middle';
        return [shape('path', { class: 'timeline__tick', d: `M${at} ${base}v4` }), shape('text', { class: 'timeline__time', x: at, y: base + 15, 'text-anchor': anchor }, label)];
      }));
    return unit;
  }

  return {
    svg,
    draw,
    /** Bars outside are faded. @param {number} from @param {number} to pixels */
    lightUp(from, to) {
      clip.setAttribute('x', String(from));
      clip.setAttribute('width', String(Math.max(0, to - from)));
    },
  };
}

/**
 * All bars of a lane as one path.
 * @param {Lane} lane @param {import('../model/timeline.js').Bar[]} bars @param {Axis} axis
 * @param {(ms: number) => number} x @param {(bytes: number) => number} y @param {number} least pixels
 */
function lanePath(lane, bars, axis, x, y, least) {
  const room = x(axis.startMs + axis.bucketMs) - x(axis.startMs);
  const w = Math.min(WIDEST_BAR, Math.max(0.8, room - (room > 4 ? 1.5 : 0.3)));
  const d = bars.map(({ bucket, low, high }) => {
    const at = x(axis.startMs + (bucket + 0.5) * axis.bucketMs) - w / 2;
    const h = Math.max(least, y(low) - y(high));
    return `M${at.toFixed(2)} ${y(low).toFixed(2)}v${(-h).toFixed(2)}h${w.toFixed(2)}v${h.toFixed(2)}z`;
  }).join('');
  return shape('path', { class: lane === 'stayed' ? 'timeline__stay' : '', 'data-lane': lane, d, ...(FILLS[lane] ? { fill: FILLS[lane] } : {}) });
}

/** @param {number} t0Ms @param {import('../url-state.js').Range} range */
export function spanText(t0Ms, range) {
  return clockSpan(t0Ms + range.fromMs, t0Ms + range.toMs);
}
