// Draws a scene on a canvas.

import { createFitter } from './fit-text.js';
import { makeTextures } from './textures.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('./items.js').Part} Part */
/** @typedef {{font: string, lines: [string, number][]}} SetName a name as it is set: each line with its shift from the middle */
/** @typedef {import('./items.js').TextItem} TextItem */
/** @typedef {import('./items.js').NameItem} NameItem */
/** @typedef {import('./items.js').RectItem} RectItem */
/** @typedef {import('./items.js').PathItem} PathItem */
/** @typedef {{x: number, y: number, k: number}} View shift in CSS pixels and zoom */

/** Below this size on the screen text is only noise. */
const LEAST_TEXT_PX = 4.5;

export class CanvasPainter {
  #context;

  /** @type {Record<string, string>} */
  #colours = {};

  /** @type {Map<string, CanvasPattern>} */
  #textures = new Map();

  #fit;

  /** @type {WeakMap<PathItem, Path2D>} */
  #paths = new WeakMap();

  /** @type {WeakMap<NameItem, SetName>} */
  #names = new WeakMap();

  #font;

  /** @param {HTMLCanvasElement} canvas @param {string} font family */
  constructor(canvas, font) {
    const context = canvas.getContext('2d');
    if (!context) throw new Error('This browser draws no canvas.');
    this.#context = context;
    this.#fit = createFitter(context);
    this.#font = font;
  }

  /** @param {Record<string, string>} colours by token */
  setColours(colours) {
    this.#colours = colours;
    this.#textures = makeTextures(this.#context, colours);
  }

  /**
   * Draws what is in sight.
   * @param {Part[]} parts
   * @param {View} view
   * @param {number} ratio device pixels per CSS pixel
   * @returns {number} items drawn
   */
  paint(parts, view, ratio) {
    const context = this.#context;
    const { width, height } = context.canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const [k, x, y] = [view.k * ratio, view.x * ratio, view.y * ratio];
    const [left, top, right, bottom] = [-x / k, -y / k, (width - x) / k, (height - y) / k];
    let drawn = 0;
    for (const { box, items, alpha = 1 } of parts) {
      if (box && (box.x > right || box.y > bottom || box.x + box.w < left || box.y + box.h < top)) continue;
      for (const item of items()) {
        drawn += 1;
        context.setTransform(k, 0, 0, k, x, y);
        context.globalAlpha = (item.alpha ?? 1) * alpha;
        if (item.kind === 'rect') this.#rect(item);
        else if (item.kind === 'path') this.#path(item, k);
        else if (item.kind === 'text') this.#text(item, view.k);
        else this.#name(item, view.k);
      }
    }
    return drawn;
  }

