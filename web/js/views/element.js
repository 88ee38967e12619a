// Makes elements. Text always goes in as text: what packets say is never markup.

const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {Node|string|number|null|undefined|false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [properties] attributes; functions become listeners, null and false leave out
 * @param {...(Child|Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...kept(children));
  return element;
}

/** @param {(Child|Child[])[]} children @returns {(Node|string)[]} */
function kept(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/** @param {Element} parent @param {...(Child|Child[])} children */
export function fill(parent, ...children) {
  parent.replaceChildren(...kept(children));
}

/** A mark from the sprite of the page. @param {string} name @param {number} width @param {number} height */
export function icon(name, width, height) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('width', String(width));
  svg.setAttribute('height', String(height));
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#g-${name}`);
  svg.append(use);
  return svg;
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}.`);
  return element;
}

/** Parts of a whole as a bar with textures. @param {string} className @param {import('../model/headline.js').Split} split */
export function splitBar(className, split) {
  const bar = el('div', { class: className, 'aria-hidden': 'true' });
  /** @type {[string, number][]} */
  const parts = [['stay', split.stayed], ['leave', split.left - split.hairpin], ['hair', split.hairpin], ['unk', split.undetermined]];
  for (const [fillName, part] of parts) {
    if (part <= 0) continue;
    const span = el('span', { class: `fill--${fillName}` });
    span.style.flexGrow = String(part / split.total);
    bar.append(span);
  }
  return bar;
}
