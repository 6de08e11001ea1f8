// ---- Search ----

const UNITS = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };   // 12.5G is 12.5GiB
const NUMBER = '(0x[0-9a-f]+|[0-9][0-9,_]*)';
const numberOf = text => Number(text.replace(/[,_]/g, ''));

/** What was asked for: {pfn}, {range}, {classIndex}, or {wrong} with a reason. */
function parseQuery(text) {
  const asked = text.trim().toLowerCase();
  const match = pattern => new RegExp(`^${pattern}$`).exec(asked);
  let found;
  if (!asked) return { wrong: 'Enter a PFN, an @address, a size as 12.5GiB, or the name of a class.' };
  if ((found = match(`(?:pfn:\\s*)?${NUMBER}\\s*-\\s*${NUMBER}`))) return inMemory(numberOf(found[1]), numberOf(found[2]));
  if ((found = match(`(?:pfn:\\s*)?${NUMBER}`))) return inMemory(numberOf(found[1]));
  if ((found = match(`(?:@|addr:)\\s*${NUMBER}`))) return inMemory(Math.floor(numberOf(found[1]) / data.page_bytes));
  if ((found = match('(?:@|addr:)?\\s*([0-9]+(?:\\.[0-9]+)?)\\s*([kmgt]i?b?|b)'))) {
    return inMemory(Math.floor(Number(found[1]) * UNITS[found[2][0]] / data.page_bytes));
  }
  const name = asked.replace(/\s+/g, '-');
  const classIndex = data.classes.findIndex(one => one.name.toLowerCase() === name || one.name.toLowerCase() === asked);
  if (classIndex >= 0) return { classIndex };
  if (match('[0-9a-f]+')) return { wrong: `“${text.trim()}” is no number here; hexadecimal begins with 0x.` };
  return { wrong: `“${text.trim()}” is no PFN, @address, size or class.` };
}

function inMemory(first, last = first) {
  const wrong = Math.max(first, last) > lastPfn();
  if (wrong) return { wrong: `PFN ${hex(Math.max(first, last))} is past the end of memory; the last is ${hex(lastPfn())}.` };
  return first === last ? { pfn: first } : { range: [first, last] };
}

function search() {
  const asked = parseQuery(el.search.value);
  if (asked.wrong) return note(asked.wrong, true);
  if (asked.classIndex !== undefined) return goToClass(asked.classIndex);
  if (asked.range) select(asked.range);
  const pfn = asked.range ? Math.min(...asked.range) : asked.pfn;
  goTo(pfn);
  if (!asked.range) return note(pinText());
  note(`Selected ${plural(chosen.selection[1] - chosen.selection[0] + 1, 'page')}.`);
}

const pinText = () => `${hex(chosen.pin)}: ${data.classes[classAt(cursorCell())].name}.`;
const cursorCell = () => chosen.pin === null ? -1 : cellOf(chosen.pin);

function goToClass(index) {
  const name = data.classes[index].name, total = data.cells, from = cursorCell();
  for (let step = 1; step <= total; step++) {
    const at = (from + step) % total;
    if (classAt(at) !== index || (at > 0 && classAt(at - 1) === index)) continue;
    let end = at + 1;
    while (end < total && classAt(end) === index) end++;
    goTo(pfnOf(at));
    const again = at <= from ? ', from the start again' : '';
    return note(`${name}: run of ${plural(pagesOf(end - at), 'page')} at ${hex(pfnOf(at))}${again}.`);
  }
  note(`No page is ${name} at this moment.`, true);
}

/** The next block that a few unmovable pages keep from being one huge page. */
function goToObstacle() {
  const span = data.pmd_pages / data.pages_per_cell;
  if (span < 2) return note('Cells of this map are as large as blocks: single obstacles cannot be seen.', true);
  const blocks = Math.ceil(data.cells / span), from = chosen.pin === null ? -1 : Math.floor(cursorCell() / span);
  for (let step = 1; step <= blocks; step++) {
    const block = (from + step) % blocks, end = Math.min(data.cells, (block + 1) * span);
    let first = -1, bad = 0, holes = 0;
    for (let at = block * span; at < end; at++) {
      if (cells[at] === HOLE) holes++;
      if (isObstacle[classAt(at)]) { bad++; if (first < 0) first = at; }
    }
    // What is cut by a hole, an end or a zone's border can never be one huge page.
    const [start, last] = [zoneOf(pfnOf(block * span)), zoneOf(pfnOf(end - 1))];
    if (!bad || bad * 2 >= span || holes || end - block * span < span || start !== last) continue;
    goTo(pfnOf(first));
    const what = `${plural(pagesOf(bad), 'unmovable page')} of ${data.pmd_pages} in the block at ${hex(pfnOf(block * span))}`;
    const again = block <= from ? ', from the start again' : '';
    return note(`${what}; the first is ${data.classes[classAt(first)].name}${again}.`);
  }
  note('No block is for less than half unmovable.', true);
}

function goToFreeRun() {
  let best = { start: 0, end: 0 };
  for (const zone of data.zones.length ? data.zones : [{ start: 0, end: pfnOf(data.cells) }]) {
    const most = Math.min(data.cells, Math.ceil(zone.end / data.pages_per_cell));
    for (let at = cellOf(zone.start); at < most; at++) {
      if (!isFree[classAt(at)]) continue;
      const start = at;
      while (at < most && isFree[classAt(at)]) at++;
      if (at - start > best.end - best.start) best = { start, end: at, zone };
    }
  }
  const count = best.end - best.start;
  if (!count) return note('No page is free at this moment.', true);
  select([pfnOf(best.start), pfnOf(best.end) - 1]);
  goTo(pfnOf(best.start));
  const where = best.zone.name === undefined ? '' : ` in zone ${best.zone.name}, node ${best.zone.node}`;
  const about = data.pages_per_cell > 1 ? ', as far as cells of several pages tell' : '';
  note(`Largest free run${about}: ${sizeOf(count)}, ${plural(pagesOf(count), 'page')} from ${hex(pfnOf(best.start))}${where}.`);
}