  /** @param {string} token */
  #paintOf(token) {
    return this.#textures.get(token) ?? this.#colours[token] ?? token;
  }

  /** @param {RectItem} item */
  #rect(item) {
    const context = this.#context;
    context.beginPath();
    if (item.r) context.roundRect(item.x, item.y, item.w, item.h, Math.min(item.r, item.w / 2, item.h / 2));
    else context.rect(item.x, item.y, item.w, item.h);
    if (item.fill) {
      if (item.shadow) {
        context.shadowColor = this.#colours.shadow ?? '';
        context.shadowBlur = 12;
        context.shadowOffsetY = 2;
      }
      context.fillStyle = this.#paintOf(item.fill);
      context.fill();
      context.shadowColor = 'transparent';
    }
    if (item.stroke) this.#stroke(item, null, item.lw ?? 1);
  }

  /** @param {PathItem} item @param {number} k device pixels per map unit */
  #path(item, k) {
    const context = this.#context;
    if (item.at) {
      context.translate(item.at[0], item.at[1]);
      if (item.scale) context.scale(item.scale, item.scale);
    }
    const path = this.#paths.get(item) ?? new Path2D(item.d);
    this.#paths.set(item, path);
    if (item.fill) {
      context.fillStyle = this.#paintOf(item.fill);
      context.fill(path);
    }
    if (item.stroke) this.#stroke(item, path, item.lw === 0 ? 1 / k : item.lw ?? 1);
  }

  /** @param {RectItem|PathItem} item @param {Path2D|null} path null: the current one @param {number} width */
  #stroke(item, path, width) {
    const context = this.#context;
    context.strokeStyle = this.#paintOf(item.stroke ?? 'ink');
    context.lineWidth = width;
    context.lineCap = item.kind === 'path' ? item.cap ?? 'butt' : 'butt';
    context.lineJoin = 'round';
    context.setLineDash(item.dash ?? []);
    if (path) context.stroke(path);
    else context.stroke();
  }

  /** @param {TextItem} item @param {number} zoom */
  #text(item, zoom) {
    if (item.size * zoom < (item.least ?? LEAST_TEXT_PX)) return;
    const context = this.#context;
    context.font = `${item.bold ? '700' : '400'} ${item.size}px ${this.#font}`;
    context.letterSpacing = `${item.spacing ?? 0}px`;
    context.textAlign = item.align ?? 'left';
    context.textBaseline = 'alphabetic';
    context.direction = 'ltr';
    context.fillStyle = this.#paintOf(item.fill);
    const text = item.most === undefined ? item.text : this.#fit(item.text, item.most);
    if (item.upright) {
      context.translate(item.x, item.y);
      context.rotate(-Math.PI / 2);
      context.fillText(text, 0, 0);
    } else context.fillText(text, item.x, item.y);
    context.letterSpacing = '0px';
    if (!item.lead) return;
    const before = context.measureText(text).width;
    context.font = `700 ${item.lead.size}px ${this.#font}`;
    context.fillStyle = this.#paintOf(item.lead.fill);
    context.fillText(item.lead.text, item.x - before, item.y);
  }

  /** @param {NameItem} item @param {number} zoom */
  #name(item, zoom) {
    if (10 * zoom < LEAST_TEXT_PX) return;
    const context = this.#context;
    context.textAlign = 'center';
    context.textBaseline = 'alphabetic';
    context.direction = 'ltr';
    context.fillStyle = this.#paintOf(item.fill);
    const name = this.#names.get(item) ?? this.#setName(item);
    this.#names.set(item, name);
    context.font = name.font;
    for (const [text, shift] of name.lines) context.fillText(text, item.x + item.w / 2, item.y + item.h / 2 + shift);
  }

  /** As large as fits on one line, else on two. @param {NameItem} item @returns {SetName} */
  #setName(item) {
    const context = this.#context;
    const most = item.w - 4;
    const fontOf = (/** @type {number} */ size) => `600 ${size}px ${this.#font}`;
    for (const size of [12, 11, 10.2, 9.6]) {
      context.font = fontOf(size);
      if (context.measureText(item.text).width <= most) return { font: fontOf(size), lines: [[item.text, size * 0.36]] };
    }
    const [first, second] = item.single ? [item.text, ''] : twoLines(item.text);
    const widest = (/** @type {number} */ size) => {
      context.font = fontOf(size);
      return Math.max(context.measureText(first).width, context.measureText(second).width);
    };
    const font = fontOf([10.4, 9.4, 8.6].find((size) => widest(size) <= most) ?? 10.4);
    context.font = font;
    if (second === '') return { font, lines: [[this.#fit(first, most), 3.7]] };
    return { font, lines: [[this.#fit(first, most), -2.6], [this.#fit(second, most), 10]] };
  }
}

/** Breaks a name where it reads best: at a separator near its middle. @param {string} text @returns {[string, string]} */
export function twoLines(text) {
  const signs = Array.from(text);
  const half = signs.length / 2;
  let best = -1;
  signs.forEach((sign, index) => {
    const end = index + 1;
    if ('-._ :@/'.includes(sign) && end < signs.length && Math.abs(end - half) < Math.abs(best - half)) best = end;
  });
  const cut = best > 0 && Math.abs(best - half) <= Math.max(3, signs.length / 3) ? best : Math.ceil(half);
  return [signs.slice(0, cut).join('').trim(), signs.slice(cut).join('').trim()];
}
