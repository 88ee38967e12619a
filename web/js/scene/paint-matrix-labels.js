// The labels of the matrix on its canvas: hosts with their share, and endpoints, at the left and turned at the top.

import { MATRIX, partsWithin } from '../layout/matrix.js';
import { EDGE_PX, FOLD_MARK_PX, NAMES_PX, UPRIGHT_PX } from '../layout/matrix-frame.js';

/** @typedef {import('./matrix-picture.js').Picture} Picture */
/** @typedef {import('../layout/matrix.js').Block} Block */
/** @typedef {import('./matrix-picture.js').BlockWords} BlockWords */
/**
 * @typedef {object} Sheet
 * @property {CanvasRenderingContext2D} context
 * @property {Picture} picture
 * @property {import('./paint-canvas.js').View} view
 * @property {import('../layout/matrix-frame.js').Pane} pane
 * @property {import('../layout/matrix-frame.js').Bands} bands
 * @property {Record<string, string>} colours
 * @property {Map<string, CanvasPattern>} textures
 * @property {string} font
 * @property {(text: string, most: number) => string} fit
 */

/** A block's label needs so much; of smaller ones only every so many are labelled. */
const LEAST_LABEL_PX = 9;
/** @param {Sheet} sheet */
export function drawRowLabels(sheet) {
  const { context, picture, view, pane, bands } = sheet;
  const edge = pane.left - bands.left.hosts - bands.left.names;
  context.save();
  context.beginPath();
  context.rect(edge, pane.top - 2, pane.left - edge, pane.bottom - pane.top + 2);
  context.clip();
  context.textBaseline = 'middle';
  if (MATRIX.cell * view.k >= NAMES_PX) namesOfRows(sheet);
  const [first, last] = partsWithin(picture.axis.blocks, (pane.top - view.y) / view.k, (pane.bottom - view.y) / view.k);
  let free = -Infinity; // where the next label may stand
  for (let i = first; i <= last; i += 1) {
    const block = /** @type {Block} */ (picture.axis.blocks[i]);
    const from = Math.max(pane.top, view.y + block.start * view.k);
    const to = Math.min(pane.bottom, view.y + (block.start + block.size) * view.k);
    const middle = (from + to) / 2;
    if (middle < free + LEAST_LABEL_PX / 2 || isCut(block, view.k, from, to)) continue;
    free = middle + LEAST_LABEL_PX / 2;
    rowHost(sheet, block, /** @type {BlockWords} */ (picture.words[i]), edge + EDGE_PX, from, to);
  }
  context.restore();
}

/** What a turned label needs. */
const TURNED_ROOM_PX = 60;

/** Whether so little of a block is in sight that its label would be cut. @param {Block} block @param {number} k @param {number} from @param {number} to */
function isCut(block, k, from, to) {
  return to - from < Math.min(LEAST_LABEL_PX, block.size * k - 1);
}

/** @param {Sheet} sheet */
function namesOfRows({ context, picture, view, pane, bands, colours, font, fit }) {
  const size = Math.min(12, MATRIX.cell * view.k * 0.82);
  const [first, last] = partsWithin(picture.axis.lines, (pane.top - view.y) / view.k, (pane.bottom - view.y) / view.k);
  context.font = `400 ${size}px ${font}`;
  context.textAlign = 'right';
  for (let i = first; i <= last; i += 1) {
    const line = /** @type {import('../layout/matrix.js').Line} */ (picture.axis.lines[i]);
    if (line.id === null) continue;
    context.fillStyle = colours[isMarked(picture, line) ? 'sel' : 'ink2'] ?? '';
    context.fillText(fit(picture.names[i] ?? '', bands.left.names - 10), pane.left - 6, view.y + (line.start + line.size / 2) * view.k);
  }
}

/** @param {Picture} picture @param {{start: number, size: number}} part */
function isMarked({ marks }, part) {
  return marks.bands.some((band) => band.start <= part.start && band.start + band.size >= part.start + part.size);
}

