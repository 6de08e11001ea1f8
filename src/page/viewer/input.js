// ---- Pointer ----

const fingers = new Map();   // pointers that are down, with where they are
let gesture = null;

/** Device pixels of the canvas. */
function pointOfEvent(event) {
  const box = el.canvas.getBoundingClientRect();
  const x = event.clientX - box.left - el.canvas.clientLeft, y = event.clientY - box.top - el.canvas.clientTop;
  return { x: x * view.dpr, y: y * view.dpr };
}
const cellAtPoint = ({ x, y }) => cellAtWorld(view.x + x, view.y + y);

function hover(cell) {
  if (cell === (chosen.hover ? chosen.hover.cell : null)) return;
  chosen.hover = cell === null ? null : describe(cell);
  showDetails();
  repaint(false);
}

function onDown(event) {
  if (event.button > 0) return;
  const at = pointOfEvent(event);
  fingers.set(event.pointerId, at);
  el.canvas.setPointerCapture(event.pointerId);
  el.canvas.focus({ preventScroll: true });
  if (fingers.size === 2) {
    const [one, two] = fingers.values();
    gesture = { name: 'pinch', spread: Math.hypot(one.x - two.x, one.y - two.y), level: view.level };
  } else if (event.shiftKey) {
    gesture = { name: 'select', from: cellAtPoint(at), start: at, moved: false };
  } else {
    gesture = { name: 'drag', start: at, last: at, moved: false };
  }
}

function onMove(event) {
  const at = pointOfEvent(event);
  if (!fingers.has(event.pointerId)) return hover(cellAtPoint(at));
  fingers.set(event.pointerId, at);
  if (!gesture) return;
  if (gesture.name === 'pinch') return pinch();
  // A click may shake a little.
  gesture.moved ||= Math.hypot(at.x - gesture.start.x, at.y - gesture.start.y) > 4 * view.dpr;
  if (!gesture.moved) return;
  if (gesture.name === 'drag') {
    el.canvas.classList.add('is-dragging');
    panBy(gesture.last.x - at.x, gesture.last.y - at.y);
    gesture.last = at;
  } else if (gesture.from !== null) {
    const to = cellAtPoint(at);
    if (to !== null) selectCells(gesture.from, to);
  }
}

const selectCells = (one, two) => select([pfnOf(Math.min(one, two)), pfnOf(Math.max(one, two) + 1) - 1]);

