// The canvas of the map. While a gesture lasts, a large map moves as the picture that it last was.

import { CanvasPainter } from '../scene/paint-canvas.js';
import { onThemeChange, readColours } from './theme.js';

/** @typedef {import('../scene/items.js').Part} Part */
/** @typedef {import('../scene/paint-canvas.js').View} View */

/** After a gesture: drawn anew when nothing has moved for so long. */
const CRISP_AFTER_MS = 120;
/** Fewer items than this are drawn afresh in every frame of a gesture. */
const HEAVY_ITEMS = 500;
/** The picture is no help when it covers less than this of the window. */
const LEAST_COVER = 0.5;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{parts: () => Part[], view: () => View, drawn: () => void}} map drawn: something is on screen, in a new place perhaps
 */
export function mountStreetCanvas(canvas, { parts, view, drawn }) {
  const painter = new CanvasPainter(canvas, getComputedStyle(document.body).fontFamily);
  painter.setColours(readColours());
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const picture = document.createElement('canvas');
  /** Where the picture was taken. @type {View|null} */
  let taken = null;
  /** What is on the canvas, drawn afresh. @type {View|null} */
  let crisp = null;
  let items = 0;
  let frame = 0;
  let timer = 0;
  let moving = false;

  function ratio() {
    return devicePixelRatio || 1;
  }

  function paint() {
    frame = 0;
    if (moving && items > HEAVY_ITEMS && movePicture()) {
      clearTimeout(timer);
      timer = setTimeout(draw, CRISP_AFTER_MS);
    } else {
      clearTimeout(timer);
      const now = view();
      items = painter.paint(parts(), now, ratio());
      [crisp, taken] = [{ x: now.x, y: now.y, k: now.k }, null];
    }
    moving = false;
    drawn();
  }

  /** @returns {boolean} false when the picture shows too little of what is in the window now */
  function movePicture() {
    if (!taken) {
      if (!crisp) return false;
      picture.width = canvas.width;
      picture.height = canvas.height;
      picture.getContext('2d')?.drawImage(canvas, 0, 0);
      taken = crisp;
    }
    const now = view();
    const scale = now.k / taken.k;
    const [x, y] = [(now.x - taken.x * scale) * ratio(), (now.y - taken.y * scale) * ratio()];
    const [w, h] = [canvas.width * scale, canvas.height * scale];
    const cover = (Math.min(canvas.width, x + w) - Math.max(0, x)) * (Math.min(canvas.height, y + h) - Math.max(0, y));
    if (cover < LEAST_COVER * canvas.width * canvas.height) return false;
    crisp = null;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false; // half the time where no GPU helps, and it is gone in a moment
    context.drawImage(picture, x, y, w, h);
    return true;
  }

  function draw() {
    if (!frame) frame = requestAnimationFrame(paint);
  }

  const endTheme = onThemeChange(() => {
    painter.setColours(readColours());
    draw();
  });

  return {
    draw,

    /** The view has moved, and will perhaps move on. */
    move() {
      moving = true;
      draw();
    },

    /** @param {number} width @param {number} height CSS pixels */
    resize(width, height) {
      [crisp, taken] = [null, null];
      canvas.width = Math.round(width * ratio());
      canvas.height = Math.round(height * ratio());
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    },

    unmount() {
      endTheme();
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    },
  };
}