/** @param {Sheet} sheet @param {Block} block @param {BlockWords} words @param {number} x @param {number} from @param {number} to */
function rowHost(sheet, block, words, x, from, to) {
  const { context, colours, font, fit, bands, picture } = sheet;
  const [h, middle] = [to - from, (from + to) / 2];
  const wide = (block.folded || block.gate ? bands.left.hosts + bands.left.names : bands.left.hosts) - EDGE_PX - 8;
  const text = x + FOLD_MARK_PX;
  const most = wide - FOLD_MARK_PX;
  const lines = h >= 58 && !block.folded ? 3 : h >= 30 ? 2 : 1;
  const size = lines > 1 ? 13 : Math.max(8.5, Math.min(12, block.size * sheet.view.k * 0.86));
  const y = middle - (lines - 1) * 8;
  if (!block.gate) foldMark(sheet, block.folded, x + 6, y, size);
  if (h >= 12) rule(sheet, x + wide + 3, from + 2, to - 2, block);
  context.textAlign = 'left';
  context.font = `700 ${size}px ${font}`;
  context.fillStyle = colours[isMarked(picture, block) ? 'sel' : 'ink'] ?? '';
  if (lines > 1) {
    context.fillText(fit(words.title, most), text, y);
    share(sheet, words, text, y + 16, 11.5, most);
    if (lines > 2) splitBar(sheet, words, text, y + 28, Math.min(most - 4, 112));
    return;
  }
  context.font = `700 ${size}px ${font}`;
  const shareWide = Math.min(most / 2, context.measureText(words.share).width);
  const title = fit(words.title, most - shareWide - 8);
  context.fillText(title, text, y);
  const after = text + context.measureText(title).width + 6;
  context.fillStyle = colours[words.fill] ?? '';
  context.fillText(words.share, after, y);
  if (words.word === '') return;
  const left = x + wide - after - context.measureText(words.share).width - 4;
  context.font = `400 ${size}px ${font}`;
  if (left < context.measureText(words.word).width) return;
  context.fillStyle = colours.ink3 ?? '';
  context.fillText(words.word, x + wide - left, y);
}

/** "78 % stayed · 3.90 GB" @param {Sheet} sheet @param {BlockWords} words @param {number} x @param {number} y @param {number} size @param {number} most */
function share({ context, colours, font }, words, x, y, size, most) {
  context.font = `700 ${size}px ${font}`;
  context.fillStyle = colours[words.fill] ?? '';
  context.fillText(words.share, x, y, most);
  const used = words.share ? context.measureText(words.share).width + 4 : 0;
  context.font = `400 ${size}px ${font}`;
  context.fillStyle = colours.ink3 ?? '';
  const long = words.word && words.total ? `${words.word} · ${words.total}` : words.word;
  const rest = [long, words.word].find((text) => context.measureText(text).width <= most - used);
  if (rest) context.fillText(rest, x + used, y);
}

/** @param {Sheet} sheet @param {BlockWords} words @param {number} x @param {number} y @param {number} w */
function splitBar({ context, colours, textures }, { split }, x, y, w) {
  if (split.total === 0) return;
  let at = x;
  for (const [fill, part] of /** @type {[string, number][]} */ ([['stay', split.stayed], ['tex-leave', split.left - split.hairpin], ['tex-hair', split.hairpin], ['tex-unk', split.undetermined]])) {
    if (part <= 0) continue;
    const width = (w * part) / split.total;
    context.fillStyle = textures.get(fill) ?? colours[fill] ?? '';
    context.fillRect(at, y, Math.max(1.5, width - 1), 7);
    at += width;
  }
}

/** @param {Sheet} sheet @param {boolean} folded @param {number} x @param {number} y @param {number} size */
function foldMark({ context, colours }, folded, x, y, size) {
  const r = Math.min(4.2, size / 2.6);
  context.fillStyle = colours.ink2 ?? '';
  context.beginPath();
  if (folded) {
    context.moveTo(x - r * 0.7, y - r);
    context.lineTo(x + r, y);
    context.lineTo(x - r * 0.7, y + r);
  } else {
    context.moveTo(x - r, y - r * 0.7);
    context.lineTo(x + r, y - r * 0.7);
    context.lineTo(x, y + r);
  }
  context.fill();
}

/** Beside the rows of one block. @param {Sheet} sheet @param {number} x @param {number} from @param {number} to @param {Block} block */
function rule({ context, colours }, x, from, to, block) {
  if (block.folded || block.gate) return;
  context.fillStyle = colours.boxline ?? '';
  context.fillRect(x, from, 2, to - from);
}

