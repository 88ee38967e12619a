// Draws the matrix on a canvas: only what is in view, in CSS pixels on the grid of the screen, nothing allocated a cell.

import { MATRIX, partsWithin } from '../layout/matrix.js';
import { firstFrom } from '../layout/matrix-cells.js';
import { UNPLACED } from '../model/graph-model.js';
import { bytes } from '../format.js';
import { createFitter } from './fit-text.js';
import { alphaOf } from './matrix-items.js';
import { drawColumnLabels, drawRowLabels } from './paint-matrix-labels.js';
import { CellRaster } from './raster-cells.js';
import { makeTextures } from './textures.js';

/** @typedef {import('./matrix-picture.js').Picture} Picture */
/** @typedef {import('../layout/matrix-cells.js').Cell} Cell */
/** @typedef {import('./paint-canvas.js').View} View */
/** @typedef {import('../layout/matrix-frame.js').Pane} Pane */
/** @typedef {import('../layout/matrix-frame.js').Bands} Bands */

/** From this size on a cell shows its texture, its place in the grid, its mark and its bytes; smaller ones are painted pixel by pixel. */
const TEXTURE_PX = 12;
const GRID_PX = 7;
const MARK_PX = 24;
const BYTES_PX = 46;
const LEAST_FRAME_PX = 6;

export class MatrixPainter {
  #context;

  #font;

  #fit;

  /** @type {Record<string, string>} */
  #colours = {};

  /** @type {Map<string, CanvasPattern>} */
  #textures = new Map();

  #raster = new CellRaster();

  #ratio = 1;

  /** @param {HTMLCanvasElement} canvas @param {string} font family */
  constructor(canvas, font) {
    const context = canvas.getContext('2d');
    if (!context) throw new Error('This browser draws no canvas.');
    this.#context = context;
    this.#font = font;
    this.#fit = createFitter(context);
  }

  /** @param {Record<string, string>} colours by token */
  setColours(colours) {
    this.#colours = colours;
    this.#textures = makeTextures(this.#context, colours);
    this.#raster.setColours(colours);
  }

  clear() {
    this.#context.setTransform(1, 0, 0, 1, 0, 0);
    this.#context.clearRect(0, 0, this.#context.canvas.width, this.#context.canvas.height);
  }

  /** @param {Picture} picture @param {View} view @param {Pane} pane @param {Bands} bands @param {number} ratio device pixels per CSS pixel */
  paint(picture, view, pane, bands, ratio) {
    const context = this.#context;
    this.clear();
    this.#ratio = ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.direction = 'ltr';
    context.save();
    context.beginPath();
    context.rect(pane.left - 2, pane.top - 2, pane.right - pane.left + 2, pane.bottom - pane.top + 2);
    context.clip();
    this.#paper(picture, view, pane);
    this.#bands(picture, view, pane);
    this.#cells(picture, view, pane);
    this.#frames(picture, view, pane);
    context.restore();
    const sheet = { context, picture, view, pane, bands, colours: this.#colours, textures: this.#textures, font: this.#font, fit: this.#fit };
    drawRowLabels(sheet);
    drawColumnLabels(sheet);
  }

  /** On the grid of the screen, so that edges are sharp. @param {number} value */
  #snap(value) {
    return Math.round(value * this.#ratio) / this.#ratio;
  }

  /** @param {string} token */
  #colour(token) {
    return this.#colours[token] ?? token;
  }

