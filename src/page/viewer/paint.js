// ---- Colours ----

function parseColour(text) {
  const digits = /^#([0-9a-f]{6})$/i.exec(text);
  const value = digits ? parseInt(digits[1], 16) : 0x808080;
  return [value >> 16, value >> 8 & 255, value & 255];
}
const mix = (from, to, part) => from.map((value, at) => Math.round(value + (to[at] - value) * part));
const grey = ([r, g, b]) => Array(3).fill(0.3 * r + 0.59 * g + 0.11 * b);
const distance = (one, two) => Math.hypot(...one.map((value, at) => value - two[at]));
// ImageData is red first, and every machine a browser runs on is little-endian.
const packed = ([r, g, b]) => (255 << 24 | b << 16 | g << 8 | r) >>> 0;
const css = colour => `rgb(${colour.join(' ')})`;

let ink;   // colours of the canvas, by palette and isolation

function mixInk() {
  const palette = data.palettes[chosen.palette];
  const back = parseColour(palette.background);
  const text = palette.dark ? [230, 233, 238] : [23, 27, 34];
  const shown = data.classes.map((_, index) => {
    const colour = parseColour(palette.classes[index]);
    return chosen.isolated.size && !chosen.isolated.has(index) ? mix(grey(colour), back, 0.78) : colour;
  });
  const edges = shown.map(colour => distance(colour, back) > 60 ? mix(colour, back, 0.45) : mix(colour, text, 0.16));
  const byKind = colours => Uint32Array.from(data.kinds, kind => packed(colours[kind.class]));
  ink = {
    back: packed(back), backCss: css(back), plate: `rgb(${back.join(' ')} / 85%)`,
    text: css(text), muted: css(mix(text, back, 0.4)), line: css(mix(text, back, 0.8)),
    fill: byKind(shown), edge: byKind(edges),
    picked: Uint8Array.from(data.kinds, kind => chosen.isolated.has(kind.class) ? 1 : 0),
  };
}

const swatchColour = index => css(parseColour(data.palettes[chosen.palette].classes[index]));

function swatch(index) {
  const box = make('span', 'map-swatch');
  box.style.backgroundColor = swatchColour(index);
  return box;
}

// ---- Painting ----

const context = el.canvas.getContext('2d');
let image = null, pixels = null;
let isStale = true, isQueued = false;   // stale: the cells must be painted anew, not just what lies over them

function repaint(stale) {
  isStale ||= stale;
  if (isQueued) return;
  isQueued = true;
  requestAnimationFrame(() => { isQueued = false; paint(); });
}

function paint() {
  if (!view.width || !cells) return;
  if (isStale) paintCells();
  isStale = false;
  context.putImageData(image, 0, 0);
  context.font = `${Math.round(11 * view.dpr)}px ui-sans-serif, system-ui, sans-serif`;
  context.textBaseline = 'middle';
  for (const piece of plan.pieces) {
    if (isVisible(piece)) piece.gap ? paintStrip(piece) : paintLabels(piece);
  }
  if (chosen.selection) paintSelection();
  if (chosen.hover && plan.zoom >= 4) paintMark(chosen.hover.cell, 0);
  if (chosen.pin !== null) paintMark(cellOf(chosen.pin), Math.round(7 * view.dpr));
}

function isVisible(piece) {
  const head = piece.place === 'tile' ? 20 * view.dpr : 0;
  const right = piece.x + Math.max(piece.w, 88 * view.dpr);
  const isAcross = piece.x < view.x + view.width && right > view.x;
  return isAcross && piece.y - head < view.y + view.height && piece.y + piece.h > view.y;
}

function paintCells() {
  if (!image || image.width !== view.width || image.height !== view.height) {
    image = context.createImageData(view.width, view.height);
    pixels = new Uint32Array(image.data.buffer);
  }
  pixels.fill(ink.back);
  for (const piece of plan.pieces) {
    if (piece.gap || !isVisible(piece)) continue;
    const seen = visiblePart(piece);
    if (plan.zoom < 1) paintSampled(piece, seen); else paintWhole(piece, seen);
    if (plan.zoom >= 8) paintEdges(piece, seen);
  }
}

