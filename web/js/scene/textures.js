// The textures of a canvas: the second cue beside the colour.

/** Which colour each texture is made of. @type {Record<string, string>} */
export const TEXTURES = { 'tex-leave': 'leave', 'tex-hair': 'leave', 'tex-unk': 'unk' };

/** @param {string} name @returns {number} side of the square that repeats */
export function textureSize(name) {
  return name === 'tex-unk' ? 5 : 6;
}

/**
 * @param {CanvasRenderingContext2D} context that it is for
 * @param {Record<string, string>} colours by token
 * @returns {Map<string, CanvasPattern>} by name
 */
export function makeTextures(context, colours) {
  return new Map(Object.entries(TEXTURES).map(([name, token]) => [name, texture(context, name, colours[token] ?? '', colours.panel ?? '')]));
}

/** @param {CanvasRenderingContext2D} target @param {string} name @param {string} colour @param {string} paper @returns {CanvasPattern} */
function texture(target, name, colour, paper) {
  const size = textureSize(name);
  const scale = 4;
  const tile = document.createElement('canvas');
  tile.width = size * scale;
  tile.height = size * scale;
  const context = /** @type {CanvasRenderingContext2D} */ (tile.getContext('2d'));
  context.scale(scale, scale);
  if (name === 'tex-unk') {
    context.globalAlpha = 0.35;
    context.fillStyle = colour;
    context.fillRect(0, 0, size, size);
    context.globalAlpha = 1;
    context.beginPath();
    context.arc(size / 2, size / 2, 1.3, 0, 2 * Math.PI);
    context.fill();
  } else {
    context.fillStyle = colour;
    context.fillRect(0, 0, size, size);
    context.strokeStyle = paper;
    context.globalAlpha = name === 'tex-hair' ? 0.7 : 0.6;
    context.lineWidth = 1.4;
    context.beginPath();
    for (const shift of [-size, 0, size]) {
      context.moveTo(shift - 1, size + 1);
      context.lineTo(shift + size + 1, -1);
      if (name !== 'tex-hair') continue;
      context.moveTo(shift - 1, -1);
      context.lineTo(shift + size + 1, size + 1);
    }
    context.stroke();
  }
  const pattern = /** @type {CanvasPattern} */ (target.createPattern(tile, 'repeat'));
  pattern.setTransform(new DOMMatrix([1 / scale, 0, 0, 1 / scale, 0, 0]));
  return pattern;
}
