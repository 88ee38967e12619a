// What a scene is made of. Colours are token names, so that one scene serves both themes and every painter. Pure.

/**
 * @typedef {object} RectItem
 * @property {'rect'} kind
 * @property {number} x @property {number} y @property {number} w @property {number} h
 * @property {number} [r] corner radius
 * @property {string} [fill] token or texture
 * @property {string} [stroke]
 * @property {number} [lw]
 * @property {number[]} [dash]
 * @property {number} [alpha]
 * @property {boolean} [shadow]
 */
/**
 * @typedef {object} PathItem
 * @property {'path'} kind
 * @property {string} d
 * @property {string} [fill]
 * @property {string} [stroke]
 * @property {number} [lw]
 * @property {number[]} [dash]
 * @property {number} [alpha]
 * @property {CanvasLineCap} [cap]
 * @property {[number, number]} [at] moved there
 * @property {number} [scale]
 */
/**
 * @typedef {object} TextItem
 * @property {'text'} kind
 * @property {number} x @property {number} y baseline
 * @property {string} text
 * @property {number} size
 * @property {string} fill
 * @property {boolean} [bold]
 * @property {CanvasTextAlign} [align]
 * @property {number} [most] width that it may take; longer text is shortened in the middle
 * @property {boolean} [upright] turned by 90° to the left
 * @property {number} [alpha]
 * @property {number} [spacing]
 * @property {{text: string, size: number, fill: string}} [lead] bold words before a text that is aligned to the right
 */
/**
 * A name in a tile: on one line or two, as large as fits.
 * @typedef {object} NameItem
 * @property {'name'} kind
 * @property {number} x @property {number} y @property {number} w @property {number} h
 * @property {string} text
 * @property {string} fill
 * @property {number} [alpha]
 * @property {boolean} [single] on one line only
 */
/** @typedef {RectItem|PathItem|TextItem|NameItem} Item */

/** @typedef {import('../url-state.js').Selection} Selection */
/** @typedef {import('../layout/curves.js').Curve} Curve */
/** @typedef {import('../layout/street.js').Rect} Rect */
/**
 * What the pointer can hit; the last one drawn is the first one found.
 * @typedef {object} Hit
 * @property {Selection} selection
 * @property {string} tip first line of the tooltip
 * @property {string} detail second line
 * @property {Rect} [box]
 * @property {Curve} [curve]
 * @property {number} [reach] distance from the curve that still counts
 */

/** A line with a second colour in it: what stayed and what left. @param {string} d @param {number} lw @param {number} alpha @returns {Item[]} */
export function twoTone(d, lw, alpha) {
  return [
    { kind: 'path', d, stroke: 'panel', lw: lw + 2.4, alpha },
    { kind: 'path', d, stroke: 'stay', lw, alpha },
    { kind: 'path', d, stroke: 'leave', lw, dash: [10, 10], alpha },
  ];
}

/** Arrow that turns back. @param {number} x @param {number} y left upper corner @param {number} [scale] @returns {Item[]} */
export function hairpinMark(x, y, scale = 1) {
  return [
    { kind: 'path', d: 'M3 1V7.5A4.6 4.6 0 0 0 12.2 7.5V6', at: [x, y], scale, stroke: 'leave', lw: 2.5 },
    { kind: 'path', d: 'M12.2 0L7.9 6.8H16.5Z', at: [x, y], scale, fill: 'leave' },
  ];
}

/** Half and half. @param {number} x @param {number} y middle @param {number} r @returns {Item[]} */
export function mixedMark(x, y, r) {
  return [
    { kind: 'path', d: `M0 ${-r}A${r} ${r} 0 0 0 0 ${r}Z`, at: [x, y], fill: 'stay' },
    { kind: 'path', d: `M0 ${-r}A${r} ${r} 0 0 1 0 ${r}Z`, at: [x, y], fill: 'leave' },
    { kind: 'path', d: `M${-r} 0A${r} ${r} 0 1 0 ${r} 0A${r} ${r} 0 1 0 ${-r} 0Z`, at: [x, y], stroke: 'ink', lw: 1.2 },
  ];
}