/** The part of a piece on the canvas: its corner there, and the pixels from (x0, y0) to before (x1, y1). */
function visiblePart(piece) {
  const left = piece.x - view.x, top = piece.y - view.y;
  const x1 = Math.min(view.width, left + piece.w), y1 = Math.min(view.height, top + piece.h);
  return { left, top, x0: Math.max(0, left), y0: Math.max(0, top), x1, y1 };
}

function paintSampled(piece, { left, top, x0, y0, x1, y1 }) {
  const step = 1 / plan.zoom;
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      const cell = sampled(piece, x - left, y - top, step);
      if (cell < data.cells) pixels[y * view.width + x] = ink.fill[cells[cell]];
    }
  }
}

function paintWhole(piece, { left, top, x0, y0, x1, y1 }) {
  const zoom = plan.zoom;
  for (let y = y0; y < y1;) {
    const row = Math.floor((y - top) / zoom), end = Math.min(y1, top + (row + 1) * zoom), line = y * view.width;
    for (let x = x0; x < x1;) {
      const column = Math.floor((x - left) / zoom), stop = Math.min(x1, left + (column + 1) * zoom);
      const cell = cellIn(piece, column, row);
      const colour = cell < data.cells ? ink.fill[cells[cell]] : ink.back;
      while (x < stop) pixels[line + x++] = colour;
    }
    while (++y < end) pixels.copyWithin(y * view.width + x0, line + x0, line + x1);
  }
}

/** Fine lines where a folio, a free block or a single page ends: what is smooth is large. */
function paintEdges(piece, { left, top, x0, y0, x1, y1 }) {
  const zoom = plan.zoom, lastColumn = Math.ceil((x1 - left) / zoom), lastRow = Math.ceil((y1 - top) / zoom);
  for (let row = Math.floor((y0 - top) / zoom); row < lastRow; row++) {
    for (let column = Math.floor((x0 - left) / zoom); column < lastColumn; column++) {
      const cell = cellIn(piece, column, row), unit = unitAt(cell);
      if (unit < 0) continue;
      const colour = ink.edge[cells[cell]], x = left + column * zoom, y = top + row * zoom;
      if (column > 0 && x >= x0 && unitAt(cellIn(piece, column - 1, row)) !== unit) {
        for (let at = Math.max(y, y0); at < Math.min(y + zoom, y1); at++) pixels[at * view.width + x] = colour;
      }
      if (row > 0 && y >= y0 && unitAt(cellIn(piece, column, row - 1)) !== unit) {
        pixels.fill(colour, y * view.width + Math.max(x, x0), y * view.width + Math.min(x + zoom, x1));
      }
    }
  }
}

/** What was left out: a hatched strip that says so. */
function paintStrip(piece) {
  const x = piece.x - view.x, y = piece.y - view.y, unit = view.dpr;
  context.save();
  context.beginPath();
  context.rect(x, y + 3 * unit, piece.w, piece.h - 6 * unit);
  context.clip();
  context.strokeStyle = ink.line;
  context.lineWidth = Math.max(1, Math.round(unit));
  context.beginPath();
  for (let at = -piece.h; at < piece.w; at += 6 * unit) {
    context.moveTo(x + at, y + piece.h);
    context.lineTo(x + at + piece.h, y);
  }
  context.stroke();
  context.restore();
  const count = piece.rows * ROW, short = `${holeWord()} ${sizeOf(count)}`;
  const long = `${short}: PFN ${hex(pfnOf(piece.first))} to ${hex(pfnOf(piece.first + count) - 1)}`;
  if (piece.place === 'tile') return write(short, x, y - 10 * unit, 'left', ink.muted);
  const { x0, x1 } = visiblePart(piece);
  const text = [long, short].find(one => context.measureText(one).width + 16 * unit < x1 - x0);
  if (text) write(text, (x0 + x1) / 2, y + piece.h / 2, 'center', ink.muted, ink.backCss);
}

