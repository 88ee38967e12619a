// The inside of a folded cluster: its hosts as chips, each tinted by what stayed on it. Pure.

import { percent, shortenMiddle, visibleText } from '../format.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('../layout/street.js').House} House */
/** @typedef {import('../model/headline.js').Split} Split */

const NAMED = 50;

/** @param {House} house @param {Map<string, Split>} hostSplits @returns {Item[]} */
export function hostChips(house, hostSplits) {
  return house.hosts.flatMap(({ place, x, y, w, h }) => {
    const split = hostSplits.get(place);
    const share = split?.total ? split.stayed / split.total : 0;
    /** @type {Item[]} */
    const items = [
      { kind: 'rect', x, y, w, h, r: 5, fill: 'box' },
      { kind: 'rect', x, y, w, h, r: 5, fill: 'stay', alpha: Math.round((0.06 + 0.5 * share) * 100) / 100 },
      { kind: 'rect', x, y, w, h, r: 5, stroke: 'boxline', lw: 1 },
    ];
    const words = split?.total ? percent(split.stayed, split.total) : '–';
    if (w < NAMED) return [...items, { kind: 'text', x: x + w / 2, y: y + h / 2 + 3.6, text: words, size: 9.5, align: 'center', fill: 'ink', most: w - 2 }];
    return [
      ...items,
      { kind: 'text', x: x + w / 2, y: y + 12.5, text: shortenMiddle(visibleText(place), 40), size: 10, align: 'center', fill: 'ink', most: w - 6 },
      { kind: 'text', x: x + w / 2, y: y + 24.5, text: words, size: 10.5, bold: true, align: 'center', fill: 'ink' },
    ];
  });
}