  /** The ground of the blocks, the grid and the diagonal. @param {Picture} picture @param {View} view @param {Pane} pane */
  #paper({ axis }, { x, y, k }, pane) {
    const context = this.#context;
    const extent = axis.length * k;
    context.fillStyle = this.#colour('box');
    context.fillRect(x, y, extent, extent);
    const [left, top, right, bottom] = [Math.max(x, pane.left), Math.max(y, pane.top), Math.min(x + extent, pane.right), Math.min(y + extent, pane.bottom)];
    for (const block of axis.blocks) {
      const [start, size] = [block.start * k, block.size * k];
      if (block.gate) {
        context.fillStyle = this.#colour('street');
        context.fillRect(x + start, top, size, bottom - top);
        context.fillRect(left, y + start, right - left, size);
      } else if (block.place !== UNPLACED) {
        context.fillStyle = this.#colour('stay-soft');
        context.fillRect(x + start, y + start, size, size);
      }
    }
    this.#grid(axis, { x, y, k }, { left, top, right, bottom });
  }

  /** @param {Picture['axis']} axis @param {View} view @param {Pane} pane */
  #grid(axis, { x, y, k }, { left, top, right, bottom }) {
    const context = this.#context;
    const fine = MATRIX.cell * k >= GRID_PX;
    context.globalAlpha = 0.55;
    context.fillStyle = this.#colour('street2');
    const wide = 1 / this.#ratio;
    if (fine) {
      const [firstColumn, lastColumn] = partsWithin(axis.lines, (left - x) / k, (right - x) / k);
      for (let i = firstColumn; i <= lastColumn; i += 1) context.fillRect(this.#snap(x + (axis.lines[i]?.start ?? 0) * k), top, wide, bottom - top);
      const [firstRow, lastRow] = partsWithin(axis.lines, (top - y) / k, (bottom - y) / k);
      for (let i = firstRow; i <= lastRow; i += 1) {
        const line = /** @type {import('../layout/matrix.js').Line} */ (axis.lines[i]);
        context.fillRect(left, this.#snap(y + line.start * k), right - left, wide);
        if (line.whole) continue; // nobody talks to himself through a network
        const [at, size] = [line.start * k, line.size * k];
        context.fillRect(x + at + size * 0.36, y + at + size * 0.36, size * 0.28, size * 0.28);
      }
    }
    context.globalAlpha = 1;
  }

  /** Rows and columns of the selection. @param {Picture} picture @param {View} view @param {Pane} pane */
  #bands({ axis, marks }, { x, y, k }, pane) {
    const context = this.#context;
    context.fillStyle = this.#colour('sel');
    context.globalAlpha = 0.075;
    const extent = axis.length * k;
    for (const { start, size } of marks.bands) {
      context.fillRect(Math.max(x, pane.left), y + start * k, Math.min(extent, pane.right - x), Math.max(1, size * k));
      context.fillRect(x + start * k, Math.max(y, pane.top), Math.max(1, size * k), Math.min(extent, pane.bottom - y));
    }
    context.globalAlpha = 1;
  }

  /** @param {Picture} picture @param {View} view @param {Pane} pane */
  #cells(picture, view, pane) {
    const context = this.#context;
    const { axis, cells } = picture;
    const { x, y, k } = view;
    if (k * (axis.lineOfNode.size > 0 ? MATRIX.cell : MATRIX.folded) < TEXTURE_PX) {
      this.#raster.paint(context, picture, view, pane, this.#ratio);
      return;
    }
    const [firstRow, lastRow] = partsWithin(axis.lines, (pane.top - y) / k, (pane.bottom - y) / k);
    const [firstColumn, lastColumn] = partsWithin(axis.lines, (pane.left - x) / k, (pane.right - x) / k);
    for (let row = firstRow; row <= lastRow; row += 1) {
      const across = /** @type {import('../layout/matrix.js').Line} */ (axis.lines[row]);
      const top = this.#snap(y + across.start * k);
      const h = Math.max(1 / this.#ratio, this.#snap(y + (across.start + across.size) * k) - top);
      const end = cells.rowStart[row + 1] ?? 0;
      for (let i = firstFrom(cells, row, firstColumn); i < end; i += 1) {
        const column = cells.columns[i] ?? 0;
        if (column > lastColumn) break;
        const along = /** @type {import('../layout/matrix.js').Line} */ (axis.lines[column]);
        const left = this.#snap(x + along.start * k);
        const w = Math.max(1 / this.#ratio, this.#snap(x + (along.start + along.size) * k) - left);
        this.#cell(/** @type {Cell} */ (cells.list[cells.cellOf[i] ?? 0]), left, top, w, h, Math.min(across.size, along.size) * k);
      }
    }
    context.globalAlpha = 1;
  }

  /** @param {Cell} cell @param {number} x @param {number} y @param {number} w @param {number} h @param {number} least of width and height, before they were put on the screen's grid */
  #cell(cell, x, y, w, h, least) {
    const context = this.#context;
    context.globalAlpha = alphaOf(cell);
    let at = x + 1; // the grid shows between cells
    for (let i = 0; i < cell.parts.length; i += 1) {
      const [fill, share] = /** @type {import('../layout/matrix-cells.js').Part} */ (cell.parts[i]);
      context.fillStyle = this.#textures.get(fill) ?? this.#colour(fill);
      context.fillRect(at, y + 1, (w - 1) * share, h - 1);
      at += (w - 1) * share;
    }
    if (least < MARK_PX) return;
    if (w >= BYTES_PX) this.#bytes(cell, x, y, w, h);
    else if (cell.lane === 'hairpin') this.#turn(x + w / 2, y + h / 2);
    else if (cell.lane === 'undetermined') this.#note('?', x + w / 2, y + h / 2, 14);
  }

  /** @param {Cell} cell @param {number} x @param {number} y @param {number} w @param {number} h */
  #bytes(cell, x, y, w, h) {
    const mark = cell.lane === 'hairpin' && h >= 40;
    this.#note(bytes(cell.split.total), x + w / 2, y + h / 2 + (mark ? 9 : 0), w - 6);
    if (mark) this.#turn(x + w / 2, y + h / 2 - 10);
  }

  /** Words on a cell stand on paper of their own, whatever lies under them. @param {string} text @param {number} x middle @param {number} y middle @param {number} most */
  #note(text, x, y, most) {
    const context = this.#context;
    context.globalAlpha = 0.92;
    context.font = `700 10.5px ${this.#font}`;
    const w = Math.min(most, context.measureText(text).width + 6);
    context.fillStyle = this.#colour('panel');
    context.beginPath();
    context.roundRect(x - w / 2, y - 7.5, w, 15, 4);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = this.#colour('ink');
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(text, x, y + 0.5, most - 2);
  }

  /** The arrow that turns back. @param {number} x middle @param {number} y middle */
  #turn(x, y) {
    const context = this.#context;
    context.globalAlpha = 0.92;
    context.fillStyle = this.#colour('panel');
    context.beginPath();
    context.arc(x, y, 9, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = this.#colour('leave');
    context.fillStyle = this.#colour('leave');
    context.lineWidth = 1.9;
    context.lineCap = 'butt';
    context.setLineDash(NO_DASH);
    context.beginPath();
    context.moveTo(x - 4, y - 5);
    context.lineTo(x - 4, y + 1);
    context.arc(x - 0.7, y + 1, 3.3, Math.PI, 0, true);
    context.lineTo(x + 2.6, y);
    context.stroke();
    context.beginPath();
    context.moveTo(x + 2.6, y - 5.5);
    context.lineTo(x - 0.7, y - 0.5);
    context.lineTo(x + 5.9, y - 0.5);
    context.fill();
  }

  /** Lines between blocks, the strong frames of the diagonal, the selection. @param {Picture} picture @param {View} view @param {Pane} pane */
  #frames({ axis, marks }, { x, y, k }, pane) {
    const context = this.#context;
    const extent = axis.length * k;
    const [left, top] = [Math.max(x, pane.left), Math.max(y, pane.top)];
    const [w, h] = [Math.min(x + extent, pane.right) - left, Math.min(y + extent, pane.bottom) - top];
    const gap = MATRIX.gap * k;
    axis.blocks.forEach((block, i) => {
      const before = axis.blocks[i - 1];
      if (!before) return;
      const open = block.start > before.start + before.size;
      context.fillStyle = this.#colour(open ? 'bg' : 'boxline');
      const at = (before.start + before.size) * k;
      const wide = open ? gap : block.size * k >= 6 ? 1 / this.#ratio : 0;
      if (wide === 0) return;
      context.fillRect(this.#snap(x + at), top, Math.max(wide, 1 / this.#ratio), h);
      context.fillRect(left, this.#snap(y + at), w, Math.max(wide, 1 / this.#ratio));
    });
    context.strokeStyle = this.#colour('boxline');
    context.lineWidth = 1;
    context.setLineDash(NO_DASH);
    context.strokeRect(this.#snap(x) - 0.5, this.#snap(y) - 0.5, extent + 1, extent + 1);
    for (const block of axis.blocks) {
      if (block.gate) continue;
      const size = block.size * k;
      if (size < LEAST_FRAME_PX) continue; // it would hide what it frames
      const unknown = block.place === UNPLACED;
      context.strokeStyle = this.#colour(unknown ? 'unk' : 'ink2');
      context.setLineDash(unknown ? DASHED : NO_DASH);
      context.lineWidth = size >= 14 ? 2 : 1;
      context.strokeRect(this.#snap(x + block.start * k), this.#snap(y + block.start * k), size, size);
    }
    context.setLineDash(NO_DASH);
    for (const frame of marks.frames) this.#frame(x + frame.x * k, y + frame.y * k, frame.w * k, frame.h * k);
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  #frame(x, y, w, h) {
    const context = this.#context;
    const grow = w < 8 ? 3 : 0; // a frame around a speck must be seen
    context.strokeStyle = this.#colour('panel');
    context.lineWidth = 5;
    context.strokeRect(x - grow, y - grow, w + 2 * grow, h + 2 * grow);
    context.strokeStyle = this.#colour('sel');
    context.lineWidth = 2.6;
    context.strokeRect(x - grow, y - grow, w + 2 * grow, h + 2 * grow);
  }
}

const NO_DASH = /** @type {number[]} */ ([]);
const DASHED = [4, 4];