/** @param {Sheet} sheet */
export function drawColumnLabels(sheet) {
  const { context, picture, view, pane, bands } = sheet;
  const edge = pane.top - bands.top.hosts - bands.top.names;
  context.save();
  context.beginPath();
  context.rect(pane.left - 2, edge, pane.right - pane.left + 2, pane.top - edge);
  context.clip();
  context.textBaseline = 'middle';
  if (MATRIX.cell * view.k >= NAMES_PX) namesOfColumns(sheet);
  const [first, last] = partsWithin(picture.axis.blocks, (pane.left - view.x) / view.k, (pane.right - view.x) / view.k);
  let free = -Infinity;
  for (let i = first; i <= last; i += 1) {
    const block = /** @type {Block} */ (picture.axis.blocks[i]);
    const from = Math.max(pane.left, view.x + block.start * view.k);
    const to = Math.min(pane.right, view.x + (block.start + block.size) * view.k);
    const middle = (from + to) / 2;
    if (middle < free + LEAST_LABEL_PX / 2 || isCut(block, view.k, from, to)) continue;
    free = middle + LEAST_LABEL_PX / 2;
    columnHost(sheet, block, /** @type {BlockWords} */ (picture.words[i]), edge, from, to);
  }
  context.restore();
}

/** @param {Sheet} sheet */
function namesOfColumns({ context, picture, view, pane, bands, colours, font, fit }) {
  const size = Math.min(12, MATRIX.cell * view.k * 0.82);
  const [first, last] = partsWithin(picture.axis.lines, (pane.left - view.x) / view.k, (pane.right - view.x) / view.k);
  context.font = `400 ${size}px ${font}`;
  context.textAlign = 'left';
  for (let i = first; i <= last; i += 1) {
    const line = /** @type {import('../layout/matrix.js').Line} */ (picture.axis.lines[i]);
    if (line.id === null) continue;
    context.fillStyle = colours[isMarked(picture, line) ? 'sel' : 'ink2'] ?? '';
    turned(context, fit(picture.names[i] ?? '', bands.top.names - 10), view.x + (line.start + line.size / 2) * view.k, pane.top - 6);
  }
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} y where it begins, reading upwards */
function turned(context, text, x, y) {
  context.save();
  context.translate(x, y);
  context.rotate(-Math.PI / 2);
  context.fillText(text, 0, 0);
  context.restore();
}

/** @param {Sheet} sheet @param {Block} block @param {BlockWords} words @param {number} edge @param {number} from @param {number} to */
function columnHost({ context, colours, font, fit, bands, picture, pane, view }, block, words, edge, from, to) {
  const [w, middle] = [to - from, (from + to) / 2];
  const bottom = block.folded || block.gate ? pane.top - 6 : edge + bands.top.hosts - 6;
  const room = bottom - edge - 4;
  context.fillStyle = colours[isMarked(picture, block) ? 'sel' : 'ink'] ?? '';
  context.font = `700 ${w < 70 ? 11.5 : 13}px ${font}`;
  const fits = context.measureText(words.short).width <= w - 2;
  if (fits || (w >= UPRIGHT_PX && room < TURNED_ROOM_PX)) {
    context.textAlign = 'center';
    context.fillText(fit(context.measureText(words.title).width > w - 2 ? words.short : words.title, w - 2), middle, bottom - 23);
    context.font = `700 11.5px ${font}`;
    context.fillStyle = colours[words.fill] ?? '';
    const long = `${words.share} ${words.word}`;
    context.fillText(context.measureText(long).width <= w - 4 ? long : words.share, middle, bottom - 7);
  } else {
    const size = Math.max(8.5, Math.min(12, block.size * view.k * 0.86));
    context.textAlign = 'left';
    context.font = `700 ${size}px ${font}`;
    const taken = context.measureText(words.share).width + 6;
    const title = fit(words.short, room - taken);
    const y = bottom;
    turned(context, title, middle, y);
    context.fillStyle = colours[words.fill] ?? '';
    turned(context, words.share, middle, y - context.measureText(title).width - 6);
  }
  if (block.folded || block.gate || w < 12) return;
  context.fillStyle = colours.boxline ?? '';
  context.fillRect(from + 2, edge + bands.top.hosts - 3, w - 4, 2);
}
