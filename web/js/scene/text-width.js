// How wide a text will be, without asking a browser: widths of the sans faces that have the measures of Helvetica
// (Arial, Liberation Sans, Nimbus Sans), the rest by the kind of sign. Pure.

import { shortenMiddle } from '../format.js';

/** Thousandths of the size for U+0020 to U+007E. @type {{regular: number[], bold: number[]}} */
const ASCII = {
  regular: [278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584],
  bold: [278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611,
    975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556,
    333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584],
};
/** @type {Record<string, number>} */
const OTHERS = { '\u00a0': 278, '\u2009': 200, '\u2013': 556, '\u2014': 1000, '\u2026': 1000, '\u00b7': 333, '\u2192': 1000, '\u27e8': 390, '\u27e9': 390, '\u201c': 400, '\u201d': 400 };
const FULL_WIDTH = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}|[\u{20000}-\u{3fffd}]/u;
const NO_WIDTH = /\p{Mn}|\p{Me}|[\ufe00-\ufe0f]|[\u{1f3fb}-\u{1f3ff}]/u;

/** @param {string} sign @param {boolean} bold @returns {number} thousandths of the size */
function signWidth(sign, bold) {
  const code = sign.codePointAt(0) ?? 0;
  const known = code < 0x20 ? 0 : code < 0x7f ? ASCII[bold ? 'bold' : 'regular'][code - 0x20] : OTHERS[sign];
  if (known !== undefined) return known;
  if (NO_WIDTH.test(sign)) return 0;
  if (FULL_WIDTH.test(sign)) return code > 0xffff ? 1250 : 1000;
  return 620;
}

/** @param {string} text @param {number} size @param {boolean} [bold] @returns {number} in the unit of the size */
export function textWidth(text, size, bold = false) {
  let sum = 0;
  for (const sign of text) sum += signWidth(sign, bold);
  return (sum * size) / 1000;
}

/** @param {string} text @returns {boolean} whether the width of every sign of it is known */
export function isMeasured(text) {
  return /^[\u0020-\u007e\u00a0\u2026\u00b7\u2013]*$/.test(text);
}

/** The longest shortening that fits. @param {string} text @param {number} most @param {number} size @param {boolean} [bold] */
export function fitText(text, most, size, bold = false) {
  if (textWidth(text, size, bold) <= most) return text;
  let [low, high] = [1, Math.min(Array.from(text).length, 200)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (textWidth(shortenMiddle(text, middle), size, bold) <= most) low = middle;
    else high = middle - 1;
  }
  return shortenMiddle(text, low);
}

/**
 * Breaks a text at its spaces; a word that is too long for a line is shortened.
 * @param {string} text @param {number} width @param {number} size @param {boolean} bold @param {number} lines at most; the last one then ends with an ellipsis
 * @returns {string[]}
 */
export function wrapText(text, width, size, bold, lines) {
  /** @type {string[]} */
  const done = [];
  let line = '';
  const words = text.split(' ').filter(Boolean);
  for (const [index, word] of words.entries()) {
    const longer = line ? `${line} ${word}` : word;
    if (textWidth(longer, size, bold) <= width) {
      line = longer;
      continue;
    }
    if (line && done.length === lines - 1) return [...done, fitText(`${line} ${words.slice(index).join(' ')}`, width, size, bold)];
    if (line) done.push(line);
    line = fitText(word, width, size, bold);
  }
  return line ? [...done, line] : done;
}
