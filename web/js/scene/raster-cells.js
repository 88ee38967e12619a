// Paints cells that are too small for textures: straight into pixels, because ten thousands of rectangles are what a canvas
// is slow at.

import { partsWithin } from '../layout/matrix.js';
import { firstFrom, largestPart } from '../layout/matrix-cells.js';
import { alphaOf } from './matrix-items.js';
import { TEXTURES } from './textures.js';

/** @typedef {import('../layout/matrix.js').Line} Line */
/** @typedef {import('../layout/matrix-cells.js').Cell} Cell */
/** @typedef {import('../layout/matrix-frame.js').Pane} Pane */
/** @typedef {import('../layout/matrix-frame.js').View} View */

/** From this size on the grid shows between cells. */
const GRID_GAP_PX = 6;
/** Cells that are narrower in pixels of the screen show their largest part alone, which the caption of the matrix says. */
const LEAST_SPLIT_PX = 4;

export class CellRaster {
  #canvas = document.createElement('canvas');

  #context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext('2d', { willReadFrequently: true }));

  /** @type {ImageData|null} */
  #image = null;

  #pixels = new Uint32Array(0);

  /** A colour as the low bytes of a pixel, by token. @type {Map<string, number>} */
  #colours = new Map();

  /** @param {Record<string, string>} colours by token */
  setColours(colours) {
    const probe = /** @type {CanvasRenderingContext2D} */ (document.createElement('canvas').getContext('2d', { willReadFrequently: true }));
    for (const token of ['stay', 'leave', 'unk']) {
      probe.fillStyle = colours[token] ?? '';
      probe.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0] = probe.getImageData(0, 0, 1, 1).data;
      this.#colours.set(token, (blue << 16) | (green << 8) | red);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} target in CSS pixels
   * @param {import('./matrix-picture.js').Picture} picture
   * @param {View} view
   * @param {Pane} pane
   * @param {number} ratio device pixels per CSS pixel
   */
  paint(target, { axis, cells }, { x, y, k }, pane, ratio) {
    const [width, height] = [Math.max(1, Math.ceil((pane.right - pane.left) * ratio)), Math.max(1, Math.ceil((pane.bottom - pane.top) * ratio))];
    const image = this.#clean(width, height);
    const [firstRow, lastRow] = partsWithin(axis.lines, (pane.top - y) / k, (pane.bottom - y) / k);
    const [firstColumn, lastColumn] = partsWithin(axis.lines, (pane.left - x) / k, (pane.right - x) / k);
    for (let row = firstRow; row <= lastRow; row += 1) {
      const across = /** @type {Line} */ (axis.lines[row]);
      const top = Math.round((y + across.start * k - pane.top) * ratio);
      const bottom = Math.max(top + 1, Math.round((y + (across.start + across.size) * k - pane.top) * ratio));
      const end = cells.rowStart[row + 1] ?? 0;
      for (let i = firstFrom(cells, row, firstColumn); i < end; i += 1) {
        const column = cells.columns[i] ?? 0;
        if (column > lastColumn) break;
        const along = /** @type {Line} */ (axis.lines[column]);
        const left = Math.round((x + along.start * k - pane.left) * ratio);
        const right = Math.max(left + 1, Math.round((x + (along.start + along.size) * k - pane.left) * ratio));
        const gap = Math.min(across.size, along.size) * k >= GRID_GAP_PX ? 1 : 0;
        this.#cell(/** @type {Cell} */ (cells.list[cells.cellOf[i] ?? 0]), left + gap, top + gap, right, bottom);
      }
    }
    this.#context.putImageData(image, 0, 0);
    target.drawImage(this.#canvas, pane.left, pane.top, width / ratio, height / ratio);
  }

  /** @param {Cell} cell @param {number} left @param {number} top @param {number} right @param {number} bottom */
  #cell(cell, left, top, right, bottom) {
    const alpha = Math.round(alphaOf(cell) * 255);
    if (cell.parts.length === 1 || right - left < LEAST_SPLIT_PX) {
      this.#fill(largestPart(cell), alpha, left, top, right, bottom);
      return;
    }
    let at = left;
    for (let i = 0; i < cell.parts.length; i += 1) {
      const [fill, share] = /** @type {import('../layout/matrix-cells.js').Part} */ (cell.parts[i]);
      const to = i === cell.parts.length - 1 ? right : at + Math.round((right - left) * share);
      this.#fill(fill, alpha, at, top, to, bottom);
      at = to;
    }
  }

  /** @param {string} fill @param {number} alpha @param {number} left @param {number} top @param {number} right @param {number} bottom */
  #fill(fill, alpha, left, top, right, bottom) {
    const width = this.#canvas.width;
    const pixel = ((alpha << 24) | (this.#colours.get(TEXTURES[fill] ?? fill) ?? 0)) >>> 0;
    const [from, to] = [Math.max(0, left), Math.min(width, right)];
    if (from >= to) return;
    const last = Math.min(this.#canvas.height, bottom);
    for (let y = Math.max(0, top); y < last; y += 1) this.#pixels.fill(pixel, y * width + from, y * width + to);
  }

  /** @param {number} width @param {number} height @returns {ImageData} */
  #clean(width, height) {
    if (this.#image?.width === width && this.#image.height === height) {
      this.#image.data.fill(0);
      return this.#image;
    }
    [this.#canvas.width, this.#canvas.height] = [width, height];
    this.#image = this.#context.createImageData(width, height);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
    return this.#image;
  }
}
