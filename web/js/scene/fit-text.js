// Shortens texts to the width that a canvas has for them.

import { shortenMiddle } from '../format.js';

/** @param {CanvasRenderingContext2D} context @returns {(text: string, most: number) => string} the longest shortening that fits, for the context's current font */
export function createFitter(context) {
  /** @type {Map<string, string>} */
  const known = new Map();
  return (text, most) => {
    const key = `${context.font}|${most.toFixed(0)}|${text}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size > 20_000) known.clear();
    let fitting = text;
    if (context.measureText(text).width > most) {
      let [low, high] = [1, Math.min(Array.from(text).length, 200)];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (context.measureText(shortenMiddle(text, middle)).width <= most) low = middle;
        else high = middle - 1;
      }
      fitting = shortenMiddle(text, low);
    }
    known.set(key, fitting);
    return fitting;
  };
}
