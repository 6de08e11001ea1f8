// ---- Layout: which cells go where, in device pixels of a world of which the canvas shows a part ----

// The curve of one tile, as https://en.wikipedia.org/wiki/Hilbert_curve has it: begins at the top left, ends at the
// top right. `placeOf` gives y * ROW + x of a cell, `cellOn` the cell of a place.
let placeOf, cellOn;

function traceCurve() {
  placeOf = new Uint32Array(TILE);
  cellOn = new Uint32Array(TILE);
  for (let cell = 0; cell < TILE; cell++) {
    let x = 0, y = 0, rest = cell;
    for (let side = 1; side < ROW; side *= 2, rest >>= 2) {
      const right = rest >> 1 & 1, down = (rest ^ right) & 1;
      if (!down) {
        if (right) [x, y] = [side - 1 - x, side - 1 - y];
        [x, y] = [y, x];
      }
      x += side * right;
      y += side * down;
    }
    placeOf[cell] = y * ROW + x;
    cellOn[y * ROW + x] = cell;
  }
}

const bandsOf = new Map();   // by grain: every zoom needs them
const bands = (grain, kept) => bandsOf.get(grain) ?? bandsOf.set(grain, findBands(grain, kept)).get(grain);

/** Runs of rows to draw and of rows to leave out, in units of `grain` rows; blank ones shorter than `kept` are drawn. */
function findBands(grain, kept) {
  const found = [], rows = Math.ceil(blankRows.length / grain);
  const isBlank = unit => blankRows.subarray(unit * grain, (unit + 1) * grain).every(Boolean);
  for (let unit = 0; unit < rows;) {
    const gap = isBlank(unit);
    let end = unit + 1;
    while (end < rows && isBlank(end) === gap) end++;
    // A tile is whole even where memory ends inside it.
    const stop = Math.min(end * grain, Math.max(blankRows.length, grain));
    const band = { start: unit * grain, end: stop, gap: gap && (end - unit) * grain >= kept };
    const last = found[found.length - 1];
    if (last && !last.gap && !band.gap) last.end = band.end; else found.push(band);
    unit = end;
  }
  return found;
}

function makePlan() {
  const zoom = 2 ** view.level, unit = view.dpr;
  const [pad, gutter, between, strip] = [10, 60, 8, 20].map(length => Math.round(length * unit));
  const room = { zoom, pad, gutter, between, strip, side: ROW * zoom };
  plan = view.layout === 'rows' ? planRows(room) : planTiles(room);
  plan.zoom = zoom;
}

/** Columns side by side, as in a newspaper: as high as the canvas, or higher where the width has no room for that. */
function planRows(room) {
  const { zoom, pad, gutter, between, strip, side } = room;
  const all = bands(1, KEPT_HOLE_ROWS);
  const whole = all.reduce((sum, band) => sum + (band.gap ? strip : Math.ceil((band.end - band.start) * zoom)), 0);
  const width = gutter + side + between;
  const most = Math.max(1, Math.floor((view.width - 2 * pad + between) / width));
  const visible = view.height - 2 * pad;
  // Columns that begin at round addresses; a pixel of several rows must not begin in the middle.
  const grain = visible / zoom >= 256 ? 64 : Math.max(1, 1 / zoom);
  let height = most === 1 ? Infinity : Math.max(visible, Math.ceil(whole / most));
  let columns = pack(all, room, height, grain);
  while (columns.length > most) columns = pack(all, room, height += grain * zoom, grain);
  const pieces = [];
  columns.forEach((column, number) => {
    for (const { y, high, start, end, gap } of column) {
      const x = pad + number * width + gutter;
      pieces.push({ x, y: pad + y, w: side, h: high, first: start * ROW, rows: end - start, gap, place: 'row' });
    }
  });
  return finish(pieces, pad, gutter);
}

function pack(all, { zoom, strip }, height, grain) {
  const columns = [[]];
  let y = 0;
  const next = () => { columns.push([]); y = 0; };
  const put = (start, end, gap, high) => { columns[columns.length - 1].push({ y, high, start, end, gap }); y += high; };
  for (const { start, end, gap } of all) {
    if (gap) {
      if (y > 0 && y + strip > height) next();
      put(start, end, true, strip);
      continue;
    }
    for (let row = start; row < end;) {
      let stop = Math.min(end, row + Math.floor((height - y) / zoom));
      if (stop < end) stop = Math.floor(stop / grain) * grain;
      if (stop <= row && y > 0) { next(); continue; }
      stop = Math.max(stop, Math.min(end, row + grain));
      put(row, stop, false, Math.ceil((stop - row) * zoom));
      if (stop < end) next();
      row = stop;
    }
  }
  return columns;
}

