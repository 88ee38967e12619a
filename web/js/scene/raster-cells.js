// Paints cells that are specks: straight into pixels, because ten thousands of tiny rectangles are what a canvas is slow at.

import { partsWithin } from '../layout/matrix.js';
import { firstFrom, largestPart } from '../layout/matrix-cells.js';
import { TEXTURES } from './textures.js';

/** @typedef {import('../layout/matrix.js').Line} Line */
/** @typedef {import('../layout/matrix-cells.js').Cell} Cell */
/** @typedef {import('../layout/matrix-frame.js').Pane} Pane */
/** @typedef {import('../layout/matrix-frame.js').View} View */

export class CellRaster {
  #canvas = document.createElement('canvas');

  #context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext('2d', { willReadFrequently: true }));

  /** @type {ImageData|null} */
  #image = null;

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
   * @param {(cell: Cell) => number} alphaOf
   */
  paint(target, { axis, cells }, { x, y, k }, pane, ratio, alphaOf) {
    const [width, height] = [Math.max(1, Math.ceil((pane.right - pane.left) * ratio)), Math.max(1, Math.ceil((pane.bottom - pane.top) * ratio))];
    const image = this.#clean(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const [firstRow, lastRow] = partsWithin(axis.lines, (pane.top - y) / k, (pane.bottom - y) / k);
    const [firstColumn, lastColumn] = partsWithin(axis.lines, (pane.left - x) / k, (pane.right - x) / k);
    for (let row = firstRow; row <= lastRow; row += 1) {
      const across = /** @type {Line} */ (axis.lines[row]);
      const top = Math.max(0, Math.round((y + across.start * k - pane.top) * ratio));
      const bottom = Math.min(height, Math.max(top + 1, Math.round((y + (across.start + across.size) * k - pane.top) * ratio)));
      const end = cells.rowStart[row + 1] ?? 0;
      for (let i = firstFrom(cells, row, firstColumn); i < end; i += 1) {
        const column = cells.columns[i] ?? 0;
        if (column > lastColumn) break;
        const along = /** @type {Line} */ (axis.lines[column]);
        const cell = /** @type {Cell} */ (cells.list[cells.cellOf[i] ?? 0]);
        const left = Math.max(0, Math.round((x + along.start * k - pane.left) * ratio));
        const right = Math.min(width, Math.max(left + 1, Math.round((x + (along.start + along.size) * k - pane.left) * ratio)));
        const fill = largestPart(cell);
        const pixel = ((Math.round(alphaOf(cell) * 255) << 24) | (this.#colours.get(TEXTURES[fill] ?? fill) ?? 0)) >>> 0;
        for (let py = top; py < bottom; py += 1) pixels.fill(pixel, py * width + left, py * width + right);
      }
    }
    this.#context.putImageData(image, 0, 0);
    target.drawImage(this.#canvas, pane.left, pane.top, width / ratio, height / ratio);
  }

  /** @param {number} width @param {number} height @returns {ImageData} */
  #clean(width, height) {
    if (this.#image?.width === width && this.#image.height === height) {
      this.#image.data.fill(0);
      return this.#image;
    }
    [this.#canvas.width, this.#canvas.height] = [width, height];
    this.#image = this.#context.createImageData(width, height);
    return this.#image;
  }
}