function pinch() {
  const [one, two] = fingers.values(), spread = Math.hypot(one.x - two.x, one.y - two.y);
  const middle = { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
  if (gesture.middle) panBy(gesture.middle.x - middle.x, gesture.middle.y - middle.y);
  gesture.middle = middle;
  setLevel(gesture.level + Math.round(Math.log2(spread / gesture.spread)), middle.x, middle.y);
}

function onUp(event) {
  if (!fingers.delete(event.pointerId) || !gesture) return;
  el.canvas.classList.remove('is-dragging');
  const cell = cellAtPoint(pointOfEvent(event)), { name, moved: wasDrag } = gesture;
  gesture = null;
  if (event.type === 'pointercancel' || wasDrag || name === 'pinch' || cell === null) return;
  if (name === 'select' && chosen.pin !== null) return selectCells(cursorCell(), cell);
  chosen.pin = pfnOf(cell);
  if (event.pointerType === 'touch') chosen.hover = null;
  showDetails();
  repaint(false);
  keepLink();
}

let turned = 0;     // trackpads send many small turns of the wheel
let lastTurn = 0;   // when the wheel last was the map's

function onWheel(event) {
  const at = pointOfEvent(event), scale = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1;
  turned += event.deltaY * scale;
  const direction = Math.sign(turned), needed = event.ctrlKey ? 12 : 60;
  // Where the whole map is in sight, a turn that begins here scrolls the page past it.
  const isPages = direction > 0 && view.level <= Math.min(fitLevel, 0) && event.timeStamp - lastTurn > 400;
  if (isPages && !event.ctrlKey) { turned = 0; return; }
  event.preventDefault();
  lastTurn = event.timeStamp;
  if (Math.abs(turned) < needed) return;
  turned = 0;
  setLevel(view.level - direction, at.x, at.y);
  hover(cellAtPoint(at));
}

// ---- Keys ----

function moveCursor(dx, dy) {
  let cell = nearestCell(view.width / 2, view.height / 2);   // where a cursor begins
  if (chosen.pin !== null) {
    const at = worldOf(cursorCell()), side = Math.max(1, plan.zoom);
    cell = cellAtWorld(at.x + dx * side, at.y + dy * side) ?? cursorCell() + dx + dy * ROW;
  }
  goTo(pfnOf(clamp(cell, 0, data.cells - 1)));
  note(pinText());
}

function arrow(dx, dy) {
  return event => event.shiftKey ? moveCursor(dx, dy) : panBy(dx * view.width / 8, dy * view.height / 8);
}

const toggleLayout = () => setLayout(view.layout === 'rows' ? 'hilbert' : 'rows');
const showHelp = () => el.helpBox.showModal();

const KEYS = {
  ArrowLeft: arrow(-1, 0), ArrowRight: arrow(1, 0), ArrowUp: arrow(0, -1), ArrowDown: arrow(0, 1),
  '+': () => setLevel(view.level + 1), '=': () => setLevel(view.level + 1), '-': () => setLevel(view.level - 1),
  Home: () => show(0, 0), End: () => show(plan.width - view.width, plan.height - view.height),
  '[': () => step(-1), ']': () => step(1), '/': () => { el.search.focus(); el.search.select(); },
  n: goToObstacle, f: goToFreeRun, l: toggleLayout, '?': showHelp,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  hover(null);   // the map may move below a pointer that rests
  KEYS[event.key](event);
}

function release() {
  chosen.pin = null;
  chosen.isolated.clear();
  note('');
  select(null);
  showDetails();
  isolationChanged();
}

// ---- Start ----

function listen() {
  const on = (target, name, act, options) => target.addEventListener(name, act, options);
  on(el.canvas, 'pointerdown', onDown);
  on(el.canvas, 'pointermove', onMove);
  on(el.canvas, 'pointerup', onUp);
  on(el.canvas, 'pointercancel', onUp);
  on(el.canvas, 'pointerleave', () => hover(null));
  on(el.canvas, 'wheel', onWheel, { passive: false });
  on(el.canvas, 'keydown', onKey);
  on(el.body, 'keydown', event => { if (event.key === 'Escape') release(); });
  on(el.bar, 'keydown', event => { if (event.key === 'Escape') el.canvas.focus(); });
  on(el.find, 'submit', event => { event.preventDefault(); search(); });
  on(el.obstacle, 'click', goToObstacle);
  on(el.freeRun, 'click', goToFreeRun);
  on(el.layout, 'change', () => setLayout(el.layout.value));
  on(el.palette, 'change', () => setPalette(Number(el.palette.value), true));
  on(el.zoomIn, 'click', () => setLevel(view.level + 1));
  on(el.zoomOut, 'click', () => setLevel(view.level - 1));
  on(el.copy, 'click', copyLink);
  on(el.save, 'click', savePicture);
  on(el.help, 'click', showHelp);
  on(el.helpClose, 'click', () => el.helpBox.close());
  on(el.slider, 'input', () => { play(false); showMoment(Number(el.slider.value)).catch(fail); });
  on(el.play, 'click', () => play(!playing));
  on(window, 'hashchange', () => readLink().catch(fail));
  on(darkness, 'change', followTheme);
  new MutationObserver(followTheme).observe(document.documentElement, { attributeFilter: ['data-theme'] });
  new ResizeObserver(resize).observe(el.canvas);
}

function fillChoices() {
  data.palettes.forEach((palette, index) => {
    const option = make('option', '', palette.name);
    option.value = String(index);
    el.palette.append(option);
  });
  el.time.hidden = data.frames.length < 2;
  el.slider.max = String(data.frames.length - 1);
}

function fail(error) {
  console.error(error);
  play(false);
  const isOld = typeof DecompressionStream === 'undefined';
  const why = isOld ? 'this browser is too old, it lacks DecompressionStream' : 'its data is damaged';
  el.message.textContent = `The map cannot be drawn: ${why}. The tables of this report do not need it.`;
  el.message.hidden = false;
  el.bar.hidden = el.body.hidden = true;
  return false;
}

async function start() {
  data = JSON.parse(byId('map-data').textContent);
  const first = await momentOf(0);
  const widths = [[1 << 8, Uint8Array], [1 << 16, Uint16Array], [Infinity, Uint32Array]];
  cells = new (widths.find(([most]) => data.kinds.length <= most)[1])(data.cells);
  readKinds();
  apply(first, true);
  traceCurve();
  takeStock();
  fillChoices();
  makeLegend();
  setPalette(suitingPalette(), false);
  resize();
  view.level = clamp(Math.ceil(Math.log2(LEAST_SIDE * view.dpr / ROW)), fitLevel, Math.max(fitLevel, 0));
  makePlan();
  show(0, 0);
  showMomentText();
  showScale();
  paint();
  listen();
  // The tables tell the last reading; a link may ask for another.
  if (!/[#&]t=/.test(location.hash)) await showMoment(data.frames.length - 1);
  await readLink();
  isReady = true;
  return true;
}

window.pagemapViz = {
  ready: start().catch(fail),
  state: () => ({
    pfn: chosen.pin, zoom: 2 ** view.level, layout: view.layout, frame: chosen.frame,
    isolated: isolatedNames(),
    palette: data.palettes[chosen.palette].name, selection: chosen.selection, hover: chosen.hover,
  }),
  goTo,
  /** What is drawn at a point of the canvas, in CSS pixels; null beside the map. */
  cellAt(x, y) {
    const cell = cellAtPoint({ x: x * view.dpr, y: y * view.dpr });
    return cell === null ? null : describe(cell);
  },
  /** Where a page is on the canvas, in CSS pixels; null when out of sight or left out. */
  pointOf(pfn) {
    const at = pfn >= 0 && pfn <= lastPfn() ? worldOf(cellOf(pfn)) : null;
    if (!at || at.gap) return null;
    const x = at.x - view.x, y = at.y - view.y;
    return x < 0 || y < 0 || x >= view.width || y >= view.height ? null : { x: x / view.dpr, y: y / view.dpr };
  },
};
})();
