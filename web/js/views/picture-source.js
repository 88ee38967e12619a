// The view on screen offers itself as a picture here; the export menu asks here, and knows no view.

/** @typedef {{items: import('../scene/items.js').Item[], bounds: import('../layout/street.js').Rect, title: string}} Picture */

/** @type {(() => Picture|null)|null} */
let source = null;

/**
 * @param {() => Picture|null} picture what is shown, at scale 1
 * @returns {() => void} takes the offer back
 */
export function offerPicture(picture) {
  source = picture;
  return () => {
    if (source === picture) source = null;
  };
}

/** @returns {Picture|null} null while no view is drawn, as with the table */
export function currentPicture() {
  return source?.() ?? null;
}
