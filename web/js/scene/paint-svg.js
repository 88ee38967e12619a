// Writes a scene as SVG text: the same items as the canvas draws, in the colours of the theme that is handed in. Pure.
// What strangers wrote stands in text and title elements alone, escaped; nothing in the file is a script or points outside.

import { visibleText } from '../format.js';
import { twoLines } from './paint-canvas.js';
import { fitText, isMeasured, textWidth } from './text-width.js';
import { TEXTURES, textureSize } from './textures.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('./items.js').RectItem} RectItem */
/** @typedef {import('./items.js').PathItem} PathItem */
/** @typedef {import('./items.js').TextItem} TextItem */
/** @typedef {import('./items.js').NameItem} NameItem */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {Record<string, string>} Colours resolved, by token */

const FONT = 'Liberation Sans, Arial, Helvetica, sans-serif';

/**
 * @param {{items: Item[], bounds: Rect, title: string, description: string}} picture
 * @param {Colours} colours
 * @returns {string}
 */
export function paintSvg({ items, bounds, title, description }, colours) {
  const { x, y, w, h } = bounds;
  const page = `x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${n(x)} ${n(y)} ${n(w)} ${n(h)}" width="${n(w)}" height="${n(h)}" font-family="${FONT}" role="img" aria-labelledby="title" aria-describedby="description">`,
    `<title id="title">${xmlText(title)}</title>`,
    `<desc id="description">${xmlText(description)}</desc>`,
    `<defs><clipPath id="page"><rect ${page}/></clipPath>${shadow(items, colours)}${patterns(items, colours)}</defs>`,
    '<g clip-path="url(#page)">',
    ...items.map((item) => itemSvg(item, colours)),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** A number with two decimals at most. @param {number} value */
function n(value) {
  return String(Math.round(value * 100) / 100 || 0);
}

/** Text of strangers for elements and attributes: what cannot be seen is shown, what XML forbids is replaced. @param {string} text */
export function xmlText(text) {
  return visibleText(text).replace(/[\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

/** @param {Item} item @param {Colours} colours @returns {string} */
function itemSvg(item, colours) {
  if (item.kind === 'rect') return rectSvg(item, colours);
  if (item.kind === 'path') return pathSvg(item, colours);
  if (item.kind === 'text') return textSvg(item, colours);
  return nameSvg(item, colours);
}

/** Name and value of an attribute with a colour; a colour that is partly clear is written as two. @param {string} name @param {string} token @param {Colours} colours @param {number} alpha */
function paint(name, token, colours, alpha) {
  if (token in TEXTURES) return ` ${name}="url(#${token})"${alpha < 1 ? ` ${name}-opacity="${n(alpha)}"` : ''}`;
  const { colour, opacity } = solid(colours[token] ?? token);
  const whole = alpha * opacity;
  return ` ${name}="${colour}"${whole < 1 ? ` ${name}-opacity="${n(whole)}"` : ''}`;
}

/** Old viewers know no rgb() with a fourth number. @param {string} text @returns {{colour: string, opacity: number}} */
function solid(text) {
  const found = /^rgba?\(([\d.]+)[, ]+([\d.]+)[, ]+([\d.]+)(?:[,/ ]+([\d.]+)(%?))?\)$/.exec(text);
  if (!found) return { colour: xmlText(text), opacity: 1 };
  const hex = found.slice(1, 4).map((part) => Math.min(255, Math.round(Number(part))).toString(16).padStart(2, '0')).join('');
  return { colour: `#${hex}`, opacity: found[4] === undefined ? 1 : Number(found[4]) / (found[5] ? 100 : 1) };
}

/** @param {RectItem|PathItem} item @param {Colours} colours @param {string} width attributes of the line's width */
function fillAndStroke(item, colours, width) {
  const alpha = item.alpha ?? 1;
  const fill = item.fill ? paint('fill', item.fill, colours, alpha) : ' fill="none"';
  if (!item.stroke) return fill;
  const dash = item.dash?.length ? ` stroke-dasharray="${item.dash.map(n).join(' ')}"` : '';
  const cap = item.kind === 'path' && item.cap && item.cap !== 'butt' ? ` stroke-linecap="${item.cap}"` : '';
  return `${fill}${paint('stroke', item.stroke, colours, alpha)}${width}${dash}${cap} stroke-linejoin="round"`;
}

/** @param {RectItem} item @param {Colours} colours */
function rectSvg(item, colours) {
  const { x, y, w, h, r } = item;
  const round = r ? ` rx="${n(Math.min(r, w / 2, h / 2))}"` : '';
  const dropped = item.shadow ? ' filter="url(#shadow)"' : '';
  return `<rect x="${n(x)}" y="${n(y)}" width="${n(Math.max(0, w))}" height="${n(Math.max(0, h))}"${round}${fillAndStroke(item, colours, ` stroke-width="${n(item.lw ?? 1)}"`)}${dropped}/>`;
}

/** @param {PathItem} item @param {Colours} colours */
function pathSvg(item, colours) {
  const width = item.lw === 0 ? ' stroke-width="1" vector-effect="non-scaling-stroke"' : ` stroke-width="${n(item.lw ?? 1)}"`;
  const moved = item.at ? ` transform="translate(${n(item.at[0])} ${n(item.at[1])})${item.scale && item.scale !== 1 ? ` scale(${n(item.scale)})` : ''}"` : '';
  return `<path d="${xmlText(item.d)}"${fillAndStroke(item, colours, width)}${moved}/>`;
}

/** @type {Partial<Record<CanvasTextAlign, string>>} */
const ANCHORS = { center: 'middle', right: 'end', end: 'end' };

/** @param {TextItem} item @param {Colours} colours */
function textSvg(item, colours) {
  const { x, y, size, bold = false, lead } = item;
  const text = item.most === undefined ? item.text : fitText(item.text, item.most, size, bold);
  const anchor = item.align && ANCHORS[item.align] ? ` text-anchor="${ANCHORS[item.align]}"` : '';
  const attributes = `x="${n(x)}" y="${n(y)}" font-size="${n(size)}"${bold ? ' font-weight="700"' : ''}${paint('fill', item.fill, colours, item.alpha ?? 1)}${anchor}`
    + `${item.spacing ? ` letter-spacing="${n(item.spacing)}"` : ''}${item.upright ? ` transform="rotate(-90 ${n(x)} ${n(y)})"` : ''}`;
  if (lead) {
    const first = `<tspan font-size="${n(lead.size)}" font-weight="700"${paint('fill', lead.fill, colours, item.alpha ?? 1)}>${xmlText(lead.text)}</tspan>`;
    return `<text ${attributes} xml:space="preserve">${first}${xmlText(text)}</text>`;
  }
  return `<text ${attributes}${item.most === undefined ? '' : held(text, size, bold)}>${xmlText(text)}</text>`;
}

/** Holds a fitted text to its width where the reader's font is a wider one. @param {string} text @param {number} size @param {boolean} bold */
function held(text, size, bold) {
  return text !== '' && isMeasured(text) ? ` textLength="${n(textWidth(text, size, bold))}" lengthAdjust="spacingAndGlyphs"` : '';
}

/** @param {NameItem} item @param {Colours} colours */
function nameSvg(item, colours) {
  const { x, y, w, h, text } = item;
  const most = w - 4;
  const line = (/** @type {string} */ words, /** @type {number} */ size, /** @type {number} */ down) =>
    `<text x="${n(x + w / 2)}" y="${n(y + h / 2 + down)}" font-size="${n(size)}" font-weight="700" text-anchor="middle"${paint('fill', item.fill, colours, item.alpha ?? 1)}${held(words, size, true)}>${xmlText(words)}</text>`;
  const fitting = [12, 11, 10.2, 9.6].find((size) => textWidth(text, size, true) <= most);
  if (fitting !== undefined) return line(text, fitting, fitting * 0.36);
  const [first, second] = item.single ? [text, ''] : twoLines(text);
  const size = [10.4, 9.4, 8.6].find((one) => textWidth(first, one, true) <= most && textWidth(second, one, true) <= most) ?? 10.4;
  const fit = (/** @type {string} */ words) => fitText(words, most, size, true);
  return second === '' ? line(fit(first), size, 3.7) : `${line(fit(first), size, -2.6)}${line(fit(second), size, 10)}`;
}

/** @param {Item[]} items @param {Colours} colours */
function shadow(items, colours) {
  if (!items.some((item) => item.kind === 'rect' && item.shadow)) return '';
  const { colour, opacity } = solid(colours.shadow ?? 'none');
  return `<filter id="shadow" x="-10%" y="-10%" width="120%" height="125%"><feDropShadow dx="0" dy="2" stdDeviation="6" flood-color="${colour}" flood-opacity="${n(opacity)}"/></filter>`;
}

/** The textures that the items use. @param {Item[]} items @param {Colours} colours */
function patterns(items, colours) {
  const used = new Set(items.flatMap((item) => (item.kind === 'rect' || item.kind === 'path') && item.fill ? [item.fill] : []));
  return Object.entries(TEXTURES).filter(([name]) => used.has(name)).map(([name, token]) => {
    const size = textureSize(name);
    const { colour } = solid(colours[token] ?? token);
    const paper = solid(colours.panel ?? 'none').colour;
    const square = `M0 0H${size}V${size}H0Z`;
    const marks = name === 'tex-unk'
      ? `<path d="${square}" fill="${colour}" fill-opacity="0.35"/><circle cx="2.5" cy="2.5" r="1.3" fill="${colour}"/>`
      : `<path d="${square}" fill="${colour}"/><path d="${hatch(size, name === 'tex-hair')}" fill="none" stroke="${paper}" stroke-width="1.4" stroke-opacity="${name === 'tex-hair' ? 0.7 : 0.6}"/>`;
    return `<pattern id="${name}" width="${size}" height="${size}" patternUnits="userSpaceOnUse">${marks}</pattern>`;
  }).join('');
}

/** @param {number} size @param {boolean} crossed */
function hatch(size, crossed) {
  return [-size, 0, size].map((shift) => `M${shift - 1} ${size + 1}L${shift + size + 1} -1${crossed ? `M${shift - 1} -1L${shift + size + 1} ${size + 1}` : ''}`).join('');
}
