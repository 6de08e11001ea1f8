// ---- Moving ----

/** What fits as a whole stays where it is, and a jump leaves no room empty where there is more to see. Else the map may go
 *  nearly out of sight: a zoom at a corner takes it there. */
function within(at, whole, seen, isFixed) {
  if (isFixed) return whole <= seen ? 0 : Math.round(clamp(at, 0, whole - seen));
  const kept = Math.min(whole, LEAST_SIDE * view.dpr / 2);
  return Math.round(clamp(at, kept - seen, whole - kept));
}

function show(x, y, isJump = false) {
  const fits = plan.width <= view.width && plan.height <= view.height;
  view.x = within(x, plan.width, view.width, isJump || fits);
  view.y = within(y, plan.height, view.height, isJump || fits);
  repaint(true);
  keepLink();
}

const panBy = (dx, dy) => show(view.x + dx, view.y + dy);

/** The cell at a point of the canvas, or the nearest to it. */
function nearestCell(px, py) {
  let best = null, least = Infinity;
  for (const piece of plan.pieces) {
    const x = clamp(view.x + px, piece.x, piece.x + piece.w - 1), y = clamp(view.y + py, piece.y, piece.y + piece.h - 1);
    const far = Math.hypot(x - view.x - px, y - view.y - py);
    if (far < least) { least = far; best = { piece, x, y }; }
  }
  return best.piece.gap ? best.piece.first : cellAtWorld(best.x, best.y) ?? data.cells - 1;
}

/** Runs a change of the plan and keeps the cell at this point of the canvas where it is. */
function keeping(px, py, change) {
  const cell = plan.pieces.length ? nearestCell(px, py) : 0;
  change();
  makePlan();
  bring(cell, px, py);
}

/** Moves the view so that a cell comes to this point of the canvas: its pixel to that pixel, or a row of one pixel would be missed. */
function bring(cell, px, py) {
  const at = worldOf(cell) ?? view;
  show(Math.floor(at.x) - Math.floor(px), Math.floor(at.y) - Math.floor(py));
}

/** Moves the view so that a cell comes to its middle, or as near as can be. */
function centre(cell) {
  const at = worldOf(cell) ?? view;
  show(at.x - view.width / 2, at.y - view.height / 2, true);
}

/** The level at which the whole map is in sight: further out there is nothing to see. */
let fitLevel = LEVELS.least;

function setLevel(level, px = view.width / 2, py = view.height / 2) {
  level = clamp(level, Math.min(fitLevel, 0, view.level), LEVELS.most);
  if (level === view.level) return;
  keeping(px, py, () => { view.level = level; });
  showScale();
}

/** Finds the largest zoom that shows the whole of memory. */
function findFit() {
  const before = view.level;
  fitLevel = LEVELS.least;
  for (let level = LEVELS.most; level >= LEVELS.least; level--) {
    view.level = level;
    makePlan();
    if (plan.width <= view.width && plan.height <= view.height) { fitLevel = level; break; }
  }
  view.level = before;
  makePlan();
}

function isInSight(cell, margin) {
  const at = worldOf(cell), w = view.width - 2 * margin, h = view.height - 2 * margin;
  return at !== null && isInside({ x: view.x + margin, y: view.y + margin, w, h }, at.x, at.y);
}

/** Pins a page; moves the map only as far as it takes to see it. */
function goTo(pfn, always = false) {
  pfn = clamp(Math.floor(pfn), 0, lastPfn());
  chosen.pin = pfn;
  if (always || !isInSight(cellOf(pfn), 24 * view.dpr)) centre(cellOf(pfn));
  chosen.hover = null;   // the pointer may rest on the map: what was gone to is of more interest
  showDetails();
  repaint(false);
  keepLink();
}

function setLayout(layout) {
  if (layout !== 'rows' && layout !== 'hilbert' || layout === view.layout) return;
  const cell = nearestCell(view.width / 2, view.height / 2);
  view.layout = layout;
  findFit();
  centre(cell);
  el.layout.value = layout;
  showScale();
}

function resize() {
  const box = el.canvas;
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(box.clientWidth * ratio)), height = Math.max(1, Math.round(box.clientHeight * ratio));
  if (width === view.width && height === view.height) return;
  keeping(view.width / 2, view.height / 2, () => {
    Object.assign(view, { width, height, dpr: ratio });
    box.width = width;
    box.height = height;
  });
  findFit();
  paint();   // at once: a canvas that was resized is empty
}