/** Tiles in lines, each below its address; a run of tiles of nothing but hole becomes one narrow strip. */
function planTiles({ pad, between, strip, side }) {
  const pieces = [];
  const least = Math.round(88 * view.dpr);
  let x = pad, y = pad + strip;
  for (const band of bands(ROW, ROW)) {
    const step = band.gap ? band.end - band.start : ROW;
    for (let start = band.start; start < band.end; start += step) {
      const slot = band.gap ? least : Math.max(side, least);
      if (x > pad && x + slot > view.width - pad) { x = pad; y += side + strip + 2 * between; }
      const w = band.gap ? least : side;
      pieces.push({ x, y, w, h: side, first: start * ROW, rows: step, gap: band.gap, place: 'tile' });
      x += slot + 2 * between;
    }
  }
  return finish(pieces, pad, 0);
}

/** The size of the world; one that is narrower than the canvas is moved to its middle. */
function finish(pieces, pad, gutter) {
  const width = Math.max(...pieces.map(piece => piece.x + piece.w)) + pad;
  const height = Math.max(...pieces.map(piece => piece.y + piece.h)) + pad;
  const spare = Math.max(0, Math.floor((view.width - width) / 2));
  for (const piece of pieces) piece.x += spare;
  return { pieces, gutter, left: spare, width: width + spare, height };
}

/** The cell in this column and row of a piece; past the end of memory there is none. */
function cellIn(piece, column, row) {
  const place = row * ROW + column;
  return piece.first + (piece.place === 'row' ? place : cellOn[place]);
}

/** The place, as row * ROW + column, of the cell that a pixel of several shows: by a hash of where it is in memory, so that
 *  the shares of the colours are right and panning changes nothing. */
function lot(piece, x, y, step) {
  const rows = Math.min(step, piece.rows - y * step);
  let h = Math.imul(piece.first / ROW + y * step + 1, 0x9e3779b1) ^ Math.imul(x + 1, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 15, 0x2c1b3c6d);
  h = Math.imul(h ^ h >>> 12, 0x297a2d39);
  h ^= h >>> 15;
  return (y * step + (h >>> 16) % rows) * ROW + x * step + (h & step - 1);
}

/** The cell that a pixel of a piece shows, below zoom 1. An isolated class wins its pixel, that none of it be lost. */
function sampled(piece, x, y, step) {
  if (chosen.isolated.size) {
    const end = Math.min((y + 1) * step, piece.rows);
    for (let row = y * step; row < end; row++) {
      for (let column = x * step; column < (x + 1) * step; column++) {
        const cell = cellIn(piece, column, row);
        if (cell < data.cells && ink.picked[cells[cell]]) return cell;
      }
    }
  }
  const place = lot(piece, x, y, step);
  return cellIn(piece, place % ROW, Math.floor(place / ROW));
}

const isInside = (piece, x, y) => x >= piece.x && x < piece.x + piece.w && y >= piece.y && y < piece.y + piece.h;

/** The cell drawn at a point of the world; null beside the map, past its end, and in a strip. */
function cellAtWorld(x, y) {
  const piece = plan.pieces.find(one => isInside(one, x, y));
  if (!piece || piece.gap) return null;
  const side = Math.max(1, plan.zoom), column = Math.floor((x - piece.x) / side), row = Math.floor((y - piece.y) / side);
  const cell = plan.zoom < 1 ? sampled(piece, column, row, 1 / plan.zoom) : cellIn(piece, column, row);
  return cell < data.cells ? cell : null;
}

/** The middle of a cell in the world; of the strip, where it was left out. */
function worldOf(cell) {
  const piece = plan.pieces.find(one => cell >= one.first && cell < one.first + one.rows * ROW);
  if (!piece) return null;
  if (piece.gap) return { x: piece.x + piece.w / 2, y: piece.y + piece.h / 2, gap: true };
  const inside = cell - piece.first, place = piece.place === 'row' ? inside : placeOf[inside];
  const column = place % ROW + 0.5, row = Math.floor(place / ROW) + 0.5;
  return { x: piece.x + column * plan.zoom, y: piece.y + row * plan.zoom, gap: false };
}