function write(text, x, y, align, colour, plate) {
  context.textAlign = align;
  if (plate) {
    const width = context.measureText(text).width + 12 * view.dpr, height = 15 * view.dpr;
    context.fillStyle = plate;
    context.fillRect(align === 'center' ? x - width / 2 : x - width + 6 * view.dpr, y - height / 2, width, height);
  }
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

const addressOf = cell => pfnOf(cell) * data.page_bytes;

function paintLabels(piece) {
  if (piece.place === 'tile') {
    write(mark(addressOf(piece.first), 2 ** 30), piece.x - view.x, piece.y - view.y - 10 * view.dpr, 'left', ink.muted);
  } else {
    paintRuler(piece);
  }
}

/** Addresses and PFNs at the left of a column; over the map when its left is out of sight. */
function paintRuler(piece) {
  const unit = view.dpr, top = piece.y - view.y, left = piece.x - view.x;
  const isOver = left < plan.gutter;
  const right = Math.max(left, plan.gutter) - 7 * unit;
  if (isOver && left + piece.w < plan.gutter + 40 * unit) return;
  let step = 1;
  while (step * plan.zoom < 46 * unit) step *= 2;
  const firstRow = piece.first / ROW, rows = [];
  for (let row = Math.ceil(firstRow / step) * step; row < firstRow + piece.rows; row += step) rows.push(row);
  // A column that begins between two marks gets one of its own, if there is room.
  if (!rows.length || (rows[0] - firstRow) * plan.zoom >= 34 * unit) rows.unshift(firstRow);
  for (const row of rows) {
    const y = top + Math.round((row - firstRow) * plan.zoom);
    if (y < -20 * unit || y + 13 * unit > view.height || piece.h < 8 * unit) continue;
    if (isOver) {
      context.fillStyle = ink.plate;
      context.fillRect(0, y, plan.gutter - 2 * unit, 29 * unit);
    }
    context.fillStyle = ink.muted;
    context.fillRect(right + 2 * unit, y, 5 * unit, Math.max(1, Math.round(unit)));
    const address = addressOf(row * ROW), text = row % step ? size(address) : mark(address, addressOf(step * ROW));
    write(text, right, y + 7 * unit, 'right', ink.text);
    if (piece.h >= 24 * unit && y + 26 * unit <= view.height) write(hex(pfnOf(row * ROW)), right, y + 20 * unit, 'right', ink.muted);
  }
}

/** A line round the cells of the selection. */
function paintSelection() {
  const [from, to] = chosen.selection.map(cellOf), step = Math.max(1, 1 / plan.zoom), side = Math.max(1, plan.zoom);
  const thick = Math.max(1, Math.round(1.5 * view.dpr));
  context.fillStyle = ink.text;
  for (const piece of plan.pieces) {
    if (piece.gap || !isVisible(piece) || piece.first > to || piece.first + piece.rows * ROW <= from) continue;
    const { left, top, x0, y0, x1, y1 } = visiblePart(piece);
    const across = Math.floor(ROW / step), down = Math.ceil(piece.rows / step);
    const has = (x, y) => {
      if (x < 0 || y < 0 || x >= across || y >= down) return false;
      const cell = cellIn(piece, x * step, y * step);
      return cell <= to && (step > 1 && piece.place === 'row' ? cell + step > from : cell >= from);
    };
    const lastX = Math.ceil((x1 - left) / side), lastY = Math.ceil((y1 - top) / side);
    for (let y = Math.floor((y0 - top) / side); y < lastY; y++) {
      for (let x = Math.floor((x0 - left) / side); x < lastX; x++) {
        if (!has(x, y)) continue;
        const px = left + x * side, py = top + y * side;
        if (!has(x - 1, y)) context.fillRect(px - thick, py - thick, thick, side + 2 * thick);
        if (!has(x + 1, y)) context.fillRect(px + side, py - thick, thick, side + 2 * thick);
        if (!has(x, y - 1)) context.fillRect(px, py - thick, side, thick);
        if (!has(x, y + 1)) context.fillRect(px, py + side, side, thick);
      }
    }
  }
}

/** A frame round one cell, no smaller than `least`, that is seen on any colour. */
function paintMark(cell, least) {
  const at = worldOf(cell);
  if (!at) return;
  const side = Math.max(plan.zoom, least), thick = Math.max(1, Math.round(view.dpr));
  const x = Math.round(at.x - view.x - side / 2), y = Math.round(at.y - view.y - side / 2);
  context.lineWidth = thick;
  for (const [out, colour] of [[1.5, ink.backCss], [0.5, ink.text]]) {
    context.strokeStyle = colour;
    context.strokeRect(x - out * thick, y - out * thick, side + 2 * out * thick, side + 2 * out * thick);
  }
}

